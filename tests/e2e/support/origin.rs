//! A scripted origin on a raw socket. The script is a closure that is given each connection in turn; it reads
//! requests, sends bytes, waits at gates, resets or stops reading. Everything it sees is kept: exact heads,
//! which connection they came on, a ledger of request ids, how each connection ended.

use std::collections::HashMap;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use super::gate::Watched;
use super::message::Body;
use super::message::Head;
use super::wire::End;
use super::wire::PATIENCE;
use super::wire::Wire;

/// The request field that names a request in the ledger.
pub(crate) const ID: &str = "x-test-id";

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Which connection, counted from 0 in the order of acceptance.
    pub(crate) connection: usize,
    pub(crate) head: Head,
    pub(crate) body: Body,
    /// Whether the body came to the end that its framing announced.
    pub(crate) complete: bool,
}

#[derive(Default)]
struct Record {
    connections: usize,
    requests: Vec<Received>,
    /// Heads of which the body may still be coming.
    heads: Vec<(usize, Head)>,
    ends: HashMap<usize, End>,
    sent: u64,
    sends: usize,
    open: HashMap<usize, TcpStream>,
    stopping: bool,
}

/// The origin; dropping it ends its connections.
pub(crate) struct Origin {
    address: SocketAddr,
    record: Watched<Record>,
}

/// One connection in the hands of the script.
pub(crate) struct Peer {
    pub(crate) wire: Wire,
    /// The connection's number.
    pub(crate) number: usize,
    record: Watched<Record>,
}

