//! What consistent hashing hashes of a request (Kong's `hash_on` and `hash_fallback`).

use std::ops::Range;

use crate::balance::HashInput;
use crate::balance::HashKey;
use crate::balance::HashOn;
use crate::http::Name;
use crate::http::request_id::RequestId;
use crate::proxy::admit::Admitted;
use crate::proxy::exchange::Exchange;

/// The request's key: by the first input that it has. A client without the cookie that is asked for gets one.
pub(super) fn hash_key(
    exchange: &mut Exchange<'_>,
    admitted: &Admitted,
    hash_on: &HashOn,
) -> Option<HashKey> {
    for wanted in [&hash_on.input, &hash_on.fallback] {
        let found = input(exchange, admitted, wanted);
        if found.is_some() {
            return found;
        }
        if let HashInput::Cookie { name, path } = wanted {
            let value = uuid(&exchange.cx.shard.request_id());
            let cookie = [name, "=", &value, "; Path=", path, "; HttpOnly"].concat();
            exchange.cookie = Some(cookie.into_bytes().into());
            return Some(HashKey::of(value.as_bytes()));
        }
    }
    None
}

/// The random number in an id as a UUID of version 4 (RFC 9562 section 5.4).
fn uuid(id: &RequestId) -> String {
    let mut digits = *id;
    digits[12] = b'4';
    digits[16] = b"89ab"[usize::from(digits[16] & 3)];
    let part = |range: Range<usize>| digits[range].iter().map(|&digit| char::from(digit));
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| part(range).collect::<String>());
    parts.join("-")
}

fn input(exchange: &Exchange<'_>, admitted: &Admitted, input: &HashInput) -> Option<HashKey> {
    let head = &exchange.scratch.request;
    let bytes: &[u8] = exchange.input;
    match input {
        HashInput::None => None,
        HashInput::Consumer => {
            let consumer = exchange.scratch.verdicts.identity.consumer_index()?;
            let directory = &exchange.instance.snapshot.directory;
            let consumer = directory.consumer(consumer)?;
            Some(HashKey::of(consumer.id.as_bytes()))
        }
        HashInput::Ip => Some(HashKey::of(exchange.client.text.as_bytes())),
        HashInput::Header(name) => head
            .fields
            .all_named(name.as_bytes(), bytes)
            .next()
            .map(HashKey::of),
        HashInput::Cookie { name, .. } => cookie(exchange, name.as_bytes()).map(HashKey::of),
        HashInput::Path => Some(HashKey::of(exchange.canonical_path())),
        HashInput::QueryArg(name) => {
            query_value(head.target.query?.of(bytes), name.as_bytes()).map(HashKey::of)
        }
        HashInput::UriCapture(name) => {
            let router = &exchange.instance.snapshot.router;
            let scratch = &mut exchange.cx.shard.routing.borrow_mut();
            let captures =
                router.captures(&admitted.matched, exchange.canonical_path(), scratch)?;
            let numbered = name.parse().ok().and_then(|index| captures.get(index));
            numbered.or_else(|| captures.name(name)).map(HashKey::of)
        }
    }
}

/// The value of a cookie (RFC 6265 section 4.2.1).
pub(super) fn cookie<'b>(exchange: &'b Exchange<'_>, name: &[u8]) -> Option<&'b [u8]> {
    let fields = &exchange.scratch.request.fields;
    let lines = fields.all(Name::Cookie, exchange.input);
    lines
        .flat_map(|line| line.split(|&byte| byte == b';'))
        .find_map(|pair| {
            let pair = pair.trim_ascii();
            pair.strip_prefix(name)?.strip_prefix(b"=")
        })
}

/// The value of the first query argument with a name, as received.
fn query_value<'b>(query: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
    query
        .split(|&byte| byte == b'&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))
}
