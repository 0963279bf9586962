//! Cache-Control as requests and answers say it (RFC 9111 section 5.2, RFC 5861).
//!
//! A directive that is said twice counts in its stricter sense, and a number that cannot be read counts as zero, so
//! that doubt makes an answer older and never younger. Directives that are not understood are passed over.

/// Seconds; what exceeds the type is as good as for ever.
pub type Secs = u32;

/// What a request wants of a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Nothing of it may be stored.
    pub no_store: bool,
    /// No stored answer without asking the origin.
    pub no_cache: bool,
    /// A stored answer or none.
    pub only_if_cached: bool,
    /// The greatest age.
    pub max_age: Option<Secs>,
    /// How long past its freshness; without a value however long.
    pub max_stale: Option<Secs>,
    /// How much longer it must be fresh.
    pub min_fresh: Option<Secs>,
}

/// What an answer says of its being stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Nobody may store it.
    pub no_store: bool,
    /// It may be given again only after asking the origin, or only without some fields; both are taken for the first.
    pub no_cache: bool,
    /// It is for one user.
    pub private: bool,
    /// Once stale it may not be given without asking the origin.
    pub must_revalidate: bool,
    /// How long it is fresh in a shared cache.
    pub s_maxage: Option<Secs>,
    /// How long it is fresh.
    pub max_age: Option<Secs>,
    /// How long past its freshness it may be given while it is being refreshed.
    pub stale_while_revalidate: Option<Secs>,
    /// How long past its freshness it may be given if the origin fails.
    pub stale_if_error: Option<Secs>,
}

impl Wishes {
    /// What these values of Cache-Control say together.
    pub fn of<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut wishes = Self::default();
        for (name, value) in values.flat_map(directives) {
            let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
            if is("no-store") {
                wishes.no_store = true;
            } else if is("no-cache") {
                wishes.no_cache = true;
            } else if is("only-if-cached") {
                wishes.only_if_cached = true;
            } else if is("max-age") {
                tighten(&mut wishes.max_age, secs(value));
            } else if is("max-stale") {
                tighten(
                    &mut wishes.max_stale,
                    value.map_or(Secs::MAX, |_| secs(value)),
                );
            } else if is("min-fresh") {
                let least = wishes.min_fresh.unwrap_or(0);
                wishes.min_fresh = Some(least.max(secs(value)));
            }
        }
        wishes
    }
}

impl Terms {
    /// What these values of Cache-Control say together.
    pub fn of<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut terms = Self::default();
        for (name, value) in values.flat_map(directives) {
            let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
            if is("no-store") {
                terms.no_store = true;
            } else if is("no-cache") {
                terms.no_cache = true;
            } else if is("private") {
                terms.private = true;
            } else if is("must-revalidate") || is("proxy-revalidate") {
                terms.must_revalidate = true;
            } else if is("s-maxage") {
                tighten(&mut terms.s_maxage, secs(value));
            } else if is("max-age") {
                tighten(&mut terms.max_age, secs(value));
            } else if is("stale-while-revalidate") {
                tighten(&mut terms.stale_while_revalidate, secs(value));
            } else if is("stale-if-error") {
                tighten(&mut terms.stale_if_error, secs(value));
            }
        }
        terms
    }
}

/// The directives of one value; a comma in quotes separates nothing.
fn directives(value: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let mut quoted = false;
    let parts = value.split(move |&byte| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    });
    parts.map(|part| {
        let mut halves = part.splitn(2, |&byte| byte == b'=');
        let name = halves.next().unwrap_or_default().trim_ascii();
        (name, halves.next().map(<[u8]>::trim_ascii))
    })
}

/// A number of seconds, in quotes or not.
fn secs(value: Option<&[u8]>) -> Secs {
    let value = value.unwrap_or_default();
    let unquoted = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""));
    let digits = unquoted.unwrap_or(value);
    let digit = |sum: Secs, &byte: &u8| match byte {
        b'0'..=b'9' => Some(
            sum.saturating_mul(10)
                .saturating_add(Secs::from(byte - b'0')),
        ),
        _ => None,
    };
    digits.iter().try_fold(0, digit).unwrap_or(0)
}

fn tighten(bound: &mut Option<Secs>, said: Secs) {
    *bound = Some(bound.map_or(said, |known| known.min(said)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(value: &str) -> Wishes {
        Wishes::of([value.as_bytes()].into_iter())
    }

    fn terms(values: &[&str]) -> Terms {
        Terms::of(values.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn a_requests_wishes_are_read() {
        assert_eq!(
            wishes("Max-Age=10 , max-stale,min-fresh=\"5\", foo=bar"),
            Wishes {
                max_age: Some(10),
                max_stale: Some(Secs::MAX),
                min_fresh: Some(5),
                ..Wishes::default()
            }
        );
        assert!(wishes("no-store").no_store && wishes(" no-cache ").no_cache);
        assert!(wishes("only-if-cached").only_if_cached);
        assert_eq!(wishes("max-stale=7").max_stale, Some(7));
        assert_eq!(wishes(""), Wishes::default());
    }

    #[test]
    fn doubt_makes_an_answer_older() {
        let said = terms(&["max-age=60, max-age=30", "max-age=90"]);
        assert_eq!(said.max_age, Some(30));
        for odd in [
            "max-age=-1",
            "max-age=x",
            "max-age",
            "max-age=",
            "max-age=1.5",
        ] {
            assert_eq!(terms(&[odd]).max_age, Some(0), "{odd}");
        }
        assert_eq!(
            terms(&["max-age=99999999999"]).max_age,
            Some(Secs::MAX),
            "as good as for ever"
        );
    }

    #[test]
    fn a_comma_in_quotes_separates_nothing() {
        let said = terms(&["private=\"a, no-store\", s-maxage=5, proxy-revalidate"]);
        assert!(said.private && !said.no_store && said.must_revalidate);
        assert_eq!(said.s_maxage, Some(5));
        let said = terms(&["stale-while-revalidate=3, stale-if-error=4, no-cache=\"x\""]);
        assert_eq!(said.stale_while_revalidate, Some(3));
        assert_eq!(said.stale_if_error, Some(4));
        assert!(said.no_cache);
    }
}
