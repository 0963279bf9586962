//! The requests of one connection while it has any: read a head, run its exchange, look for the next.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use crate::base::clock::Instant;
use crate::http::Cause;
use crate::http::RequestHead;
use crate::http::ResponseHead;
use crate::http::Reuse;
use crate::http::date::DateText;
use crate::http::forwarded::ClientText;
use crate::http::request_id::RequestId;
use crate::http1::chunked::Decoder;
use crate::net::Guard;
use crate::net::Reader;
use crate::net::Writer;
use crate::net::pool::Size;
use crate::proxy::admit::Verdicts;
use crate::proxy::admit::admit;
use crate::proxy::answer::answer;
use crate::proxy::body::Pumping;
use crate::proxy::body::RequestBody;
use crate::proxy::connection::Connection;
use crate::proxy::connection::Fate;
use crate::proxy::connection::Moments;
use crate::proxy::connection::Rest;
use crate::proxy::connection::Tally;
use crate::proxy::failure::Stop;
use crate::proxy::fiber::Mailbox;
use crate::proxy::forward::forward;
use crate::proxy::head::Head;
use crate::proxy::head::linger;
use crate::proxy::head::read_head;
use crate::proxy::record::record;
use crate::proxy::route::route;
use crate::proxy::secure::Secured;
use crate::proxy::serve::Context;
use crate::proxy::serve::Job;
use crate::shard::InFlight;
use crate::shard::Instance;
use crate::shard::Listening;
use crate::upstream::Pinned;
use crate::upstream::Place;
use crate::upstream::StatusSet;

/// What a fiber keeps from one exchange to the next, so that none of it is allocated again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) request: RequestHead,
    pub(super) response: ResponseHead,
    /// The canonical path, where it differs from the received one.
    pub(super) canonical: Vec<u8>,
    pub(super) request_decoder: Decoder,
    pub(super) response_decoder: Decoder,
    pub(super) verdicts: Verdicts,
}

/// One exchange: everything that its stages read and write.
pub(super) struct Exchange<'a> {
    pub(super) cx: &'a Context,
    pub(super) instance: Rc<Instance>,
    pub(super) scratch: &'a mut Scratch,

    // The client's side. The reader is lent to the pump while a body goes up; there is none if there is no client.
    pub(super) client: Client<'a>,
    pub(super) reader: Option<&'a mut Reader>,
    /// None if there is no client.
    pub(super) writer: Option<&'a mut Writer>,
    pub(super) client_guard: &'a Guard,
    /// The request's head and what arrived with it.
    pub(super) input: &'a mut Vec<u8>,
    pub(super) body: RequestBody,
    /// The client's connection persists unless something later says otherwise.
    pub(super) keep: bool,

    // The upstream's side.
    pub(super) guard: &'a Guard,
    /// How far the part of the body is that did not come with the head.
    pub(super) pumping: &'a Cell<Pumping>,
    /// When the whole exchange must have ended, if its route says so.
    pub(super) total: Option<Instant>,
    /// Its place among the core's requests in flight; none if it has no client.
    pub(super) in_flight: Option<InFlight<'a>>,
    /// Its place among the upstream's requests in flight, if those are bounded.
    pub(super) place: Option<Place>,
    /// How long the connection had been idle that the last attempt went over.
    pub(super) idle_nanos: u64,
    /// Statuses of an answer by which another target is tried.
    pub(super) unwanted: StatusSet,
    /// A cookie for a client that the balancer could not tell by one.
    pub(super) cookie: Option<Box<[u8]>>,

    // The record.
    pub(super) moments: Moments,
    pub(super) request_id: RequestId,
    pub(super) date: DateText,
    pub(super) tally: Tally,
}

/// What an exchange knows of its client's connection.
pub(super) struct Client<'a> {
    pub(super) address: SocketAddr,
    pub(super) text: &'a ClientText,
    pub(super) listening: &'a Listening,
    pub(super) requests: u32,
    pub(super) ahead: &'a mut Option<Vec<u8>>,
    pub(super) rest: &'a mut Rest,
    pub(super) pinned: &'a mut Option<Box<Pinned>>,
    /// None if it speaks no TLS, or is not there.
    pub(super) secured: Option<&'a Secured>,
}

