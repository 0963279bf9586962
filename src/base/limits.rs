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
/// Most ranges of one `Accept` that are read for an error of our own; browsers send ten.
pub const ACCEPT_RANGES: usize = 32;
/// What `Retry-After` says where nothing is known: soon, but not in a tight loop.
pub const RETRY_AFTER_SECS: u32 = 1;
/// Longest PROXY protocol header: the fixed part, two Unix socket addresses, and 4 KiB of
/// extensions, of which balancers send some hundred bytes.
pub const PROXY_HEADER_BYTES: usize = 16 + 216 + 4_096;
/// Most addresses of an `X-Forwarded-For` that are looked past because they are trusted themselves.
pub const FORWARDED_HOPS: usize = 64;
