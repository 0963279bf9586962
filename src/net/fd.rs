//! The one place where the runtime's sockets are reached past their interface: they tell their descriptor as a
//! number only, and their halves lend the socket in neither direction. What is done here needs no more than that
//! the descriptor stays open, which each function's argument sees to.

#![expect(unsafe_code, reason = "monoio's sockets do not implement `AsFd`")]

use std::io;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::FromRawFd;
use std::os::fd::IntoRawFd;
use std::os::fd::RawFd;
use std::time::Duration;

use monoio::io::OwnedReadHalf;
use monoio::io::OwnedWriteHalf;
use monoio::net::TcpStream;
use rustix::buffer::spare_capacity;
use rustix::net::RecvFlags;
use rustix::net::SendFlags;
use socket2::SockRef;

/// The socket of a half.
fn socket(half: &OwnedReadHalf<TcpStream>) -> &TcpStream {
    // SAFETY: the runtime makes exclusive references to the socket only inside of calls that return before
    // anything else runs on this thread, and none is running now; the returned one ends before the next.
    unsafe { &*half.0.get() }
}

fn borrow(socket: &TcpStream) -> BorrowedFd<'_> {
    // SAFETY: `socket` stays borrowed as long as the descriptor does, and keeps it open.
    unsafe { BorrowedFd::borrow_raw(socket.as_raw_fd()) }
}

/// Takes the socket out of the runtime's hands.
pub(super) fn into_socket(stream: TcpStream) -> std::net::TcpStream {
    let fd = stream.into_raw_fd();
    // SAFETY: the runtime has just given the descriptor up, so nobody else owns it.
    unsafe { std::net::TcpStream::from_raw_fd(fd) }
}

/// Waits until there is something to receive.
pub(super) async fn readable(half: &OwnedReadHalf<TcpStream>) -> io::Result<()> {
    socket(half).readable(false).await
}

/// Appends what is there to the free capacity of `buffer`.
#[inline]
pub(super) fn receive(half: &OwnedReadHalf<TcpStream>, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let (received, _) = rustix::net::recv(
        borrow(socket(half)),
        spare_capacity(buffer),
        RecvFlags::DONTWAIT,
    )?;
    Ok(received)
}

/// Looks at the next byte without taking it: 1, or 0 at the end of the stream.
pub(super) fn peek(half: &OwnedReadHalf<TcpStream>) -> io::Result<usize> {
    let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK;
    let (seen, _) = rustix::net::recv(borrow(socket(half)), &mut [0_u8; 1], flags)?;
    Ok(seen)
}

/// Sends what the socket takes at once: how many bytes.
pub(super) fn send_now(half: &OwnedReadHalf<TcpStream>, bytes: &[u8]) -> io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    Ok(rustix::net::send(borrow(socket(half)), bytes, flags)?)
}

/// The same by the other half. `fd` is the descriptor of the stream that `half` is a half of.
pub(super) fn send_now_from(
    fd: RawFd,
    half: &OwnedWriteHalf<TcpStream>,
    bytes: &[u8],
) -> io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    Ok(rustix::net::send(borrow_of(fd, half), bytes, flags)?)
}

/// The descriptor `fd` of the stream that `half` is a half of.
fn borrow_of(fd: RawFd, half: &OwnedWriteHalf<TcpStream>) -> BorrowedFd<'_> {
    let _open = half;
    // SAFETY: `half` stays borrowed as long as the descriptor does, and it keeps the stream, thus `fd`, open.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// Bounds what the kernel receives for us before we read it: the size of the receive buffer, which also ends the
/// kernel's own tuning of it, and the window, which that tuning would have opened.
pub(super) fn bound_receive(stream: &TcpStream, bytes: u32) -> io::Result<()> {
    SockRef::from(&borrow(stream)).set_recv_buffer_size(bytes as usize)?;
    let value: *const u32 = &bytes;
    // SAFETY: the option's value is an integer of four bytes, which `bytes` is until the end of this function.
    let set = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_WINDOW_CLAMP,
            value.cast(),
            4,
        )
    };
    if set == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Makes the socket's close a reset. `fd` is the descriptor of the stream that `half` is a half of.
pub(super) fn reset_on_close(fd: RawFd, half: &OwnedWriteHalf<TcpStream>) {
    // A socket that has failed already cannot be told; its close is a reset anyhow.
    let _ = SockRef::from(&borrow_of(fd, half)).set_linger(Some(Duration::ZERO));
}
