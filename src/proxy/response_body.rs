//! An answer's body, from the origin's framing to the client's, through one bounded buffer: the next receive
//! waits until the last send is done, so a slow reader slows the origin.

use std::io;
use std::pin::pin;

use crate::base::limits;
use crate::http::Cause;
use crate::http::Framing;
use crate::http1::chunked::Decoder;
use crate::net::Reader;
use crate::net::pool::Size;
use crate::plugin::BodyWish;
use crate::proxy::admit::Admitted;
use crate::proxy::body::CHUNK_HEADROOM;
use crate::proxy::body::Last;
use crate::proxy::body::append_chunk;
use crate::proxy::body::frame_chunk;
use crate::proxy::body::relay_buffer;
use crate::proxy::exchange::Exchange;
use crate::proxy::failure::Stop;
use crate::proxy::respond::Relayed;
use crate::proxy::respond::Response;
use crate::proxy::response_head::Delivery;

/// How much of an answer's body has been seen.
struct Progress {
    framing: Framing,
    remaining: u64,
    done: bool,
    /// The origin sent more than its framing allows.
    surplus: bool,
}

impl Progress {
    /// Takes received bytes into account: how many of body data stand at their front now.
    fn take(&mut self, decoder: &mut Decoder, bytes: &mut [u8]) -> Result<usize, Cause> {
        let received = bytes.len();
        match self.framing {
            Framing::Empty => {
                self.surplus |= received > 0;
                Ok(0)
            }
            Framing::Length(_) => {
                let data = usize::try_from(self.remaining)
                    .unwrap_or(usize::MAX)
                    .min(received);
                self.remaining -= data as u64;
                self.done = self.remaining == 0;
                self.surplus = data < received;
                Ok(data)
            }
            Framing::Chunked => {
                let decoded = decoder
                    .decode_in_place(bytes)
                    .map_err(|_| Cause::ResponseCodingInvalid)?;
                self.done = decoded.done;
                self.surplus = decoded.consumed < received;
                Ok(decoded.data)
            }
            Framing::UntilClose => Ok(received),
        }
    }
}

/// Sends the answer's head with the part of the body that stands behind the origin's head in `bytes`; then the rest
/// of the body.
pub(super) async fn relay_body(
    exchange: &mut Exchange<'_>,
    admitted: &Admitted,
    response: Response<'_>,
    delivery: Delivery,
    mut bytes: Vec<u8>,
) -> Result<Relayed, Stop> {
    let (mut progress, first) = exchange.begin_body(&mut bytes)?;
    let start = exchange.scratch.response.length;
    let first = bytes.get(start..start + first).unwrap_or_default();
    let out = exchange.first_bytes(&progress, &bytes, delivery, first);
    // A slow reader holds the one buffer that is on its way and no other.
    exchange.cx.shard.pool.give(bytes);
    response.head_sent.set(true);
    let (result, out) = exchange.send(out, 0).await?;
    exchange.cx.shard.pool.give(out);
    result.map_err(|_| Stop::Cut(Cause::ClientClosed))?;
    if !progress.done {
        exchange.moments.delivered = Some(exchange.cx.shard.now());
        let mut copy = Copy::none();
        rest(
            exchange,
            admitted,
            response.up,
            delivery,
            &mut progress,
            &mut copy,
        )
        .await?;
    }
    let reusable = !progress.surplus && exchange.origin_persists();
    Ok(Relayed::Complete { reusable })
}

