//! Bytes in and out: listeners, connects, streams, the buffer pool, deadlines.
//!
//! The runtime is named here and in `worker` alone. Everything above deals in owned `Vec<u8>` buffers and in
//! two halves of a stream. The kernel owns a buffer while an operation is in flight, so an operation is never
//! dropped half way unless its connection ends with it.

pub mod addresses;
mod connect;
pub mod deadline;
mod fd;
pub mod listener;
pub mod pool;
pub mod proxy_protocol;
pub mod stream;
pub mod tls;

pub use addresses::Addresses;
pub use addresses::Permit;
pub use connect::connect;
pub use deadline::Deadlines;
pub use deadline::Guard;
pub use listener::Incoming;
pub use listener::Listener;
pub use pool::Pool;
pub use stream::Reader;
pub use stream::Stream;
pub use stream::Writer;
