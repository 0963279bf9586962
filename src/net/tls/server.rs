//! The end that accepts.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::UnbufferedServerConnection;

use crate::net::Pool;
use crate::net::Reader;
use crate::net::Writer;
use crate::net::tls::Failure;
use crate::net::tls::engine::Engine;
use crate::net::tls::engine::Side;
use crate::net::tls::handshake::handshake;
use crate::net::tls::session::Session;

/// Makes an accepted plain stream one that speaks TLS, as `config` says. `received` are bytes that were received of
/// it already. How long that may take is the caller's deadline; a stream whose handshake was given up is of no use.
///
/// `turn` is awaited before each step that computes, and `spent` is told how long the step took.
///
/// # Errors
/// When the other end breaks the protocol or has nothing in common with us, or the connection fails.
pub async fn accept(
    halves: (&mut Reader, &mut Writer),
    config: Arc<ServerConfig>,
    received: Vec<u8>,
    pool: &Rc<Pool>,
    turn: impl AsyncFnMut(),
    spent: impl FnMut(Duration),
) -> Result<(), Failure> {
    let conn = UnbufferedServerConnection::new(config)?;
    let session = Session::new(Engine::new(Side::Server(conn)), received);
    handshake(halves, session, pool, turn, spent).await
}