/// The client's side of an exchange.
pub(super) struct Downstream<'a> {
    pub(super) client: Client<'a>,
    pub(super) reader: Option<&'a mut Reader>,
    pub(super) writer: Option<&'a mut Writer>,
    pub(super) guard: &'a Guard,
}

/// A fiber's own things.
pub(super) struct Own {
    pub(super) scratch: Scratch,
    guard: Guard,
    pumping: Cell<Pumping>,
}

impl Own {
    pub(super) fn new(cx: &Context) -> Self {
        Self {
            scratch: Scratch::default(),
            guard: cx.shard.deadlines.guard(),
            pumping: Cell::default(),
        }
    }
}

/// The loop of a fiber: serves the requests of one connection after another.
pub(super) async fn burst(cx: Rc<Context>, mailbox: Rc<Mailbox<Job, Option<Job>>>) {
    let mut own = Own::new(&cx);
    loop {
        let mut conn = mailbox.job().await;
        let fate = requests(&cx, &mut conn, &mut own).await;
        own.guard.disarm();
        let kept = match fate {
            Fate::Keep => Some(conn),
            Fate::Close => None,
            Fate::Abort => {
                conn.writer.reset_on_close();
                None
            }
            Fate::Linger => {
                linger(&cx, &mut conn).await;
                None
            }
        };
        mailbox.finish(kept);
    }
}

/// Serves requests until the connection is idle or has to end.
async fn requests(cx: &Context, conn: &mut Connection, own: &mut Own) -> Fate {
    let ahead = conn.ahead.take();
    let mut input = ahead.unwrap_or_else(|| cx.shard.pool.take(Size::Medium));
    loop {
        let fate = match read_head(cx, conn, &mut own.scratch, &mut input).await {
            Head::Complete(received) => run(cx, conn, own, &mut input, received).await,
            Head::Refused(cause) => refuse(cx, conn, own, &mut input, cause).await,
            Head::Gone => Fate::Close,
        };
        if let Some(ahead) = conn.ahead.take() {
            input.extend_from_slice(&ahead);
            cx.shard.pool.give(ahead);
        }
        if fate != Fate::Keep || input.is_empty() {
            cx.shard.pool.give(input);
            return fate;
        }
    }
}

/// Runs one exchange and records it.
async fn run(
    cx: &Context,
    conn: &mut Connection,
    own: &mut Own,
    input: &mut Vec<u8>,
    received: Instant,
) -> Fate {
    let limits = cx.shard.instance().snapshot.head_limits;
    let body = RequestBody::begin(&mut own.scratch, input, &limits);
    let instance = cx.shard.instance();
    let mut exchange = Exchange::new(cx, instance, conn.side(), own, input, body, received);
    exchange.keep = exchange.client_persists();
    exchange.in_flight = Some(cx.shard.overload.begin());
    let fate = match exchange.pipeline(0).await {
        Ok(fate) => fate,
        Err(stop) => answer(&mut exchange, stop).await,
    };
    record(&mut exchange);
    exchange.consume();
    fate
}

