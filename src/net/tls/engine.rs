//! One end of a TLS connection without its socket: records in, plaintext out, and back.

use std::ops::Deref;

use rustls::CommonState;
use rustls::Error;
use rustls::client::ClientConnectionData;
use rustls::client::UnbufferedClientConnection;
use rustls::server::ServerConnectionData;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::ConnectionState;
use rustls::unbuffered::EncodeError;
use rustls::unbuffered::EncryptError;
use rustls::unbuffered::UnbufferedConnectionCommon;
use rustls::unbuffered::UnbufferedStatus;
use rustls::unbuffered::WriteTraffic;

use crate::base::limits;

/// The two ends that rustls knows.
pub(super) enum Side {
    /// We have connected.
    Client(UnbufferedClientConnection),
    /// We have accepted.
    Server(UnbufferedServerConnection),
}

/// The state of the protocol.
pub(super) struct Engine {
    side: Side,
    /// Records that the protocol itself has to say: handshake, key updates, alerts. They go out before any other.
    due: Vec<u8>,
    /// The other end has said that it is done.
    ended: bool,
    /// The protocol is broken: rustls must not be asked for anything more.
    broken: bool,
}

impl Engine {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            due: Vec::new(),
            ended: false,
            broken: false,
        }
    }

    /// What is known of the connection.
    pub(super) fn state(&self) -> &CommonState {
        match &self.side {
            Side::Client(conn) => conn,
            Side::Server(conn) => conn,
        }
    }

    /// Whether the other end has said that it is done.
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether there are records that have to be sent.
    pub(super) fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// How many bytes have to be sent.
    pub(super) fn due_bytes(&self) -> usize {
        self.due.len()
    }

    /// Hands out what has to be sent.
    pub(super) fn take_due(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.due)
    }

    /// What has to be sent first of all: what is left of an earlier attempt.
    pub(super) fn put_back_due(&mut self, rest: Vec<u8>) {
        debug_assert!(self.due.is_empty(), "nothing has come meanwhile");
        self.due = rest;
    }

    /// Takes every complete record out of `incoming`; what is left is the beginning of the next. Plaintext goes to
    /// `sink`.
    ///
    /// # Errors
    /// When the other end breaks the protocol; an alert that says so is due then.
    pub(super) fn feed(
        &mut self,
        incoming: &mut Vec<u8>,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Error> {
        self.intact()?;
        let fed = match &mut self.side {
            Side::Client(conn) => feed(&mut **conn, incoming, &mut self.due, sink),
            Side::Server(conn) => feed(&mut **conn, incoming, &mut self.due, sink),
        };
        self.broken = fed.is_err();
        self.ended |= fed?;
        Ok(())
    }

    /// Encrypts `plain` behind what is in `out`, with what is due before it. `incoming` is what the last
    /// [`feed`](Self::feed) left.
    ///
    /// # Errors
    /// When nothing can be sent any more.
    pub(super) fn seal(
        &mut self,
        plain: &[u8],
        incoming: &mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.speak(incoming, out, &mut Words::Plain(plain))
    }

    /// Encrypts the word that we are done, with what is due before it.
    ///
    /// # Errors
    /// When nothing can be sent any more.
    pub(super) fn seal_end(&mut self, incoming: &mut [u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.speak(incoming, out, &mut Words::End)
    }

    /// Has new keys made for what we send, and the other end asked for the same.
    #[cfg(test)]
    pub(super) fn refresh_keys(&mut self, incoming: &mut [u8]) -> Result<(), Error> {
        match &mut self.side {
            Side::Client(conn) => refresh_keys(&mut **conn, incoming, &mut self.due),
            Side::Server(conn) => refresh_keys(&mut **conn, incoming, &mut self.due),
        }
    }

    fn speak(
        &mut self,
        incoming: &mut [u8],
        out: &mut Vec<u8>,
        words: &mut Words<'_>,
    ) -> Result<(), Error> {
        self.intact()?;
        let due = &mut self.due;
        let spoken = match &mut self.side {
            Side::Client(conn) => speak(&mut **conn, incoming, due, out, words),
            Side::Server(conn) => speak(&mut **conn, incoming, due, out, words),
        };
        self.broken = spoken.is_err();
        spoken
    }

    fn intact(&self) -> Result<(), Error> {
        if self.broken {
            return Err(Error::General("the connection has failed".to_owned()));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("ended", &self.ended)
            .field("due", &self.due.len())
            .finish_non_exhaustive()
    }
}

/// The most bytes that `plain` bytes take when they are encrypted.
pub(super) const fn sealed_bytes(plain: usize) -> usize {
    let records = plain.div_ceil(limits::TLS_RECORD_PLAIN_BYTES);
    plain + records * limits::TLS_RECORD_OVERHEAD_BYTES
}

/// What the two kinds of connections have in common but no trait of rustls says.
trait Records: Deref<Target = CommonState> {
    type Data;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data>;
}

impl Records for UnbufferedConnectionCommon<ClientConnectionData> {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }
}

impl Records for UnbufferedConnectionCommon<ServerConnectionData> {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }
}

/// What one step of the protocol came to.
enum Step<'c, Data> {
    /// There may be more.
    Again,
    /// The other end is done; nothing of it follows.
    Ended,
    /// More bytes are needed.
    Blocked,
    /// Everything is processed, and we may speak.
    Open(WriteTraffic<'c, Data>),
    /// Both ends are done.
    Closed,
}

