//! The service manager: the sockets that it holds for us, and what it is told. Without one nothing of this happens.

use std::net::TcpListener;

use listenfd::ListenFd;
use sd_notify::NotifyState;

use super::sockets::Held;

/// The listening sockets that systemd has passed (sd_listen_fds(3)): those of a socket unit, and those that an earlier
/// process has left with it.
pub(super) fn sockets() -> Vec<TcpListener> {
    let mut passed = ListenFd::from_env();
    let mut sockets = Vec::with_capacity(passed.len());
    for at in 0..passed.len() {
        match passed.take_tcp_listener(at) {
            Ok(Some(socket)) => sockets.push(socket),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!("socket {at} of the service manager is of no use: {error}")
            }
        }
    }
    sockets
}

/// Says that the gateway serves, and which process it is.
pub(super) fn ready() {
    let pid = std::process::id();
    say(&[
        NotifyState::MainPid(pid),
        NotifyState::Ready,
        NotifyState::Status("serving"),
    ]);
}

/// Leaves copies of the sockets with the service manager, so that a restart refuses nobody. It takes them if the unit
/// has `FileDescriptorStoreMax=`, and keeps one of each.
pub(super) fn keep(held: &Held) {
    let state = [NotifyState::FdStore, NotifyState::FdName("silverback")];
    // As many as travel with one message.
    for sockets in held.descriptors().chunks(super::channel::SOCKETS_AT_ONCE) {
        if let Err(error) = sd_notify::notify_with_fds(&state, sockets) {
            tracing::warn!("the service manager takes no sockets: {error}");
        }
    }
}

fn say(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("the service manager does not hear: {error}");
    }
}
