//! Connecting to a target's address. Names are resolved on control, never here.

use std::io;
use std::net::SocketAddr;

use monoio::net::TcpStream;

use crate::net::Stream;

/// Connects to `address`, with Nagle's algorithm off: a request leaves in one send, waiting gains nothing.
///
/// # Errors
/// Whatever the kernel says of the attempt.
pub async fn connect(address: SocketAddr) -> io::Result<Stream> {
    let stream = TcpStream::connect_addr(address).await?;
    stream.set_nodelay(true)?;
    Ok(Stream::new(stream, address))
}
