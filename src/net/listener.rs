//! A worker's own listening socket in a group of sockets on one address (SO_REUSEPORT), so that the kernel
//! spreads connections over the cores and no core waits for another.

use std::cell::Cell;
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;

use monoio::io::Canceller;
use monoio::net::TcpListener;
use monoio::net::TcpStream;
use monoio::utils::is_legacy;
use socket2::Domain;
use socket2::Protocol;
use socket2::SockRef;
use socket2::Socket;
use socket2::Type;

use crate::base::limits;
use crate::net::Stream;
use crate::net::fd;

/// Binds a listening socket to `address`; every socket of the group must be bound before any is used. Accepted
/// sockets inherit its options, which saves system calls on each: `TCP_NODELAY`, and a bound on what the kernel
/// holds unsent for a slow reader, which is as good as read from the origin.
///
/// # Errors
/// When the address is taken, not ours, or not permitted.
pub fn bind(address: SocketAddr, backlog: i32) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM.cloexec(),
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    prepare(&SockRef::from(&socket))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// An accepted connection of which nothing has been read: to be served here, or on another thread.
#[derive(Debug)]
pub struct Incoming {
    stream: TcpStream,
    /// The address of the other end.
    pub peer: SocketAddr,
}

impl Incoming {
    /// One that another thread of the same kind has accepted.
    ///
    /// # Errors
    /// When the runtime cannot register the socket.
    pub fn adopt(socket: std::net::TcpStream, peer: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::from_std(socket)?;
        Ok(Self { stream, peer })
    }

    /// To be served on this thread.
    pub fn into_stream(self) -> Stream {
        Stream::new(self.stream, self.peer)
    }

    /// To be adopted by another thread.
    pub fn into_socket(self) -> std::net::TcpStream {
        fd::into_socket(self.stream)
    }
}

/// Takes a listening socket that somebody else has bound, with the options that ours have. One that a process before
/// this has shut down listens again.
///
/// # Errors
/// When it is no TCP socket.
pub fn adopt(socket: std::net::TcpListener, backlog: i32) -> io::Result<std::net::TcpListener> {
    let options = SockRef::from(&socket);
    prepare(&options)?;
    options.listen(backlog)?;
    Ok(socket)
}

fn prepare(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_notsent_lowat(limits::UNSENT_BYTES)
}

/// A listening socket in the hands of its worker's runtime.
pub struct Listener {
    socket: std::net::TcpListener,
    inner: TcpListener,
    /// Ends an accept that is under way.
    canceller: RefCell<Canceller>,
    left: Cell<bool>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

impl Listener {
    /// Hands a bound socket to the runtime of this thread. A runtime that polls sockets needs them non-blocking,
    /// one that completes operations must not have them so: it would be told to come again.
    ///
    /// # Errors
    /// When the runtime cannot register the socket.
    pub fn new(socket: std::net::TcpListener) -> io::Result<Self> {
        // Under epoll the runtime accepts until there is nothing left, which must not block the thread; a ring
        // waits by itself.
        socket.set_nonblocking(is_legacy())?;
        let inner = TcpListener::from_std(socket.try_clone()?)?;
        Ok(Self {
            socket,
            inner,
            canceller: RefCell::default(),
            left: Cell::new(false),
        })
    }

    /// The next connection, in nobody's hands yet. Never drop this future before it ends: the runtime would leak the
    /// descriptor. [`stop`](Self::stop) and [`leave`](Self::leave) end it.
    ///
    /// # Errors
    /// Whatever the kernel says; `EMFILE` and its like mean to pause, [`is_over`](Self::is_over) tells the end.
    pub async fn accept(&self) -> io::Result<Incoming> {
        let handle = self.canceller.borrow().handle();
        let (stream, peer) = self.inner.cancelable_accept(handle).await?;
        Ok(Incoming { stream, peer })
    }

    /// Whether an accept failed because the listener is stopped or left.
    pub fn is_over(&self, error: &io::Error) -> bool {
        self.left.get() || error.raw_os_error() == Some(libc::EINVAL)
    }

    /// Takes no more connections, and touches neither the socket nor its queue: another process has them. A
    /// connection that the kernel has handed out already still comes out of [`accept`](Self::accept).
    pub fn leave(&self) {
        self.left.set(true);
        let canceller = self.canceller.take();
        self.canceller.replace(canceller.cancel());
    }

    /// Whether it was left.
    pub fn is_left(&self) -> bool {
        self.left.get()
    }

    /// Gives every connection that waits in the kernel's queue to `take`, then ends listening; what arrives
    /// after that is refused.
    pub fn stop(&self, mut take: impl FnMut(Incoming)) {
        if self.socket.set_nonblocking(true).is_ok() {
            while let Ok((socket, peer)) = self.socket.accept() {
                if socket.set_nonblocking(is_legacy()).is_ok()
                    && let Ok(incoming) = Incoming::adopt(socket, peer)
                {
                    take(incoming);
                }
            }
        }
        // It may be shut down already; there is nothing to do about it then.
        let _ = SockRef::from(&self.socket).shutdown(std::net::Shutdown::Both);
    }
}