/// As [`relay_body`], for an answer whose body plugins want to see.
pub(super) async fn relay_seen(
    exchange: &mut Exchange<'_>,
    admitted: &Admitted,
    response: Response<'_>,
    delivery: Delivery,
    mut bytes: Vec<u8>,
    wish: BodyWish,
) -> Result<Relayed, Stop> {
    let (mut progress, first) = exchange.begin_body(&mut bytes)?;
    let start = exchange.scratch.response.length;
    let mut body = Copy::of(wish, &progress);
    body.add(bytes.get(start..start + first).unwrap_or_default());
    let mut delivery = delivery;
    let mut sent = start + first;
    if matches!(wish, BodyWish::Whole(_)) && body.wanted {
        while !progress.done && body.wanted {
            let piece = receive(exchange, admitted, response.up, &mut progress).await?;
            body.add(piece.get(CHUNK_HEADROOM..).unwrap_or_default());
            exchange.cx.shard.pool.give(piece);
        }
        if body.wanted {
            exchange.review_body(&bytes, &mut body.bytes);
            delivery = delivery.of_length(body.bytes.len());
        }
        sent = 0;
    }
    let first = if sent == 0 {
        body.bytes.as_slice()
    } else {
        bytes.get(start..sent).unwrap_or_default()
    };
    let out = exchange.first_bytes(&progress, &bytes, delivery, first);
    response.head_sent.set(true);
    let (result, out) = exchange.send(out, 0).await?;
    exchange.cx.shard.pool.give(out);
    result.map_err(|_| Stop::Cut(Cause::ClientClosed))?;
    if !progress.done {
        exchange.moments.delivered = Some(exchange.cx.shard.now());
        rest(
            exchange,
            admitted,
            response.up,
            delivery,
            &mut progress,
            &mut body,
        )
        .await?;
    }
    if matches!(wish, BodyWish::Copy(_)) && body.wanted {
        exchange.review_body(&bytes, &mut body.bytes);
    }
    exchange.cx.shard.pool.give(bytes);
    let reusable = !progress.surplus && exchange.origin_persists();
    Ok(Relayed::Complete { reusable })
}

/// Sends the head of an answer whose body a plugin does not want to be seen. The connection to the origin is not used
/// again: whatever is left on it is of no use to anybody.
pub(super) async fn relay_empty(
    exchange: &mut Exchange<'_>,
    response: Response<'_>,
    bytes: Vec<u8>,
) -> Result<Relayed, Stop> {
    let mut out = exchange.cx.shard.pool.take(Size::Medium);
    exchange
        .homeward(&bytes, Delivery::Length(0))
        .write(&mut out);
    exchange.cx.shard.pool.give(bytes);
    response.head_sent.set(true);
    let (result, out) = exchange.send(out, 0).await?;
    exchange.cx.shard.pool.give(out);
    result.map_err(|_| Stop::Cut(Cause::ClientClosed))?;
    Ok(Relayed::Complete { reusable: false })
}

/// What plugins are shown of a body, as long as it is within what they wished.
struct Copy {
    bytes: Vec<u8>,
    most: usize,
    /// Nothing of it is missing so far.
    wanted: bool,
}

impl Copy {
    fn none() -> Self {
        Self {
            bytes: Vec::new(),
            most: 0,
            wanted: false,
        }
    }

    fn of(wish: BodyWish, progress: &Progress) -> Self {
        let most = match wish {
            BodyWish::Nothing | BodyWish::Discard => return Self::none(),
            BodyWish::Copy(most) | BodyWish::Whole(most) => most,
        };
        Self {
            bytes: Vec::new(),
            most,
            wanted: progress.remaining <= most as u64,
        }
    }

    fn add(&mut self, data: &[u8]) {
        if self.wanted {
            self.bytes.extend_from_slice(data);
            self.wanted = self.bytes.len() <= self.most;
        }
    }
}

/// Relays what of the body did not come with the head.
async fn rest(
    exchange: &mut Exchange<'_>,
    admitted: &Admitted,
    up: &mut Reader,
    delivery: Delivery,
    progress: &mut Progress,
    copy: &mut Copy,
) -> Result<(), Stop> {
    let pool = &exchange.cx.shard.pool;
    while !progress.done {
        let received = receive(exchange, admitted, up, progress).await;
        // The head is out: whatever is wrong now can only be shown by a cut.
        let mut buffer = received.map_err(|stop| match stop {
            Stop::Failure(cause) => Stop::Cut(cause),
            Stop::Reply(_) | Stop::Cut(_) => stop,
        })?;
        copy.add(buffer.get(CHUNK_HEADROOM..).unwrap_or_default());
        let start = match delivery {
            Delivery::Chunked => frame_chunk(&mut buffer, exchange.last_chunk(progress)),
            Delivery::Empty | Delivery::Length(_) | Delivery::UntilClose => CHUNK_HEADROOM,
        };
        let (result, buffer) = exchange.send(buffer, start).await?;
        pool.give(buffer);
        result.map_err(|_| Stop::Cut(Cause::ClientClosed))?;
    }
    Ok(())
}

