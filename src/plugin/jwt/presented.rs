//! Where a request may hold a token: parameters of the query, cookies, fields.

use std::borrow::Cow;

use crate::http::Name;
use crate::plugin::Request;
use crate::plugin::auth::pairs;
use crate::plugin::auth::scheme;

/// The names under which a token is looked for.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) parameters: Box<[Box<str>]>,
    pub(super) cookies: Box<[Box<str>]>,
    pub(super) fields: Box<[Box<str>]>,
}

/// What a request presents; the same token in several places counts once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Presented<'a> {
    Nothing,
    Token(Cow<'a, [u8]>),
    /// The name of a parameter without a value.
    Unrecognizable,
    Many,
}

impl Places {
    /// What stands in all of them together.
    pub(super) fn search<'a>(&self, request: &Request<'a>) -> Presented<'a> {
        let mut presented = Presented::Nothing;
        if let Some(query) = request.query() {
            for name in &self.parameters {
                for value in pairs::all(query, name.as_bytes()) {
                    presented.add(match value {
                        Some(token) => Presented::Token(token),
                        None => Presented::Unrecognizable,
                    });
                }
            }
        }
        for name in &self.cookies {
            if let Some(token) = cookie(request, name.as_bytes()) {
                presented.add(Presented::Token(token.into()));
            }
        }
        for name in &self.fields {
            let value = request.received_field(name.as_bytes());
            if let Some(token) = value.and_then(|value| scheme::after(value, "bearer")) {
                presented.add(Presented::Token(token.into()));
            }
        }
        presented
    }
}

impl<'a> Presented<'a> {
    fn add(&mut self, other: Presented<'a>) {
        let is_empty = matches!(&other, Presented::Token(token) if token.is_empty());
        if is_empty || *self == other {
            return;
        }
        *self = match self {
            Presented::Nothing => other,
            _ => Presented::Many,
        };
    }
}

/// The value of the first cookie with this name, compared without case as nginx does.
fn cookie<'a>(request: &Request<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let fields = request.head.fields.all(Name::Cookie, request.bytes);
    let mut cookies = fields.flat_map(|field| field.split(|&byte| byte == b';'));
    cookies.find_map(|cookie| {
        let cookie = cookie.trim_ascii();
        let at = memchr::memchr(b'=', cookie)?;
        let (key, value) = (&cookie[..at], &cookie[at + 1..]);
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing::Trial;

    fn search(query: &str, lines: &[&str]) -> Presented<'static> {
        let places = Places {
            parameters: ["jwt".into(), "token".into()].into(),
            cookies: ["sid".into()].into(),
            fields: ["authorization".into(), "x-token".into()].into(),
        };
        let mut trial = Trial::new(&format!("GET /?{query}"), lines);
        trial.run(|request| match places.search(request) {
            Presented::Token(token) => Presented::Token(token.into_owned().into()),
            Presented::Nothing => Presented::Nothing,
            Presented::Unrecognizable => Presented::Unrecognizable,
            Presented::Many => Presented::Many,
        })
    }

    #[test]
    fn a_token_is_found_in_every_place() {
        let token = Presented::Token(b"t.t"[..].into());
        assert_eq!(search("token=t%2Et", &[]), token);
        assert_eq!(search("", &["Cookie: a=b; SID=t.t; sid=x"]), token);
        assert_eq!(search("", &["Cookie: a=b", "Cookie: sid=t.t"]), token);
        assert_eq!(search("", &["Authorization: bearer  t.t"]), token);
        assert_eq!(
            search("", &["X-Token: Bearer t.t", "X-Token: Bearer x"]),
            token
        );
        assert_eq!(
            search(
                "jwt=t.t&token=t.t",
                &["Cookie: sid=t.t", "Authorization: Bearer t.t"]
            ),
            token
        );
        assert_eq!(
            search("jwt=&jwt=t.t", &["Cookie: sid=", "Authorization: Bearer"]),
            token
        );
    }

    #[test]
    fn nothing_and_too_much_are_told_apart() {
        assert_eq!(search("", &[]), Presented::Nothing);
        assert_eq!(
            search("jwt=", &["Authorization: Basic t.t", "Cookie: sid"]),
            Presented::Nothing
        );
        assert_eq!(search("jwt", &[]), Presented::Unrecognizable);
        assert_eq!(search("jwt&jwt=", &[]), Presented::Unrecognizable);
        assert_eq!(search("jwt&jwt=t.t", &[]), Presented::Many);
        assert_eq!(
            search("jwt=t.t", &["Authorization: Bearer x"]),
            Presented::Many
        );
        assert_eq!(search("jwt=1&jwt=2&jwt=2", &[]), Presented::Many);
    }
}
