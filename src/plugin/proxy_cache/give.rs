//! Giving a stored answer: all of it, a part, or the word that the client has it already.

use std::ops::Range;
use std::sync::Arc;

use crate::http::Answer;
use crate::http::Method;
use crate::http::Reply;
use crate::http::date;
use crate::http::reply::Held;
use crate::http::reply::Part;
use crate::http::reply::Stored;

use super::hints::Hints;

/// The reply to a request for which an answer is stored.
pub(super) fn reply(answer: &Arc<Held>, method: Method, hints: &Hints<'_>) -> Reply {
    let part = if answer.status() != 200 {
        Part::Whole
    } else if is_known(answer, hints) {
        Part::Nothing
    } else {
        match range(answer, method, hints) {
            Ok(part) => part,
            Err(NotThere) => {
                let length = answer.body().len();
                let all = format!("bytes */{length}").into_bytes();
                return Reply::empty(416).with("Content-Range", all);
            }
        }
    };
    Reply::stored(Stored {
        answer: Arc::clone(answer),
        part,
    })
}

/// Whether the client has this answer already (RFC 9110 section 13.2.2): If-None-Match decides, and only without it
/// If-Modified-Since.
fn is_known(answer: &Answer, hints: &Hints<'_>) -> bool {
    if let Some(known) = hints.if_none_match {
        let opaque = answer.field(b"etag").map(opaque);
        let mut tags = known.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        return tags.any(|tag| tag == b"*" || Some(self::opaque(tag)) == opaque);
    }
    let since = hints.if_modified_since.and_then(date::parse);
    let modified = answer.field(b"last-modified").and_then(date::parse);
    matches!((since, modified), (Some(since), Some(modified)) if modified <= since)
}

/// What weak comparison compares.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// A range of which the body has nothing.
struct NotThere;

/// The one range that is asked for. Several, and what is not understood, are passed over (RFC 9110 section 14.2).
fn range(answer: &Answer, method: Method, hints: &Hints<'_>) -> Result<Part, NotThere> {
    let Some(range) = hints.range.filter(|_| method == Method::Get) else {
        return Ok(Part::Whole);
    };
    if hints
        .if_range
        .is_some_and(|validator| !is_same(answer, validator))
    {
        return Ok(Part::Whole);
    }
    let spec = range
        .split_at_checked(6)
        .filter(|(unit, _)| unit.eq_ignore_ascii_case(b"bytes="));
    let Some((_, spec)) = spec else {
        return Ok(Part::Whole);
    };
    match bounds(spec, answer.body().len()) {
        Some(bounds) if bounds.is_empty() => Err(NotThere),
        Some(bounds) => Ok(Part::Range(bounds)),
        None => Ok(Part::Whole),
    }
}

/// The bytes that a range specifies, none if it is not one range.
fn bounds(spec: &[u8], length: usize) -> Option<Range<usize>> {
    let spec = std::str::from_utf8(spec).ok()?.trim();
    let (first, last) = spec.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(first) || !digits(last) {
        return None;
    }
    // What is too long for a number lies behind every body.
    let number = |text: &str| text.parse::<usize>().unwrap_or(usize::MAX);
    match (first, last) {
        ("", "") => None,
        ("", last) => Some(length - number(last).min(length)..length),
        (first, "") => Some(number(first).min(length)..length),
        (first, last) => {
            let (first, last) = (number(first), number(last));
            let end = last.saturating_add(1).min(length);
            (first <= last).then(|| first.min(length)..end.max(first.min(length)))
        }
    }
}

/// Whether If-Range names this answer: by strong comparison (RFC 9110 section 13.1.5).
fn is_same(answer: &Answer, validator: &[u8]) -> bool {
    if validator.starts_with(b"\"") {
        return answer.field(b"etag") == Some(validator);
    }
    let modified = answer.field(b"last-modified");
    modified == Some(validator) && date::parse(validator).is_some()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::http::answer::Lines;
    use crate::http::reply::Body;

    fn answer() -> Arc<Held> {
        let mut lines = Lines::default();
        lines.push(b"ETag", b"\"a\"");
        lines.push(b"Last-Modified", b"Sun, 06 Nov 1994 08:49:37 GMT");
        let answer = lines.finish(200, Bytes::from_static(b"0123456789"));
        Arc::new(Held(Arc::new(answer.unwrap())))
    }

    fn part(hints: Hints<'_>) -> (u16, Option<Part>) {
        let reply = reply(&answer(), Method::Get, &hints);
        let part = match reply.body {
            Body::Stored(stored) => Some(stored.part),
            _ => None,
        };
        (reply.status, part)
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let with = |tags: &'static str| {
            part(Hints {
                if_none_match: Some(tags.as_bytes()),
                if_modified_since: Some(b"Sun, 06 Nov 1994 08:49:37 GMT"),
                ..Hints::default()
            })
        };
        for known in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert_eq!(with(known), (304, Some(Part::Nothing)), "{known}");
        }
        assert_eq!(with("\"b\""), (200, Some(Part::Whole)));
        let since = |date: &'static str| {
            part(Hints {
                if_modified_since: Some(date.as_bytes()),
                ..Hints::default()
            })
        };
        assert_eq!(since("Sun, 06 Nov 1994 08:49:37 GMT").0, 304);
        assert_eq!(since("Sun, 06 Nov 1994 08:49:36 GMT").0, 200);
        assert_eq!(since("yesterday").0, 200);
    }

    #[test]
    fn one_range_is_given_as_such() {
        let with = |range: &'static str, if_range: Option<&'static str>| {
            part(Hints {
                range: Some(range.as_bytes()),
                if_range: if_range.map(str::as_bytes),
                ..Hints::default()
            })
        };
        for (range, bounds) in [
            ("bytes=0-3", 0..4),
            ("bytes=8-99", 8..10),
            ("Bytes=9-", 9..10),
            ("bytes=-3", 7..10),
            ("bytes=-99", 0..10),
            ("bytes=0-99999999999999999999", 0..10),
        ] {
            assert_eq!(
                with(range, None),
                (206, Some(Part::Range(bounds))),
                "{range}"
            );
        }
        for odd in [
            "bytes=0-1,3-4",
            "bytes=3-1",
            "bytes=-",
            "lines=0-1",
            "bytes=a-b",
            "b",
        ] {
            assert_eq!(with(odd, None), (200, Some(Part::Whole)), "{odd}");
        }
        for nothing in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
            assert_eq!(with(nothing, None), (416, None), "{nothing}");
        }
        assert_eq!(with("bytes=0-1", Some("\"a\"")).0, 206);
        assert_eq!(with("bytes=0-1", Some("\"b\"")).0, 200);
        assert_eq!(with("bytes=0-1", Some("W/\"a\"")).0, 200);
        assert_eq!(
            with("bytes=0-1", Some("Sun, 06 Nov 1994 08:49:37 GMT")).0,
            206
        );
    }
}
