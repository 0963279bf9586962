//! Two sessions talk over a wire that cuts wherever it can, loses its end, or lies.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::HandshakeKind;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::SupportedProtocolVersion;
use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::version::TLS12;
use rustls::version::TLS13;

use crate::base::rng::Rng;
use crate::net::Pool;
use crate::net::tls::crypto;
use crate::net::tls::engine::Engine;
use crate::net::tls::engine::Side;
use crate::net::tls::session::Session;

/// How long each piece is that the wire passes on at once.
#[derive(Clone, Copy, Debug)]
enum Cuts {
    /// Single bytes: every byte is the end of a receive.
    Bytes,
    /// The first receive ends here.
    Once(usize),
    /// Anything up to so much.
    Random(usize),
}

/// One end: its session, what is on its way to it, what it has to say and has heard.
struct End {
    session: Session,
    pool: Pool,
    /// Bytes that the wire has for it.
    inbox: VecDeque<u8>,
    /// How many bytes it has received.
    received: usize,
    /// Sealed records, and how much of them is on the wire.
    outgoing: Option<(Vec<u8>, usize)>,
    says: Vec<u8>,
    said: usize,
    heard: Vec<u8>,
    ended: Option<io::Result<()>>,
    /// It says that it is done, once it is.
    polite: bool,
}

impl End {
    fn new(side: Side, says: Vec<u8>) -> Self {
        let (mut session, pool) = (Session::new(Engine::new(side), Vec::new()), Pool::default());
        // A client has something to say before it has heard anything.
        session.process(&pool).unwrap();
        Self {
            session,
            pool,
            inbox: VecDeque::new(),
            received: 0,
            outgoing: None,
            says,
            said: 0,
            heard: Vec::new(),
            ended: None,
            polite: true,
        }
    }

    fn shakes(&self) -> bool {
        self.session.state().is_handshaking()
    }

