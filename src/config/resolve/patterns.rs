//! What a route matches by, checked as Kong checks it: hosts, paths, headers, methods, server names.
//!
//! The checks are about spelling; the router compiles what passed. Texts are Kong's, since people search for them.

use regex_automata::util::syntax;

use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::raw::text::Text;
use crate::config::source::Place;

/// Checks an element of `methods`.
pub(super) fn method(text: &Text<'_>, sink: &mut Sink) {
    let upper = text.value.bytes().all(|b| b.is_ascii_uppercase());
    if text.value.is_empty() || !upper {
        let fault = text.fault(
            Code::BadMethod,
            "invalid value: must be upper-case letters",
            sink,
        );
        fault.hint(format!("write \"{}\"", text.value.to_ascii_uppercase()));
    }
}

/// Checks an element of `hosts`: a name, perhaps with a port, with at most one wildcard at either end.
pub(super) fn host(text: &Text<'_>, sink: &mut Sink) {
    let value = text.value;
    let stars: Vec<usize> = value.match_indices('*').map(|(at, _)| at).collect();
    if let [_, second, ..] = stars.as_slice() {
        let place = text.part(*second, 1);
        sink.add(
            Code::BadHost,
            place,
            "invalid wildcard: must have at most one wildcard",
        );
        return;
    }
    let (name, port) = split_port(value);
    if let [star] = stars.as_slice() {
        let placed = value.starts_with("*.") || name.ends_with(".*");
        if !placed {
            let place = text.part(*star, 1);
            let message = "invalid wildcard: must be placed at leftmost or rightmost label";
            let fault = sink.add(Code::BadHost, place, message);
            fault.hint("write \"*.example.com\" or \"example.*\"");
            return;
        }
    }
    let bare = name.strip_prefix("*.").or(name.strip_suffix(".*"));
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok());
    if !port_fits || !(is_host_name(bare.unwrap_or(name)) || is_ip(name)) {
        let fault = text.fault(Code::BadHost, format!("invalid hostname: {value}"), sink);
        if value.contains("://") {
            fault.hint("write the host alone, without scheme and path");
        }
    }
}

/// Checks an element of `snis`: a name without port, with at most one wildcard at either end.
pub(super) fn sni(text: &Text<'_>, sink: &mut Sink) {
    let name = text.value;
    let bare = name.strip_prefix("*.").or(name.strip_suffix(".*"));
    let bare = bare.unwrap_or(name);
    let problem = if bare.contains('*') {
        "wildcard must be leftmost or rightmost character"
    } else if is_ip(name) {
        "must not be an IP"
    } else if split_port(name).1.is_some() {
        "must not have a port"
    } else if !is_host_name(bare) {
        "invalid hostname"
    } else {
        return;
    };
    text.fault(Code::BadHost, problem, sink);
}

/// Checks an element of `paths`: a normalised prefix, or a regex behind `~`.
pub(super) fn path(text: &Text<'_>, sink: &mut Sink) {
    let value = text.value;
    if !value.starts_with('/') && !value.starts_with("~/") {
        let message = "should start with: / (fixed path) or ~/ (regex path)";
        let fault = text.fault(Code::BadPath, message, sink);
        let bare = value.trim_start_matches('~').trim_start_matches('^');
        fault.hint(format!("write \"/{}\"", bare.trim_start_matches('/')));
        return;
    }
    if let Some(at) = value.find("//") {
        sink.add(
            Code::BadPath,
            text.part(at, 2),
            "must not have empty segments",
        );
        return;
    }
    if let Some(pattern) = value.strip_prefix('~') {
        regex(text, 1, pattern, sink);
        return;
    }
    if let Some(at) = broken_escape(value) {
        let message = format!("invalid url-encoded value: '{}'", excerpt(&value[at..], 3));
        sink.add(Code::BadPath, text.part(at, 1), message);
        return;
    }
    let normal = normalized(value);
    if normal != value {
        let message = format!("non-normalized path, consider use '{normal}' instead");
        text.fault(Code::BadPath, message, sink);
    }
}

/// Checks the `path` of a service, whose text begins at byte `from` of `text`.
pub(super) fn service_path(text: &Text<'_>, from: usize, sink: &mut Sink) {
    let value = &text.value[from..];
    if !value.starts_with('/') {
        sink.add(Code::BadPath, text.place, "should start with: /");
        return;
    }
    if let Some(at) = value.find("//") {
        let place = text.part(from + at, 2);
        sink.add(Code::BadPath, place, "must not have empty segments");
        return;
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "/-._~%:@!$&'()*+,;=".contains(c);
    if let Some((at, bad)) = value.char_indices().find(|(_, c)| !fits(*c)) {
        let place = text.part(from + at, bad.len_utf8());
        let message = format!(
            "invalid path: '{value}' (characters outside of the reserved list of RFC 3986 found)"
        );
        sink.add(Code::BadPath, place, message);
    } else if let Some(at) = broken_escape(value) {
        let message = format!("invalid url-encoded value: '{}'", excerpt(&value[at..], 3));
        sink.add(Code::BadPath, text.part(from + at, 1), message);
    }
}

/// Checks the name and the values of a header criterion.
pub(super) fn header(name: &Text<'_>, values: &[Text<'_>], at: Place, sink: &mut Sink) {
    if name.value.eq_ignore_ascii_case("host") {
        let message =
            "cannot contain 'host' header, which must be specified in the 'hosts' attribute";
        name.fault(Code::BadHeader, message, sink);
    } else if !is_token(name.value) {
        let message = format!(
            "bad header name '{}', allowed characters are those of a token",
            name.value
        );
        name.fault(Code::BadHeader, message, sink);
    }
    if values.is_empty() {
        sink.add(Code::BadHeader, at, "length must be at least 1");
    }
    if let [only] = values
        && let Some(pattern) = only.value.strip_prefix("~*")
    {
        regex(only, 2, pattern, sink);
    }
}

