//! Every bound of the gateway: its name, its value, its reason.
//!
//! What an operator may change takes its default and its permitted range from here; the rest are constants.
//! Sizes are bytes unless the name says otherwise.

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
/// Default of `limits.request_line_bytes`; RFC 9112 section 3 asks for at least 8,000.
pub const REQUEST_LINE_BYTES: usize = 16_384;
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
/// Largest configuration file: 15,000 services with their routes take 4 MiB.
pub const CONFIG_FILE_BYTES: u64 = 256 << 20;
/// Most files of one configuration, so that a wild include pattern ends.
pub const CONFIG_FILES: usize = 20_000;
/// Deepest chain of includes.
pub const CONFIG_INCLUDE_DEPTH: usize = 16;
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
