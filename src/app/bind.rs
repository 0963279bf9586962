//! The sockets that the gateway listens on: those that it was given, and those that it binds itself.

use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;

use crate::app::upgrade::Given;
use crate::app::upgrade::Held;
use crate::app::upgrade::Role;
use crate::app::upgrade::group;
use crate::config::Model;
use crate::config::model;
use crate::shard::Listening;

/// What the workers listen on.
pub(super) struct Bound {
    /// Each worker's own sockets, and to which listener each belongs.
    pub(super) sockets: Vec<Vec<(TcpListener, usize)>>,
    /// In the order of the configuration.
    pub(super) listeners: Vec<Listening>,
}

impl Bound {
    /// Where they are.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|own| own.address).collect()
    }
}

/// Every socket of this process: given or bound, and held for the process after it.
#[derive(Default)]
pub(super) struct Sockets {
    pub(super) given: Given,
    pub(super) held: Held,
}

impl Sockets {
    /// The listeners' sockets for each worker; all of a group are bound before any is used.
    pub(super) fn listeners(&mut self, model: &Model, workers: u16) -> io::Result<Bound> {
        let mut bound = Bound {
            sockets: (0..workers).map(|_| Vec::new()).collect(),
            listeners: Vec::with_capacity(model.listeners.len()),
        };
        for entry in &model.listeners {
            self.listener(entry, &mut bound)?;
        }
        Ok(bound)
    }

    fn listener(&mut self, entry: &model::Listener, bound: &mut Bound) -> io::Result<()> {
        let asked: SocketAddr = entry.address;
        let (mut address, number) = (asked, bound.listeners.len());
        let backlog = i32::try_from(entry.backlog).unwrap_or(i32::MAX);
        let given = self.given.take(Role::Proxy, asked);
        let group = group(asked, backlog, given, bound.sockets.len())
            .map_err(|error| io::Error::other(format!("cannot listen on {asked}: {error}")))?;
        for (own, sockets) in bound.sockets.iter_mut().zip(group) {
            for socket in sockets {
                self.held.keep(Role::Proxy, asked, &socket)?;
                address = socket.local_addr()?;
                own.push((socket, number));
            }
        }
        tracing::info!("listening on {address}");
        bound.listeners.push(Listening {
            address,
            proxy_protocol: entry.proxy_protocol,
            tls: entry.tls.as_ref().and_then(|_| u16::try_from(number).ok()),
        });
        Ok(())
    }

    /// The Admin API's socket.
    pub(super) async fn admin(
        &mut self,
        address: SocketAddr,
    ) -> io::Result<tokio::net::TcpListener> {
        let given = self.given.take(Role::Admin, address).into_iter().next();
        let socket = match given {
            Some(socket) => socket,
            None => {
                let bound = tokio::net::TcpListener::bind(address).await;
                let bound = bound.map_err(|error| {
                    let said = format!("cannot listen on {address} for the Admin API: {error}");
                    io::Error::other(said)
                })?;
                bound.into_std()?
            }
        };
        self.held.keep(Role::Admin, address, &socket)?;
        socket.set_nonblocking(true)?;
        tracing::info!("admin on {}", socket.local_addr()?);
        tokio::net::TcpListener::from_std(socket)
    }

    /// What is held, once everything is bound; what was given in vain is told and closed.
    pub(super) fn held(self) -> Held {
        for address in self.given.addresses() {
            tracing::warn!("{address} was handed over, but nothing listens there any more");
        }
        self.held
    }
}