/// Checks a regex that begins at byte `from` of `text`.
fn regex(text: &Text<'_>, from: usize, pattern: &str, sink: &mut Sink) {
    let config = syntax::Config::new().utf8(false);
    let Err(error) = syntax::parse_with(pattern, &config) else {
        return;
    };
    let report = error.to_string();
    let problem = report.lines().last().unwrap_or_default();
    let problem = problem.strip_prefix("error: ").unwrap_or(problem);
    let place = marked(&report, pattern).map(|(at, length)| text.part(from + at, length));
    let message = format!("invalid regex: '{pattern}' ({problem})");
    let fault = sink.add(Code::BadRegex, place.unwrap_or(text.place), message);
    if problem.contains("look-around") || problem.contains("backreferences") {
        fault.hint("regular expressions run in linear time: look-around and backreferences are not supported");
    }
}

/// The bytes of a one-line `pattern` that the parser's report marks with carets. The report is the parser's
/// only public way to its place: the pattern, indented by four, and the carets on the next line.
fn marked(report: &str, pattern: &str) -> Option<(usize, usize)> {
    let mut lines = report
        .lines()
        .skip_while(|line| line.trim_start() != pattern);
    let indent = lines.next()?.len().checked_sub(pattern.len())?;
    let carets = lines.next()?;
    let first = carets.find('^')?.checked_sub(indent)?;
    let count = carets.matches('^').count();
    let start = pattern
        .char_indices()
        .nth(first)
        .map_or(pattern.len(), |(at, _)| at);
    let end = pattern
        .char_indices()
        .nth(first + count)
        .map_or(pattern.len(), |(at, _)| at);
    Some((start, end.saturating_sub(start).max(1)))
}

/// Name and port of an authority; an IPv6 address keeps its brackets.
pub(in crate::config) fn split_port(value: &str) -> (&str, Option<&str>) {
    let after_bracket = value.rfind(']').map_or(0, |at| at + 1);
    let is_bare_v6 = after_bracket == 0 && value.matches(':').count() > 1;
    match value[after_bracket..].rfind(':') {
        Some(colon) if !is_bare_v6 => {
            let at = after_bracket + colon;
            (&value[..at], Some(&value[at + 1..]))
        }
        _ => (value, None),
    }
}

/// Letters, digits, `-` and `_` in labels that are not empty; at most 253 bytes.
pub(super) fn is_host_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(fits);
    name.len() <= 253 && name.split('.').all(label)
}

/// An IPv4 or IPv6 address, the latter with or without brackets.
pub(super) fn is_ip(name: &str) -> bool {
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    bare.unwrap_or(name).parse::<std::net::IpAddr>().is_ok()
}

/// A token of RFC 9110 section 5.6.2.
pub(super) fn is_token(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(fits)
}

/// Where a `%` is not followed by two hexadecimal digits.
fn broken_escape(path: &str) -> Option<usize> {
    let bytes = path.as_bytes();
    let whole = |at: usize| {
        let digits = bytes.get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    path.match_indices('%')
        .map(|(at, _)| at)
        .find(|at| !whole(*at))
}

/// RFC 3986 section 6.2.2: unreserved characters unescaped, other escapes in capitals, dot segments removed.
fn normalized(path: &str) -> String {
    let mut unescaped = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        unescaped.push_str(&rest[..at]);
        let digits = rest.get(at + 1..at + 3).unwrap_or_default();
        match u8::from_str_radix(digits, 16) {
            Ok(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                unescaped.push(char::from(byte));
            }
            _ => {
                unescaped.push('%');
                unescaped.push_str(&digits.to_ascii_uppercase());
            }
        }
        rest = &rest[at + 1 + digits.len()..];
    }
    unescaped.push_str(rest);
    without_dots(&unescaped)
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (index, segment) in segments.iter().enumerate() {
        let is_last = index + 1 == segments.len();
        match *segment {
            "." | ".." => {
                if *segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

fn excerpt(text: &str, chars: usize) -> &str {
    let end = text
        .char_indices()
        .nth(chars)
        .map_or(text.len(), |(at, _)| at);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::normalized;
    use super::split_port;

    #[test]
    fn paths_are_normalized_like_the_request_path() {
        for (path, normal) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/", "/a/"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/..", "/"),
            ("/../a", "/a"),
            ("/%61%2f", "/a%2F"),
            ("/ü", "/ü"),
        ] {
            assert_eq!(normalized(path), normal);
        }
    }

    #[test]
    fn ports_are_told_from_addresses() {
        assert_eq!(split_port("a:80"), ("a", Some("80")));
        assert_eq!(split_port("a"), ("a", None));
        assert_eq!(split_port("[::1]:80"), ("[::1]", Some("80")));
        assert_eq!(split_port("[::1]"), ("[::1]", None));
        assert_eq!(split_port("::1"), ("::1", None));
    }
}
