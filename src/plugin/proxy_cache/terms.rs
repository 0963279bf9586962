//! Whether an answer may be stored, for how long it is fresh, and what it varies by.

use crate::base::limits;
use crate::cache::Micros;
use crate::cache::Secs;
use crate::cache::Terms;
use crate::cache::Times;
use crate::cache::Variants;
use crate::http::Fields;
use crate::http::Framing;
use crate::http::Name;
use crate::http::ResponseHead;
use crate::http::date;

use super::config::Config;
use super::media::MediaType;

/// Whether an answer is of a sort that is stored, whatever it says of its freshness.
pub(super) fn is_storable(config: &Config, head: &ResponseHead, bytes: &[u8]) -> bool {
    let fields = &head.fields;
    let media = fields.get(Name::ContentType, bytes);
    let media = media.filter(|_| !fields.repeats(Name::ContentType));
    let media = media.and_then(MediaType::of);
    let small = match head.framing {
        Framing::Length(length) => length <= config.body_bytes_max() as u64,
        Framing::Empty | Framing::Chunked | Framing::UntilClose => true,
    };
    // Parts are not put together, a 304 is no answer to anybody else, and the others must not be stored whatever is
    // configured (RFC 6585, RFC 8470).
    !matches!(head.status, 206 | 304 | 425 | 428 | 429 | 431 | 511)
        && config.statuses.contains(&head.status)
        && media.is_some_and(|media| config.media.iter().any(|wanted| wanted.takes(&media)))
        // A cookie is for one client. Whoever wants such an answer stored takes the cookie off it.
        && !fields.has(Name::SetCookie)
        && small
}

/// The times of an answer with these fields that has come now; none if it is not to be stored.
pub(super) fn times(
    config: &Config,
    fields: &Fields,
    bytes: &[u8],
    now: Micros,
    unix_secs: u64,
) -> Option<Times> {
    let mut times = Times {
        stored: now,
        age_before: 0,
        lifetime: config.lifetime,
        while_revalidate: config.while_revalidate,
        if_error: config.if_error,
        strict: false,
        kept: 0,
    };
    if config.obeys {
        let terms = Terms::of(fields.all_named(b"cache-control", bytes));
        if terms.no_store || terms.no_cache || terms.private {
            return None;
        }
        times.lifetime = terms
            .s_maxage
            .or(terms.max_age)
            .or_else(|| expires(fields, bytes, unix_secs))
            .unwrap_or(0);
        times.age_before = age(fields, bytes);
        let says_stale = terms.stale_while_revalidate.or(terms.stale_if_error);
        times.while_revalidate = terms
            .stale_while_revalidate
            .unwrap_or(times.while_revalidate);
        times.if_error = terms.stale_if_error.unwrap_or(times.if_error);
        // s-maxage forbids giving stale answers, too, unless the same answer allows it.
        times.strict = terms.must_revalidate || (terms.s_maxage.is_some() && says_stale.is_none());
    }
    let left = times.lifetime.checked_sub(times.age_before)?;
    if left == 0 {
        return None;
    }
    times.kept = config.kept.unwrap_or_else(|| {
        let validated = named(fields, b"etag", bytes)
            .or_else(|| named(fields, b"last-modified", bytes))
            .map_or(0, |_| REVALIDATED);
        let stale = times.while_revalidate.max(times.if_error);
        left.saturating_add(stale.max(validated))
    });
    Some(times)
}

/// What Expires says, by the origin's clock if it tells the time. A date that cannot be read is in the past.
fn expires(fields: &Fields, bytes: &[u8], unix_secs: u64) -> Option<Secs> {
    let expires = date::parse(named(fields, b"expires", bytes)?).unwrap_or(0);
    let date = fields.get(Name::Date, bytes).and_then(date::parse);
    let lifetime = expires.saturating_sub(date.unwrap_or(unix_secs));
    Some(Secs::try_from(lifetime).unwrap_or(Secs::MAX))
}

/// How long the answer has been stored before it came.
fn age(fields: &Fields, bytes: &[u8]) -> Secs {
    let age = named(fields, b"age", bytes).and_then(|age| std::str::from_utf8(age).ok());
    age.and_then(|age| age.trim().parse().ok()).unwrap_or(0)
}

/// The names of the request's fields that an answer varies by; none if it varies by what cannot be known.
pub(super) fn varying(fields: &Fields, bytes: &[u8]) -> Option<Vec<Box<[u8]>>> {
    let mut names = Variants::names(fields.all_named(b"vary", bytes))?;
    if named(fields, b"content-encoding", bytes).is_some() {
        // An origin that forgets to say so still chose the coding by this.
        let encoding: Box<[u8]> = (*b"accept-encoding").into();
        if let Err(place) = names.binary_search(&encoding) {
            names.insert(place, encoding);
        }
    }
    let unknowable = |name: &[u8]| {
        [
            Name::Forwarded,
            Name::Via,
            Name::XForwardedFor,
            Name::XKongRequestId,
            Name::XRealIp,
        ]
        .contains(&Name::of(name))
    };
    if names.iter().any(|name| unknowable(name)) {
        return None;
    }
    // Every key has these anyway.
    names.retain(|name| {
        !matches!(
            Name::of(name),
            Name::Host
                | Name::XForwardedHost
                | Name::XForwardedPath
                | Name::XForwardedPort
                | Name::XForwardedPrefix
                | Name::XForwardedProto
        )
    });
    Some(names)
}

/// The labels that an answer can be purged by: those of Cache-Tag have commas between them, those of Surrogate-Key
/// spaces. None if there are too many to keep.
pub(super) fn tags(fields: &Fields, bytes: &[u8]) -> Option<Box<[Box<[u8]>]>> {
    let comma = fields.all_named(b"cache-tag", bytes);
    let comma = comma.flat_map(|value| value.split(|&byte| byte == b','));
    let space = fields.all_named(b"surrogate-key", bytes);
    let space = space.flat_map(|value| value.split(u8::is_ascii_whitespace));
    let tags = comma.chain(space).map(<[u8]>::trim_ascii);
    let tags: Vec<Box<[u8]>> = tags
        .filter(|tag| !tag.is_empty())
        .take(limits::CACHE_TAGS + 1)
        .map(Into::into)
        .collect();
    (tags.len() <= limits::CACHE_TAGS).then(|| tags.into())
}

fn named<'b>(fields: &Fields, name: &[u8], bytes: &'b [u8]) -> Option<&'b [u8]> {
    fields.all_named(name, bytes).next()
}

const REVALIDATED: Secs = limits::CACHE_REVALIDATED.as_secs() as Secs;
