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
/// A small buffer waits at every idle connection, so it is the largest part of an idle connection's memory.
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
/// Largest compiled program of a route's regular expression; typical ones take a few kilobytes.
pub const REGEX_PROGRAM_BYTES: usize = 1_048_576;
/// Memory in which one regular expression may cache its states on one core.
pub const REGEX_CACHE_BYTES: usize = 32_768;
/// Most regular expressions whose states one core caches at a time; more take turns.
pub const REGEX_CACHES: usize = 256;
