//! The floor: a forwarder of bytes that knows nothing of HTTP, so the cost that no proxy on this
//! kernel can go below with the same number of operations: two receives and two sends a request.
//!
//! One thread, one ring, multishot receives into a shared buffer ring; what arrives is sent from
//! the buffer it arrived in. Each client connection has an own upstream connection. There is no
//! back-pressure beyond the buffers running out, which is fair for a limit and wrong for a proxy.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddrV4;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;

use clap::Args;
use rustix::io::Errno;
use rustix::net::Shutdown;

use crate::net;
use crate::ring::ACCEPT;
use crate::ring::Event;
use crate::ring::PeerAddress;
use crate::ring::Ring;
use crate::slab::Slab;

const CONNECT: u64 = 0;
const RECEIVE: u64 = 2;
const SEND: u64 = 4;

/// Where the floor listens and forwards to.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Address to listen on; loopback only.
    #[arg(long, default_value = "127.0.0.1:8009")]
    listen: SocketAddrV4,
    /// Where the bytes go.
    #[arg(long, default_value = "127.0.0.1:9000")]
    to: SocketAddrV4,
    /// Provided buffers, a power of two.
    #[arg(long, default_value_t = 2048)]
    buffers: u16,
    /// Bytes of each buffer.
    #[arg(long, default_value_t = 16 * 1024)]
    buffer_bytes: usize,
}

/// One of the two sockets of a pair, and what is to be sent on it.
struct Side {
    fd: OwnedFd,
    /// Received from the other side: buffer, first unsent byte, end.
    queue: VecDeque<(u16, usize, usize)>,
    receiving: bool,
    sending: bool,
    /// Nothing more arrives from this side's peer.
    ended: bool,
    /// The end was passed on to this side's peer.
    shut: bool,
}

/// A client connection and its upstream connection: sides 0 and 1.
struct Pair {
    sides: [Side; 2],
    connecting: bool,
    /// An operation failed: nothing more is forwarded.
    failed: bool,
    /// Both sockets were shut because of it.
    cut: bool,
}

struct Floor {
    ring: Ring,
    pairs: Slab<Pair>,
    to: PeerAddress,
    /// Receives that found no buffer and wait for one.
    starved: Vec<(usize, usize)>,
    /// A buffer came free since the starved were last looked at.
    freed: bool,
}

/// Runs until the process is ended.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let listener = net::listen(options.listen)?;
    if !options.to.ip().is_loopback() || !options.buffers.is_power_of_two() {
        return Err(io::Error::other(
            "the target must be loopback, the buffers a power of two",
        ));
    }
    let mut floor = Floor {
        ring: Ring::new(options.buffers, options.buffer_bytes)?,
        pairs: Slab::new(),
        to: PeerAddress::new(options.to),
        starved: Vec::new(),
        freed: false,
    };
    floor.ring.accept(listener.as_fd())?;
    let mut events = Vec::with_capacity(4096);
    loop {
        floor.ring.wait(&mut events)?;
        for event in events.drain(..) {
            floor.complete(event, &listener)?;
        }
        if std::mem::take(&mut floor.freed) {
            for (index, side) in std::mem::take(&mut floor.starved) {
                floor.receive(index, side)?;
            }
        }
    }
}

fn token(index: usize, operation: u64, side: usize) -> u64 {
    (index as u64) << 8 | operation | side as u64
}

impl Floor {
    fn complete(&mut self, event: Event, listener: &TcpListener) -> io::Result<()> {
        if event.token == ACCEPT {
            return self.accepted(event, listener);
        }
        let index = (event.token >> 8) as usize;
        let side = (event.token & 1) as usize;
        match event.token & 0xfe {
            CONNECT => self.connected(index, event.result)?,
            RECEIVE => self.received(index, side, &event)?,
            _ => self.sent(index, side, event.result)?,
        }
        self.settle(index);
        Ok(())
    }

    fn accepted(&mut self, event: Event, listener: &TcpListener) -> io::Result<()> {
        if let Some(client) = event.accepted {
            let sides = [Side::new(client), Side::new(net::socket()?)];
            let index = self.pairs.insert(Pair {
                sides,
                connecting: true,
                failed: false,
                cut: false,
            });
            if let Some(pair) = self.pairs.get_mut(index) {
                let upstream = pair.sides[1].fd.as_fd();
                self.ring
                    .connect(upstream, self.to, token(index, CONNECT, 1))?;
            }
        }
        if event.more {
            Ok(())
        } else {
            self.ring.accept(listener.as_fd())
        }
    }

