//! Answers of an origin that are given again: their lines are written as they are stored, their body by reference.
//!
//! Such an answer is written as a proxied one is, with the origin's Server, Date and Via; what differs is that no
//! origin was asked, so its latency is nothing.

use std::ops::Deref;
use std::ops::Range;
use std::sync::Arc;

use super::Latency;
use super::Reply;
use super::ReplyContext;
use super::reason;
use super::render::put_field;
use super::render::put_number;
use super::render::put_number_field;
use crate::base::limits;
use crate::http::Answer;

/// A stored answer, or a part of it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The answer.
    pub answer: Arc<Held>,
    /// What of its body is given.
    pub part: Part,
}

/// One core's hold of an answer that all cores share. It is counted by the core alone, so that taking and dropping
/// a reference on the request path touches nothing that another core touches.
#[derive(Clone, Debug)]
pub struct Held(pub Arc<Answer>);

impl Deref for Held {
    type Target = Answer;

    fn deref(&self) -> &Answer {
        &self.0
    }
}

/// What of a stored body is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// These bytes: a 206.
    Range(Range<usize>),
    /// Nothing, and no word about it either: a 304.
    Nothing,
}

impl PartialEq for Stored {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.answer, &other.answer) && self.part == other.part
    }
}

impl Eq for Stored {}

impl Stored {
    /// The bytes that go out as the body of an answer to anything but a HEAD.
    pub fn body(&self) -> &[u8] {
        let body = self.answer.body().as_ref();
        match &self.part {
            Part::Whole => body,
            Part::Range(range) => body.get(range.clone()).unwrap_or_default(),
            Part::Nothing => b"",
        }
    }

    /// Writes the head, and of the body what fits into a large buffer with it; returns the rest of the body.
    pub(super) fn render<'s>(
        &'s self,
        reply: &Reply,
        context: &ReplyContext<'_>,
        out: &mut Vec<u8>,
    ) -> &'s [u8] {
        out.extend_from_slice(b"HTTP/1.1 ");
        put_number(out, u64::from(reply.status));
        out.push(b' ');
        out.extend_from_slice(reason(reply.status).as_bytes());
        out.extend_from_slice(b"\r\n");
        self.put_lines(reply, out);
        let connection: &[u8] = if context.close {
            b"close"
        } else {
            b"keep-alive"
        };
        put_field(out, "Connection", connection);
        for (name, value) in &reply.fields {
            put_field(out, name, value);
        }
        out.extend_from_slice(context.lines);
        let (upstream_ms, gateway_ms) = match context.latency {
            Latency::Own(ms) => (0, ms),
            Latency::Tried {
                upstream_ms,
                gateway_ms,
            } => (upstream_ms, gateway_ms),
        };
        put_number_field(out, "X-Kong-Upstream-Latency", upstream_ms);
        put_number_field(out, "X-Kong-Proxy-Latency", gateway_ms);
        put_field(out, "X-Kong-Request-Id", context.request_id);
        out.extend_from_slice(b"\r\n");
        if context.head_only || reply.is_bodiless() {
            return b"";
        }
        let body = self.body();
        let room = limits::BUFFER_LARGE_BYTES.saturating_sub(out.len());
        let (first, rest) = body.split_at(room.min(body.len()));
        out.extend_from_slice(first);
        rest
    }

    fn put_lines(&self, reply: &Reply, out: &mut Vec<u8>) {
        let answer = &self.answer;
        match &self.part {
            Part::Whole => {
                out.extend_from_slice(answer.lines());
                if let Some(length) = answer.length().filter(|_| !reply.is_bodiless()) {
                    put_number_field(out, "Content-Length", length);
                }
            }
            Part::Range(range) => {
                out.extend_from_slice(answer.lines());
                put_number_field(out, "Content-Length", range.len() as u64);
                out.extend_from_slice(b"Content-Range: bytes ");
                put_number(out, range.start as u64);
                out.push(b'-');
                put_number(out, range.end.saturating_sub(1) as u64);
                out.push(b'/');
                put_number(out, answer.body().len() as u64);
                out.extend_from_slice(b"\r\n");
            }
            Part::Nothing => {
                for (name, value) in answer.each() {
                    if !describes_body(name) {
                        out.extend_from_slice(name);
                        out.extend_from_slice(b": ");
                        out.extend_from_slice(value);
                        out.extend_from_slice(b"\r\n");
                    }
                }
            }
        }
    }
}

/// Whether a 304 leaves a field out: what is said of a body that is not sent (RFC 9110 section 15.4.5).
fn describes_body(name: &[u8]) -> bool {
    [
        &b"content-type"[..],
        b"content-encoding",
        b"content-language",
    ]
    .iter()
    .any(|other| other.eq_ignore_ascii_case(name))
}