    /// Receives once.
    fn hear(&mut self, cuts: Cuts, rng: &mut Rng) {
        if self.ended.is_some() {
            return;
        }
        let (inbox, total) = (&mut self.inbox, &mut self.received);
        let piece = match cuts {
            Cuts::Bytes => 1,
            Cuts::Once(at) if *total < at => at - *total,
            Cuts::Once(_) => usize::MAX,
            Cuts::Random(most) => rng.below(most) + 1,
        };
        let wire = |to: &mut Vec<u8>| {
            let room = to.capacity() - to.len();
            let piece = piece.min(room).min(inbox.len());
            if piece == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            to.extend(inbox.drain(..piece));
            *total += piece;
            Ok(piece)
        };
        if self.session.state().is_handshaking() {
            if self.session.fetch(&self.pool, wire).is_ok()
                && let Err(error) = self.session.process(&self.pool)
            {
                self.ended = Some(Err(io::Error::other(error)));
            }
            return;
        }
        let mut to = Vec::with_capacity(rng.below(20_000) + 1);
        match self.session.receive(&self.pool, &mut to, wire) {
            Ok(0) => self.ended = Some(Ok(())),
            Ok(received) => assert_eq!(received, to.len()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.ended = Some(Err(error)),
        }
        self.heard.extend_from_slice(&to);
    }

    /// Sends once: what is due, or a piece of what it has to say, or a part of what is on its way; short writes.
    fn say(&mut self, to: &mut VecDeque<u8>, rng: &mut Rng) {
        if let Some((records, sent)) = &mut self.outgoing {
            let piece = (records.len() - *sent).min(rng.below(5_000) + 1);
            to.extend(&records[*sent..*sent + piece]);
            *sent += piece;
            if *sent == records.len() {
                self.outgoing = None;
                self.session.sent();
            }
            return;
        }
        if rng.below(2) == 0
            && let Some(due) = self.session.take_due()
        {
            let sent = rng.below(due.len() + 1);
            to.extend(&due[..sent]);
            self.session.due_sent(due, sent);
        } else if !self.shakes() && self.said < self.says.len() {
            let piece = (self.says.len() - self.said).min(rng.below(90_000) + 1);
            let plain = &self.says[self.said..self.said + piece];
            if let Ok(sealed) = self.session.seal(&self.pool, plain) {
                self.said += sealed.taken;
                self.outgoing = Some((sealed.records, 0));
            }
        } else if !self.shakes()
            && self.said == self.says.len()
            && self.polite
            && let Some(records) = self.session.seal_end(&self.pool)
        {
            self.outgoing = Some((records, 0));
        }
    }
}

struct Configs {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

fn configs(version: &'static SupportedProtocolVersion) -> Configs {
    let signed = rcgen::generate_simple_self_signed(["test.example".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let chain = vec![signed.cert.der().clone()];
    let mut roots = RootCertStore::empty();
    roots.add(chain[0].clone()).unwrap();
    let provider = || Arc::clone(crypto::provider());
    let client = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Configs {
        client: Arc::new(client),
        server: Arc::new(server),
    }
}

fn ends(configs: &Configs, rng: &mut Rng, bytes: usize) -> (End, End) {
    let name = ServerName::try_from("test.example").unwrap();
    let client = UnbufferedClientConnection::new(Arc::clone(&configs.client), name).unwrap();
    let server = UnbufferedServerConnection::new(Arc::clone(&configs.server)).unwrap();
    let mut says = || -> Vec<u8> {
        let length = rng.below(bytes + 1);
        (0..length).map(|_| rng.below(256) as u8).collect()
    };
    let (up, down) = (says(), says());
    (
        End::new(Side::Client(client), up),
        End::new(Side::Server(server), down),
    )
}

/// Lets both talk until both have heard the other's end; `mischief` sees the wires after each round.
fn talk(
    client: &mut End,
    server: &mut End,
    cuts: (Cuts, Cuts),
    rng: &mut Rng,
    mut mischief: impl FnMut(&mut End, &mut End, &mut Rng),
) {
    for _ in 0..1_000_000 {
        client.say(&mut server.inbox, rng);
        server.say(&mut client.inbox, rng);
        mischief(client, server, rng);
        server.hear(cuts.0, rng);
        client.hear(cuts.1, rng);
        if client.ended.is_some() && server.ended.is_some() {
            return;
        }
    }
    panic!(
        "the talk does not end: {:?} {:?}",
        client.session, server.session
    );
}

fn assert_complete(client: &End, server: &End) {
    assert!(matches!(client.ended, Some(Ok(()))), "{:?}", client.ended);
    assert!(matches!(server.ended, Some(Ok(()))), "{:?}", server.ended);
    assert!(client.says == server.heard && server.says == client.heard);
    for end in [client, server] {
        assert_eq!(end.session.held(), 0, "an idle session holds no buffer");
    }
}

#[test]
fn every_byte_is_a_cut() {
    for version in [&TLS12, &TLS13] {
        let configs = configs(version);
        let mut rng = Rng::seeded(1);
        let (mut client, mut server) = ends(&configs, &mut rng, 40_000);
        let cuts = (Cuts::Bytes, Cuts::Bytes);
        talk(&mut client, &mut server, cuts, &mut rng, |_, _, _| {});
        assert_complete(&client, &server);
    }
}

#[test]
fn a_cut_at_any_place_of_a_handshake() {
    for version in [&TLS12, &TLS13] {
        let configs = configs(version);
        for at in (1..1_500).step_by(13) {
            let mut rng = Rng::seeded(at);
            let (mut client, mut server) = ends(&configs, &mut rng, 100);
            let cuts = (Cuts::Once(at as usize), Cuts::Once(at as usize));
            talk(&mut client, &mut server, cuts, &mut rng, |_, _, _| {});
            assert_complete(&client, &server);
        }
    }
}

#[test]
fn random_cuts_with_new_keys_on_the_way() {
    for (seed, version) in (0..30).zip([&TLS12, &TLS13].into_iter().cycle()) {
        let configs = configs(version);
        let mut rng = Rng::seeded(seed);
        let (mut client, mut server) = ends(&configs, &mut rng, 300_000);
        let cuts = (Cuts::Random(3_000), Cuts::Random(40_000));
        talk(
            &mut client,
            &mut server,
            cuts,
            &mut rng,
            |client, server, rng| {
                if version.version == TLS13.version && rng.below(50) == 0 {
                    for end in [client, server] {
                        if !end.shakes() && end.outgoing.is_none() && end.said < end.says.len() {
                            end.session.refresh_keys().unwrap();
                        }
                    }
                }
            },
        );
        assert_complete(&client, &server);
    }
}

#[test]
fn a_lie_on_the_wire_is_an_error_and_what_was_heard_is_true() {
    for (seed, version) in (0..60).zip([&TLS12, &TLS13].into_iter().cycle()) {
        let configs = configs(version);
        let mut rng = Rng::seeded(seed);
        let (mut client, mut server) = ends(&configs, &mut rng, 20_000);
        // After its own end rustls asserts, in debug builds, that no fault is left to be told.
        (client.polite, server.polite) = (false, false);
        let (mut lie_at, mut passed) = (rng.below(3_000), 0);
        let cuts = (Cuts::Random(700), Cuts::Random(700));
        talk(
            &mut client,
            &mut server,
            cuts,
            &mut rng,
            |client, server, rng| {
                passed += server.inbox.len();
                if passed > lie_at && !server.inbox.is_empty() {
                    let place = rng.below(server.inbox.len());
                    server.inbox[place] ^= 1 << rng.below(8);
                    lie_at = usize::MAX;
                }
                // A wrong length makes the reader wait for bytes that do not come: then the connection ends.
                if server.ended.is_some() || server.inbox.is_empty() && rng.below(400) == 0 {
                    for end in [client, server] {
                        end.ended.get_or_insert(Err(io::ErrorKind::TimedOut.into()));
                    }
                }
            },
        );
        assert!(server.says.starts_with(&client.heard));
        assert!(client.says.starts_with(&server.heard));
    }
}

#[test]
fn an_end_that_nobody_announced_is_an_error() {
    for version in [&TLS12, &TLS13] {
        let configs = configs(version);
        let mut rng = Rng::seeded(7);
        let (mut client, mut server) = ends(&configs, &mut rng, 0);
        client.says = b"all of it?".to_vec();
        server.session.abandon();
        let cuts = (Cuts::Random(900), Cuts::Random(900));
        talk(
            &mut client,
            &mut server,
            cuts,
            &mut rng,
            |client, server, _| {
                if server.ended.is_some() {
                    client.ended.get_or_insert(Ok(()));
                }
            },
        );
        assert_eq!(server.heard, b"all of it?");
        let mut to = Vec::with_capacity(10);
        let cut = client.session.receive(&client.pool, &mut to, |_| Ok(0));
        assert_eq!(cut.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(client.session.has_pending() && !client.session.has_failed());
        // After the word that it is the end, the end is none.
        let end = server.session.receive(&server.pool, &mut to, |_| Ok(0));
        assert_eq!(end.unwrap(), 0);
    }
}

#[test]
fn tickets_are_no_noise_and_resume() {
    for version in [&TLS12, &TLS13] {
        let mut configs = configs(version);
        Arc::get_mut(&mut configs.server).unwrap().ticketer = crypto::ticketer().unwrap();
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut rng = Rng::seeded(3);
            let (mut client, mut server) = ends(&configs, &mut rng, 0);
            for _ in 0..10 {
                for (end, other) in [(0, 1), (1, 0)] {
                    let both = [&mut client, &mut server];
                    if let Some(due) = both[end].session.take_due() {
                        both[other].inbox.extend(&due);
                        let sent = due.len();
                        both[end].session.due_sent(due, sent);
                    }
                    both[other].hear(Cuts::Random(100_000), &mut rng);
                }
            }
            if let Some(due) = server.session.take_due() {
                client.inbox.extend(&due);
            }
            let inbox = &mut client.inbox;
            let silent = client.session.is_silent(&client.pool, |to| {
                if inbox.is_empty() {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                let length = inbox.len();
                to.extend(inbox.drain(..));
                Ok(length)
            });
            assert!(silent);
            assert_eq!(client.session.held(), 0);
            assert_eq!(server.session.state().handshake_kind(), Some(kind));
        }
    }
}
