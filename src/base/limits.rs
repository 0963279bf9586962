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
