//! A handshake over a socket, from either end.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::base::clock;
use crate::net::Pool;
use crate::net::Reader;
use crate::net::Writer;
use crate::net::stream::secure;
use crate::net::tls::session::Session;
use crate::net::tls::session::Tls;

/// Why there is no TLS on a connection.
#[derive(Debug)]
pub enum Failure {
    /// The protocol does not permit it.
    Tls(rustls::Error),
    /// The connection fails or ends.
    Io(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

impl From<rustls::Error> for Failure {
    fn from(error: rustls::Error) -> Self {
        Self::Tls(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Brings `session` to where both ends may speak, and gives it to both halves.
pub(super) async fn handshake(
    (reader, writer): (&mut Reader, &mut Writer),
    mut session: Session,
    pool: &Rc<Pool>,
    mut turn: impl AsyncFnMut(),
    mut spent: impl FnMut(Duration),
) -> Result<(), Failure> {
    loop {
        turn().await;
        let begun = clock::now();
        let processed = session.process(pool);
        spent(Duration::from_nanos(clock::now().nanos_since(begun)));
        let done = processed.is_ok() && !session.state().is_handshaking();
        // What is due after the last message of the other end may wait for the answer to what it has asked already.
        if !(done && session.has_pending())
            && let Some(due) = session.take_due()
        {
            let (result, due) = writer.write_raw(due).await;
            let sent = if result.is_ok() { due.len() } else { 0 };
            session.due_sent(due, sent);
            // The fault that an alert was to tell of is the one that counts.
            if processed.is_ok() {
                result?;
            }
        }
        processed?;
        if done {
            break;
        }
        reader.readable().await;
        match session.fetch(pool, |incoming| reader.receive_raw(incoming)) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error.into()),
            Ok(_) | Err(_) => {}
        }
    }
    let tls = Tls {
        session: RefCell::new(session),
        pool: Rc::clone(pool),
    };
    secure(reader, writer, &Rc::new(tls));
    Ok(())
}
