//! The origin behind every proxy of a comparison: one thread, one ring, prepared answers.
//!
//! It answers `/bytes/{n}` with n bytes and anything else with 128; `/_stats` tells what it saw.
//! Two modes make its idle connections close just as they are used, which is the case a
//! connection pool must survive. Nothing here is measured; it only must never be the bottleneck.

mod answer;
mod ledger;
mod request;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddrV4;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::time::Duration;
use std::time::Instant;

use clap::Args;
use memchr::memmem;
use rustix::net::SendFlags;
use rustix::net::Shutdown;
use rustix::net::sockopt;

use self::answer::Answer;
use self::answer::Answers;
pub(crate) use self::ledger::Ledger;
pub(crate) use self::ledger::Stats;
pub(crate) use self::request::LEDGER_HEADER;
use self::request::Request;
use crate::net;
use crate::ring::ACCEPT;
use crate::ring::Event;
use crate::ring::Ring;
use crate::ring::Tick;
use crate::slab::Slab;

/// Provided buffers and their size; a request of 4 KiB fits one.
const BUFFERS: u16 = 2048;
const BUFFER_BYTES: usize = 8192;
/// Longest head that is put together from pieces.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Period of the sweep that closes idle connections.
const SWEEP: Duration = Duration::from_millis(1);

const RECEIVE: u64 = 1;
const SEND: u64 = 2;
const SWEPT: u64 = 3;

/// How the origin behaves.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Address to listen on; loopback only.
    #[arg(long, default_value = "127.0.0.1:9000")]
    pub(crate) listen: SocketAddrV4,
    /// Close the connection, unanswered, on every N-th request that reuses one (0 = never).
    #[arg(long, default_value_t = 0)]
    pub(crate) close_on_reuse: u64,
    /// Close connections that were idle for this many milliseconds (0 = never).
    #[arg(long, default_value_t = 0)]
    pub(crate) idle_close_ms: u64,
    /// Send buffer of accepted sockets in bytes (0 = the kernel's own choice).
    #[arg(long, default_value_t = 0)]
    pub(crate) send_buffer: usize,
}

struct Connection {
    fd: OwnedFd,
    /// Start of a head whose end has not arrived.
    partial: Vec<u8>,
    /// Bytes of a request's body still to be skipped.
    body_left: u64,
    /// Answers not yet sent; the first one may be in flight.
    answers: VecDeque<Answer>,
    /// Bytes of the first answer's first piece that were sent.
    sent: usize,
    served: u64,
    receiving: bool,
    sending: bool,
    /// No more requests are read; the connection ends when nothing is in flight.
    closing: bool,
    used: Instant,
}

/// Runs until the process is ended.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let listener = net::listen(options.listen)?;
    if options.send_buffer > 0 {
        sockopt::set_socket_send_buffer_size(&listener, options.send_buffer)?;
    }
    let mut origin = Origin::new(options)?;
    origin.ring.accept(listener.as_fd())?;
    if options.idle_close_ms > 0 {
        origin.ring.timeout(origin.tick, SWEPT)?;
    }
    let mut events = Vec::with_capacity(4096);
    loop {
        origin.ring.wait(&mut events)?;
        origin.now = Instant::now();
        for event in events.drain(..) {
            origin.complete(event, &listener)?;
        }
    }
}

struct Origin {
    ring: Ring,
    connections: Slab<Connection>,
    answers: Answers,
    ledger: Ledger,
    finder: memmem::Finder<'static>,
    tick: &'static Tick,
    close_on_reuse: u64,
    idle_close: Duration,
    reused: u64,
    now: Instant,
}

impl Origin {
    fn new(options: &Options) -> io::Result<Self> {
        Ok(Self {
            ring: Ring::new(BUFFERS, BUFFER_BYTES)?,
            connections: Slab::new(),
            answers: Answers::new(),
            ledger: Ledger::default(),
            finder: memmem::Finder::new(b"\r\n\r\n"),
            tick: Tick::leak(SWEEP),
            close_on_reuse: options.close_on_reuse,
            idle_close: Duration::from_millis(options.idle_close_ms),
            reused: 0,
            now: Instant::now(),
        })
    }

    fn complete(&mut self, event: Event, listener: &TcpListener) -> io::Result<()> {
        if event.token == ACCEPT {
            return self.accepted(event, listener);
        }
        let index = (event.token >> 8) as usize;
        match event.token & 0xff {
            RECEIVE => self.received(index, &event),
            SEND => self.sent(index, event.result),
            _ => self.sweep(),
        }
    }

    fn accepted(&mut self, event: Event, listener: &TcpListener) -> io::Result<()> {
        if let Some(fd) = event.accepted {
            self.ledger.stats.connections += 1;
            let index = self.connections.insert(Connection {
                fd,
                partial: Vec::new(),
                body_left: 0,
                answers: VecDeque::new(),
                sent: 0,
                served: 0,
                receiving: false,
                sending: false,
                closing: false,
                used: self.now,
            });
            self.receive(index)?;
        }
        if event.more {
            Ok(())
        } else {
            self.ring.accept(listener.as_fd())
        }
    }

