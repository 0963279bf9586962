//! The socket between a process and the one that takes its place: small messages, each a packet of its own, some with
//! listening sockets attached (`SCM_RIGHTS`, unix(7)).

use std::io;
use std::io::IoSlice;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::cmsg_space;
use rustix::net::AddressFamily;
use rustix::net::RecvAncillaryBuffer;
use rustix::net::RecvAncillaryMessage;
use rustix::net::RecvFlags;
use rustix::net::ReturnFlags;
use rustix::net::SendAncillaryBuffer;
use rustix::net::SendAncillaryMessage;
use rustix::net::SendFlags;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use rustix::net::recvmsg;
use rustix::net::sendmsg;
use rustix::net::socketpair;
use rustix::net::sockopt;
use serde::Deserialize;
use serde::Serialize;

/// Listening sockets that travel with one message; the kernel takes 253.
pub(super) const SOCKETS_AT_ONCE: usize = 64;

/// Longest message: the names of as many sockets, in JSON.
const MESSAGE_BYTES: usize = 16_384;

/// What the two say to each other.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(super) enum Message {
    /// From the old one: these are listening sockets; `more` follow with the next message.
    Sockets {
        /// One for each that is attached, in the same order.
        names: Vec<Name>,
        /// These are not the last.
        more: bool,
    },
    /// From the new one: the configuration is right, the store is wanted.
    WantStore,
    /// From the old one: the store is closed here.
    Store,
    /// From the new one: every worker serves.
    Ready,
    /// From the old one: it takes no more connections.
    Taken,
    /// From the new one: it cannot go on.
    Failed {
        /// A sentence for the operator.
        why: String,
    },
}

/// Which listening socket one is.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Name {
    /// For what it is; systemd does not know.
    pub(super) role: Option<Role>,
    /// The address as the configuration has it, which may leave the port to the kernel.
    pub(super) asked: SocketAddr,
}

/// For what a listening socket is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Clients of the gateway.
    Proxy,
    /// The Admin API.
    Admin,
}

/// One end of it.
#[derive(Debug)]
pub(super) struct Channel {
    socket: OwnedFd,
}

impl Channel {
    /// Both ends; the second is for the other process.
    pub(super) fn pair() -> io::Result<(Self, OwnedFd)> {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Ok((Self { socket: ours }, theirs))
    }

    /// The end that this process was given.
    pub(super) fn of(socket: OwnedFd) -> Self {
        Self { socket }
    }

    /// Sends a message with these sockets.
    pub(super) fn send(&self, message: &Message, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = serde_json::to_vec(message)?;
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(SOCKETS_AT_ONCE))];
        let mut attached = SendAncillaryBuffer::new(&mut space);
        if !sockets.is_empty() && !attached.push(SendAncillaryMessage::ScmRights(sockets)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let flags = SendFlags::NOSIGNAL;
        sendmsg(&self.socket, &[IoSlice::new(&bytes)], &mut attached, flags)?;
        Ok(())
    }

    /// Waits so long for the next message and what is attached to it.
    ///
    /// # Errors
    /// `UnexpectedEof` when the other process has ended, `WouldBlock` when it says nothing in time, `InvalidData` when
    /// it says what nobody understands.
    pub(super) fn receive(&self, patience: Duration) -> io::Result<(Message, Vec<OwnedFd>)> {
        // A zero would mean to wait for ever.
        let patience = patience.max(Duration::from_millis(1));
        sockopt::set_socket_timeout(&self.socket, sockopt::Timeout::Recv, Some(patience))?;
        let mut bytes = vec![0; MESSAGE_BYTES];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(SOCKETS_AT_ONCE))];
        let mut attached = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(
            &self.socket,
            &mut [IoSliceMut::new(&mut bytes)],
            &mut attached,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        let mut sockets = Vec::new();
        for message in attached.drain() {
            if let RecvAncillaryMessage::ScmRights(given) = message {
                sockets.extend(given);
            }
        }
        if received.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let whole = !received
            .flags
            .contains(ReturnFlags::TRUNC | ReturnFlags::CTRUNC);
        let message = bytes
            .get(..received.bytes)
            .filter(|_| whole)
            .and_then(|bytes| serde_json::from_slice(bytes).ok())
            .ok_or(io::ErrorKind::InvalidData)?;
        Ok((message, sockets))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsFd;

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    #[test]
    fn sockets_arrive_with_their_names() {
        let (ours, theirs) = Channel::pair().unwrap();
        let theirs = Channel::of(theirs);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let name = Name {
            role: Some(Role::Proxy),
            asked: "127.0.0.1:0".parse().unwrap(),
        };
        let said = Message::Sockets {
            names: vec![name],
            more: false,
        };
        ours.send(&said, &[listener.as_fd()]).unwrap();
        ours.send(&Message::Store, &[]).unwrap();
        let (heard, mut sockets) = theirs.receive(SOON).unwrap();
        assert_eq!(heard, said);
        let copy = TcpListener::from(sockets.pop().unwrap());
        assert_eq!(copy.local_addr().unwrap(), listener.local_addr().unwrap());
        assert_eq!(theirs.receive(SOON).unwrap().0, Message::Store);
    }

    #[test]
    fn silence_and_the_end_are_told_apart() {
        let (ours, theirs) = Channel::pair().unwrap();
        let silence = ours.receive(Duration::from_millis(1)).unwrap_err();
        assert_eq!(silence.kind(), io::ErrorKind::WouldBlock);
        drop(theirs);
        let end = ours.receive(SOON).unwrap_err();
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_nobody_understands_is_a_fault() {
        let (ours, theirs) = Channel::pair().unwrap();
        rustix::io::write(&theirs, b"{\"say\":\"what\"}").unwrap();
        let fault = ours.receive(SOON).unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::InvalidData);
    }
}
