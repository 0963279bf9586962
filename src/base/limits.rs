//! Every bound of the gateway: its name, its value, its reason.
//!
//! What an operator may change takes its default and its permitted range from here; the rest are constants.
//! Sizes are bytes unless the name says otherwise.

use std::time::Duration;

/// Longest request or response head that can be configured: offsets into a head are 16 bits wide.
pub const HEAD_BYTES_CEILING: usize = 65_535;
/// Default of `limits.request_head_bytes`: twice what browsers with many cookies send.
pub const REQUEST_HEAD_BYTES: usize = 32_768;
/// Default of `limits.response_head_bytes`.
pub const RESPONSE_HEAD_BYTES: usize = 32_768;
/// Default of `limits.request_headers`, as in Kong.
pub const REQUEST_HEADERS: usize = 100;
/// Default of `limits.response_headers`.
pub const RESPONSE_HEADERS: usize = 200;
/// Most field lines that can be configured for one head.
pub const HEADERS_CEILING: usize = 1_000;
/// Default of `limits.request_line_bytes`, Kong's; RFC 9112 section 3 asks for at least 8,000, and what usual origins take
/// is not much more.
pub const REQUEST_LINE_BYTES: usize = 8_192;
/// Longest method token; a longer one is 501 (RFC 9112 section 3).
pub const METHOD_BYTES: usize = 32;
/// Most bytes of chunk extensions in one message, all chunks together.
pub const CHUNK_EXTENSION_BYTES: usize = 4_096;
/// Most hexadecimal digits of a chunk size: 64 bits.
pub const CHUNK_SIZE_DIGITS: usize = 16;
/// Most interim (1xx) responses relayed for one request.
pub const INTERIM_RESPONSES: usize = 32;
/// Default of `limits.connections`, per process.
pub const CONNECTIONS: usize = 100_000;
/// A small buffer is scratch space while a head is written; an idle connection has no buffer.
pub const BUFFER_SMALL_BYTES: usize = 512;
/// A medium buffer holds a head that is being built, or the first bytes of a response.
pub const BUFFER_MEDIUM_BYTES: usize = 8_192;
/// A large buffer relays bodies; also the most user memory that a slow reader can hold.
pub const BUFFER_LARGE_BYTES: usize = 65_536;
/// Idle small buffers that a core keeps.
pub const BUFFERS_SMALL_KEPT: usize = 1_024;
/// Idle medium buffers that a core keeps.
pub const BUFFERS_MEDIUM_KEPT: usize = 1_024;
/// Idle large buffers that a core keeps.
pub const BUFFERS_LARGE_KEPT: usize = 64;
/// Directives that may wait for one worker; control installs at most a few per second.
pub const DIRECTIVES_QUEUED: usize = 64;
/// Reports of all workers that may wait for control.
pub const REPORTS_QUEUED: usize = 1_024;
/// Fibers that a core keeps when no exchange runs on them; each is a few kilobytes.
pub const FIBERS_KEPT: usize = 1_024;
/// How often our own name may stand in a request's Via before it is taken for a loop: gateways behind
/// gateways are legitimate, five in a row are not.
pub const LOOP_HOPS: usize = 4;
/// How long a connection is read after its last answer, so that the answer is not lost to a reset.
pub const LINGER: Duration = Duration::from_secs(2);
/// How many bytes are read and dropped in that time.
pub const LINGER_BYTES: usize = 65_536;
/// A request body of our own answer is read to its end if no more than this is missing; else the connection
/// closes.
pub const DISCARD_BYTES: usize = 65_536;
/// How long that may take.
pub const DISCARD: Duration = Duration::from_secs(1);
/// A wait for an answer that lasts longer than this also watches for the client to leave.
pub const CLIENT_WATCH_AFTER: Duration = Duration::from_millis(50);
/// Longest time that an upstream connection may have been idle for a request that must not be sent twice.
pub const UNSAFE_REUSE_IDLE: Duration = Duration::from_secs(1);
/// What was learnt of an origin that closes idle connections counts half as much after this time: it may have been
/// a restart.
pub const CLOSE_FORGOTTEN: Duration = Duration::from_secs(10);
/// Most bytes that the kernel takes for a client beyond what the client's window lets out: two large buffers.
pub const UNSENT_BYTES: u32 = 131_072;
/// Most bytes of an answer that the kernel holds unread, so that a client that stops reading stops its origin at
/// once. Without a bound the kernel tunes itself to many megabytes. Enough for 250 MB/s from an origin 1 ms away.
pub const UNREAD_BYTES: u32 = 262_144;
/// Room for the fields that the gateway adds to a response's head.
pub const OWN_FIELDS_BYTES: usize = 512;
/// How long an idle connection may still bring a request while the gateway drains.
pub const DRAIN_IDLE: Duration = Duration::from_secs(1);
/// Entries of a worker's submission queue; beyond it monoio submits early.
pub const RING_ENTRIES: u32 = 4_096;
/// How long accepting pauses where there is no room for a connection.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// Time between two turns of a worker's housekeeping while it has connections; the grain of all deadlines.
pub const TICK_BUSY: Duration = Duration::from_millis(50);
/// The same while it has none.
pub const TICK_IDLE: Duration = Duration::from_millis(500);
/// How often a worker reports what it counted.
pub const REPORT_EVERY: Duration = Duration::from_secs(1);
/// A worker that has not reported for so long is stuck; five reports are missing then.
pub const WORKER_SILENCE: Duration = Duration::from_secs(5);
/// Largest compiled program of a route's regular expression; typical ones take a few kilobytes.
pub const REGEX_PROGRAM_BYTES: usize = 1_048_576;
/// Memory in which one regular expression may cache its states on one core.
pub const REGEX_CACHE_BYTES: usize = 32_768;
/// Most regular expressions whose states one core caches at a time; more take turns.
pub const REGEX_CACHES: usize = 256;
/// Most (service, route) pairs with counters of their own: three times a marketplace of 15,000 APIs; what
/// comes later is counted under `_other`.
pub const METRIC_SERIES: usize = 50_000;
/// A worker hands its access-log records over when a batch reaches this size, or at its next tick.
pub const LOG_BATCH_BYTES: usize = 65_536;
/// Batches between all workers and the log thread, 16 MiB at most; beyond them records are dropped and counted.
pub const LOG_QUEUE_BATCHES: usize = 256;
/// Formatted lines that the log thread gathers before it writes.
pub const LOG_BUFFER_BYTES: usize = 262_144;
/// Longest path and longest query in an access-log record; the rest is cut off and the record says so.
pub const LOG_TARGET_BYTES: usize = 4_096;
/// Longest other field in an access-log record.
pub const LOG_FIELD_BYTES: usize = 1_024;
/// Most ranges of one `Accept` that are read for an error of our own; browsers send ten.
pub const ACCEPT_RANGES: usize = 32;
/// Verified tokens that a core remembers; some 100 bytes each.
pub const AUTH_TOKENS_KEPT: usize = 8_192;
/// Verified passwords that a core remembers, so that argon2 is paid once for each; some 20 bytes each.
pub const AUTH_PASSWORDS_KEPT: usize = 8_192;
/// Wrong passwords that a core computes an argon2 hash for in one second: some 20 ms each, a sixth of the core.
pub const AUTH_FAILURES_PER_SEC: usize = 8;
/// The same for one user, so that who guesses at one does not keep the others out.
pub const AUTH_FAILURES_EACH_PER_SEC: usize = 2;
/// Most bytes that one request's signature may cover: fields can be listed again and again.
pub const AUTH_SIGNED_BYTES: usize = 4 * HEAD_BYTES_CEILING;
/// What `Retry-After` says where nothing is known: soon, but not in a tight loop.
pub const RETRY_AFTER_SECS: u32 = 1;
/// Longest PROXY protocol header: the fixed part, two Unix socket addresses, and 4 KiB of
/// extensions, of which balancers send some hundred bytes.
pub const PROXY_HEADER_BYTES: usize = 16 + 216 + 4_096;
/// Most addresses kept of one name's answer.
pub const DNS_ADDRESSES: usize = 64;
/// Look-ups of names in flight at once, all names together.
pub const DNS_LOOKUPS: usize = 64;
/// Most addresses of an `X-Forwarded-For` that are looked past because they are trusted themselves.
pub const FORWARDED_HOPS: usize = 64;
/// Attempts of one request that are remembered, so that no other goes to their targets.
pub const ATTEMPTS: usize = 8;
/// Largest configuration file: 15,000 services with their routes take 4 MiB.
pub const CONFIG_FILE_BYTES: u64 = 256 << 20;
/// Most files of one configuration, so that a wild include pattern ends.
pub const CONFIG_FILES: usize = 20_000;
/// Deepest chain of includes.
pub const CONFIG_INCLUDE_DEPTH: usize = 16;
/// Most combinations of one route's criteria that are looked at when a configuration is linted.
pub const LINT_ASKS_PER_ROUTE: usize = 256;
/// The same of all routes together: ten for each of 15,000, and some.
pub const LINT_ASKS: usize = 200_000;
/// Most findings of a lint that are logged; REST has them all.
pub const LINT_LOGGED: usize = 20;
/// Most faults reported in one run; more would tell nobody more.
pub const CONFIG_FAULTS: usize = 500;
/// Longest client-side or upstream timeout in milliseconds, as in Kong: 2^31 - 2.
pub const TIMEOUT_MS_CEILING: u64 = 2_147_483_646;
/// Most worker threads that can be configured.
pub const WORKERS_CEILING: u16 = 1_024;
/// Most connections that can be configured, per process.
pub const CONNECTIONS_CEILING: usize = 10_000_000;
/// Default of `listeners.backlog`; the kernel lowers it to `net.core.somaxconn`.
pub const LISTENER_BACKLOG: u32 = 4_096;
/// Default of `limits.upstream_keepalive_pool`, per worker and target, as in Kong.
pub const UPSTREAM_KEEPALIVE_POOL: usize = 512;
/// Default of `limits.upstream_keepalive_requests`, as in Kong.
pub const UPSTREAM_KEEPALIVE_REQUESTS: u32 = 10_000;
/// Most points of a hash ring that can be configured, as in Kong; the fewest are 10.
pub const SLOTS_CEILING: u32 = 65_536;
/// Default of `upstreams.slots`, as in Kong.
pub const SLOTS: u32 = 10_000;
/// Most attempts after the first that can be configured, as in Kong.
pub const RETRIES_CEILING: u16 = 32_767;
/// Longest request body that is read whole for plugins that look into bodies; a longer one is forwarded unseen.
pub const PLUGIN_BODY_BYTES: usize = 1_048_576;
/// How long a request waits for another one of its core that fetches the same answer.
pub const PLUGIN_WAIT: Duration = Duration::from_secs(10);
/// Most members of a JSON object, arguments of a form or parts of a multipart body that a transformer looks through:
/// each of its rules looks through all of them.
pub const TRANSFORM_MEMBERS: usize = 16_384;
/// Longest answer that is held back to be transformed; a longer one goes to the client as it is.
pub const TRANSFORM_RESPONSE_BYTES: usize = 8_388_608;
/// Largest table of states for one regular expression of a plugin; a larger expression is searched by a slower machine.
/// The crawlers that bot-detection knows take three of up to 665,000 bytes, what people write takes a few thousand.
pub const PLUGIN_REGEX_TABLE_BYTES: usize = 1_048_576;
/// Longest `User-Agent` whose verdict is remembered; browsers send some 120 bytes.
pub const USER_AGENT_BYTES: usize = 512;
/// Most `User-Agent`s whose verdicts one core remembers, 2 MiB at most.
pub const USER_AGENTS: usize = 4_096;
/// Counters of rate limits in the process, all cores together: some 160 bytes each with one core's cell. A tenth is
/// kept for addresses and what else clients make up; that never pushes out counters of consumers.
pub const RATE_KEYS: usize = 1_000_000;
/// Cells for counters of consumers, credentials and services, all cores together; a counter without a cell costs a
/// look-up under a lock.
pub const RATE_CELLS_KNOWN: usize = 850_000;
/// Cells for counters of what clients make up.
pub const RATE_CELLS_INVENTED: usize = 400_000;
/// Cells of either kind that a core has at least.
pub const RATE_CELLS_MIN: usize = 8_192;
/// Leases that a core looks at in one tick to give them back, some tens of microseconds.
pub const RATE_RETURNS: usize = 4_096;
/// Longest body that the mock plugin can be configured with: each answer copies it.
pub const MOCK_BODY_BYTES: usize = 1_048_576;
/// Longest time that the mock plugin lets pass before it answers, in milliseconds.
pub const MOCK_DELAY_MS: i64 = 60_000;
/// Most requests that one mock plugin's log can be configured to keep.
pub const MOCK_LOG_REQUESTS: i64 = 1_000;
/// Longest body in the log of a mock plugin; of a longer one only the length is kept.
pub const MOCK_LOG_BODY_BYTES: usize = 65_536;
/// Memory of one core for the logs of all mock plugins; beyond it the oldest entry of the largest log goes.
pub const MOCK_LOG_BYTES: usize = 8_388_608;
/// Default of proxy-cache's `memory.max_bytes`: what the answers of one dictionary take.
pub const CACHE_BYTES: usize = 64 << 20;
/// Dictionaries of proxy-cache whose bound is of the whole process; that of others is each core's.
pub const CACHE_DICTIONARIES: usize = 64;
/// Longest body that is stored, if it is not more than its share of the bound.
pub const CACHE_BODY_BYTES: usize = 8 << 20;
/// The share of a dictionary's bound that one answer may have: this part of it.
pub const CACHE_BODY_SHARE: usize = 8;
/// Fetches that a core knows of, so that others wait for them; beyond it nobody waits.
pub const CACHE_FLIGHTS: usize = 16_384;
/// Most field names by which the answers of one URL may vary; real ones name two or three.
pub const CACHE_VARYING: usize = 16;
/// Most tags of one stored answer; one that has more could not be purged by them and is not stored.
pub const CACHE_TAGS: usize = 256;
/// What a core has to tell the others about its cache until the next tick; further answers stay its own.
pub const CACHE_MESSAGES: usize = 1_024;
/// Purges that a core remembers, so that what was fetched before them is not stored after them.
pub const CACHE_PURGES: usize = 256;
/// Requests that one core makes once more by itself at a time, to refresh stale answers; what is more is left to later
/// requests for the same.
pub const REPEATS: usize = 64;
/// How long requests do not wait for each other after an answer that could not be stored.
pub const CACHE_PASS: Duration = Duration::from_secs(10);
/// How long after a failure of the origin stale answers are given without asking it again.
pub const CACHE_FAILING: Duration = Duration::from_secs(1);
/// How long an answer with a validator is kept past its freshness, so that it can be revalidated.
pub const CACHE_REVALIDATED: Duration = Duration::from_secs(600);
/// A request waits for a fetch whose body has been on its way for no longer than this: its client may be slow.
pub const CACHE_DELIVERY: Duration = Duration::from_secs(1);
/// How often a request waits for others before it goes by itself.
pub const CACHE_WAITS: u8 = 2;
/// Places of an index that one tick looks at for what has expired.
pub const CACHE_TIDIED: usize = 512;
/// Stored answers that one list shows.
pub const CACHE_LISTED: usize = 1_000;
/// How long the workers may take to answer a question of control; who has not answered then is left out.
pub const WORKERS_ASKED: Duration = Duration::from_secs(1);
/// Longest body that the Admin API reads, as in Kong: 15,000 entities in declarative form are some 5 MB.
pub const ADMIN_BODY_BYTES: usize = 10_485_760;
/// How long the Admin API waits for the next bytes of a body.
pub const ADMIN_BODY_STALL: Duration = Duration::from_secs(30);
/// How many threads hash new passwords at once; each takes 7 MiB, and a core from those who serve requests.
pub const HASHERS: usize = 1;
/// Passwords that one write has hashed before it is another's turn: some 150 ms.
pub const HASHED_AT_ONCE: usize = 8;
/// Operations that may wait for the store's thread; whoever has another one waits to hand it over.
pub const STORE_QUEUED: usize = 256;
/// Most writes that one transaction of the store takes together: one flush of the disk for all of them, and none of
/// their authors waits for more than so many others.
pub const STORE_BATCH: usize = 256;
/// How often the store looks for entities whose time to live is over.
pub const STORE_EXPIRY: Duration = Duration::from_secs(1);
/// Memory in which the store caches pages of its file. What is read often is in the collection; this serves writes.
pub const STORE_CACHE_BYTES: usize = 8 << 20;
/// States of the stored entities that the history keeps.
pub const HISTORY_STATES: usize = 50;
/// The newest of them, which are kept one by one, whatever comes how fast.
pub const HISTORY_RECENT: usize = 25;
/// A state that its own author replaced within this time is the first to go.
pub const HISTORY_BURST_MS: u64 = 60_000;
/// Bytes of former contents that the history keeps; older states go when it has more. A marketplace of 15,000 APIs
/// and 60,000 credentials takes 40 MB, so that it can be replaced as a whole and still be brought back.
pub const HISTORY_BYTES: u64 = 128 << 20;
/// Longest name of an author that the history keeps.
pub const AUTHOR_BYTES: usize = 128;
/// Time between two writes of the counters of months and years. Control looks at the clock twice a second or more often, so
/// that a killed process forgets a second at most.
pub const QUOTAS_WRITTEN: Duration = Duration::from_millis(500);
/// Fewest requests that an adaptive limit leaves an origin, on each core: one to serve and one to learn from.
pub const ADAPTIVE_FLOOR: u32 = 2;
/// Where an adaptive limit begins; it doubles in a second if the origin bears it.
pub const ADAPTIVE_START: u32 = 8;
/// Where it ends: what no core has in flight at one origin.
pub const ADAPTIVE_CEILING: u32 = 65_536;
/// Answers that an adaptive limit remembers of one window; the fastest fifth of them is what is compared.
pub const ADAPTIVE_SAMPLES: usize = 256;
/// Answers that make a window, if they come slowly; a third of it for the smallest limits.
pub const ADAPTIVE_SAMPLES_MIN: u32 = 24;
/// The least that a window takes, so that a change of the limit shows in it.
pub const ADAPTIVE_WINDOW: Duration = Duration::from_millis(50);
/// The most: what was answered before says nothing any more.
pub const ADAPTIVE_WINDOW_MAX: Duration = Duration::from_secs(10);
/// Fewest requests that may wait at a gate: with a limit of two a queue of two would turn bursts of five away.
pub const GATE_QUEUE_MIN: usize = 16;
/// Most requests that may wait at one gate of one core; looking through them costs a fraction of a microsecond.
pub const GATE_QUEUE_MAX: usize = 256;
/// Default of `overload.upstream_wait`; a queue that moves is shorter.
pub const GATE_WAIT: Duration = Duration::from_secs(1);
/// How often a core that is busy looks how long its turns take; twice for each sample.
pub const OVERLOAD_PULSE: Duration = Duration::from_millis(10);
/// Requests within a pulse below which a core is not busy, however long its turns took: something else has the CPU.
pub const OVERLOAD_REQUESTS: u32 = 8;
/// How long the least delay must be above the target before requests are shed.
pub const OVERLOAD_INTERVAL: Duration = Duration::from_millis(100);
/// Delays that an interval has at least, so that its least is no accident.
pub const OVERLOAD_SAMPLES: u32 = 4;
/// Default of `overload.queue_delay`: a thousand busy connections take 15 ms a turn, plugins included 40.
pub const OVERLOAD_DELAY: Duration = Duration::from_millis(50);
/// How long a client whose request was shed by an overloaded core is not listened to: without it who answers a 503 by
/// the next request would take what is left of the core.
pub const SHED_REST: Duration = Duration::from_millis(100);
/// Accepted connections that may be on their way to one worker.
pub const HANDOVERS_QUEUED: usize = 256;
/// Other workers that one looks at before it keeps a connection: all of a usual machine, some by chance of a large one.
pub const HANDOVER_LOOKS: usize = 8;
/// Accepts that one listener of a worker has outstanding while there is much room: so many connections can begin in one
/// turn of its loop.
pub const ACCEPTS: usize = 16;
/// How long a loop that accepts without waiting leaves the core to others after so many.
pub const ACCEPT_BREATH: Duration = Duration::from_millis(1);
/// How long a connection must have been idle to be closed for want of room.
pub const EVICT_IDLE: Duration = Duration::from_secs(2);
/// Idle connections that are closed at once for want of room: looking for one costs as much as looking for some.
pub const EVICTIONS: usize = 16;
/// Most plaintext in one TLS record (RFC 8446 section 5.1).
pub const TLS_RECORD_PLAIN_BYTES: usize = 16_384;
/// Most bytes that encryption adds to a record that we send: its header, the number of TLS 1.2, a content type, the tag.
pub const TLS_RECORD_OVERHEAD_BYTES: usize = 5 + 8 + 1 + 16;
/// What is received of TLS at a time: the longest record that TLS 1.2 permits (RFC 5246 section 6.2.3) and some.
pub const BUFFER_RECORD_BYTES: usize = 5 + TLS_RECORD_PLAIN_BYTES + 2_048 + 251;
/// What a large buffer takes when it is encrypted, and a kilobyte of what the protocol itself has to say.
pub const BUFFER_SEALED_BYTES: usize = BUFFER_LARGE_BYTES + 5 * TLS_RECORD_OVERHEAD_BYTES + 1_024;
/// Idle buffers for TLS that a core keeps, of each of the two sizes.
pub const BUFFERS_TLS_KEPT: usize = 64;
/// Active checks of the process under way at a time, all upstreams together.
pub const PROBES: usize = 64;
/// Most checks of one upstream at a time that can be configured, as in Kong.
pub const PROBES_CEILING: u32 = 2_147_483_648;
/// How long the health of a target is remembered that is in no upstream, or resolves to another address.
pub const HEALTH_KEPT: Duration = Duration::from_secs(600);
/// Default of `upstreams.queue`, for each core.
pub const QUEUE: u32 = 100;
/// Longest queue of requests that wait for a target that can be configured.
pub const QUEUE_CEILING: u32 = 65_536;
/// What a core has to tell of targets until the next tick; more is left to control's own checks.
pub const HEALTH_NOTICES: usize = 1_024;
/// Longest first message of a TLS client; those with large post-quantum keys take some 2 KB.
pub const CLIENT_HELLO_BYTES: usize = 16_384;
/// Default of `tls.handshake_timeout`.
pub const TLS_HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes that a core has in progress at once; what comes beyond them waits for its turn or its deadline.
pub const TLS_HANDSHAKES: usize = 1_024;
/// The part of a core that handshakes may take while they are many: this many nanoseconds of each thousand.
pub const TLS_HANDSHAKE_SHARE: u64 = 500;
/// What handshakes may take of a core at once before they wait: some ten of them.
pub const TLS_HANDSHAKE_BURST: Duration = Duration::from_millis(4);
/// How often handshakes that wait are looked at.
pub const TLS_HANDSHAKE_PAUSE: Duration = Duration::from_millis(1);
/// Names by which a core keeps ways over TLS to one address, before one that nobody uses makes room.
pub const TLS_NAMES: usize = 64;
/// Most certificates between an origin's and its authority's that can be configured, as in Kong.
pub const TLS_DEPTH_CEILING: u16 = 64;
