//! What people call a stored answer by: Kong's key, so that whoever computes keys finds the same.
//!
//! SHA-256 of the consumer and the route, the method, the request line without its query, the parameters and the
//! configured fields. Requests that Kong takes for one may differ here by more; their answers then share a name.

use aws_lc_rs::digest::SHA256;
use aws_lc_rs::digest::digest;

use crate::cache::Digest;
use crate::http::Version;
use crate::plugin::Request;

use super::config::Config;
use super::key::decoded;
use super::key::values;

/// The name of a request's answer.
pub(super) fn of(config: &Config, request: &Request<'_>) -> Digest {
    let text = text(config, request);
    let mut name = [0; 64];
    for (place, byte) in name
        .chunks_exact_mut(2)
        .zip(digest(&SHA256, &text).as_ref())
    {
        let digits = b"0123456789abcdef";
        place[0] = digits[usize::from(byte >> 4)];
        place[1] = digits[usize::from(byte & 15)];
    }
    name
}

fn text(config: &Config, request: &Request<'_>) -> Vec<u8> {
    let mut text = Vec::with_capacity(256);
    let consumer = request.identity.consumer_index();
    if let Some(consumer) = consumer.and_then(|index| request.directory.consumer(index)) {
        text.extend_from_slice(consumer.id.to_string().as_bytes());
        text.push(b':');
    }
    text.extend_from_slice(request.route.id.to_string().as_bytes());
    text.push(b'|');
    text.extend_from_slice(request.method());
    text.push(b'|');
    let start = text.len();
    text.extend_from_slice(request.method());
    text.push(b' ');
    text.extend_from_slice(request.path);
    // Kong takes the query off the request line with all that follows it.
    if request.query().is_none() {
        let version: &[u8] = match request.head.version {
            Version::Http10 => b" HTTP/1.0",
            Version::Http11 => b" HTTP/1.1",
        };
        text.extend_from_slice(version);
    }
    if config.folds_case
        && let Some(line) = text.get_mut(start..)
    {
        line.make_ascii_lowercase();
    }
    text.push(b'|');
    params(config, request.query().unwrap_or_default(), &mut text);
    text.push(b'|');
    fields(config, request, &mut text);
    text
}

/// A parameter: its name, and its value if it has one.
type Param = (Vec<u8>, Option<Vec<u8>>);

/// `name=value:name=value`, sorted by name or in the configured order; several values of one name are sorted.
fn params(config: &Config, query: &[u8], text: &mut Vec<u8>) {
    let pairs = query
        .split(|&byte| byte == b'&')
        .filter(|pair| !pair.is_empty());
    let mut params: Vec<Param> = pairs
        .map(|pair| {
            let mut halves = pair.splitn(2, |&byte| byte == b'=');
            let name = halves.next().unwrap_or_default();
            let value = halves.next().map(|value| decoded(value).collect());
            (decoded(name).collect(), value)
        })
        .collect();
    params.sort();
    let mut names: Vec<&[u8]> = config.params.iter().map(|name| name.as_bytes()).collect();
    if names.is_empty() {
        names = params.iter().map(|(name, _)| name.as_slice()).collect();
        names.dedup();
    }
    let mut first = true;
    for name in names {
        let of_name = |param: &&Param| param.0 == name;
        let mut given = params.iter().filter(of_name).peekable();
        if given.peek().is_none() {
            continue;
        }
        if !std::mem::take(&mut first) {
            text.push(b':');
        }
        text.extend_from_slice(name);
        let values: Vec<&[u8]> = given.filter_map(|(_, value)| value.as_deref()).collect();
        if !values.is_empty() {
            text.push(b'=');
            text.extend_from_slice(&values.join(&b','));
        }
    }
}

fn fields(config: &Config, request: &Request<'_>, text: &mut Vec<u8>) {
    let mut first = true;
    for name in &config.fields {
        let mut lines = Vec::new();
        let (head, bytes) = (request.head, request.bytes);
        values(head, bytes, request.upstream, name.as_bytes(), &mut lines);
        let mut values: Vec<&[u8]> = lines.split(|&byte| byte == b'\n').collect();
        // Behind the last line's end there is nothing.
        values.pop();
        if values.is_empty() {
            continue;
        }
        if !std::mem::take(&mut first) {
            text.push(b':');
        }
        values.sort_unstable();
        text.extend_from_slice(name.as_bytes());
        text.push(b'=');
        text.extend_from_slice(&values.join(&b','));
    }
}

#[cfg(test)]
pub(super) fn text_of(config: &Config, request: &Request<'_>) -> String {
    String::from_utf8(text(config, request)).unwrap()
}
