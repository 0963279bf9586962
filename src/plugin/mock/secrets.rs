//! What of a request or an answer is nobody's to read: values under names that speak of secrets, and the key that the
//! request was authenticated with, under whatever name.
//!
//! Bodies are kept only if they can be read: a JSON document that does not parse may hold a password, and nobody knows
//! where.

use serde_json::Value;

use super::super::arguments::arguments;
use super::super::transform::args::Args;
use super::super::transform::mentions;
use super::super::transform::multipart::Multipart;
use super::view::text;
use crate::base::limits;
use crate::telemetry::mask::Mask;

/// The names of one plugin's configuration.
#[derive(Debug)]
pub(super) struct Secrets(Mask);

/// These, and what one request has presented.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hiding<'a> {
    mask: &'a Mask,
    presented: Option<&'a str>,
}

/// A body as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) text: Option<String>,
    /// Why there is no text.
    pub(super) comment: Option<&'static str>,
}

impl Secrets {
    /// The usual names and `more`.
    pub(super) fn new(more: &[String]) -> Self {
        let more = more.iter().map(String::as_str);
        Self(Mask::with(NAMES.iter().copied().chain(more)))
    }

    /// With the key that a request has presented.
    pub(super) fn hiding<'a>(&'a self, presented: Option<&'a str>) -> Hiding<'a> {
        Hiding {
            mask: &self.0,
            presented: presented.filter(|key| !key.is_empty()),
        }
    }
}