/// Carries one state out.
fn step<'c, Data>(
    state: Result<ConnectionState<'c, '_, Data>, Error>,
    discard: &mut usize,
    due: &mut Vec<u8>,
    sink: &mut dyn FnMut(&[u8]),
) -> Result<Step<'c, Data>, Error> {
    Ok(match state? {
        ConnectionState::ReadTraffic(mut traffic) => {
            while let Some(record) = traffic.next_record() {
                let record = record?;
                *discard += record.discard;
                sink(record.payload);
            }
            Step::Again
        }
        ConnectionState::EncodeTlsData(mut data) => {
            encode(due, |out| data.encode(out))?;
            Step::Again
        }
        ConnectionState::TransmitTlsData(data) => {
            data.done();
            Step::Again
        }
        ConnectionState::PeerClosed => Step::Ended,
        ConnectionState::Closed => Step::Closed,
        ConnectionState::BlockedHandshake => Step::Blocked,
        ConnectionState::WriteTraffic(traffic) => Step::Open(traffic),
        // Early data is never accepted, so none is to be read.
        _ => {
            return Err(Error::General(
                "unexpected state of a connection".to_owned(),
            ));
        }
    })
}

/// Appends what `encode` writes, which tells how much room it needs.
fn encode(
    out: &mut Vec<u8>,
    mut encode: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>,
) -> Result<(), Error> {
    let start = out.len();
    loop {
        match encode(out.get_mut(start..).unwrap_or_default()) {
            Ok(written) => {
                out.truncate(start + written);
                return Ok(());
            }
            Err(EncodeError::InsufficientSize(short)) => out.resize(start + short.required_size, 0),
            Err(error @ EncodeError::AlreadyEncoded) => {
                return Err(Error::General(error.to_string()));
            }
        }
    }
}

/// Whether the other end is done.
fn feed<C: Records + ?Sized>(
    conn: &mut C,
    incoming: &mut Vec<u8>,
    due: &mut Vec<u8>,
    sink: &mut dyn FnMut(&[u8]),
) -> Result<bool, Error> {
    let (mut start, mut ended) = (0, false);
    let fed = loop {
        let status = conn.process(incoming.get_mut(start..).unwrap_or_default());
        let mut discard = status.discard;
        let stepped = step(status.state, &mut discard, due, sink);
        start += discard;
        match stepped {
            Ok(Step::Again) => {}
            Ok(Step::Ended) => ended = true,
            Ok(Step::Blocked | Step::Open(_)) => break Ok(()),
            Ok(Step::Closed) => {
                ended = true;
                break Ok(());
            }
            Err(error) => break Err(error),
        }
    };
    match fed {
        Ok(()) if ended => incoming.clear(),
        Ok(()) => drop(incoming.drain(..start.min(incoming.len()))),
        Err(error) => {
            incoming.clear();
            last_words(conn, due)?;
            return Err(error);
        }
    }
    Ok(ended)
}

/// Collects the alert that a failure has made due. With records waiting to be encoded nothing else is looked at.
fn last_words<C: Records + ?Sized>(conn: &mut C, due: &mut Vec<u8>) -> Result<(), Error> {
    while conn.wants_write() {
        let status = conn.process(&mut []);
        let mut discard = 0;
        step(status.state, &mut discard, due, &mut |_| {})?;
    }
    Ok(())
}

/// What is to be encrypted.
enum Words<'a> {
    Plain(&'a [u8]),
    End,
}

fn speak<C: Records + ?Sized>(
    conn: &mut C,
    incoming: &mut [u8],
    due: &mut Vec<u8>,
    out: &mut Vec<u8>,
    words: &mut Words<'_>,
) -> Result<(), Error> {
    loop {
        let status = conn.process(incoming);
        debug_assert_eq!(status.discard, 0, "no complete record is left");
        let mut discard = 0;
        match step(status.state, &mut discard, due, &mut |_| {})? {
            Step::Again | Step::Ended => {}
            Step::Open(traffic) => {
                out.append(due);
                return encrypt(traffic, out, words);
            }
            Step::Blocked => return Err(Error::HandshakeNotComplete),
            Step::Closed => return Err(Error::General("the connection is closed".to_owned())),
        }
    }
}

fn encrypt<Data>(
    mut traffic: WriteTraffic<'_, Data>,
    out: &mut Vec<u8>,
    words: &mut Words<'_>,
) -> Result<(), Error> {
    let start = out.len();
    let expected = match words {
        Words::Plain(plain) => sealed_bytes(plain.len()),
        Words::End => limits::TLS_RECORD_OVERHEAD_BYTES,
    };
    out.resize(start + expected, 0);
    loop {
        let room = out.get_mut(start..).unwrap_or_default();
        let written = match words {
            Words::Plain(plain) => traffic.encrypt(plain, room),
            Words::End => traffic.queue_close_notify(room),
        };
        match written {
            Ok(written) => {
                out.truncate(start + written);
                return Ok(());
            }
            // A key update goes out with it.
            Err(EncryptError::InsufficientSize(short)) => {
                out.resize(start + short.required_size, 0);
            }
            Err(error @ EncryptError::EncryptExhausted) => {
                out.truncate(start);
                return Err(Error::General(error.to_string()));
            }
        }
    }
}

#[cfg(test)]
fn refresh_keys<C: Records + ?Sized>(
    conn: &mut C,
    incoming: &mut [u8],
    due: &mut Vec<u8>,
) -> Result<(), Error> {
    loop {
        let status = conn.process(incoming);
        match step(status.state, &mut 0, due, &mut |_| {})? {
            Step::Open(traffic) => return traffic.refresh_traffic_keys(),
            Step::Again | Step::Ended => {}
            Step::Blocked | Step::Closed => return Err(Error::HandshakeNotComplete),
        }
    }
}
