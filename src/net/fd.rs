//! The one place where a raw descriptor is borrowed: the runtime's sockets tell theirs as a number only, and
//! options are set through `socket2`, which wants to know that the descriptor stays open.

#![expect(unsafe_code, reason = "monoio's sockets do not implement `AsFd`")]

use std::os::fd::BorrowedFd;
use std::os::fd::RawFd;
use std::time::Duration;

use monoio::io::OwnedWriteHalf;
use monoio::net::TcpStream;
use socket2::SockRef;

/// Makes the socket's close a reset. `fd` is the descriptor of the stream that `half` is a half of.
pub(super) fn reset_on_close(fd: RawFd, half: &OwnedWriteHalf<TcpStream>) {
    let _open = half;
    // SAFETY: `half` is borrowed until the end of this function, and it keeps the stream, thus `fd`, open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    // A socket that has failed already cannot be told; its close is a reset anyhow.
    let _ = SockRef::from(&borrowed).set_linger(Some(Duration::ZERO));
}
