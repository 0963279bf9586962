//! Sockets as every part of the kit wants them: loopback only, deep queues, no Nagle.

use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddrV4;
use std::net::TcpListener;
use std::os::fd::OwnedFd;

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

/// A loopback port that nobody listens on now.
pub(crate) fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
