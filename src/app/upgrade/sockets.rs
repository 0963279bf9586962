//! Listening sockets that this process was given, by the process before it or by systemd, and what becomes of them.

use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;

use super::channel::Channel;
use super::channel::Message;
use super::channel::Name;
use super::channel::Role;
use super::channel::SOCKETS_AT_ONCE;
use crate::net::listener;

/// Every listening socket of this process, for the one after it.
#[derive(Debug, Default)]
pub struct Held(Vec<(Name, TcpListener)>);

impl Held {
    /// Keeps a copy of a socket.
    ///
    /// # Errors
    /// Without a file descriptor left.
    pub fn keep(&mut self, role: Role, asked: SocketAddr, socket: &TcpListener) -> io::Result<()> {
        let role = Some(role);
        self.0.push((Name { role, asked }, socket.try_clone()?));
        Ok(())
    }

    /// Sends all of them.
    pub(super) fn send(&self, channel: &Channel) -> io::Result<()> {
        let mut batches = self.0.chunks(SOCKETS_AT_ONCE).peekable();
        while let Some(batch) = batches.next() {
            let said = Message::Sockets {
                names: batch.iter().map(|(name, _)| name.clone()).collect(),
                more: batches.peek().is_some(),
            };
            let sockets: Vec<BorrowedFd<'_>> =
                batch.iter().map(|(_, socket)| socket.as_fd()).collect();
            channel.send(&said, &sockets)?;
        }
        Ok(())
    }

    /// All of them.
    pub(super) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        self.0.iter().map(|(_, socket)| socket.as_fd()).collect()
    }
}

/// Sockets that were given and not taken into use yet.
#[derive(Debug, Default)]
pub struct Given(Vec<(Name, TcpListener)>);

impl Given {
    /// Adds one.
    pub(super) fn push(&mut self, name: Name, socket: TcpListener) {
        self.0.push((name, socket));
    }

    /// All those of one listener: the first that is for this address, and the others that are bound to the same.
    pub fn take(&mut self, role: Role, asked: SocketAddr) -> Vec<TcpListener> {
        let fits = |name: &Name| name.role.is_none_or(|known| known == role);
        let mut given = self.0.iter();
        let first = given.find(|(name, _)| fits(name) && name.asked == asked);
        let Some(bound) = first.and_then(|(_, socket)| socket.local_addr().ok()) else {
            return Vec::new();
        };
        let taken = self.0.extract_if(.., |(name, socket)| {
            fits(name) && socket.local_addr().is_ok_and(|address| address == bound)
        });
        taken.map(|(_, socket)| socket).collect()
    }

    /// The addresses of those that nothing in the configuration asks for.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.0
            .iter()
            .filter_map(|(_, socket)| socket.local_addr().ok())
    }
}

/// The sockets of one listener for each of `workers`: first those that were given, all of them, because connections may
/// wait in the queue of each; then as many new ones as are missing. Where a new one cannot be bound beside them, because
/// whoever bound the first did not set SO_REUSEPORT, workers share.
///
/// # Errors
/// When the address is taken, not ours, or not permitted.
pub fn group(
    asked: SocketAddr,
    backlog: i32,
    given: Vec<TcpListener>,
    workers: usize,
) -> io::Result<Vec<Vec<TcpListener>>> {
    let mut group: Vec<Vec<TcpListener>> = (0..workers).map(|_| Vec::new()).collect();
    let mut address = asked;
    for (at, socket) in given.into_iter().enumerate() {
        let socket = listener::adopt(socket, backlog)?;
        address = socket.local_addr()?;
        if let Some(own) = group.get_mut(at % workers.max(1)) {
            own.push(socket);
        }
    }
    for worker in 0..workers {
        if !group[worker].is_empty() {
            continue;
        }
        let socket = match (listener::bind(address, backlog), group[0].first()) {
            (Ok(socket), _) => socket,
            (Err(_), Some(first)) if worker > 0 => first.try_clone()?,
            (Err(error), _) => return Err(error),
        };
        address = socket.local_addr()?;
        group[worker].push(socket);
    }
    Ok(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    fn addresses(group: &[Vec<TcpListener>]) -> Vec<Vec<SocketAddr>> {
        let of = |own: &Vec<TcpListener>| {
            own.iter()
                .map(|socket| socket.local_addr().unwrap())
                .collect()
        };
        group.iter().map(of).collect()
    }

    #[test]
    fn each_worker_has_a_socket_of_its_own() {
        let group = group(any(), 16, Vec::new(), 3).unwrap();
        let addresses = addresses(&group);
        assert_ne!(addresses[0][0].port(), 0);
        assert_eq!(addresses, vec![vec![addresses[0][0]]; 3]);
    }

    #[test]
    fn more_given_ones_than_workers_are_all_kept_and_missing_ones_are_bound() {
        let before = group(any(), 16, Vec::new(), 3).unwrap();
        let given: Vec<TcpListener> = before.into_iter().flatten().collect();
        let fewer = group(any(), 16, given, 2).unwrap();
        assert_eq!(fewer.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        let given: Vec<TcpListener> = fewer.into_iter().flatten().collect();
        let more = group(any(), 16, given, 5).unwrap();
        assert_eq!(more.iter().map(Vec::len).collect::<Vec<_>>(), [1; 5]);
        let addresses = addresses(&more);
        assert!(addresses.iter().all(|own| own[0] == addresses[0][0]));
    }

    #[test]
    fn workers_share_a_socket_that_nothing_can_be_bound_beside() {
        let alone = TcpListener::bind(any()).unwrap();
        let address = alone.local_addr().unwrap();
        let group = group(address, 16, vec![alone], 2).unwrap();
        assert_eq!(addresses(&group), vec![vec![address]; 2]);
    }

    #[test]
    fn sockets_are_found_by_what_the_configuration_asked_for() {
        let mut given = Given::default();
        for _ in 0..2 {
            for sockets in group(any(), 16, Vec::new(), 2).unwrap() {
                for socket in sockets {
                    let name = Name {
                        role: Some(Role::Proxy),
                        asked: any(),
                    };
                    given.push(name, socket);
                }
            }
        }
        assert!(given.take(Role::Admin, any()).is_empty());
        let first = given.take(Role::Proxy, any());
        let second = given.take(Role::Proxy, any());
        let ports = |sockets: &[TcpListener]| -> Vec<u16> {
            let port = |socket: &TcpListener| socket.local_addr().unwrap().port();
            sockets.iter().map(port).collect()
        };
        let (first, second) = (ports(&first), ports(&second));
        assert_eq!((first.len(), second.len()), (2, 2));
        assert_eq!((first[0], second[0]), (first[1], second[1]));
        assert_ne!(first[0], second[0]);
        assert!(given.take(Role::Proxy, any()).is_empty());
    }
}
