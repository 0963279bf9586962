//! By what requests are told apart: everything known to make a difference, so that nobody can have an answer stored
//! that others are then given in place of theirs.
//!
//! A key is an unambiguous encoding, not a hash, and it is compared whole. It holds, besides what Kong's key holds
//! (consumer, route, method, path, parameters, configured fields): the plugin, the host, how the request came in,
//! what a trusted peer says of that, fields that steer some origins, what plugins have rewritten, the body, and
//! the credentials that the origin gets to see.

use aws_lc_rs::digest::SHA256;
use aws_lc_rs::digest::digest;

use crate::http::Method;
use crate::http::Name;
use crate::http::RequestHead;
use crate::plugin::Edits;
use crate::plugin::Request;

use super::config::Config;
use super::hints::Hints;
use super::hints::steers;

/// Writes the key of a request as if it had this method.
pub(super) fn write(
    config: &Config,
    request: &Request<'_>,
    hints: &Hints<'_>,
    method: Method,
    key: &mut Vec<u8>,
) {
    key.clear();
    key.extend_from_slice(request.own.id.as_bytes());
    key.extend_from_slice(request.route.id.as_bytes());
    let consumer = request.identity.consumer_index();
    if let Some(consumer) = consumer.and_then(|index| request.directory.consumer(index)) {
        key.extend_from_slice(consumer.id.as_bytes());
    } else {
        key.extend_from_slice(&[0; 16]);
    }
    key.push(method as u8);
    key.push(u8::from(request.secure));
    key.extend_from_slice(&request.listener.port().to_le_bytes());
    key.extend_from_slice(&request.head.port.unwrap_or(0).to_le_bytes());
    part(key, |key| lower(key, request.host()));
    part(key, |key| match config.folds_case {
        true => lower(key, request.path),
        false => key.extend_from_slice(request.path),
    });
    key.push(u8::from(request.query().is_some()));
    if let Some(query) = request.query() {
        part(key, |key| params(config, query, key));
    }
    for name in &config.fields {
        let name = name.as_bytes();
        part(key, |key| {
            values(request.head, request.bytes, request.upstream, name, key)
        });
    }
    forwarded(request, key);
    if hints.steers {
        steering(request, key);
    }
    rewritten(request, key);
    if request.head.fields.has(Name::Authorization) || !request.upstream.is_empty() {
        credentials(request, key);
    }
    let has_body = !matches!(method, Method::Get | Method::Head);
    if let Some(body) = request.body.filter(|body| has_body && !body.is_empty()) {
        key.push(b'B');
        key.extend_from_slice(digest(&SHA256, body).as_ref());
    }
}

/// Writes something with its length before it, so that where it ends is no matter of its content.
fn part(key: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = key.len();
    key.extend_from_slice(&[0; 4]);
    write(key);
    let length = u32::try_from(key.len() - start - 4).unwrap_or(u32::MAX);
    if let Some(place) = key.get_mut(start..start + 4) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}

fn lower(key: &mut Vec<u8>, text: &[u8]) {
    key.extend(text.iter().map(u8::to_ascii_lowercase));
}

/// The values of a field as the origin sees them, received or from plugins, each with a line end.
pub(super) fn values(
    head: &RequestHead,
    bytes: &[u8],
    edits: &Edits,
    name: &[u8],
    out: &mut Vec<u8>,
) {
    let known = Name::of(name);
    if !edits.removes(known, name) {
        for value in head.fields.all_named(name, bytes) {
            out.extend_from_slice(value);
            out.push(b'\n');
        }
    }
    for line in edits.lines().split_inclusive(|&byte| byte == b'\n') {
        let value = line.split_at_checked(name.len());
        let value = value.filter(|(same, _)| same.eq_ignore_ascii_case(name));
        if let Some(value) = value.and_then(|(_, rest)| rest.strip_prefix(b": ")) {
            out.extend_from_slice(value.strip_suffix(b"\r\n").unwrap_or(value));
            out.push(b'\n');
        }
    }
}

