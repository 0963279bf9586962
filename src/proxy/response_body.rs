//! An answer's body, from the origin's framing to the client's, through one bounded buffer: the next receive
//! waits until the last send is done, so a slow reader slows the origin.

use std::io;
use std::pin::pin;

use crate::http::Cause;
use crate::http::Framing;
use crate::http1::chunked::Decoder;
use crate::net::Reader;
use crate::proxy::admit::Admitted;
use crate::proxy::body::CHUNK_HEADROOM;
use crate::proxy::body::Last;
use crate::proxy::body::append_chunk;
use crate::proxy::body::frame_chunk;
use crate::proxy::body::relay_buffer;
use crate::proxy::exchange::Exchange;
use crate::proxy::failure::Stop;
use crate::proxy::respond::Relayed;
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

/// Sends `out`, which holds the head, with the part of the body that stands behind the origin's head in
/// `bytes`; then the rest of the body.
pub(super) async fn relay_body(
    exchange: &mut Exchange<'_>,
    admitted: &Admitted,
    up: &mut Reader,
    delivery: Delivery,
    mut bytes: Vec<u8>,
    mut out: Vec<u8>,
) -> Result<Relayed, Stop> {
    let framing = exchange.scratch.response.framing;
    let remaining = if let Framing::Length(length) = framing {
        length
    } else {
        0
    };
    let done = framing == Framing::Empty;
    let mut progress = Progress {
        framing,
        remaining,
        done,
        surplus: false,
    };
    let limits = &exchange.instance.snapshot.response_head_limits;
    exchange.scratch.response_decoder.reset(limits);
    let start = exchange.scratch.response.length;
    let behind = bytes.get_mut(start..).unwrap_or_default();
    // A broken first chunk is found before the head is out, so it can still be answered.
    let first = progress.take(&mut exchange.scratch.response_decoder, behind)?;
    let first = bytes.get(start..start + first).unwrap_or_default();
    let last = exchange.last_chunk(&progress);
    match delivery {
        Delivery::Chunked => append_chunk(&mut out, first, last),
        Delivery::Empty | Delivery::Length(_) | Delivery::UntilClose => {
            out.extend_from_slice(first)
        }
    }
    // A slow reader holds the one buffer that is on its way and no other.
    exchange.cx.shard.pool.give(bytes);
    let (result, out) = exchange.send(out, 0).await?;
    exchange.cx.shard.pool.give(out);
    result.map_err(|_| Stop::Cut(Cause::ClientClosed))?;
    if !progress.done {
        exchange.moments.delivered = Some(exchange.cx.shard.now());
        rest(exchange, admitted, up, delivery, &mut progress).await?;
    }
    let reusable = !progress.surplus && exchange.origin_persists();
    Ok(Relayed::Complete { reusable })
}

/// Relays what of the body did not come with the head.
async fn rest(
    exchange: &mut Exchange<'_>,
    admitted: &Admitted,
    up: &mut Reader,
    delivery: Delivery,
    progress: &mut Progress,
) -> Result<(), Stop> {
    let idle = exchange
        .instance
        .snapshot
        .route(admitted.matched.route)
        .timeouts
        .idle;
    let pool = &exchange.cx.shard.pool;
    while !progress.done {
        exchange.arm(idle);
        let Ok(()) = exchange.guard.limit(pin!(up.ready())).await else {
            return Err(Stop::Cut(Cause::ResponseBodyTimeout));
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
            (Ok(_) | Err(_), _) => return Err(Stop::Cut(Cause::ResponseIncomplete)),
        }
        let received = buffer.get_mut(CHUNK_HEADROOM..).unwrap_or_default();
        let decoder = &mut exchange.scratch.response_decoder;
        let data = progress.take(decoder, received).map_err(Stop::Cut)?;
        buffer.truncate(CHUNK_HEADROOM + data);
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

impl Exchange<'_> {
    /// The decoder whose trailers end the message, once it has ended.
    fn last_chunk(&self, progress: &Progress) -> Option<Last<'_>> {
        progress.done.then(|| Last {
            decoder: &self.scratch.response_decoder,
            trailers: self.wants_trailers(),
        })
    }
}
