//! A connection that never blocks, plain or under TLS.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddrV4;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::AddressFamily;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use rustix::net::sockopt;
use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::HandshakeKind;
use rustls::pki_types::ServerName;

/// A socket, perhaps with a TLS session.
pub(crate) struct Wire {
    pub(crate) socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// What is still to be written.
    pending: Vec<u8>,
}

impl Wire {
    /// Begins to connect.
    pub(crate) fn connect(
        address: SocketAddrV4,
        tls: Option<(&Arc<ClientConfig>, &ServerName<'static>)>,
    ) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        match rustix::net::connect(&socket, &address) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let tls = match tls {
            Some((config, name)) => {
                let session = ClientConnection::new(Arc::clone(config), name.clone());
                Some(Box::new(session.map_err(io::Error::other)?))
            }
            None => None,
        };
        Ok(Self {
            socket: TcpStream::from(socket),
            tls,
            pending: Vec::new(),
        })
    }

    /// Whether the connection stands: an error of the connecting comes up here.
    pub(crate) fn connected(&self) -> io::Result<bool> {
        if let Some(error) = self.socket.take_error()? {
            return Err(error);
        }
        Ok(rustix::net::getpeername(&self.socket).is_ok())
    }

    /// Whether a handshake is still to be done.
    pub(crate) fn shaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Whether the session was resumed; `None` without TLS.
    pub(crate) fn resumed(&self) -> Option<bool> {
        let kind = self.tls.as_ref()?.handshake_kind()?;
        Some(kind == HandshakeKind::Resumed)
    }

    /// Queues bytes and sends what fits.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => {
                // Its buffer is bounded; what it does not take waits here.
                let taken = if self.pending.is_empty() {
                    tls.writer().write(bytes)?
                } else {
                    0
                };
                self.pending.extend_from_slice(&bytes[taken..]);
            }
            None if self.pending.is_empty() => {
                let sent = match self.socket.write(bytes) {
                    Ok(sent) => sent,
                    Err(error) if would_block(&error) => 0,
                    Err(error) => return Err(error),
                };
                self.pending.extend_from_slice(&bytes[sent..]);
                return Ok(());
            }
            None => self.pending.extend_from_slice(bytes),
        }
        self.flush()
    }

    /// Sends what is queued, as far as it fits.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let Some(tls) = &mut self.tls else {
            while !self.pending.is_empty() {
                match self.socket.write(&self.pending) {
                    Ok(sent) => drop(self.pending.drain(..sent)),
                    Err(error) if would_block(&error) => break,
                    Err(error) => return Err(error),
                }
            }
            return Ok(());
        };
        loop {
            while tls.wants_write() {
                match tls.write_tls(&mut self.socket) {
                    Ok(_) => {}
                    Err(error) if would_block(&error) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
            if self.pending.is_empty() {
                return Ok(());
            }
            let taken = tls.writer().write(&self.pending)?;
            if taken == 0 {
                return Ok(());
            }
            self.pending.drain(..taken);
        }
    }

    /// Reads once: `None` when nothing is there, `Some(0)` at the end.
    pub(crate) fn receive(&mut self, space: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(tls) = &mut self.tls else {
            return match self.socket.read(space) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if would_block(&error) => Ok(None),
                Err(error) => Err(error),
            };
        };
        loop {
            match tls.reader().read(space) {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(error) if would_block(&error) => {}
                Err(error) => return Err(error),
            }
            match tls.read_tls(&mut self.socket) {
                Ok(0) => return Ok(Some(0)),
                Ok(_) => {}
                Err(error) if would_block(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
            tls.process_new_packets().map_err(io::Error::other)?;
            if tls.wants_write() {
                self.flush()?;
                return self.receive(space);
            }
        }
    }

    /// Says goodbye, so that the other side may keep the session; whether it arrives does not matter.
    pub(crate) fn close(mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = tls.write_tls(&mut self.socket);
        }
    }

    /// Ends by a reset.
    pub(crate) fn reset(self) {
        let _ = sockopt::set_socket_linger(&self.socket, Some(Duration::ZERO));
    }
}

fn would_block(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::NotConnected
    )
}
