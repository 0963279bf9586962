//! A request's body: what came with the head, and the pump that moves the rest.

use std::io;
use std::pin::pin;
use std::time::Duration;

use crate::base::clock;
use crate::http::Cause;
use crate::http::Framing;
use crate::http1::HeadLimits;
use crate::http1::chunked::ChunkFault;
use crate::http1::chunked::Decoder;
use crate::http1::encode;
use crate::http1::trailers;
use crate::net::Guard;
use crate::net::Pool;
use crate::net::Reader;
use crate::net::Writer;
use crate::net::pool::Size;
use crate::proxy::exchange::Scratch;

/// Room in front of a relayed chunk for its size line: 16 digits at most, CR and LF.
pub(super) const CHUNK_HEADROOM: usize = 18;

/// How much of a request's body has been seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestBody {
    framing: Framing,
    /// Decoded bytes of the body that stand behind the head in the input.
    pub(super) first: usize,
    /// Decoded bytes of the body that have been read, wherever they are now.
    pub(super) decoded: u64,
    /// Wire bytes behind the head that belong to this request.
    wire: usize,
    /// What is still to come of a body of known length.
    remaining: u64,
    /// The whole body has been read.
    pub(super) complete: bool,
    /// How the body breaks the rules of its framing, if it does.
    pub(super) broken: Option<Cause>,
    /// Its trailers may go upstream.
    trailers: bool,
    /// Some of the body has gone to an upstream and is not here any more.
    pub(super) gone: bool,
    /// Bytes that the pump has received from the client.
    pub(super) pumped_in: u64,
    /// Bytes that the pump has sent to the upstream.
    pub(super) pumped_out: u64,
    /// The head was read, so that what the scratch says of it holds.
    pub(super) understood: bool,
}

impl RequestBody {
    /// Looks at what came with the head. A chunked body is decoded in place, its trailers within `limits`.
    pub(super) fn begin(scratch: &mut Scratch, input: &mut [u8], limits: &HeadLimits) -> Self {
        let head = scratch.request.length;
        let behind = input.get_mut(head..).unwrap_or_default();
        let mut body = Self {
            framing: scratch.request.framing,
            trailers: !scratch.request.nominates,
            understood: true,
            ..Self::unknown()
        };
        match body.framing {
            Framing::Empty | Framing::UntilClose => body.complete = true,
            Framing::Length(length) => {
                body.first = usize::try_from(length)
                    .unwrap_or(usize::MAX)
                    .min(behind.len());
                body.wire = body.first;
                body.remaining = length - body.first as u64;
                body.complete = body.remaining == 0;
            }
            Framing::Chunked => {
                scratch.request_decoder.reset(limits);
                match scratch.request_decoder.decode_in_place(behind) {
                    Ok(decoded) => {
                        body.first = decoded.data;
                        body.wire = decoded.consumed;
                        body.complete = decoded.done;
                    }
                    Err(fault) => body.broken = Some(refusal(fault)),
                }
            }
        }
        body.decoded = body.first as u64;
        body
    }

    /// The body of a request whose head could not be read.
    pub(super) fn unknown() -> Self {
        Self {
            framing: Framing::Empty,
            first: 0,
            decoded: 0,
            wire: 0,
            remaining: 0,
            complete: false,
            broken: None,
            trailers: false,
            gone: false,
            pumped_in: 0,
            pumped_out: 0,
            understood: false,
        }
    }

    /// How many bytes of the input belong to this request, its head included.
    pub(super) fn consumed(&self, head: usize) -> usize {
        head + self.wire
    }

    /// Forgets the framing that the body had on the wire: only its data stand behind the head now.
    pub(super) fn compact(&mut self) {
        self.wire = self.first;
    }

    /// Counts data that were put behind those which are there.
    pub(super) fn gathered(&mut self, data: usize) {
        self.first += data;
        self.wire += data;
        self.decoded += data as u64;
    }

