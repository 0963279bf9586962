//! A connected socket as two halves that work at the same time, over owned buffers.
//!
//! The reading half keeps its receive armed across the waits of whoever holds it: arm it once with a buffer,
//! do other things, come back for the bytes. That makes three things free that would otherwise cost a system
//! call per request: an idle upstream connection that closes or speaks out of turn is seen before it is
//! used, a client that leaves is seen while its answer is awaited, and a deadline never loses bytes.

use std::cell::Cell;
use std::future::Future;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use monoio::buf::IoBuf;
use monoio::buf::IoBufMut;
use monoio::io::AsyncReadRent;
use monoio::io::AsyncWriteRent;
use monoio::io::OwnedReadHalf;
use monoio::io::OwnedWriteHalf;
use monoio::io::Splitable;
use monoio::net::TcpStream;

use crate::net::fd;

/// Both halves of a connected socket. Dropping both closes it.
#[derive(Debug)]
pub struct Stream {
    /// The receiving half.
    pub reader: Reader,
    /// The sending half.
    pub writer: Writer,
    /// The address of the other end.
    pub peer: SocketAddr,
}

impl Stream {
    pub(super) fn new(stream: TcpStream, peer: SocketAddr) -> Self {
        let fd = stream.as_raw_fd();
        let (read, write) = stream.into_split();
        Self {
            reader: Reader::new(read),
            writer: Writer { half: write, fd },
            peer,
        }
    }
}

/// What passes between a reader and its receive loop.
#[derive(Default)]
struct Mailbox {
    /// A buffer to receive into, after the bytes it holds.
    empty: Cell<Option<Vec<u8>>>,
    /// The buffer that came back, with the number of bytes received.
    filled: Cell<Option<(io::Result<usize>, Vec<u8>)>>,
}

/// The receiving half.
pub struct Reader {
    mailbox: Rc<Mailbox>,
    receive: Pin<Box<dyn Future<Output = ()>>>,
    armed: bool,
}

impl Reader {
    fn new(half: OwnedReadHalf<TcpStream>) -> Self {
        let mailbox = Rc::new(Mailbox::default());
        let receive = Box::pin(receive_loop(half, Rc::clone(&mailbox)));
        Self {
            mailbox,
            receive,
            armed: false,
        }
    }

    /// Gives the next receive a buffer, to whose free capacity it appends. It begins when it is first waited
    /// for, or with [`start`](Self::start).
    ///
    /// # Panics
    /// When a receive is armed already, or `buffer` is full: both are mistakes of the caller.
    #[inline]
    pub fn arm(&mut self, buffer: Vec<u8>) {
        assert!(
            !self.armed && buffer.len() < buffer.capacity(),
            "one receive at a time, with room"
        );
        self.mailbox.empty.set(Some(buffer));
        self.armed = true;
    }

    /// Begins the armed receive although nobody waits for it yet.
    #[inline]
    pub fn start(&mut self) {
        debug_assert!(self.armed, "a receive needs a buffer");
        let polled = self
            .receive
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        debug_assert!(polled.is_pending(), "the receive loop does not end");
    }

    /// Whether a receive is armed and not yet taken.
    pub fn is_armed(&self) -> bool {
        self.armed
    }

    /// Takes the buffer of the armed receive once it has completed: the number of bytes appended, zero at the
    /// end of the stream.
    #[inline]
    pub fn poll_filled(&mut self, cx: &mut Context<'_>) -> Poll<(io::Result<usize>, Vec<u8>)> {
        debug_assert!(self.armed, "nothing to wait for");
        let polled = self.receive.as_mut().poll(cx);
        debug_assert!(polled.is_pending(), "the receive loop does not end");
        match self.mailbox.filled.take() {
            Some(filled) => {
                self.armed = false;
                Poll::Ready(filled)
            }
            None => Poll::Pending,
        }
    }

    /// Waits for the armed receive. Dropping this future loses nothing: the receive stays armed.
    #[inline]
    pub async fn filled(&mut self) -> (io::Result<usize>, Vec<u8>) {
        poll_fn(|cx| self.poll_filled(cx)).await
    }

    /// Whether the armed receive is still waiting, that is, the other end is silent and open as far as the
    /// last turn of the loop could tell.
    #[inline]
    pub fn is_quiet(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        match self.poll_filled(&mut cx) {
            Poll::Pending => true,
            Poll::Ready(filled) => {
                self.armed = true;
                self.mailbox.filled.set(Some(filled));
                false
            }
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("armed", &self.armed)
            .finish_non_exhaustive()
    }
}

/// Receives into each buffer that is put into the mailbox; never ends by itself.
async fn receive_loop(mut half: OwnedReadHalf<TcpStream>, mailbox: Rc<Mailbox>) {
    loop {
        let buffer = poll_fn(|_| match mailbox.empty.take() {
            Some(buffer) => Poll::Ready(buffer),
            None => Poll::Pending,
        })
        .await;
        let (from, to) = (buffer.len(), buffer.capacity());
        let (result, slice) = half.read(buffer.slice_mut(from..to)).await;
        mailbox.filled.set(Some((result, slice.into_inner())));
    }
}

/// The sending half.
#[derive(Debug)]
pub struct Writer {
    half: OwnedWriteHalf<TcpStream>,
    fd: RawFd,
}

impl Writer {
    /// Sends all of `buffer` and gives it back, as it was.
    pub async fn write_all(&mut self, buffer: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        self.write_from(buffer, 0).await
    }

    /// Sends the bytes of `buffer` from `start` on and gives it back, as it was.
    pub async fn write_from(
        &mut self,
        mut buffer: Vec<u8>,
        start: usize,
    ) -> (io::Result<()>, Vec<u8>) {
        let mut sent = start;
        while sent < buffer.len() {
            let end = buffer.len();
            let (result, slice) = self.half.write(buffer.slice(sent..end)).await;
            buffer = slice.into_inner();
            match result {
                Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), buffer),
                Ok(n) => sent += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (Err(error), buffer),
            }
        }
        (Ok(()), buffer)
    }

    /// Makes the end of the connection a reset, so that nobody takes what was sent for complete.
    pub fn reset_on_close(&self) {
        fd::reset_on_close(self.fd, &self.half);
    }

    /// Ends our direction of the stream; the other stays open.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.half.shutdown().await
    }
}
