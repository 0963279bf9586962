//! Storing an answer whose whole body is here, and renewing the head of one that is stored.

use std::sync::Arc;

use bytes::Bytes;

use crate::cache::Charge;
use crate::cache::Content;
use crate::cache::Entry;
use crate::cache::Filed;
use crate::http::Answer;
use crate::http::Method;
use crate::http::Name;
use crate::http::ResponseHead;
use crate::http::answer::Lines;
use crate::http::date::imf_fixdate;
use crate::http::reply::PSEUDONYM;
use crate::http1::hop_by_hop::Nominated;
use crate::plugin::ResponseBody;

use super::config::Config;
use super::flights::End;
use super::pending::Pending;
use super::pending::Plan;

pub(super) fn keep(config: &Config, body: &mut ResponseBody<'_>) {
    let Some(pending) = Pending::of(body.notes) else {
        return;
    };
    let Some(plan) = pending.plan.take() else {
        return;
    };
    if body.bytes.len() <= config.body_bytes_max()
        && let Some(answer) = answer(pending, body)
    {
        store(config, pending, plan, answer, body);
    }
    pending.end(End::Over);
}

fn store(config: &Config, pending: &Pending, plan: Plan, answer: Answer, body: &ResponseBody<'_>) {
    let entry = |key: Box<[u8]>, content| Entry {
        key,
        digest: pending.digest,
        dictionary: config.dictionary,
        plugin: pending.plugin,
        route: pending.route,
        asked: pending.clock.received,
        content,
        charge: Charge::default(),
    };
    let cache = &body.core.cache;
    if let Some(variants) = plan.variants {
        cache.add(entry(pending.key.clone(), Content::Variants(variants)));
    }
    let filed = Filed {
        answer: Arc::new(answer),
        times: plan.times,
        unix_secs: body.unix_micros / 1_000_000,
        tags: plan.tags,
    };
    cache.add(entry(plan.key, Content::Answer(Box::new(filed))));
}

/// The answer as it is given again: the origin's lines without those of one hop or one exchange, and what a proxied
/// answer has besides.
fn answer(pending: &Pending, body: &ResponseBody<'_>) -> Option<Answer> {
    let (head, bytes) = body.origin;
    let mut lines = Lines::default();
    let nominated = Nominated::of_response(head, bytes);
    for field in head.fields.lines() {
        let name = field.name.of(bytes);
        if !nominated.covers_response(field, bytes) && is_kept(field.known, name) {
            lines.push(name, field.value.of(bytes));
        }
    }
    if !head.fields.has(Name::Date) {
        lines.push(b"Date", &imf_fixdate(body.unix_micros / 1_000_000));
    }
    if !head.fields.has(Name::Server) {
        lines.push(b"Server", PSEUDONYM.as_bytes());
    }
    let mut via = Vec::new();
    for value in head.fields.all(Name::Via, bytes) {
        via.extend_from_slice(value);
        via.extend_from_slice(b", ");
    }
    via.extend_from_slice(b"1.1 ");
    via.extend_from_slice(PSEUDONYM.as_bytes());
    lines.push(b"Via", &via);
    if pending.method == Method::Head {
        let length = head.fields.get(Name::ContentLength, bytes);
        let length = length.and_then(|length| std::str::from_utf8(length).ok()?.parse().ok());
        return lines.finish_bodiless(head.status, length);
    }
    // A buffer that grew has room to spare; a copy has none.
    lines.finish(head.status, Bytes::copy_from_slice(body.bytes))
}

/// Whether a field is part of the answer and not of how it came.
fn is_kept(known: Name, name: &[u8]) -> bool {
    match known {
        Name::ContentLength
        | Name::ProxyAuthenticate
        | Name::SetCookie
        | Name::Via
        | Name::XKongProxyLatency
        | Name::XKongRequestId
        | Name::XKongUpstreamLatency => false,
        Name::Other => {
            let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
            !is(b"age")
                && !is(b"x-cache-key")
                && !is(b"x-cache-status")
                && !mentions(name, b"ratelimit-remaining")
        }
        _ => true,
    }
}

fn mentions(name: &[u8], part: &[u8]) -> bool {
    let mut windows = name.windows(part.len());
    windows.any(|window| window.eq_ignore_ascii_case(part))
}

/// A stored answer with what a 304 says about it (RFC 9111 section 3.2): its fields in place of those with the same
/// names, but for what describes the body.
pub(super) fn updated(stored: &Answer, head: &ResponseHead, bytes: &[u8]) -> Option<Answer> {
    let nominated = Nominated::of_response(head, bytes);
    let news = || {
        let lines = head.fields.lines().iter();
        lines.filter(|field| {
            let name = field.name.of(bytes);
            let describes = [&b"content-encoding"[..], b"content-range"];
            field.known != Name::ContentType
                && is_kept(field.known, name)
                && !describes
                    .iter()
                    .any(|other| other.eq_ignore_ascii_case(name))
                && !nominated.covers_response(field, bytes)
        })
    };
    let mut lines = Lines::default();
    for (name, value) in stored.each() {
        if !news().any(|field| field.name.of(bytes).eq_ignore_ascii_case(name)) {
            lines.push(name, value);
        }
    }
    for field in news() {
        lines.push(field.name.of(bytes), field.value.of(bytes));
    }
    match stored.length() {
        Some(length) if length == stored.body().len() as u64 => {
            lines.finish(stored.status(), stored.body().clone())
        }
        length => lines.finish_bodiless(stored.status(), length),
    }
}