    /// How many bytes of the body are still to come, if that is known and at least that many.
    pub(super) fn remaining(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(_) => Some(self.remaining),
            Framing::Empty | Framing::Chunked | Framing::UntilClose => None,
        }
    }
}

/// What a client is told whose chunked body is broken.
fn refusal(fault: ChunkFault) -> Cause {
    match fault {
        ChunkFault::Malformed => Cause::RequestMalformed,
        ChunkFault::TrailersTooLarge => Cause::RequestHeadTooLarge,
    }
}

/// How far the pump of a request's body is. While it works the upstream's clock does not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pumping {
    /// There is nothing to pump.
    #[default]
    Idle,
    /// The body is going up.
    Active,
    /// All of it has gone.
    Done,
    /// The upstream took no more.
    Failed,
}

/// What ended a pump before the body was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The client's side: say so to the client, if nothing has been said yet.
    Client(Cause),
    /// The upstream takes no more; its answer may still be readable.
    Upstream,
}

/// The client's side of a pump.
pub(super) struct Source<'a> {
    pub(super) reader: &'a mut Reader,
    pub(super) guard: &'a Guard,
    pub(super) decoder: &'a mut Decoder,
    /// How long the client may be silent.
    pub(super) idle: Duration,
    /// How long the upstream may take nothing.
    pub(super) write: Duration,
    /// Most decoded bytes that the whole body may have.
    pub(super) most: u64,
}

/// Moves the rest of a request's body to the upstream, one bounded buffer at a time, so that a slow upstream
/// slows the client. Returns bytes read beyond the body, which begin the next request.
pub(super) async fn pump(
    mut source: Source<'_>,
    body: &mut RequestBody,
    upstream: &mut Writer,
    pool: &Pool,
) -> Result<Vec<u8>, Broken> {
    loop {
        let mut buffer = source.receive(pool).await?;
        let received_bytes = buffer.get_mut(CHUNK_HEADROOM..).unwrap_or_default();
        let received = received_bytes.len();
        body.pumped_in += received as u64;
        let (data, consumed) = body.take(source.decoder, received_bytes)?;
        body.decoded = body.decoded.saturating_add(data as u64);
        if body.decoded > source.most {
            return Err(Broken::Client(Cause::RequestBodyTooLarge));
        }
        let surplus = received - consumed;
        let next = (surplus > 0).then(|| buffer[CHUNK_HEADROOM + consumed..].to_vec());
        let start = body.frame(source.decoder, &mut buffer, data);
        let framed = (buffer.len() - start) as u64;
        if framed > 0 {
            source.guard.arm(clock::now(), source.write);
            let sending = pin!(upstream.write_from(buffer, start));
            match source.guard.limit(sending).await {
                Ok((Ok(()), back)) => buffer = back,
                Ok((Err(_), _)) => return Err(Broken::Upstream),
                Err(_expired) => return Err(Broken::Client(Cause::RequestWriteTimeout)),
            }
            body.pumped_out += framed;
        }
        pool.give(buffer);
        if body.complete {
            source.guard.disarm();
            return Ok(next.unwrap_or_default());
        }
    }
}

impl Source<'_> {
    /// Receives once, behind the headroom of a buffer that is taken when there is something to receive.
    async fn receive(&mut self, pool: &Pool) -> Result<Vec<u8>, Broken> {
        self.guard.arm(clock::now(), self.idle);
        loop {
            let ready = self.guard.limit(pin!(self.reader.ready())).await;
            ready.map_err(|_expired| Broken::Client(Cause::RequestBodyTimeout))?;
            let mut buffer = relay_buffer(pool);
            match self.reader.receive(&mut buffer) {
                Ok(0) => return Err(Broken::Client(Cause::RequestBodyIncomplete)),
                Ok(_) => return Ok(buffer),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => pool.give(buffer),
                Err(_) => return Err(Broken::Client(Cause::ClientClosed)),
            }
        }
    }
}

