//! interim
pub mod chunked;
pub mod encode;
pub mod hop_by_hop;
pub mod request;
pub mod response;
#[derive(Clone, Copy, Debug)]
pub struct HeadLimits {
    pub head_bytes: usize,
    pub line_bytes: usize,
    pub fields: usize,
}