    fn receive(&mut self, index: usize) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(());
        };
        connection.receiving = true;
        self.ring
            .receive(connection.fd.as_fd(), (index as u64) << 8 | RECEIVE)
    }

    fn received(&mut self, index: usize, event: &Event) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(());
        };
        connection.receiving = event.more;
        connection.used = self.now;
        let out_of_buffers = event.result == -rustix::io::Errno::NOBUFS.raw_os_error();
        if event.result <= 0 && !out_of_buffers {
            connection.closing = true;
        } else if let Some(buffer) = event.buffer {
            self.take(index, buffer, event.result as usize);
            self.ring.recycle(buffer);
        }
        self.advance(index)?;
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(());
        };
        if connection.receiving || connection.closing {
            Ok(())
        } else {
            self.receive(index)
        }
    }

    /// Reads every complete request among the bytes that arrived.
    fn take(&mut self, index: usize, buffer: u16, len: usize) {
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        let arrived = self.ring.bytes(buffer, len);
        let joined;
        let mut rest = arrived;
        if !connection.partial.is_empty() {
            connection.partial.extend_from_slice(arrived);
            joined = std::mem::take(&mut connection.partial);
            rest = &joined;
        }
        while !rest.is_empty() && !connection.closing {
            let skipped = connection.body_left.min(rest.len() as u64);
            connection.body_left -= skipped;
            rest = &rest[skipped as usize..];
            if rest.is_empty() {
                break;
            }
            let Some(request) = request::read(rest, &self.finder) else {
                connection.closing |= rest.len() > HEAD_BYTES_MAX;
                connection.partial.extend_from_slice(rest);
                break;
            };
            rest = &rest[request.head_bytes..];
            self.ledger.stats.requests += 1;
            if let Some(number) = request.ledger.filter(|_| request.post) {
                self.ledger.post(number);
            }
            if connection.served > 0 && self.close_on_reuse > 0 {
                self.reused += 1;
                if self.reused.is_multiple_of(self.close_on_reuse) {
                    self.ledger.stats.killed += 1;
                    kill(connection, self.ledger.stats.killed);
                    break;
                }
            }
            answer(connection, &request, &mut self.answers, &self.ledger);
        }
    }

    /// Sends the next piece, or ends a connection that has nothing left to do.
    fn advance(&mut self, index: usize) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(());
        };
        if connection.sending {
            return Ok(());
        }
        if let Some(answer) = connection.answers.front() {
            let piece = if connection.sent < answer.first.len() {
                &answer.first[connection.sent..]
            } else {
                self.answers.piece(answer.rest)
            };
            connection.sending = true;
            return self
                .ring
                .send(connection.fd.as_fd(), piece, (index as u64) << 8 | SEND);
        }
        if !connection.closing {
            return Ok(());
        }
        if connection.receiving {
            // Wakes the armed receive, which then completes with 0 and comes back here.
            let _ = rustix::net::shutdown(&connection.fd, Shutdown::Both);
        } else {
            drop(self.connections.remove(index));
        }
        Ok(())
    }

    fn sent(&mut self, index: usize, result: i32) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(());
        };
        connection.sending = false;
        connection.used = self.now;
        if result <= 0 {
            connection.answers.clear();
            connection.closing = true;
            return self.advance(index);
        }
        self.ledger.stats.bytes_sent += result as u64;
        if let Some(answer) = connection.answers.front_mut() {
            let sent = result as usize;
            if connection.sent < answer.first.len() {
                connection.sent += sent;
            } else {
                answer.rest -= sent as u64;
            }
            if connection.sent == answer.first.len() && answer.rest == 0 {
                connection.answers.pop_front();
                connection.sent = 0;
            }
        }
        self.advance(index)
    }

    /// Closes what was idle for too long, never looking whether a request is on its way.
    fn sweep(&mut self) -> io::Result<()> {
        for (_, connection) in self.connections.iter_mut() {
            let idle = self.now.duration_since(connection.used) >= self.idle_close;
            let quiet = connection.answers.is_empty() && connection.partial.is_empty();
            if idle && quiet && connection.served > 0 && !connection.closing {
                connection.closing = true;
                self.ledger.stats.idle_closed += 1;
                let _ = rustix::net::shutdown(&connection.fd, Shutdown::Both);
            }
        }
        self.ring.timeout(self.tick, SWEPT)
    }
}

/// Ends a connection under its request: by a reset and by an orderly close in turn.
fn kill(connection: &mut Connection, turn: u64) {
    connection.closing = true;
    if turn.is_multiple_of(2) {
        let _ = sockopt::set_socket_linger(&connection.fd, Some(Duration::ZERO));
    }
}

fn answer(connection: &mut Connection, request: &Request, answers: &mut Answers, ledger: &Ledger) {
    connection.served += 1;
    let Some(body_bytes) = request.body_bytes else {
        refuse(connection);
        return;
    };
    connection.body_left = body_bytes;
    if request.stats {
        send_stats(connection, ledger);
        return;
    }
    connection
        .answers
        .push_back(answers.get(request.answer_bytes, request.close));
    connection.closing |= request.close;
}

fn refuse(connection: &mut Connection) {
    let text = b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let _ = rustix::net::send(&connection.fd, text, SendFlags::NOSIGNAL);
    connection.closing = true;
}

/// Rare and small, so it is written at once instead of through the ring.
fn send_stats(connection: &Connection, ledger: &Ledger) {
    let body = serde_json::to_string(&ledger.stats).unwrap_or_default();
    let text = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = rustix::net::send(&connection.fd, text.as_bytes(), SendFlags::NOSIGNAL);
}
