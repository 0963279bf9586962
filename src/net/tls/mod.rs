//! TLS over owned buffers: our own adapter of rustls' unbuffered interface.
//!
//! `engine` and `session` do no input or output: bytes in, bytes out. What they hold while a connection is idle
//! is the state of the protocol and no buffer. A handshake turns a connected plain stream into one whose
//! [`Reader`](crate::net::Reader) and [`Writer`](crate::net::Writer) speak TLS; everything above them does not see
//! the difference.

pub mod certificates;
pub mod client;
pub mod client_hello;
pub mod crypto;
mod engine;
mod handshake;
pub mod pace;
pub mod server;
mod session;
pub mod upstream;
mod verify;

#[cfg(test)]
mod tests;

pub use certificates::Certificate;
pub use certificates::Certificates;
pub use certificates::ClientCertificate;
pub use handshake::Failure;
pub use pace::Pace;
pub(super) use session::Session;
pub(super) use session::Tls;
pub use upstream::UpstreamTls;