    fn connected(&mut self, index: usize, result: i32) -> io::Result<()> {
        let Some(pair) = self.pairs.get_mut(index) else {
            return Ok(());
        };
        pair.connecting = false;
        if result < 0 {
            pair.failed = true;
            return Ok(());
        }
        self.receive(index, 0)?;
        self.receive(index, 1)
    }

    fn receive(&mut self, index: usize, side: usize) -> io::Result<()> {
        let Some(pair) = self.pairs.get_mut(index) else {
            return Ok(());
        };
        pair.sides[side].receiving = true;
        self.ring
            .receive(pair.sides[side].fd.as_fd(), token(index, RECEIVE, side))
    }

    fn received(&mut self, index: usize, side: usize, event: &Event) -> io::Result<()> {
        let Some(pair) = self.pairs.get_mut(index) else {
            return Ok(());
        };
        pair.sides[side].receiving = event.more;
        if event.result == -Errno::NOBUFS.raw_os_error() {
            // Stays marked as receiving until it is armed again, so that the pair lives on.
            pair.sides[side].receiving = true;
            self.starved.push((index, side));
            return Ok(());
        }
        let Some(buffer) = event.buffer.filter(|_| event.result > 0) else {
            pair.sides[side].ended = true;
            pair.failed |= event.result < 0;
            return Ok(());
        };
        let other = 1 - side;
        pair.sides[other]
            .queue
            .push_back((buffer, 0, event.result as usize));
        self.send(index, other)?;
        if event.more {
            Ok(())
        } else {
            self.receive(index, side)
        }
    }

    fn send(&mut self, index: usize, side: usize) -> io::Result<()> {
        let Some(pair) = self.pairs.get_mut(index) else {
            return Ok(());
        };
        let target = &mut pair.sides[side];
        if target.sending {
            return Ok(());
        }
        let Some(&(buffer, from, to)) = target.queue.front() else {
            return Ok(());
        };
        target.sending = true;
        let token = token(index, SEND, side);
        self.ring
            .send_buffer(target.fd.as_fd(), buffer, from, to, token)
    }

    fn sent(&mut self, index: usize, side: usize, result: i32) -> io::Result<()> {
        let Some(pair) = self.pairs.get_mut(index) else {
            return Ok(());
        };
        let target = &mut pair.sides[side];
        target.sending = false;
        if result <= 0 {
            pair.failed = true;
            return Ok(());
        }
        if let Some(piece) = target.queue.front_mut() {
            piece.1 += result as usize;
            if piece.1 >= piece.2 {
                self.ring.recycle(piece.0);
                self.freed = true;
                target.queue.pop_front();
            }
        }
        self.send(index, side)
    }

    /// Passes ends on, and frees a pair for which nothing is in flight any more.
    fn settle(&mut self, index: usize) {
        let Some(pair) = self.pairs.get_mut(index) else {
            return;
        };
        let failed = pair.failed;
        let ends = [pair.sides[0].ended, pair.sides[1].ended];
        let cut = failed && !pair.cut;
        pair.cut |= cut;
        for (at, side) in pair.sides.iter_mut().enumerate() {
            let drained = !side.sending && side.queue.is_empty();
            if cut {
                // Also wakes the armed receives, whose completions come back here.
                let _ = rustix::net::shutdown(&side.fd, Shutdown::Both);
            } else if !side.shut && ends[1 - at] && drained {
                side.shut = true;
                let _ = rustix::net::shutdown(&side.fd, Shutdown::Write);
            }
        }
        let busy = pair.sides.iter().any(|side| side.receiving || side.sending);
        let over = failed || pair.sides.iter().all(|side| side.ended && side.shut);
        if busy || pair.connecting || !over {
            return;
        }
        if let Some(pair) = self.pairs.remove(index) {
            for (buffer, ..) in pair.sides.into_iter().flat_map(|side| side.queue) {
                self.ring.recycle(buffer);
                self.freed = true;
            }
        }
    }
}

impl Side {
    fn new(fd: OwnedFd) -> Self {
        let queue = VecDeque::new();
        Self {
            fd,
            queue,
            receiving: false,
            sending: false,
            ended: false,
            shut: false,
        }
    }
}
