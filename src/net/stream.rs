//! A connected socket as two halves that work at the same time.
//!
//! The reading half waits for readiness and then receives what is there, so that a connection that waits holds
//! no buffer, and a wait that is given up loses no byte. The wait can be begun before anybody has time for it:
//! so an idle upstream connection that closes or speaks out of turn is seen before it is used, and a client
//! that leaves is seen while its answer is awaited, without a system call for either.
//!
//! A stream that speaks TLS has the same halves, which share the session; a plain one pays a branch for that.

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
use monoio::io::AsyncWriteRent;
use monoio::io::OwnedReadHalf;
use monoio::io::OwnedWriteHalf;
use monoio::io::Splitable;
use monoio::net::TcpStream;

use rustls::HandshakeKind;

use crate::net::fd;
use crate::net::tls::ClientCertificate;
use crate::net::tls::Session;
use crate::net::tls::Tls;

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
            writer: Writer {
                half: write,
                fd,
                tls: None,
            },
            peer,
        }
    }
}

/// Both halves speak by a session from now on.
pub(super) fn secure(reader: &mut Reader, writer: &mut Writer, tls: &Rc<Tls>) {
    reader.tls = Some(Rc::clone(tls));
    writer.tls = Some(Rc::clone(tls));
}

/// How far a reader's wait is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    /// Nobody waits.
    Off,
    /// The kernel will tell when there is something to receive.
    On,
    /// There is something to receive: bytes, the end of the stream, or its failure.
    Ready,
}

/// The receiving half.
pub struct Reader {
    half: OwnedReadHalf<TcpStream>,
    watch: Rc<Cell<Watch>>,
    waiting: Pin<Box<dyn Future<Output = ()>>>,
    /// The last receive filled its buffer, so the next need not wait.
    more: bool,
    tls: Option<Rc<Tls>>,
}

impl Reader {
    fn new(half: OwnedReadHalf<TcpStream>) -> Self {
        let watch = Rc::new(Cell::new(Watch::Off));
        let waiting = watch_loop(OwnedReadHalf(Rc::clone(&half.0)), Rc::clone(&watch));
        Self {
            half,
            watch,
            waiting: Box::pin(waiting),
            more: false,
            tls: None,
        }
    }

    /// Whether the session took up an earlier one.
    pub fn is_resumed(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| {
            let session = tls.session.borrow();
            session.state().handshake_kind() == Some(HandshakeKind::Resumed)
        })
    }

    /// The certificate by which the other end has shown who it is.
    pub fn peer_certificate(&self) -> Option<ClientCertificate> {
        let session = self.tls.as_ref()?.session.borrow();
        let shown = session.state().peer_certificates()?.first()?;
        ClientCertificate::read(shown)
    }

    /// Begins to wait for something to receive, although nobody has time for it yet.
    #[inline]
    pub fn watch(&mut self) {
        let ready = self.poll_readable(&mut Context::from_waker(Waker::noop()));
        self.more |= ready.is_ready();
    }

    /// Whether there is something to receive: bytes, the end of the stream, or its failure. It stays so until
    /// the next [`receive`](Self::receive).
    #[inline]
    pub fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.watch.get() == Watch::Ready {
            return Poll::Ready(());
        }
        if let Some(tls) = &self.tls
            && tls.session.borrow().has_pending()
        {
            return Poll::Ready(());
        }
        self.watch.set(Watch::On);
        let polled = self.waiting.as_mut().poll(cx);
        debug_assert!(polled.is_pending(), "the wait does not end");
        match self.watch.get() {
            Watch::Ready => Poll::Ready(()),
            Watch::On | Watch::Off => Poll::Pending,
        }
    }

    /// Waits for something to receive. Dropping this future loses nothing: the wait goes on.
    #[inline]
    pub async fn readable(&mut self) {
        poll_fn(|cx| self.poll_readable(cx)).await;
    }

    /// Appends what is there to `buffer`, as far as its capacity goes: the number of bytes, zero at the end of
    /// the stream.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing yet, or no whole record. `UnexpectedEof` when a stream that speaks TLS
    /// ends without its other end having said so: nobody may take what came for complete. Else the connection has
    /// failed.
    ///
    /// # Panics
    /// When `buffer` is full, which would look like the end of the stream.
    #[inline]
    pub fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let room = buffer.capacity() - buffer.len();
        assert!(room > 0, "a receive needs room");
        if self.tls.is_some() {
            return self.receive_sealed(buffer);
        }
        let received = self.receive_raw(buffer);
        self.more = matches!(received, Ok(received) if received == room);
        received
    }

    /// Receives what the socket has, which for a stream that speaks TLS is ciphertext.
    #[inline]
    pub(super) fn receive_raw(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        if self.watch.get() == Watch::Ready {
            self.watch.set(Watch::Off);
        }
        fd::receive(&self.half, buffer)
    }

    /// Receives through the session.
    #[inline(never)]
    fn receive_sealed(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let Some(tls) = self.tls.clone() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let mut session = tls.session.borrow_mut();
        let mut filled = false;
        let received = session.receive(&tls.pool, buffer, |incoming| {
            let room = incoming.capacity() - incoming.len();
            let received = self.receive_raw(incoming);
            filled = matches!(received, Ok(received) if received == room);
            received
        });
        self.more = filled || session.has_pending();
        self.flush(&mut session);
        received
    }

    /// Sends what reading has made due to be said, if nothing else is on its way and the socket takes it; else the
    /// next write does.
    fn flush(&self, session: &mut Session) {
        if let Some(due) = session.take_due() {
            let sent = fd::send_now(&self.half, &due).unwrap_or(0);
            session.due_sent(due, sent);
        }
    }

    /// Waits for something to receive, unless there may be more of what was received last: then the next
    /// [`receive`](Self::receive) tells. Dropping this future loses nothing.
    pub async fn ready(&mut self) {
        if !self.more {
            self.readable().await;
        }
    }

    /// Waits for bytes and appends them to `buffer`, as [`receive`](Self::receive) does. Dropping this future
    /// loses nothing.
    ///
    /// # Errors
    /// When the connection has failed.
    pub async fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        loop {
            self.ready().await;
            match self.receive(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                received => return received,
            }
        }
    }

    /// Whether the other end is silent and open, as far as the last turn of the loop could tell. The wait must
    /// have been begun with [`watch`](Self::watch).
    #[inline]
    pub fn is_quiet(&mut self) -> bool {
        let mut task = Context::from_waker(Waker::noop());
        if self.poll_readable(&mut task).is_pending() {
            return true;
        }
        // Session tickets and the like make a socket readable that has nothing to say to us.
        let Some(tls) = self.tls.clone() else {
            return false;
        };
        let mut session = tls.session.borrow_mut();
        let silent = session.is_silent(&tls.pool, |incoming| self.receive_raw(incoming));
        self.flush(&mut session);
        drop(session);
        // The wait begins again; what has come since then is seen by it.
        silent && self.poll_readable(&mut task).is_pending()
    }

    /// Whether the connection has failed; bytes that have come, and the end of the stream, are no failure and
    /// stay where they are.
    pub fn has_failed(&self) -> bool {
        if let Some(tls) = &self.tls
            && tls.session.borrow().has_failed()
        {
            return true;
        }
        match fd::peek(&self.half) {
            Ok(_) => false,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("watch", &self.watch)
            .finish_non_exhaustive()
    }
}

