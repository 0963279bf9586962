//! Sockets as every part of the kit wants them: loopback only, deep queues, no Nagle.

use std::io;
use std::mem::MaybeUninit;
use std::net::Ipv4Addr;
use std::net::SocketAddrV4;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::epoll;
use rustix::net::AddressFamily;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use rustix::net::sockopt;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Listens on a loopback address; accepted sockets inherit the options.
pub(crate) fn listen(address: SocketAddrV4) -> io::Result<TcpListener> {
    if !address.ip().is_loopback() {
        return Err(io::Error::other(
            "the load kit listens on loopback addresses only",
        ));
    }
    let socket = socket()?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

/// A fresh TCP socket without Nagle's delay.
pub(crate) fn socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    Ok(socket)
}

/// Takes what is ready, or sleeps until something is, at most that long. `epoll_wait` alone would round up to milliseconds.
pub(crate) fn ready<'a>(
    epoll: &OwnedFd,
    space: &'a mut [MaybeUninit<epoll::Event>],
    sleep: Duration,
) -> io::Result<&'a mut [epoll::Event]> {
    let none = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut waiting = [PollFd::new(epoll, PollFlags::IN)];
    let sleep = Timespec::try_from(sleep).map_err(io::Error::other)?;
    match rustix::event::poll(&mut waiting, Some(&sleep)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    match epoll::wait(epoll, space, Some(&none)) {
        Ok((ready, _)) => Ok(ready),
        Err(rustix::io::Errno::INTR) => Ok(&mut []),
        Err(error) => Err(error.into()),
    }
}

/// A loopback port that nobody listens on now.
pub(crate) fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