/// Answers a head that cannot be read, and closes.
async fn refuse(
    cx: &Context,
    conn: &mut Connection,
    own: &mut Own,
    input: &mut Vec<u8>,
    cause: Cause,
) -> Fate {
    let received = cx.shard.now();
    let (instance, body) = (cx.shard.instance(), RequestBody::unknown());
    let mut exchange = Exchange::new(cx, instance, conn.side(), own, input, body, received);
    let fate = answer(&mut exchange, Stop::Failure(cause)).await;
    record(&mut exchange);
    match fate {
        Fate::Keep | Fate::Close => Fate::Linger,
        Fate::Linger | Fate::Abort => fate,
    }
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        cx: &'a Context,
        instance: Rc<Instance>,
        side: Downstream<'a>,
        own: &'a mut Own,
        input: &'a mut Vec<u8>,
        body: RequestBody,
        received: Instant,
    ) -> Self {
        own.pumping.set(Pumping::Idle);
        own.scratch.verdicts.clear();
        let received_bytes = if body.understood {
            body.consumed(own.scratch.request.length)
        } else {
            input.len()
        };
        let tally = Tally {
            bytes_in: received_bytes as u64,
            ..Tally::default()
        };
        Self {
            cx,
            instance,
            scratch: &mut own.scratch,
            client: side.client,
            reader: side.reader,
            writer: side.writer,
            client_guard: side.guard,
            input,
            body,
            keep: false,
            guard: &own.guard,
            pumping: &own.pumping,
            total: None,
            in_flight: None,
            place: None,
            idle_nanos: 0,
            unwanted: StatusSet::default(),
            cookie: None,
            moments: Moments {
                received,
                ..Moments::default()
            },
            request_id: cx.shard.request_id(),
            date: cx.shard.date(),
            tally,
        }
    }

    /// The life of a request, which plugins meet from this place of the chain on.
    pub(super) async fn pipeline(&mut self, place: usize) -> Result<Fate, Stop> {
        let routed = route(self)?;
        let matched = routed.matched;
        // What the gateway asks by itself was admitted with the request that it comes from.
        let late = place == 0 && self.tier_comes_late(&matched);
        if place == 0 && !late {
            self.pass_core(&matched)?;
        }
        #[cfg(debug_assertions)]
        crate::proxy::failpoint::strike(self);
        let admitted = admit(self, routed, place).await?;
        if late {
            self.pass_core(&matched)?;
        }
        forward(self, admitted).await
    }

    /// Whether the client wants its connection kept and nothing here speaks against it.
    fn client_persists(&self) -> bool {
        match self.scratch.request.reuse {
            Reuse::Keep => {
                !self.cx.shard.draining.get()
                    && self.client.requests < self.instance.snapshot.connection_requests
            }
            Reuse::Close => false,
        }
    }

    /// Takes the promise to keep the client's connection back, if the gateway drains by now. To be asked
    /// when the answer's head is written.
    pub(super) fn keep_unless_draining(&mut self) {
        self.keep &= !self.cx.shard.draining.get();
    }

    /// Drops this request's bytes from the input; what is left begins the next.
    fn consume(&mut self) {
        let consumed = self
            .body
            .consumed(self.scratch.request.length)
            .min(self.input.len());
        if consumed == self.input.len() {
            self.input.clear();
        } else {
            self.input.drain(..consumed);
        }
    }

    /// The path as received, without the query.
    pub(super) fn raw_path(&self) -> &[u8] {
        raw_path(&self.scratch.request, self.input)
    }

    /// The path that routing, keys and the upstream see.
    pub(super) fn canonical_path(&self) -> &[u8] {
        canonical_path(&self.scratch.canonical, self.raw_path())
    }

    /// Bytes that the client sent behind its upgrade request; they belong to the tunnel now.
    pub(super) fn held(&mut self) -> Vec<u8> {
        let consumed = self
            .body
            .consumed(self.scratch.request.length)
            .min(self.input.len());
        let mut held = self.input.split_off(consumed);
        if let Some(ahead) = self.client.ahead.take() {
            held.extend_from_slice(&ahead);
        }
        held
    }
}

/// The path of a head that stands in `bytes`, as received.
pub(super) fn raw_path<'a>(head: &RequestHead, bytes: &'a [u8]) -> &'a [u8] {
    let path = head.target.path.of(bytes);
    if path.is_empty() { b"/" } else { path }
}

/// The path that routing, keys and the upstream see; `canonical` is empty where it is the received one.
pub(super) fn canonical_path<'a>(canonical: &'a [u8], raw: &'a [u8]) -> &'a [u8] {
    if canonical.is_empty() { raw } else { canonical }
}