/// Waits for readiness whenever the watch is on; never ends by itself. One future for all waits of a
/// connection, because making one for each would allocate.
async fn watch_loop(half: OwnedReadHalf<TcpStream>, watch: Rc<Cell<Watch>>) {
    loop {
        poll_fn(|_| match watch.get() {
            Watch::On => Poll::Ready(()),
            Watch::Off | Watch::Ready => Poll::Pending,
        })
        .await;
        // Whatever ended the wait, the receive that follows says what is the matter.
        let _ = fd::readable(&half).await;
        watch.set(Watch::Ready);
    }
}

/// The sending half.
#[derive(Debug)]
pub struct Writer {
    half: OwnedWriteHalf<TcpStream>,
    fd: RawFd,
    tls: Option<Rc<Tls>>,
}

impl Writer {
    /// Sends all of `buffer` and gives it back, as it was.
    pub async fn write_all(&mut self, buffer: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        self.write_from(buffer, 0).await
    }

    /// Sends the bytes of `buffer` from `start` on and gives it back, as it was.
    pub async fn write_from(&mut self, buffer: Vec<u8>, start: usize) -> (io::Result<()>, Vec<u8>) {
        let Some(tls) = &self.tls else {
            return send(&mut self.half, buffer, start).await;
        };
        let mut at = start;
        while at < buffer.len() {
            let plain = buffer.get(at..).unwrap_or_default();
            let sealed = tls.session.borrow_mut().seal(&tls.pool, plain);
            match sealed {
                Ok(sealed) => {
                    at += sealed.taken;
                    let (result, records) = send(&mut self.half, sealed.records, 0).await;
                    tls.pool.give(records);
                    if result.is_err() {
                        return (result, buffer);
                    }
                    tls.session.borrow_mut().sent();
                }
                Err(error) => return (Err(error), buffer),
            }
        }
        (Ok(()), buffer)
    }

    /// Sends bytes past the session.
    pub(super) async fn write_raw(&mut self, buffer: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        send(&mut self.half, buffer, 0).await
    }

    /// Makes the end of the connection a reset, so that nobody takes what was sent for complete.
    pub fn reset_on_close(&self) {
        if let Some(tls) = &self.tls {
            tls.session.borrow_mut().abandon();
        }
        fd::reset_on_close(self.fd, &self.half);
    }

    /// Ends our direction of the stream; the other stays open.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        if let Some(tls) = &self.tls {
            let end = tls.session.borrow_mut().seal_end(&tls.pool);
            if let Some(end) = end {
                let (result, end) = send(&mut self.half, end, 0).await;
                tls.pool.give(end);
                result?;
            }
        }
        self.half.shutdown().await
    }
}

impl Drop for Writer {
    /// Who reads until the end is told that this is it, if the socket takes so much more at once.
    fn drop(&mut self) {
        if let Some(tls) = &self.tls
            && let Some(end) = tls.session.borrow_mut().seal_end(&tls.pool)
        {
            // If the other end is gone already, nobody asks.
            let _ = fd::send_now_from(self.fd, &self.half, &end);
            tls.pool.give(end);
        }
    }
}

/// Sends the bytes of `buffer` from `start` on and gives it back, as it was.
async fn send(
    half: &mut OwnedWriteHalf<TcpStream>,
    mut buffer: Vec<u8>,
    start: usize,
) -> (io::Result<()>, Vec<u8>) {
    let mut sent = start;
    while sent < buffer.len() {
        let end = buffer.len();
        let (result, slice) = half.write(buffer.slice(sent..end)).await;
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
