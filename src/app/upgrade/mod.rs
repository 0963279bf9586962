//! A new process in the place of the running one, without a connection refused or a request lost.
//!
//! The old process starts the new one with one end of a `channel` as its standard input, sends it copies of all
//! listening sockets, closes the store when the new one asks for it, and serves on. Once every worker of the new one
//! serves, the old one leaves the sockets alone and drains. Whatever goes wrong before that moment ends the new
//! process and nothing else. Who asks for it comes through the `doorway`: `silverback upgrade`, or SIGUSR2.

mod ask;
mod channel;
mod doorway;
mod predecessor;
mod sockets;
mod succession;
mod systemd;

use std::io;
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;
use uuid::Uuid;

pub use ask::ask;
pub use channel::Role;
pub use doorway::Doorway;
pub use predecessor::Predecessor;
pub use sockets::Given;
pub use sockets::Held;
pub use sockets::group;
pub use succession::Succession;

use channel::Name;

/// What is asked for through the doorway, a line of JSON.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
pub struct Wish {
    /// The program; without one the running one's, as it is on disk now.
    pub binary: Option<std::path::PathBuf>,
    /// Seconds that the new process has to become ready.
    pub patience_s: Option<u64>,
}

/// What is answered, lines of JSON.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "text", rename_all = "snake_case")]
enum News {
    /// How far it is.
    Progress(String),
    /// The new process serves.
    Ready(String),
    /// There is no new process, the old one serves on.
    Failed(String),
    /// What the old process still has to do.
    Draining(String),
}

/// What this process was given at its start: by the process that it replaces, or else by systemd.
///
/// # Errors
/// When the process that it replaces does not hand anything over.
pub fn inherit() -> io::Result<(Option<Arc<Predecessor>>, Given)> {
    if let Some((predecessor, given)) = Predecessor::find()? {
        return Ok((Some(Arc::new(predecessor)), given));
    }
    let mut given = Given::default();
    for socket in systemd::sockets() {
        let asked: SocketAddr = socket.local_addr()?;
        given.push(Name { role: None, asked }, socket);
    }
    Ok((None, given))
}

/// The doorway of the gateway that runs by this configuration file, in Linux' abstract namespace: it needs no directory,
/// leaves nothing behind, and who may ask is decided by who asks.
fn address(config: &Path) -> io::Result<net::SocketAddr> {
    let config = config.canonicalize()?;
    let path = Uuid::new_v5(&Uuid::NAMESPACE_URL, config.as_os_str().as_bytes());
    net::SocketAddr::from_abstract_name(format!("silverback-{path}"))
}