/// A buffer for a piece of a body, with room for a chunk's size line in front.
pub(super) fn relay_buffer(pool: &Pool) -> Vec<u8> {
    let mut buffer = pool.take(Size::Large);
    buffer.resize(CHUNK_HEADROOM, 0);
    buffer
}

impl RequestBody {
    /// Takes what was received into account: decoded bytes now at the front, and wire bytes used.
    pub(super) fn take(
        &mut self,
        decoder: &mut Decoder,
        bytes: &mut [u8],
    ) -> Result<(usize, usize), Broken> {
        let received = bytes.len();
        match self.framing {
            Framing::Empty | Framing::UntilClose => Ok((0, 0)),
            Framing::Length(_) => {
                let data = usize::try_from(self.remaining)
                    .unwrap_or(usize::MAX)
                    .min(received);
                self.remaining -= data as u64;
                self.complete = self.remaining == 0;
                Ok((data, data))
            }
            Framing::Chunked => {
                let decoded = decoder
                    .decode_in_place(bytes)
                    .map_err(|fault| Broken::Client(refusal(fault)))?;
                self.complete = decoded.done;
                Ok((decoded.data, decoded.consumed))
            }
        }
    }

    /// What ends this body, if it is chunked and complete.
    pub(super) fn last<'d>(&self, decoder: &'d Decoder) -> Option<Last<'d>> {
        let trailers = self.trailers;
        self.complete.then_some(Last { decoder, trailers })
    }

    /// The length of a chunked body that is here as a whole and has no trailers.
    pub(super) fn measured(&self, decoder: &Decoder) -> Option<u64> {
        let here = self.framing == Framing::Chunked && self.complete && !self.gone;
        let whole = here && decoder.trailers().0.lines().is_empty();
        whole.then_some(self.first as u64)
    }

    /// Frames the `data` bytes behind the headroom for the upstream; returns where the frame begins.
    fn frame(&self, decoder: &Decoder, buffer: &mut Vec<u8>, data: usize) -> usize {
        buffer.truncate(CHUNK_HEADROOM + data);
        match self.framing {
            Framing::Chunked => frame_chunk(buffer, self.last(decoder)),
            Framing::Empty | Framing::Length(_) | Framing::UntilClose => CHUNK_HEADROOM,
        }
    }
}

/// The end of a chunked message.
#[derive(Clone, Copy)]
pub(super) struct Last<'a> {
    /// Holds the trailers that were received.
    pub(super) decoder: &'a Decoder,
    /// Whether the receiver takes them.
    pub(super) trailers: bool,
}

/// Makes one chunk of what stands behind the headroom of `buffer`, and ends the message if it is the `last`.
/// Returns where the chunk begins.
pub(super) fn frame_chunk(buffer: &mut Vec<u8>, last: Option<Last<'_>>) -> usize {
    let data = buffer.len() - CHUNK_HEADROOM;
    let mut start = CHUNK_HEADROOM;
    if data > 0 {
        start = encode::chunk_size_before(&mut buffer[..CHUNK_HEADROOM], data);
        buffer.extend_from_slice(b"\r\n");
    }
    end_chunks(buffer, last);
    start
}

/// Appends `data` to `out` as one chunk, and ends the message if it is the `last`.
pub(super) fn append_chunk(out: &mut Vec<u8>, data: &[u8], last: Option<Last<'_>>) {
    if !data.is_empty() {
        encode::chunk_size(out, data.len());
        out.extend_from_slice(data);
        out.extend_from_slice(b"\r\n");
    }
    end_chunks(out, last);
}

/// The last chunk with the trailers that may be forwarded (RFC 9110 section 6.5.1).
fn end_chunks(out: &mut Vec<u8>, last: Option<Last<'_>>) {
    let Some(last) = last else { return };
    out.extend_from_slice(b"0\r\n");
    if last.trailers {
        trailers::append(last.decoder.trailers(), out);
    }
    out.extend_from_slice(b"\r\n");
}
