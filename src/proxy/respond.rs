//! From the upstream's first byte to the client's last: the answer's head, interim answers, the body.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::limits;
use crate::http::Cause;
use crate::http::Framing;
use crate::http::Version;
use crate::http1::hop_by_hop::wants_upgrade;
use crate::http1::response;
use crate::http1::trailers;
use crate::net::Reader;
use crate::net::pool::Size;
use crate::plugin::BodyWish;
use crate::proxy::admit::Admitted;
use crate::proxy::body::Pumping;
use crate::proxy::exchange::Exchange;
use crate::proxy::failure::Stop;
use crate::proxy::forward::Missed;
use crate::proxy::response_body::relay_body;
use crate::proxy::response_body::relay_empty;
use crate::proxy::response_body::relay_seen;
use crate::proxy::response_head::Delivery;
use crate::proxy::response_head::Homeward;
use crate::proxy::response_phase::Reviewed;

/// What the response's side needs of an upstream connection.
pub(super) struct Response<'a> {
    pub(super) up: &'a mut Reader,
    /// The connection has served a request before, so its silent end may be a race.
    pub(super) reused: bool,
    /// Some of the answer has come, so the request is not tried again.
    pub(super) begun: bool,
    /// Set once the client has been told a status.
    pub(super) head_sent: &'a Cell<bool>,
}

/// How an answer was relayed.
pub(super) enum Relayed {
    /// To its end.
    Complete {
        /// The upstream connection is at a message's end and may be kept.
        reusable: bool,
    },
    /// It was a 101, and these bytes came behind it.
    Switched {
        /// The first bytes of the tunnel.
        early: Vec<u8>,
    },
}

/// Relays the answer. Interim answers go first, to clients that know them.
pub(super) async fn respond(
    exchange: &mut Exchange<'_>,
    admitted: &Admitted,
    mut response: Response<'_>,
) -> Result<Relayed, Missed> {
    let mut interim = 0;
    let mut bytes = Vec::new();
    loop {
        bytes = read_head(exchange, admitted, &mut response, bytes).await?;
        let status = exchange.scratch.response.status;
        if status == 101 {
            return Ok(switched(exchange, bytes).await?);
        }
        if status >= 200 {
            if interim == 0 && exchange.is_unwanted(status) {
                return Err(Missed::Unwanted(status));
            }
            break;
        }
        interim += 1;
        if interim > limits::INTERIM_RESPONSES {
            return Err(Missed::Final(Cause::ResponseMalformed.into()));
        }
        send_interim(exchange, &bytes).await?;
        bytes.drain(..exchange.scratch.response.length);
    }
    exchange.answered();
    send_final(exchange, admitted, response, bytes)
        .await
        .map_err(Missed::Final)
}

/// Reads until the scratch holds a complete head; `bytes` may hold the beginning already.
async fn read_head(
    exchange: &mut Exchange<'_>,
    admitted: &Admitted,
    response: &mut Response<'_>,
    mut bytes: Vec<u8>,
) -> Result<Vec<u8>, Missed> {
    let instance = std::rc::Rc::clone(&exchange.instance);
    let limits = &instance.snapshot.response_head_limits;
    let patience = instance
        .snapshot
        .route(admitted.matched.route)
        .timeouts
        .read;
    let mut progress = response::Progress::default();
    let method = exchange.upstream_method();
    // The deadline is the whole head's, however it trickles. While a body goes up it does not run yet.
    let due = match exchange.pumping.get() {
        Pumping::Active => exchange.arm_total(),
        Pumping::Idle => exchange.arm_lately(patience).plus(patience),
        Pumping::Done | Pumping::Failed => exchange.arm(patience).plus(patience),
    };
    loop {
        let head = &mut exchange.scratch.response;
        match response::parse(&bytes, limits, &mut progress, method, head) {
            Ok(response::Parsed::Complete) => return Ok(bytes),
            Ok(response::Parsed::Partial) => {}
            Err(fault) => return Err(Missed::Final(fault.cause().into())),
        }
        let waited = speaks(exchange, response.up, due).await;
        waited.map_err(|missed| missed.after(response.begun))?;
        if bytes.capacity() == 0 {
            bytes = exchange.cx.shard.pool.take(Size::Medium);
        } else if bytes.len() == bytes.capacity() {
            bytes.reserve(Size::Medium.bytes());
        }
        match response.up.receive(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(received) if received > 0 => {
                response.begun = true;
                exchange.tally.upstream_bytes_in += received as u64;
            }
            Ok(_) | Err(_) if response.begun => {
                return Err(Missed::Final(Cause::ResponseIncomplete.into()));
            }
            Ok(_) | Err(_) if response.reused => return Err(Missed::Stale),
            Ok(_) | Err(_) => return Err(Missed::Unanswered(Cause::ConnectionTerminated)),
        }
    }
}

