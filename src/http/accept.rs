//! Which of our four error bodies a client wants: the `Accept` field by RFC 9110 section 12.5.1.
//!
//! Every range is read once, up to `limits::ACCEPT_RANGES`; what is malformed is passed over. Per
//! body type the most specific range that covers it decides its weight. Nothing here allocates.

use crate::base::limits::ACCEPT_RANGES;

/// The forms in which an error of the gateway can be written, in the order of preference among
/// equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyType {
    /// `application/json`
    Json,
    /// `text/html`
    Html,
    /// `application/xml`
    Xml,
    /// `text/plain`
    Plain,
}

impl BodyType {
    /// All of them, in order of preference.
    pub const ALL: [Self; 4] = [Self::Json, Self::Html, Self::Xml, Self::Plain];

    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Xml => "application/xml; charset=utf-8",
            Self::Plain => "text/plain; charset=utf-8",
        }
    }

    fn halves(self) -> (&'static [u8], &'static [u8]) {
        match self {
            Self::Json => (b"application", b"json"),
            Self::Html => (b"text", b"html"),
            Self::Xml => (b"application", b"xml"),
            Self::Plain => (b"text", b"plain"),
        }
    }
}

/// What is known of one body type while the ranges are read.
#[derive(Clone, Copy, Default)]
struct Standing {
    /// 0 nothing covers it, 1 `*/*`, 2 `type/*`, 3 the type itself.
    specificity: u8,
    /// Weight in thousandths.
    weight: u16,
    /// Number of the range that decided; earlier is preferred among equals, as in Kong.
    range: usize,
}

/// The body type that the client likes best; [`BodyType::Json`] if it accepts none of ours, as Kong
/// does.
pub fn choose(accept: &[u8]) -> BodyType {
    let mut standings = [Standing::default(); BodyType::ALL.len()];
    for (number, range) in accept.split(|&b| b == b',').take(ACCEPT_RANGES).enumerate() {
        let Some((kind, subkind, weight)) = parse_range(range) else {
            continue;
        };
        for (standing, body) in standings.iter_mut().zip(BodyType::ALL) {
            let specificity = specificity(kind, subkind, body);
            if specificity > standing.specificity {
                *standing = Standing {
                    specificity,
                    weight,
                    range: number,
                };
            }
        }
    }
    let mut best = (BodyType::Json, Standing::default());
    for (standing, body) in standings.into_iter().zip(BodyType::ALL) {
        let earlier = standing.weight == best.1.weight && standing.range < best.1.range;
        if standing.weight > best.1.weight || (standing.weight > 0 && earlier) {
            best = (body, standing);
        }
    }
    best.0
}

fn specificity(kind: &[u8], subkind: &[u8], body: BodyType) -> u8 {
    let (own_kind, own_subkind) = body.halves();
    if kind == b"*" {
        return u8::from(subkind == b"*");
    }
    if !kind.eq_ignore_ascii_case(own_kind) {
        return 0;
    }
    if subkind == b"*" {
        return 2;
    }
    if subkind.eq_ignore_ascii_case(own_subkind) {
        3
    } else {
        0
    }
}

/// Type, subtype, and weight of a media range; other parameters are passed over.
fn parse_range(range: &[u8]) -> Option<(&[u8], &[u8], u16)> {
    let mut parts = range.split(|&b| b == b';');
    let media = parts.next()?.trim_ascii();
    let slash = media.iter().position(|&b| b == b'/')?;
    let (kind, subkind) = (media.get(..slash)?, media.get(slash + 1..)?);
    let weight = parts.find_map(|parameter| match parameter.trim_ascii() {
        [b'q' | b'Q', b'=', value @ ..] => Some(thousandths(value)),
        _ => None,
    });
    Some((kind, subkind, weight.unwrap_or(Some(1000))?))
}

/// A qvalue (RFC 9110 section 12.4.2) in thousandths.
fn thousandths(value: &[u8]) -> Option<u16> {
    let (whole, fraction) = match value {
        [whole] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let mut total = match whole {
        b'0' => 0,
        b'1' => 1000,
        _ => return None,
    };
    let mut unit = 100;
    for digit in fraction {
        if !digit.is_ascii_digit() {
            return None;
        }
        total += u16::from(digit - b'0') * unit;
        unit /= 10;
    }
    (total <= 1000).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::BodyType;
    use super::choose;

    #[test]
    fn the_best_covered_type_wins() {
        use BodyType as B;
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";
        for (accept, expected) in [
            ("", B::Json),
            ("*/*", B::Json),
            ("image/png", B::Json),
            ("text/html", B::Html),
            ("TEXT/HTML", B::Html),
            ("application/xml", B::Xml),
            ("text/plain", B::Plain),
            ("text/*", B::Html),
            ("application/*", B::Json),
            (browser, B::Html),
            ("text/html;q=0.5, application/json;q=0.9", B::Json),
            ("text/html;level=1;q=0.5, text/plain;q=0.501", B::Plain),
            ("text/html;q=0, */*", B::Json),
            ("application/json;q=0, */*", B::Html),
            ("application/xml, text/html", B::Xml),
            ("image/png, text/html;q=0.1", B::Html),
            ("text/html;q=1.001, text/plain;q=0.1", B::Plain),
            ("text/html;q=2, text/plain;q=x, application/xml;q=", B::Json),
            ("*/*;q=0", B::Json),
            ("*/html, /, ;;;, =", B::Json),
        ] {
            assert_eq!(choose(accept.as_bytes()), expected, "{accept}");
        }
    }

    #[test]
    fn ranges_beyond_the_bound_are_not_read() {
        let mut accept = "a/b,".repeat(crate::base::limits::ACCEPT_RANGES);
        accept.push_str("text/html");
        assert_eq!(choose(accept.as_bytes()), BodyType::Json);
        assert_eq!(choose(&accept.as_bytes()[4..]), BodyType::Html);
    }
}
