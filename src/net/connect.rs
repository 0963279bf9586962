//! Connecting to a target's address. Names are resolved on control, never here.

use std::io;
use std::net::SocketAddr;

use monoio::net::TcpStream;

use crate::base::limits;
use crate::net::Stream;
use crate::net::fd;

/// Connects to `address`, with Nagle's algorithm off: a request leaves in one send, waiting gains nothing. What the
/// kernel may receive ahead of us is bounded, because it counts as read from the origin.
///
/// # Errors
/// Whatever the kernel says of the attempt.
pub async fn connect(address: SocketAddr) -> io::Result<Stream> {
    let stream = TcpStream::connect_addr(address).await?;
    stream.set_nodelay(true)?;
    fd::bound_receive(&stream, limits::UNREAD_BYTES)?;
    Ok(Stream::new(stream, address))
}