/// Waits for bytes of the answer, or for the end of its connection. A wait that is not over soon also watches the
/// client: one that is gone for good (a reset, not a half-close: RFC 9112 section 9.5 lets it wait for its
/// answer) ends the exchange.
async fn speaks(exchange: &mut Exchange<'_>, up: &mut Reader, due: Instant) -> Result<(), Missed> {
    // Not left to the guard alone: bytes that trickle in would set it again and again.
    if exchange.until(due).is_zero() {
        return Err(Missed::Unanswered(Cause::ResponseTimeout));
    }
    if exchange.reader.is_none() {
        let spoken = exchange.guard.limit(pin!(up.readable())).await;
        return spoken.map_err(|_expired| Missed::Unanswered(Cause::ResponseTimeout));
    }
    exchange.arm_lately(limits::CLIENT_WATCH_AFTER.min(exchange.until(due)));
    if exchange.guard.limit(pin!(up.readable())).await.is_ok() {
        return Ok(());
    }
    exchange.arm(exchange.until(due));
    poll_fn(|cx| {
        if up.poll_readable(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if exchange.poll_client_gone(cx) {
            return Poll::Ready(Err(Missed::Final(Cause::ClientClosed.into())));
        }
        match exchange.guard.poll_expired(cx) {
            true => Poll::Ready(Err(Missed::Unanswered(Cause::ResponseTimeout))),
            false => Poll::Pending,
        }
    })
    .await
}

/// Passes a 101 on, if it is the switch that the client asked for (RFC 9110 section 15.2.2).
async fn switched(exchange: &mut Exchange<'_>, mut bytes: Vec<u8>) -> Result<Relayed, Stop> {
    use crate::http::Name;
    let asked = wants_upgrade(&exchange.scratch.request, exchange.input);
    let got = exchange.scratch.response.fields.get(Name::Upgrade, &bytes);
    let agreed = match (asked, got) {
        (Some(asked), Some(got)) => asked
            .split(|&byte| byte == b',')
            .any(|asked| asked.trim_ascii().eq_ignore_ascii_case(got)),
        (_, _) => false,
    };
    if !agreed || !exchange.is_sent() {
        return Err(Cause::UpgradeFailed.into());
    }
    exchange.answered();
    exchange.tally.status = 101;
    send_interim(exchange, &bytes).await?;
    bytes.drain(..exchange.scratch.response.length);
    Ok(Relayed::Switched { early: bytes })
}

/// Sends the interim answer in the scratch. HTTP/1.0 has none (RFC 9110 section 15.2).
async fn send_interim(exchange: &mut Exchange<'_>, bytes: &[u8]) -> Result<(), Stop> {
    if exchange.scratch.request.version == Version::Http10 {
        return Ok(());
    }
    let mut out = exchange.cx.shard.pool.take(Size::Medium);
    exchange
        .homeward(bytes, Delivery::Empty)
        .write_interim(&mut out);
    let (result, out) = exchange.send(out, 0).await?;
    exchange.cx.shard.pool.give(out);
    result.map_err(|_| Stop::Cut(Cause::ClientClosed))
}

/// Sends the final head with the first of the body, then the rest.
async fn send_final(
    exchange: &mut Exchange<'_>,
    admitted: &Admitted,
    response: Response<'_>,
    bytes: Vec<u8>,
) -> Result<Relayed, Stop> {
    let framing = exchange.scratch.response.framing;
    let delivery = Delivery::of(framing, exchange.scratch.request.version);
    let (status, wish) = match exchange.review(&bytes) {
        Reviewed::Pass(status, wish) => (status, wish),
        Reviewed::Replace(reply) => return Err(Stop::Reply(reply)),
    };
    exchange.keep &= delivery != Delivery::UntilClose && exchange.is_sent();
    exchange.keep_unless_draining();
    exchange.tally.status = status;
    match wish {
        BodyWish::Nothing => {
            return relay_body(exchange, admitted, response, delivery, bytes).await;
        }
        BodyWish::Discard => return Box::pin(relay_empty(exchange, response, bytes)).await,
        BodyWish::Copy(_) | BodyWish::Whole(_) => {}
    }
    // Few answers are looked into, and the future is large.
    Box::pin(relay_seen(
        exchange, admitted, response, delivery, bytes, wish,
    ))
    .await
}

impl Exchange<'_> {
    /// Sends bytes to the client within its write deadline. Where there is none they are dropped.
    pub(super) async fn send(
        &mut self,
        out: Vec<u8>,
        start: usize,
    ) -> Result<(io::Result<()>, Vec<u8>), Stop> {
        let now = self.cx.shard.lately();
        let patience = self.instance.snapshot.timeouts.client_write_idle;
        let patience = self.within_total(now, patience);
        let Some(writer) = &mut self.writer else {
            return Ok((Ok(()), out));
        };
        self.guard.arm(now, patience);
        let length = out.len() - start;
        let sent = self.guard.limit(pin!(writer.write_from(out, start))).await;
        self.tally.bytes_out += length as u64;
        sent.map_err(|_expired| Stop::Cut(Cause::ClientStalled))
    }

    /// Whether the whole request has gone up. That its body has been read says so only where there was
    /// nothing to pump.
    pub(super) fn is_sent(&self) -> bool {
        match self.pumping.get() {
            Pumping::Idle => self.body.complete,
            Pumping::Done => true,
            Pumping::Active | Pumping::Failed => false,
        }
    }

    /// Whether an answer with this status is no answer yet.
    #[inline]
    fn is_unwanted(&self, status: u16) -> bool {
        !self.unwanted.is_empty() && self.unwanted.contains(status)
    }

    /// How long it is until a moment.
    fn until(&self, due: Instant) -> Duration {
        Duration::from_nanos(due.nanos_since(self.cx.shard.lately()))
    }

    /// Notes the moment of the final head.
    fn answered(&mut self) {
        self.moments.answered = Some(self.cx.shard.now());
    }

    /// Whether the client's connection has failed; asking for it watches it. Bytes that it sends meanwhile wait.
    pub(super) fn poll_client_gone(&mut self, cx: &mut Context<'_>) -> bool {
        self.reader
            .as_mut()
            .is_some_and(|reader| reader.poll_readable(cx).is_ready() && reader.has_failed())
    }

    /// The response in the scratch on its way to the client.
    pub(super) fn homeward<'e>(&'e self, bytes: &'e [u8], delivery: Delivery) -> Homeward<'e> {
        let moments = &self.moments;
        let answered = moments.answered.unwrap_or(moments.received);
        let total_ms = answered.nanos_since(moments.received) / 1_000_000;
        let upstream_ms = moments.sent.map_or(0, |sent| answered.nanos_since(sent)) / 1_000_000;
        Homeward {
            head: &self.scratch.response,
            status: self.tally.status,
            bytes,
            client: self.scratch.request.version,
            trailers: self.wants_trailers(),
            delivery,
            keep: self.keep,
            date: &self.date,
            upstream_ms,
            gateway_ms: total_ms.saturating_sub(upstream_ms),
            request_id: &self.request_id,
            edits: &self.scratch.verdicts.downstream,
            cookie: self.cookie.as_deref(),
        }
    }

    /// Whether the answer's trailers go to the client.
    pub(super) fn wants_trailers(&self) -> bool {
        let response = &self.scratch.response;
        response.framing == Framing::Chunked
            && !response.nominates
            && trailers::wanted(&self.scratch.request, self.input)
    }

    /// Whether the origin will keep its connection after the message in the scratch.
    pub(super) fn origin_persists(&self) -> bool {
        let response = &self.scratch.response;
        response.reuse == crate::http::Reuse::Keep && response.framing != Framing::UntilClose
    }
}
