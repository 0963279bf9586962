//! The rules of RFC 9112 that both kinds of heads share, as plain as they can be written.

use super::Lines;

/// The values of a field, in order.
pub(crate) fn all<'l>(lines: &'l Lines, name: &str) -> Vec<&'l [u8]> {
    lines
        .iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| value.as_slice())
        .collect()
}

/// The elements of the lists in a field, the empty ones included.
pub(crate) fn elements(lines: &Lines, name: &str) -> Vec<String> {
    all(lines, name)
        .iter()
        .flat_map(|value| value.split(|&byte| byte == b','))
        .map(|element| latin1(element.trim_ascii()).to_ascii_lowercase())
        .collect()
}

/// One byte is one char.
pub(crate) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// A decimal number of digits alone.
pub(crate) fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Whether a line ends in a line feed alone, or holds a carriage return alone.
pub(crate) fn has_bare_line_end(head: &[u8]) -> bool {
    let text = latin1(head).replace("\r\n", "");
    text.contains(['\r', '\n'])
}

/// What Transfer-Encoding amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    None,
    Chunked,
    /// Unknown codings, then `chunked`.
    Unknown,
    Broken,
}

/// Judges the Transfer-Encoding fields.
pub(crate) fn coding(lines: &Lines) -> Coding {
    if all(lines, "transfer-encoding").is_empty() {
        return Coding::None;
    }
    let codings = elements(lines, "transfer-encoding");
    let Some((last, others)) = codings.split_last() else {
        return Coding::Broken;
    };
    let fine = |coding: &String| is_token(coding) && coding != "identity" && coding != "chunked";
    match (last.as_str(), others) {
        ("chunked", []) => Coding::Chunked,
        ("chunked", others) if others.iter().all(fine) => Coding::Unknown,
        (_, _) => Coding::Broken,
    }
}

/// Whether the text is a token (RFC 9110 section 5.6.2).
pub(crate) fn is_token(text: &str) -> bool {
    let tchar = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(tchar)
}

/// Whether the connection persists.
pub(crate) fn persists(lines: &Lines, http11: bool) -> bool {
    let options = elements(lines, "connection");
    let says = |option: &str| options.iter().any(|other| other == option);
    !says("close") && (http11 || says("keep-alive"))
}

/// The host and the port of an authority; nothing if it is malformed.
pub(crate) fn authority(text: &str) -> Option<(String, Option<u16>)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(inside) => {
            let (address, rest) = inside.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (address, rest)
        }
        None => {
            let end = text.find(':').unwrap_or(text.len());
            let (host, rest) = text.split_at(end);
            if !is_registered_name(host) {
                return None;
            }
            (host, rest)
        }
    };
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => None,
        None => return None,
        Some("") => None,
        Some(digits) => Some(u16::try_from(number(digits)?).ok()?),
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

fn is_registered_name(host: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+;=%".contains(c);
    host.chars().all(fine) && escapes_are_complete(host)
}

/// Whether two hexadecimal digits follow every percent sign.
pub(crate) fn escapes_are_complete(text: &str) -> bool {
    text.split('%').skip(1).all(|behind| {
        let digits: Vec<char> = behind.chars().take(2).collect();
        digits.len() == 2 && digits.iter().all(char::is_ascii_hexdigit)
    })
}