impl Hiding<'_> {
    /// A field's value.
    pub(super) fn field(&self, name: &[u8], value: &[u8]) -> String {
        if self.mask.is_secret(name) {
            return HIDDEN.to_owned();
        }
        self.presented(text(value).into_owned())
    }

    /// A query as it was written.
    pub(super) fn query(&self, query: &[u8]) -> String {
        let masked = self.mask.query(query);
        let Some(presented) = self.presented else {
            return text(&masked).into_owned();
        };
        let parts = masked.split(|&byte| byte == b'&').map(|part| {
            let value = arguments(part).next().and_then(|(_, value)| value);
            let name = part.split_inclusive(|&byte| byte == b'=').next();
            match name {
                Some(name) if value.as_deref() == Some(presented.as_bytes()) => {
                    text(name).into_owned() + HIDDEN
                }
                Some(_) | None => text(part).into_owned(),
            }
        });
        self.presented(parts.collect::<Vec<_>>().join("&"))
    }

    /// A query's names and values, decoded.
    pub(super) fn pairs(&self, query: &[u8]) -> Vec<(String, String)> {
        let args = Args::decode(query);
        let pairs = args.iter().map(|(name, value)| {
            let value = self.field(name, value.unwrap_or_default());
            (text(name).into_owned(), value)
        });
        pairs.collect()
    }

    /// A body; none if it was too long to be here.
    pub(super) fn body(&self, content_type: &[u8], coded: bool, body: Option<&[u8]>) -> Kept {
        let Some(body) = body.filter(|body| body.len() <= limits::MOCK_LOG_BODY_BYTES) else {
            return Kept::not("longer than what is kept of bodies");
        };
        if coded {
            return Kept::not("compressed");
        }
        let read = if body.is_empty() {
            Some(Vec::new())
        } else if mentions(content_type, b"json") {
            self.json(body)
        } else if mentions(content_type, b"application/x-www-form-urlencoded") {
            Some(self.query(body).into_bytes())
        } else if mentions(content_type, b"multipart/form-data") {
            self.multipart(content_type, body)
        } else {
            Some(body.to_vec())
        };
        let Some(read) = read else {
            return Kept::not("does not parse, so nobody knows what of it is secret");
        };
        match String::from_utf8(read) {
            Ok(read) => Kept {
                text: Some(self.presented(read)),
                comment: None,
            },
            Err(_) => Kept::not("no text"),
        }
    }

    fn json(&self, body: &[u8]) -> Option<Vec<u8>> {
        let mut value: Value = serde_json::from_slice(body).ok()?;
        if self.hide_members(&mut value) {
            return Some(value.to_string().into_bytes());
        }
        Some(body.to_vec())
    }

    /// Hides what is secret in a document; whether there was something. As deep as the parser lets documents be.
    fn hide_members(&self, value: &mut Value) -> bool {
        let mut hidden = false;
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    if self.mask.is_secret(name.as_bytes()) {
                        *value = HIDDEN.into();
                        hidden = true;
                    } else {
                        hidden |= self.hide_members(value);
                    }
                }
            }
            Value::Array(values) => {
                for value in values {
                    hidden |= self.hide_members(value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        hidden
    }

    fn multipart(&self, content_type: &[u8], body: &[u8]) -> Option<Vec<u8>> {
        let mut form = Multipart::parse(content_type, body).ok()?;
        let secret = form.names().filter(|name| self.mask.is_secret(name));
        let secret: Vec<Vec<u8>> = secret.map(<[u8]>::to_vec).collect();
        for name in &secret {
            form.replace(name, HIDDEN.as_bytes());
        }
        Some(form.write())
    }

    /// A text without the key that the request has presented.
    fn presented(&self, text: String) -> String {
        match self.presented {
            Some(key) if text.contains(key) => text.replace(key, HIDDEN),
            Some(_) | None => text,
        }
    }
}

impl Kept {
    /// No text, because of this.
    pub(super) fn not(comment: &'static str) -> Self {
        Self {
            text: None,
            comment: Some(comment),
        }
    }
}

/// What stands for a secret.
pub(super) const HIDDEN: &str = "***";

/// Names that are secret besides those that are so in queries.
const NAMES: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "authentication",
    "cookie",
    "set-cookie",
    "x-api-key",
    "x-auth-token",
    "x-access-token",
    "x-csrf-token",
    "x-amz-security-token",
    "session",
    "session-id",
    "private-key",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(kind: &str, body: &str) -> Option<String> {
        let secrets = Secrets::new(&["Mine".to_owned()]);
        let hiding = secrets.hiding(Some("PRESENTED/KEY"));
        hiding
            .body(kind.as_bytes(), false, Some(body.as_bytes()))
            .text
    }

    #[test]
    fn fields_and_queries_hide_by_name_and_by_value() {
        let secrets = Secrets::new(&["x-mine".to_owned()]);
        let hiding = secrets.hiding(Some("K&1"));
        for name in ["Authorization", "X-API-Key", "X-Mine", "cookie", "apikey"] {
            assert_eq!(hiding.field(name.as_bytes(), b"C"), HIDDEN);
        }
        assert_eq!(hiding.field(b"X-Any", b"a K&1 b"), "a *** b");
        assert_eq!(
            hiding.query(b"a=K%261&b=1&token=C&K"),
            "a=***&b=1&token=***&K"
        );
        let pairs = hiding.pairs(b"a=K%261&api_key=C&b");
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (&**n, &**v)).collect();
        assert_eq!(pairs, [("a", HIDDEN), ("api_key", HIDDEN), ("b", "")]);
    }

    #[test]
    fn bodies_hide_what_is_secret_wherever_it_stands() {
        let json = r#"{"a":[{"Password":{"x":"C"}}],"b":"PRESENTED/KEY"}"#;
        assert_eq!(
            kept("application/problem+json", json).as_deref(),
            Some(r#"{"a":[{"Password":"***"}],"b":"***"}"#)
        );
        let form = kept(
            "application/x-www-form-urlencoded",
            "mine=C&a=PRESENTED%2FKEY",
        );
        assert_eq!(form.as_deref(), Some("mine=***&a=***"));
        let part = "--b\r\nContent-Disposition: form-data; name=\"secret\"\r\n\r\nCANARY\r\n";
        let multipart = kept("multipart/form-data; boundary=b", part).unwrap();
        assert!(multipart.contains("\r\n\r\n***\r\n") && !multipart.contains("CANARY"));
        assert_eq!(kept("text/plain", "plain").as_deref(), Some("plain"));
        assert_eq!(kept("application/json", " {} ").as_deref(), Some(" {} "));
    }

    #[test]
    fn what_cannot_be_read_is_not_kept() {
        assert_eq!(kept("application/json", "{\"password\":\"C\""), None);
        assert_eq!(kept("multipart/form-data", "password=C"), None);
        let secrets = Secrets::new(&[]);
        let hiding = secrets.hiding(None);
        let long = "x".repeat(limits::MOCK_LOG_BODY_BYTES + 1);
        assert!(
            hiding
                .body(b"", false, Some(long.as_bytes()))
                .comment
                .is_some()
        );
        assert!(hiding.body(b"", false, Some(b"\xff")).comment.is_some());
        assert!(hiding.body(b"", true, Some(b"x")).comment.is_some());
        assert!(hiding.body(b"", false, None).comment.is_some());
        assert_eq!(hiding.body(b"", false, Some(b"")).text.as_deref(), Some(""));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(
            kind in prop::sample::select(vec!["json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", ""]),
            body in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let secrets = Secrets::new(&[]);
            let hiding = secrets.hiding(Some("a"));
            let kept = hiding.body(kind.as_bytes(), false, Some(&body));
            prop_assert!(kept.text.is_some() != kept.comment.is_some());
            prop_assert!(!hiding.query(&body).contains('a'));
            let _ = hiding.pairs(&body);
        }
    }
}
