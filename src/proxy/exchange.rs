//! The requests of one connection while it has any: read a head, run its exchange, look for the next.

use std::rc::Rc;

use crate::base::clock::Instant;
use crate::http::Cause;
use crate::http::RequestHead;
use crate::http::ResponseHead;
use crate::http1::chunked::Decoder;
use crate::net::pool::Size;
use crate::proxy::admit::admit;
use crate::proxy::answer::answer;
use crate::proxy::body::RequestBody;
use crate::proxy::connection::Connection;
use crate::proxy::connection::Fate;
use crate::proxy::connection::Moments;
use crate::proxy::failure::Stop;
use crate::proxy::fiber::Mailbox;
use crate::proxy::forward::forward;
use crate::proxy::head::Head;
use crate::proxy::head::linger;
use crate::proxy::head::read_head;
use crate::proxy::record::record;
use crate::proxy::route::route;
use crate::proxy::serve::Context;
use crate::proxy::serve::Job;
use crate::router;
use crate::shard::Instance;
use crate::proxy::connection::Tally;

/// What a fiber keeps from one exchange to the next, so that none of it is allocated again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) request: RequestHead,
    pub(super) response: ResponseHead,
    pub(super) canonical: Vec<u8>,
    pub(super) routing: router::Scratch,
    pub(super) request_decoder: Decoder,
    pub(super) response_decoder: Decoder,
}

/// One exchange: everything that its stages read and write.
pub(super) struct Exchange<'a> {
    pub(super) cx: &'a Context,
    pub(super) instance: Rc<Instance>,
    pub(super) scratch: &'a mut Scratch,

    // The client's side. The reader is lent to the pump while a body goes up.
    pub(super) client: Client<'a>,
    pub(super) reader: Option<&'a mut Reader>,
    pub(super) writer: &'a mut Writer,
    pub(super) client_guard: &'a Guard,
    /// The request's head and what arrived with it.
    pub(super) input: &'a mut Vec<u8>,
    pub(super) body: RequestBody,
    /// The client's connection persists unless something later says otherwise.
    pub(super) keep: bool,

    // The upstream's side.
    pub(super) guard: &'a Guard,
    /// The request's body is still going up, so the upstream's clock does not run yet.
    pub(super) pumping: &'a Cell<bool>,
    /// When the whole exchange must have ended, if its route says so.
    pub(super) total: Option<Instant>,

    // The record.
    pub(super) moments: Moments,
    pub(super) request_id: [u8; 32],
    pub(super) tally: Tally,
}

/// What an exchange knows of its client's connection.
pub(super) struct Client<'a> {
    pub(super) address: SocketAddr,
    pub(super) text: &'a ClientText,
    pub(super) listening: &'a Listening,
    pub(super) requests: u32,
    pub(super) ahead: &'a mut Option<Vec<u8>>,
    pub(super) ended: &'a mut bool,
}

/// The loop of a fiber: serves the requests of one connection after another.
pub(super) async fn burst(cx: Rc<Context>, mailbox: Rc<Mailbox<Job, Option<Connection>>>) {
    let mut scratch = Scratch::default();
    loop {
        let (mut conn, input) = mailbox.job().await;
        let fate = requests(&cx, &mut conn, &mut scratch, input).await;
        let kept = match fate {
            Fate::Keep => Some(conn),
            Fate::Close | Fate::Abort => None,
            Fate::Linger => {
                linger(&cx, &mut conn).await;
                None
            }
        };
        mailbox.finish(kept);
    }
}

/// Serves requests until the connection is idle, with its receive armed, or has to end.
async fn requests(
    cx: &Context,
    conn: &mut Connection,
    scratch: &mut Scratch,
    mut input: Vec<u8>,
) -> Fate {
    loop {
        let fate = match read_head(cx, conn, scratch, &mut input).await {
            Head::Complete(received) => run(cx, conn, scratch, &mut input, received).await,
            Head::Refused(cause) => refuse(cx, conn, scratch, &mut input, cause).await,
            Head::Gone => Fate::Close,
        };
        if fate != Fate::Keep {
            cx.shard.pool.give(input);
            return fate;
        }
        if let Some(ahead) = conn.ahead.take() {
            input.extend_from_slice(&ahead);
            cx.shard.pool.give(ahead);
        }
        if input.is_empty() {
            if conn.ended {
                cx.shard.pool.give(input);
                return Fate::Close;
            }
            if !conn.reader.is_armed() {
                let small = input.capacity() == Size::Small.bytes();
                let next = if small { input } else { cx.shard.pool.swap(input, Size::Small) };
                conn.reader.arm(next);
            }
            return Fate::Keep;
        }
    }
}

/// Runs one exchange and records it.
async fn run(
    cx: &Context,
    conn: &mut Connection,
    scratch: &mut Scratch,
    input: &mut Vec<u8>,
    received: Instant,
) -> Fate {
    conn.requests += 1;
    let body = RequestBody::begin(scratch, input);
    let mut exchange = Exchange {
        cx,
        instance: cx.shard.instance(),
        conn,
        scratch,
        input,
        body,
        moments: Moments { received, ..Moments::default() },
        request_id: cx.shard.request_id(),
        tally: Tally::default(),
        total: None,
        keep: true,
    };
    exchange.keep = exchange.client_persists();
    let fate = match exchange.pipeline().await {
        Ok(fate) => fate,
        Err(stop) => answer(&mut exchange, stop).await,
    };
    record(&mut exchange, fate);
    exchange.consume();
    fate
}

/// Answers a head that cannot be read, and closes.
async fn refuse(
    cx: &Context,
    conn: &mut Connection,
    scratch: &mut Scratch,
    input: &mut Vec<u8>,
    cause: Cause,
) -> Fate {
    conn.requests += 1;
    let mut exchange = Exchange {
        cx,
        instance: cx.shard.instance(),
        conn,
        scratch,
        input,
        body: RequestBody::unknown(),
        moments: Moments { received: cx.shard.now(), ..Moments::default() },
        request_id: cx.shard.request_id(),
        tally: Tally::default(),
        total: None,
        keep: false,
    };
    let fate = answer(&mut exchange, Stop::Failure(cause)).await;
    record(&mut exchange, fate);
    match fate {
        Fate::Keep | Fate::Close => Fate::Linger,
        Fate::Linger | Fate::Abort => fate,
    }
}

impl Exchange<'_> {
    /// The life of a request.
    async fn pipeline(&mut self) -> Result<Fate, Stop> {
        let routed = route(self)?;
        let admitted = admit(self, routed)?;
        forward(self, admitted).await
    }

    /// Whether the client wants its connection kept and nothing here speaks against it.
    fn client_persists(&self) -> bool {
        use crate::http::Reuse;
        match self.scratch.request.reuse {
            Reuse::Keep => !self.cx.shard.draining.get(),
            Reuse::Close => false,
        }
    }

    /// Drops this request's bytes from the input; what is left begins the next.
    fn consume(&mut self) {
        let consumed = self.body.consumed(self.scratch.request.length).min(self.input.len());
        if consumed == self.input.len() {
            self.input.clear();
        } else {
            self.input.drain(..consumed);
        }
    }
}