impl Origin {
    /// Runs the script on every connection, each on a thread of its own.
    pub(crate) fn start(script: impl Fn(Peer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::on(listener, script)
    }

    /// As [`Origin::start`] on a listener of the caller's.
    pub(crate) fn on(listener: TcpListener, script: impl Fn(Peer) + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().unwrap();
        let record = Watched::<Record>::default();
        let shared = record.clone();
        let script = Arc::new(script);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                let number = shared.change(|r| {
                    r.connections += 1;
                    let number = r.connections - 1;
                    if let Ok(twin) = stream.try_clone() {
                        r.open.insert(number, twin);
                    }
                    number
                });
                if shared.read(|r| r.stopping) {
                    return;
                }
                let (script, record) = (Arc::clone(&script), shared.clone());
                std::thread::spawn(move || {
                    script(Peer {
                        wire: Wire::new(stream),
                        number,
                        record: record.clone(),
                    });
                    record.change(|r| r.open.remove(&number));
                });
            }
        });
        Self { address, record }
    }

    /// Answers every request with the same bytes and keeps the connection.
    pub(crate) fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |mut peer| {
            while peer.request().is_some() {
                peer.send(&bytes);
            }
        })
    }

    /// Answers every request with 200 and `hello`.
    pub(crate) fn hello() -> Self {
        Self::answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    }

    /// Answers every request with 200 and the request's own body, its head's length and id in fields.
    pub(crate) fn echo() -> Self {
        Self::start(|mut peer| {
            while let Some(request) = peer.request() {
                peer.echo(&request);
            }
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections were accepted.
    pub(crate) fn connections(&self) -> usize {
        self.record.read(|r| r.connections)
    }

    /// The requests whose body has ended, completely or not.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.record.read(|r| r.requests.clone())
    }

    /// Waits for the request with this number.
    #[track_caller]
    pub(crate) fn wait_request(&self, number: usize) -> Received {
        self.record
            .wait_for(PATIENCE, |r| r.requests.get(number).cloned())
            .unwrap_or_else(|| panic!("request {number} never reached the origin"))
    }

    /// Waits for the head with this number; its body may still be coming.
    #[track_caller]
    pub(crate) fn wait_head(&self, number: usize) -> (usize, Head) {
        self.record
            .wait_for(PATIENCE, |r| r.heads.get(number).cloned())
            .unwrap_or_else(|| panic!("head {number} never reached the origin"))
    }

    /// How many heads were read.
    pub(crate) fn heads(&self) -> usize {
        self.record.read(|r| r.heads.len())
    }

    /// Waits until the script has seen connection `number` end, and says how.
    #[track_caller]
    pub(crate) fn wait_end(&self, number: usize) -> End {
        self.record
            .wait_for(PATIENCE, |r| r.ends.get(&number).copied())
            .unwrap_or_else(|| panic!("connection {number} never ended"))
    }

    /// How connection `number` ended, if it did.
    pub(crate) fn end(&self, number: usize) -> Option<End> {
        self.record.read(|r| r.ends.get(&number).copied())
    }

    /// How many bytes the scripts got rid of.
    pub(crate) fn sent(&self) -> u64 {
        self.record.read(|r| r.sent)
    }

    /// How many times the scripts have sent something to its end.
    pub(crate) fn sends(&self) -> usize {
        self.record.read(|r| r.sends)
    }

    /// How many connections have a script that still runs.
    pub(crate) fn open_connections(&self) -> usize {
        self.record.read(|r| r.open.len())
    }

    /// How often each id was seen.
    pub(crate) fn ledger(&self) -> HashMap<String, usize> {
        self.record.read(|r| {
            let mut ledger = HashMap::new();
            for (_, head) in &r.heads {
                for id in head.all(ID) {
                    *ledger.entry(id.to_owned()).or_insert(0) += 1;
                }
            }
            ledger
        })
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.record.change(|r| {
            r.stopping = true;
            for stream in r.open.values() {
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

impl Peer {
    /// Reads a head; `None` (and the end noted) when the connection ends instead.
    pub(crate) fn head(&mut self) -> Option<Head> {
        match self.wire.read_head() {
            Ok(head) => {
                self.record
                    .change(|r| r.heads.push((self.number, head.clone())));
                Some(head)
            }
            Err(broken) => {
                self.note_end(broken.end);
                None
            }
        }
    }

    /// Reads the body that belongs to the head and keeps both; `None` when it was cut short.
    pub(crate) fn body(&mut self, head: &Head) -> Option<Received> {
        let body = if head.has_token("transfer-encoding", "chunked") {
            self.wire.read_chunked()
        } else {
            self.wire.read_sized(head.length().unwrap_or(0))
        };
        let (body, end) = match body {
            Ok(body) => (body, None),
            Err((bytes, end)) => (Body::plain(bytes), Some(end)),
        };
        let received = Received {
            connection: self.number,
            head: head.clone(),
            body,
            complete: end.is_none(),
        };
        self.record.change(|r| r.requests.push(received.clone()));
        match end {
            None => Some(received),
            Some(end) => {
                self.note_end(end);
                None
            }
        }
    }

    /// Reads one whole request.
    pub(crate) fn request(&mut self) -> Option<Received> {
        let head = self.head()?;
        self.body(&head)
    }

    /// Sends bytes; returns whether the other side still takes them.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        for piece in bytes.as_ref().chunks(65_536) {
            if self.wire.write(piece).is_err() {
                return false;
            }
            self.record.change(|r| r.sent += piece.len() as u64);
        }
        self.record.change(|r| r.sends += 1);
        true
    }

    /// Answers 200 with the bytes as body.
    pub(crate) fn reply(&mut self, body: impl AsRef<[u8]>) -> bool {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        self.send([head.as_bytes(), body].concat())
    }

    /// Answers with the request's own body, id and target.
    pub(crate) fn echo(&mut self, request: &Received) -> bool {
        let id = request.head.all(ID).join(",");
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nX-Test-Id: {id}\r\nX-Target: {}\r\n\r\n",
            request.body.bytes.len(),
            request.head.target()
        );
        self.send([head.as_bytes(), &request.body.bytes].concat())
    }

    /// Waits for the other side to end the connection; what came before is returned.
    pub(crate) fn wait_end(&mut self) -> Vec<u8> {
        let (bytes, end) = self.wire.read_to_end();
        self.note_end(end);
        bytes
    }

    /// Closes with a reset.
    pub(crate) fn reset(self) {
        self.record.change(|r| r.open.remove(&self.number));
        self.wire.reset();
    }

    /// Ends the writing direction only.
    pub(crate) fn half_close(&self) {
        self.wire.half_close();
    }

    fn note_end(&self, end: End) {
        self.record.change(|r| r.ends.insert(self.number, end));
    }
}
