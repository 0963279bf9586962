//! Bytes in and out: listeners, connects, streams, the buffer pool, deadlines.

pub mod proxy_protocol;
