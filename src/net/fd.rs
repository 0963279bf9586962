//! The one place where a raw descriptor is borrowed: the runtime's sockets tell theirs as a number only, and
//! options are set through `socket2`, which wants to know that the descriptor stays open.

#![expect(unsafe_code, reason = "monoio's sockets do not implement `AsFd`")]

use std::io;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::RawFd;
use std::time::Duration;

use monoio::io::OwnedWriteHalf;
use monoio::net::TcpStream;
use socket2::SockRef;

/// Bounds what the kernel receives for us before we read it: the size of the receive buffer, which also ends the
/// kernel's own tuning of it, and the window, which that tuning would have opened.
pub(super) fn bound_receive(stream: &TcpStream, bytes: u32) -> io::Result<()> {
    // SAFETY: `stream` is borrowed until the end of this function and keeps its descriptor open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(stream.as_raw_fd()) };
    SockRef::from(&borrowed).set_recv_buffer_size(bytes as usize)?;
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
    let _open = half;
    // SAFETY: `half` is borrowed until the end of this function, and it keeps the stream, thus `fd`, open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    // A socket that has failed already cannot be told; its close is a reset anyhow.
    let _ = SockRef::from(&borrowed).set_linger(Some(Duration::ZERO));
}
