//! The end that connects.

use std::rc::Rc;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;

use crate::net::Pool;
use crate::net::Stream;
use crate::net::tls::Failure;
use crate::net::tls::engine::Engine;
use crate::net::tls::engine::Side;
use crate::net::tls::handshake::handshake;
use crate::net::tls::session::Session;

/// Makes a connected plain stream one that speaks TLS with `name`, as `config` says. How long that may take is the
/// caller's deadline; a stream whose handshake was given up is of no use.
///
/// # Errors
/// When the other end is not whom we want, or the connection fails.
pub async fn connect(
    stream: &mut Stream,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    pool: &Rc<Pool>,
) -> Result<(), Failure> {
    let conn = UnbufferedClientConnection::new(config, name)?;
    let session = Session::new(Engine::new(Side::Client(conn)), Vec::new());
    handshake(
        (&mut stream.reader, &mut stream.writer),
        session,
        pool,
        async || {},
        |_| {},
    )
    .await
}
