//! What a message looks like on the wire: heads, framing, chunked coding, encoding; sans-I/O.

mod authority;
pub mod chunked;
pub mod encode;
mod fields;
mod framing;
pub mod hop_by_hop;
mod progress;
pub mod request;
pub mod response;
mod scan;
mod target;
pub mod trailers;

/// Bounds of a head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadLimits {
    /// Most bytes of the whole head.
    pub head_bytes: usize,
    /// Most bytes of the first line.
    pub line_bytes: usize,
    /// Most field lines.
    pub fields: usize,
}
