//! The one file that talks to io_uring, and so the only one that may use `unsafe`.
//!
//! It offers the origin and the floor what they need and no more: multishot accept and receive
//! into a provided buffer ring, sends, connects and a tick. Every byte the kernel reads or writes
//! lies in memory that is leaked on purpose (`&'static`, or the buffer ring, which lives as long
//! as the process): an operation in flight can therefore never outlive its buffer.
#![expect(
    unsafe_code,
    reason = "submitting to io_uring hands raw pointers to the kernel"
)]

use std::alloc::Layout;
use std::alloc::alloc_zeroed;
use std::io;
use std::net::SocketAddrV4;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;
use std::ptr;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering;
use std::time::Duration;

use io_uring::IoUring;
use io_uring::cqueue;
use io_uring::opcode;
use io_uring::squeue;
use io_uring::types::BufRingEntry;
use io_uring::types::Fd;
use io_uring::types::Timespec;

/// Alignment the kernel asks of a buffer ring's base.
const PAGE: usize = 4096;
/// The only buffer group.
const GROUP: u16 = 0;
/// The token of accepts; the ring must know it to own the descriptors they produce.
pub(crate) const ACCEPT: u64 = u64::MAX;
/// Entries of the submission queue; a full one is submitted and reused.
const SUBMISSIONS: u32 = 4096;

/// One completion.
#[derive(Debug)]
pub(crate) struct Event {
    /// What the submitter passed.
    pub(crate) token: u64,
    /// Bytes when >= 0, a negated errno otherwise.
    pub(crate) result: i32,
    /// The connection that an accept produced.
    pub(crate) accepted: Option<OwnedFd>,
    /// The provided buffer that holds the bytes of a receive.
    pub(crate) buffer: Option<u16>,
    /// Whether a multishot operation is still armed.
    pub(crate) more: bool,
}

/// A peer's address in the shape the kernel reads, alive for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerAddress(&'static [u8; 16]);

impl PeerAddress {
    /// Lays out a `sockaddr_in`.
    pub(crate) fn new(address: SocketAddrV4) -> Self {
        let mut raw = [0u8; 16];
        let family = rustix::net::AddressFamily::INET.as_raw();
        raw[0..2].copy_from_slice(&family.to_ne_bytes());
        raw[2..4].copy_from_slice(&address.port().to_be_bytes());
        raw[4..8].copy_from_slice(&address.ip().octets());
        Self(Box::leak(Box::new(raw)))
    }
}

/// A ring owned by the thread that made it, with its buffers.
pub(crate) struct Ring {
    io: IoUring,
    entries: *mut BufRingEntry,
    memory: *mut u8,
    buffer_bytes: usize,
    mask: u16,
    tail: u16,
}

impl Ring {
    /// A ring with `buffers` (a power of two up to 32768) provided buffers of `buffer_bytes`.
    pub(crate) fn new(buffers: u16, buffer_bytes: usize) -> io::Result<Self> {
        let io = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_cqsize(4 * SUBMISSIONS)
            .build(SUBMISSIONS)?;
        let entries: *mut BufRingEntry = leak_zeroed(16 * usize::from(buffers))?.cast();
        let memory = leak_zeroed(buffer_bytes * usize::from(buffers))?;
        // SAFETY: `entries` is page-aligned, as long as `buffers` entries, and never freed.
        unsafe {
            io.submitter()
                .register_buf_ring_with_flags(entries as u64, buffers, GROUP, 0)?;
        }
        let mask = buffers - 1;
        let mut ring = Self {
            io,
            entries,
            memory,
            buffer_bytes,
            mask,
            tail: 0,
        };
        for id in 0..buffers {
            ring.recycle(id);
        }
        Ok(ring)
    }

    /// The first `len` bytes of a buffer that a receive filled.
    pub(crate) fn bytes(&self, buffer: u16, len: usize) -> &[u8] {
        let len = len.min(self.buffer_bytes);
        let start = self.buffer_start(buffer);
        // SAFETY: the range lies in the leaked allocation; the kernel does not write to a buffer
        // between the completion that names it and the `recycle` that gives it back (`&mut self`).
        unsafe { std::slice::from_raw_parts(start, len) }
    }

    /// Gives a buffer back to the kernel.
    pub(crate) fn recycle(&mut self, buffer: u16) {
        let address = self.buffer_start(buffer) as u64;
        let slot = usize::from(self.tail & self.mask);
        // SAFETY: `slot` <= mask, so the entry lies in the registered ring, which only this thread
        // writes; the kernel reads it after the store to `tail` below.
        let entry = unsafe { &mut *self.entries.wrapping_add(slot) };
        entry.set_addr(address);
        entry.set_len(self.buffer_bytes as u32);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: `entries` is the base of the registered ring.
        let tail = unsafe { BufRingEntry::tail(self.entries) };
        // SAFETY: the tail is an aligned u16 shared with the kernel, valid as long as the ring.
        unsafe { AtomicU16::from_ptr(tail.cast_mut()) }.store(self.tail, Ordering::Release);
    }

