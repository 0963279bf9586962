//! What a message looks like on the wire: heads, framing, chunked coding, encoding; sans-I/O.

pub mod chunked;
pub mod encode;
pub mod hop_by_hop;
pub mod request;
pub mod response;

/// Bounds of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Most bytes of the whole head.
    pub head_bytes: usize,
    /// Most bytes of the first line.
    pub line_bytes: usize,
    /// Most field lines.
    pub fields: usize,
}
