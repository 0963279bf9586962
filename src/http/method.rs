//! Request methods (RFC 9110 section 9). A method we do not know stays legal: its bytes are in the head.

use crate::http::Cause;

/// A request method; case matters on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET
    #[default]
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
    /// CONNECT
    Connect,
    /// OPTIONS
    Options,
    /// TRACE
    Trace,
    /// PATCH (RFC 5789)
    Patch,
    /// Any other token; its spelling is in the head's method span.
    Other,
}

impl Method {
    /// The method that `token` spells.
    pub fn of(token: &[u8]) -> Self {
        match token {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"CONNECT" => Self::Connect,
            b"OPTIONS" => Self::Options,
            b"TRACE" => Self::Trace,
            b"PATCH" => Self::Patch,
            _ => Self::Other,
        }
    }

    /// Why no route may serve a request with this method, which is spelled `token`: CONNECT is for a client's own proxy,
    /// TRACE tells a client what only origins should see, and an origin that does not mind letters would take `get` for
    /// the GET that a route's `methods` or a plugin has refused.
    pub fn refusal(self, token: &[u8]) -> Option<Cause> {
        match self {
            Self::Connect => Some(Cause::RequestMalformed),
            Self::Trace => Some(Cause::RequestMethodRefused),
            Self::Other => {
                let mut known = KNOWN.iter();
                let respelled = known.any(|known| token.eq_ignore_ascii_case(known));
                respelled.then_some(Cause::RequestMalformed)
            }
            Self::Get
            | Self::Head
            | Self::Post
            | Self::Put
            | Self::Delete
            | Self::Options
            | Self::Patch => None,
        }
    }

    /// Whether sending the request twice means the same as once (RFC 9110 section 9.2.2). A method
    /// we do not know is taken not to be.
    pub fn is_idempotent(self) -> bool {
        match self {
            Self::Get | Self::Head | Self::Put | Self::Delete | Self::Options | Self::Trace => true,
            Self::Post | Self::Connect | Self::Patch | Self::Other => false,
        }
    }
}

/// The methods that have a variant.
const KNOWN: [&[u8]; 9] = [
    b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_method_in_other_letters_is_none() {
        for known in KNOWN {
            assert_ne!(Method::of(known), Method::Other);
            let lower = known.to_ascii_lowercase();
            assert_eq!(
                Method::of(&lower).refusal(&lower),
                Some(Cause::RequestMalformed)
            );
        }
        for token in [&b"PURGE"[..], b"purge", b"getx", b"ge", b"M-SEARCH"] {
            assert_eq!(Method::of(token).refusal(token), None);
        }
    }
}