/// Receives the next piece of the body: its data stand behind the headroom of the buffer.
async fn receive(
    exchange: &mut Exchange<'_>,
    admitted: &Admitted,
    up: &mut Reader,
    progress: &mut Progress,
) -> Result<Vec<u8>, Stop> {
    let snapshot = &exchange.instance.snapshot;
    let idle = snapshot.route(admitted.matched.route).timeouts.idle;
    let pool = &exchange.cx.shard.pool;
    loop {
        exchange.arm(idle);
        let Ok(()) = exchange.guard.limit(pin!(up.ready())).await else {
            return Err(Stop::Failure(Cause::ResponseBodyTimeout));
        };
        let mut buffer = relay_buffer(pool);
        match (up.receive(&mut buffer), progress.framing) {
            (Ok(received), _) if received > 0 => {
                exchange.tally.upstream_bytes_in += received as u64;
            }
            (Err(error), _) if error.kind() == io::ErrorKind::WouldBlock => {
                pool.give(buffer);
                continue;
            }
            (Ok(_), Framing::UntilClose) => progress.done = true,
            (Ok(_) | Err(_), _) => return Err(Stop::Failure(Cause::ResponseIncomplete)),
        }
        let received = buffer.get_mut(CHUNK_HEADROOM..).unwrap_or_default();
        let decoder = &mut exchange.scratch.response_decoder;
        let data = progress.take(decoder, received)?;
        buffer.truncate(CHUNK_HEADROOM + data);
        return Ok(buffer);
    }
}

impl Exchange<'_> {
    /// Looks at what came with the head: how many bytes of the body stand behind it now. A broken first chunk is
    /// found before the head is out, so it can still be answered.
    fn begin_body(&mut self, bytes: &mut [u8]) -> Result<(Progress, usize), Stop> {
        let framing = self.scratch.response.framing;
        let remaining = if let Framing::Length(length) = framing {
            length
        } else {
            0
        };
        let mut progress = Progress {
            framing,
            remaining,
            done: framing == Framing::Empty,
            surplus: false,
        };
        let limits = &self.instance.snapshot.response_head_limits;
        self.scratch.response_decoder.reset(limits);
        let behind = bytes.get_mut(self.scratch.response.length..);
        let first = progress.take(
            &mut self.scratch.response_decoder,
            behind.unwrap_or_default(),
        )?;
        Ok((progress, first))
    }

    /// The answer's head and the first of its body, framed, in one buffer.
    fn first_bytes(
        &self,
        progress: &Progress,
        bytes: &[u8],
        delivery: Delivery,
        first: &[u8],
    ) -> Vec<u8> {
        let size = if bytes.len() + limits::OWN_FIELDS_BYTES > Size::Medium.bytes() {
            Size::Large
        } else {
            Size::Medium
        };
        let mut out = self.cx.shard.pool.take(size);
        self.homeward(bytes, delivery).write(&mut out);
        let last = self.last_chunk(progress);
        match delivery {
            Delivery::Chunked => append_chunk(&mut out, first, last),
            Delivery::Empty | Delivery::Length(_) | Delivery::UntilClose => {
                out.extend_from_slice(first);
            }
        }
        out
    }

    /// The decoder whose trailers end the message, once it has ended.
    fn last_chunk(&self, progress: &Progress) -> Option<Last<'_>> {
        progress.done.then(|| Last {
            decoder: &self.scratch.response_decoder,
            trailers: self.wants_trailers(),
        })
    }
}
