//! WebSockets that stay open beside a load, and must stay so.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddrV4;
use std::net::TcpStream;
use std::time::Duration;

/// Tunnels that stay open and must stay so.
pub(super) struct Tunnels(Vec<TcpStream>);

impl Tunnels {
    /// Opens WebSockets, as far as their handshake goes.
    pub(super) fn open(address: SocketAddrV4, count: usize) -> io::Result<Self> {
        let mut tunnels = Vec::new();
        for number in 0..count {
            let mut stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            stream.write_all(
                b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                  Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            )?;
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") {
                if stream.read(&mut byte)? == 0 {
                    return Err(io::Error::other(format!("tunnel {number} was refused")));
                }
                head.push(byte[0]);
            }
            if !head.starts_with(b"HTTP/1.1 101") {
                let head = String::from_utf8_lossy(&head).into_owned();
                return Err(io::Error::other(format!("tunnel {number}: {head}")));
            }
            tunnels.push(stream);
        }
        Ok(Self(tunnels))
    }

    /// How many send back what they are sent.
    pub(super) fn alive(&mut self) -> usize {
        let echoes = |stream: &mut TcpStream| {
            let mut space = [0; 4];
            stream.write_all(b"ping").is_ok()
                && stream.read_exact(&mut space).is_ok()
                && space == *b"ping"
        };
        self.0
            .iter_mut()
            .filter_map(|stream| echoes(stream).then_some(()))
            .count()
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}
