//! One downstream connection: what lives as long as it is open, kept small because most of them are idle.

use std::net::SocketAddr;
use std::rc::Rc;

use crate::base::clock::Instant;
use crate::base::ids::RouteIndex;
use crate::http::Cause;
use crate::http::forwarded::ClientText;
use crate::net::Guard;
use crate::net::Reader;
use crate::net::Writer;
use crate::proxy::exchange::Client;
use crate::proxy::exchange::Downstream;
use crate::proxy::secure::Secured;
use crate::shard::Listening;
use crate::upstream::Pinned;

/// A client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
    /// The one deadline of this connection's task.
    pub(super) guard: Guard,
    /// Who is at the other end: the peer, or whom the PROXY protocol named.
    pub(super) client: SocketAddr,
    /// The same as text, which every request forwards.
    pub(super) text: ClientText,
    /// Which listener took it.
    pub(super) listening: Rc<Listening>,
    /// How many requests have been read on it.
    pub(super) requests: u32,
    /// Bytes that were read before their turn; they come before whatever the reader has.
    pub(super) ahead: Option<Vec<u8>>,
    /// Whether the client is listened to.
    pub(super) rest: Rest,
    /// An upstream connection that the client has authenticated and nobody else may use.
    pub(super) pinned: Option<Box<Pinned>>,
    /// What is known of the client, if it speaks TLS.
    pub(super) secured: Option<Rc<Secured>>,
}

impl Connection {
    /// Its side of the exchange that the next request begins.
    pub(super) fn side(&mut self) -> Downstream<'_> {
        self.requests = self.requests.saturating_add(1);
        Downstream {
            client: Client {
                address: self.client,
                text: &self.text,
                listening: &self.listening,
                requests: self.requests,
                ahead: &mut self.ahead,
                rest: &mut self.rest,
                pinned: &mut self.pinned,
                secured: self.secured.as_deref(),
            },
            reader: Some(&mut self.reader),
            writer: Some(&mut self.writer),
            guard: &self.guard,
        }
    }
}

/// Whether a client is listened to whose last request was shed by an overloaded core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rest {
    /// As any other.
    #[default]
    No,
    /// Not for a moment.
    Due,
    /// It had something to say when the moment was over.
    Late,
}

/// What becomes of a client's connection after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The next request may come.
    Keep,
    /// The answer is complete and says that the connection closes.
    Close,
    /// The answer is complete but the request may not be read to its end: close without losing the answer
    /// (RFC 9112 section 9.6).
    Linger,
    /// The answer was cut off: the client must not take it for complete.
    Abort,
}

/// The moments of an exchange, for its record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    /// The head was complete.
    pub(super) received: Instant,
    /// An attempt at the upstream began, the last time it was tried: to connect, then to send.
    pub(super) sent: Option<Instant>,
    /// The upstream's final head was complete.
    pub(super) answered: Option<Instant>,
    /// The answer's head and first bytes had gone to the client, and more was to come.
    pub(super) delivered: Option<Instant>,
}

/// What an exchange counts of itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) route: Option<RouteIndex>,
    /// What the client was told; zero if nothing.
    pub(super) status: u16,
    pub(super) cause: Option<Cause>,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) upstream_bytes_in: u64,
    pub(super) upstream_bytes_out: u64,
    /// Where the request went, the last time it was tried.
    pub(super) upstream: Option<SocketAddr>,
    pub(super) reused: bool,
    pub(super) retries: u32,
}