    /// Accepts until told otherwise: one completion per connection.
    pub(crate) fn accept(&mut self, listener: BorrowedFd<'_>) -> io::Result<()> {
        let entry = opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).build();
        self.push(&entry.user_data(ACCEPT))
    }

    /// Receives until the peer stops or the buffers run out: one completion per arrival.
    pub(crate) fn receive(&mut self, fd: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        let entry = opcode::RecvMulti::new(Fd(fd.as_raw_fd()), GROUP).build();
        self.push(&entry.user_data(token))
    }

    /// Sends bytes that live for ever.
    pub(crate) fn send(
        &mut self,
        fd: BorrowedFd<'_>,
        bytes: &'static [u8],
        token: u64,
    ) -> io::Result<()> {
        self.send_raw(fd, bytes.as_ptr(), bytes.len(), token)
    }

    /// Sends `buffer[from..to]`; the buffer must not be recycled before the completion.
    pub(crate) fn send_buffer(
        &mut self,
        fd: BorrowedFd<'_>,
        buffer: u16,
        from: usize,
        to: usize,
        token: u64,
    ) -> io::Result<()> {
        let to = to.min(self.buffer_bytes);
        let from = from.min(to);
        let start = self.buffer_start(buffer).wrapping_add(from);
        self.send_raw(fd, start, to - from, token)
    }

    /// Connects a socket.
    pub(crate) fn connect(
        &mut self,
        fd: BorrowedFd<'_>,
        peer: PeerAddress,
        token: u64,
    ) -> io::Result<()> {
        let entry = opcode::Connect::new(Fd(fd.as_raw_fd()), peer.0.as_ptr().cast(), 16).build();
        self.push(&entry.user_data(token))
    }

    /// Completes once after `wait`.
    pub(crate) fn timeout(&mut self, wait: &'static Tick, token: u64) -> io::Result<()> {
        self.push(&opcode::Timeout::new(&wait.0).build().user_data(token))
    }

    /// Submits what was queued, waits for at least one completion, and moves all into `events`.
    pub(crate) fn wait(&mut self, events: &mut Vec<Event>) -> io::Result<()> {
        match self.io.submit_and_wait(1) {
            Ok(_) => {}
            Err(error) if is_transient(&error) => {}
            Err(error) => return Err(error),
        }
        events.extend(self.io.completion().map(|entry| Event {
            token: entry.user_data(),
            result: entry.result(),
            accepted: adopt(&entry),
            buffer: cqueue::buffer_select(entry.flags()),
            more: cqueue::more(entry.flags()),
        }));
        Ok(())
    }

    fn send_raw(
        &mut self,
        fd: BorrowedFd<'_>,
        start: *const u8,
        len: usize,
        token: u64,
    ) -> io::Result<()> {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        let entry = opcode::Send::new(Fd(fd.as_raw_fd()), start, len)
            .flags(rustix::net::SendFlags::NOSIGNAL.bits() as i32)
            .build();
        self.push(&entry.user_data(token))
    }

    fn buffer_start(&self, buffer: u16) -> *mut u8 {
        let index = usize::from(buffer & self.mask);
        self.memory.wrapping_add(index * self.buffer_bytes)
    }

    fn push(&mut self, entry: &squeue::Entry) -> io::Result<()> {
        loop {
            // SAFETY: every pointer in an entry made by this file leads to leaked memory.
            if unsafe { self.io.submission().push(entry) }.is_ok() {
                return Ok(());
            }
            match self.io.submit() {
                Ok(_) => {}
                Err(error) if is_transient(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A duration in the shape the kernel reads, alive for ever once leaked.
pub(crate) struct Tick(Timespec);

impl Tick {
    /// Leaks one tick; call it once per period.
    pub(crate) fn leak(period: Duration) -> &'static Self {
        Box::leak(Box::new(Self(Timespec::from(period))))
    }
}

/// Owns the descriptor of an accept that succeeded.
fn adopt(entry: &cqueue::Entry) -> Option<OwnedFd> {
    if entry.user_data() != ACCEPT || entry.result() < 0 {
        return None;
    }
    // SAFETY: the kernel made this descriptor for this completion, which is consumed once.
    Some(unsafe { OwnedFd::from_raw_fd(entry.result()) })
}

fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::ResourceBusy
    )
}

fn leak_zeroed(bytes: usize) -> io::Result<*mut u8> {
    let layout = Layout::from_size_align(bytes.max(1), PAGE).map_err(io::Error::other)?;
    // SAFETY: the layout's size is not zero.
    let start = unsafe { alloc_zeroed(layout) };
    if ptr::eq(start, ptr::null()) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    Ok(start)
}
