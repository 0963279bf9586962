//! Who may ask, and whether a browser is being used against its owner.
//!
//! With tokens, every request brings one. Without, the listener is bound to this machine alone, and whoever is on it may
//! do everything; but a browser on this machine also runs the pages of strangers. Kong's CORS fields, which clients
//! rely on, permit any page everything, so they are kept and the request itself is refused where it matters:
//!
//! - `Host` must be a name of this machine, or else a stranger's name was made to point here (DNS rebinding);
//! - `Origin`, which browsers send with every request of a page that could write or read an answer, must be a page of
//!   this machine too. Preflights are answered as Kong answers them: they hold nothing.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::http::header::ORIGIN;

use super::token;
use crate::config::model::AdminRole;
use crate::config::model::AdminToken;

/// Lets requests in or not.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    tokens: Vec<AdminToken>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who {
    /// The token's name, or [`LOCAL`].
    pub(super) name: String,
}

/// Whoever is on this machine, where there are no tokens.
pub(super) const LOCAL: &str = "local";

/// Whoever asks what takes no token.
pub(super) const ANYONE: &str = "anyone";

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// It brings no token, or one that is not known.
    NoToken,
    /// Its token is for reading.
    ReadOnly,
    /// It was sent to a name that is not one of this machine.
    ForeignHost,
    /// A page from elsewhere sent it.
    ForeignOrigin,
}

impl Denied {
    /// The status and the sentence of the answer.
    pub(super) const fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::ReadOnly => (StatusCode::FORBIDDEN, "this token may read and not write"),
            Self::ForeignHost => (
                StatusCode::FORBIDDEN,
                "without tokens the Admin API answers to localhost, 127.0.0.1 and [::1] only",
            ),
            Self::ForeignOrigin => (
                StatusCode::FORBIDDEN,
                "without tokens the Admin API does not answer to pages of other machines",
            ),
        }
    }
}

impl Guard {
    /// One that knows these tokens.
    pub(super) fn new(tokens: Vec<AdminToken>) -> Self {
        Self { tokens }
    }

    /// Whether every request has to bring a token.
    pub(super) fn has_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Who sent a request that tells nothing secret and changes nothing: with tokens, anyone may.
    pub(super) fn admit_probe(&self, headers: &HeaderMap) -> Result<Who, Denied> {
        let name = ANYONE.to_owned();
        match self.has_tokens() {
            true => Ok(Who { name }),
            false => self.admit(headers, false),
        }
    }

    /// Who sent a request that writes, or not.
    pub(super) fn admit(&self, headers: &HeaderMap, writes: bool) -> Result<Who, Denied> {
        if !self.has_tokens() {
            let name = LOCAL.to_owned();
            return from_here(headers).map(|()| Who { name });
        }
        let presented = token::presented(headers).ok_or(Denied::NoToken)?;
        let token = token::known(&self.tokens, presented).ok_or(Denied::NoToken)?;
        if writes && token.role < AdminRole::Write {
            return Err(Denied::ReadOnly);
        }
        Ok(Who {
            name: token.name.clone(),
        })
    }
}

fn from_here(headers: &HeaderMap) -> Result<(), Denied> {
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or("?").to_owned();
    if let Some(host) = headers.get(HOST).map(text)
        && !is_here(&host)
    {
        return Err(Denied::ForeignHost);
    }
    if let Some(origin) = headers.get(ORIGIN).map(text)
        && !origin
            .split_once("://")
            .is_some_and(|(_, host)| is_here(host))
    {
        return Err(Denied::ForeignOrigin);
    }
    Ok(())
}

/// Whether an authority is a name of this machine that nobody else can claim.
fn is_here(authority: &str) -> bool {
    let host = match authority
        .strip_prefix('[')
        .and_then(|open| open.split_once(']'))
    {
        Some((host, _)) => host,
        None => authority.split(':').next().unwrap_or_default(),
    };
    // RFC 6761 section 6.3: these names are never looked up elsewhere.
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let is_localhost = name == "localhost" || name.ends_with(".localhost");
    let address = host.parse::<IpAddr>();
    is_localhost || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::Denied;
    use super::Guard;
    use super::is_here;
    use crate::admin::token::fresh;
    use crate::config;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let lines = lines.iter();
        let lines = lines.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        HeaderMap::from_iter::<Vec<(axum::http::HeaderName, _)>>(lines.collect())
    }

    #[test]
    fn names_of_this_machine_are_told_from_all_others() {
        for here in [
            "localhost",
            "LOCALHOST:8001",
            "a.localhost",
            "127.0.0.1:8001",
            "127.1.2.3",
            "[::1]:8001",
            "[::1]",
        ] {
            assert!(is_here(here), "{here}");
        }
        for elsewhere in [
            "",
            "example.com",
            "localhost.example.com",
            "10.0.0.1:8001",
            "[fe80::1]:1",
            "127.0.0.1.nip.io",
            "::1",
            "0x7f.1",
        ] {
            assert!(!is_here(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn strangers_pages_get_nothing_where_there_are_no_tokens() {
        let guard = Guard::default();
        let admit = |lines: &[_]| guard.admit(&headers(lines), true).map(|who| who.name);
        let here = ("host", "127.0.0.1:8001");
        assert_eq!(admit(&[here]), Ok("local".to_owned()));
        assert_eq!(admit(&[]), Ok("local".to_owned()));
        assert_eq!(
            admit(&[here, ("origin", "http://localhost:3000")]),
            Ok("local".to_owned())
        );
        assert_eq!(admit(&[("host", "evil.example")]), Err(Denied::ForeignHost));
        for origin in [
            "http://evil.example",
            "null",
            "https://127.0.0.1.evil.example",
            "",
        ] {
            assert_eq!(
                admit(&[here, ("origin", origin)]),
                Err(Denied::ForeignOrigin),
                "{origin}"
            );
        }
    }

    #[test]
    fn roles_bound_what_a_token_may_do() {
        let (reader, writer) = (fresh(), fresh());
        let text = format!(
            "[admin]\naddress = \"0.0.0.0:1\"\n[[admin.tokens]]\nname = \"r\"\nrole = \"read\"\nhash = \"{}\"\n\
             [[admin.tokens]]\nname = \"w\"\nrole = \"write\"\nhash = \"{}\"\n",
            reader.hash, writer.hash
        );
        let model = config::parse_str("x.toml", &text).unwrap().model;
        let guard = Guard::new(model.admin.unwrap().tokens);
        let admit = |token: &str, writes| {
            let value = format!("Bearer {token}");
            let lines = [
                ("host", "gateway.example"),
                ("authorization", value.as_str()),
            ];
            guard.admit(&headers(&lines), writes).map(|who| who.name)
        };
        assert_eq!(admit(&reader.token, false), Ok("r".to_owned()));
        assert_eq!(admit(&reader.token, true), Err(Denied::ReadOnly));
        assert_eq!(admit(&writer.token, true), Ok("w".to_owned()));
        assert_eq!(admit("sbk_0", false), Err(Denied::NoToken));
        assert_eq!(guard.admit(&headers(&[]), false), Err(Denied::NoToken));
    }
}