/// The parameters that count: all of them in the order of their names, or those that are configured. Parameters of
/// one name keep their order. They are compared as they are spelled, so two spellings of one thing are stored twice.
fn params(config: &Config, query: &[u8], key: &mut Vec<u8>) {
    let pairs = || query.split(|&byte| byte == b'&');
    if config.params.is_empty() {
        if pairs().map(name_of).is_sorted() {
            key.extend_from_slice(query);
            return;
        }
        let mut sorted: Vec<&[u8]> = pairs().collect();
        sorted.sort_by_key(|pair| name_of(pair));
        key.extend_from_slice(&sorted.join(&b'&'));
        return;
    }
    for name in &config.params {
        for pair in pairs().filter(|pair| spells(name_of(pair), name.as_bytes())) {
            key.extend_from_slice(pair);
            key.push(b'&');
        }
        key.push(b'\n');
    }
    if query.contains(&b';') {
        // Some origins part parameters there, and would see one that was not compared.
        key.extend_from_slice(query);
    }
}

fn name_of(pair: &[u8]) -> &[u8] {
    pair.split(|&byte| byte == b'=').next().unwrap_or_default()
}

/// Whether an encoded name says this.
fn spells(encoded: &[u8], name: &[u8]) -> bool {
    decoded(encoded).eq(name.iter().copied())
}

/// What an encoded text says.
pub(super) fn decoded(encoded: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = encoded;
    std::iter::from_fn(move || {
        let (&first, after) = rest.split_first()?;
        rest = after;
        match first {
            b'+' => Some(b' '),
            b'%' => {
                let digits = after.split_at_checked(2);
                let byte = digits.and_then(|(digits, after)| Some((hex(digits)?, after)));
                let Some((byte, after)) = byte else {
                    return Some(b'%');
                };
                rest = after;
                Some(byte)
            }
            byte => Some(byte),
        }
    })
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok()?;
    let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u8::from_str_radix(digits, 16).ok().filter(|_| plain)
}

/// What the request says of how it came to whoever stands before the gateway. A trusted peer's word goes to the origin.
fn forwarded(request: &Request<'_>, key: &mut Vec<u8>) {
    for name in [
        Name::XForwardedHost,
        Name::XForwardedProto,
        Name::XForwardedPort,
        Name::XForwardedPrefix,
        Name::XForwardedPath,
    ] {
        if request.head.fields.has(name) {
            key.push(b'F');
            key.push(name as u8);
            for value in request.head.fields.all(name, request.bytes) {
                part(key, |key| key.extend_from_slice(value));
            }
        }
    }
}

fn steering(request: &Request<'_>, key: &mut Vec<u8>) {
    for field in request.head.fields.lines() {
        let name = field.name.of(request.bytes);
        if field.known == Name::Other && steers(name) {
            key.push(b'S');
            part(key, |key| lower(key, name));
            part(key, |key| {
                key.extend_from_slice(field.value.of(request.bytes))
            });
        }
    }
}

/// What plugins have made of the request before.
fn rewritten(request: &Request<'_>, key: &mut Vec<u8>) {
    let rewrite = &request.rewrite;
    if let Some(path) = &rewrite.path {
        key.push(b'P');
        part(key, |key| key.extend_from_slice(path));
    }
    if let Some(query) = &rewrite.query {
        key.push(b'Q');
        key.push(u8::from(query.is_some()));
        part(key, |key| {
            key.extend_from_slice(query.as_deref().unwrap_or_default())
        });
    }
    if let Some(host) = &rewrite.host {
        key.push(b'H');
        part(key, |key| key.extend_from_slice(host));
    }
    if let Some(body) = &rewrite.body {
        key.push(b'R');
        key.extend_from_slice(digest(&SHA256, body).as_ref());
    }
}

/// What the origin gets to see of the client's credentials, as a digest: keys are not secret.
fn credentials(request: &Request<'_>, key: &mut Vec<u8>) {
    let start = key.len();
    let (head, bytes) = (request.head, request.bytes);
    values(head, bytes, request.upstream, b"authorization", key);
    if key.len() > start {
        let digest = digest(&SHA256, key.get(start..).unwrap_or_default());
        key.truncate(start);
        key.push(b'A');
        key.extend_from_slice(digest.as_ref());
    }
}

/// Where in a key the parts begin that have lengths: after the ids of plugin, route and consumer, the method, the
/// scheme and two ports.
const PARTS_START: usize = 16 * 3 + 2 + 2 + 2;

/// The host and the path in a key.
pub(super) fn host_and_path(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let take = |from: &[u8]| -> Option<usize> {
        let length = from
            .first_chunk()
            .map(|length| u32::from_le_bytes(*length))?;
        usize::try_from(length).ok()
    };
    let rest = key.get(PARTS_START..)?;
    let length = take(rest)?;
    let (host, rest) = rest.get(4..)?.split_at_checked(length)?;
    let length = take(rest)?;
    Some((host, rest.get(4..)?.get(..length)?))
}
