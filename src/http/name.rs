//! The field names that the gateway itself reads or writes, so that finding one is an index and not a comparison.

/// A well-known field name, or [`Name::Other`] for any other token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "each variant is the name it spells")]
pub enum Name {
    /// A name without a variant of its own.
    #[default]
    Other,
    Accept,
    Authorization,
    Connection,
    ContentLength,
    ContentType,
    Cookie,
    Date,
    Expect,
    Forwarded,
    Host,
    Http2Settings,
    KeepAlive,
    Location,
    MaxForwards,
    Proxy,
    ProxyAuthenticate,
    ProxyAuthorization,
    ProxyConnection,
    ProxyStatus,
    Referer,
    RetryAfter,
    SecWebSocketKey,
    SecWebSocketVersion,
    Server,
    SetCookie,
    Te,
    Trailer,
    TransferEncoding,
    Upgrade,
    UserAgent,
    Via,
    XForwardedFor,
    XForwardedHost,
    XForwardedPath,
    XForwardedPort,
    XForwardedPrefix,
    XForwardedProto,
    XKongProxyLatency,
    XKongRequestId,
    XKongUpstreamLatency,
    XRealIp,
}

impl Name {
    /// How many variants there are, [`Name::Other`] included.
    pub const COUNT: usize = Self::SPELLINGS.len();

    /// The usual spelling of each variant, by its number.
    pub const SPELLINGS: &[&str] = &[
        "",
        "Accept",
        "Authorization",
        "Connection",
        "Content-Length",
        "Content-Type",
        "Cookie",
        "Date",
        "Expect",
        "Forwarded",
        "Host",
        "Http2-Settings",
        "Keep-Alive",
        "Location",
        "Max-Forwards",
        "Proxy",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "Proxy-Status",
        "Referer",
        "Retry-After",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Server",
        "Set-Cookie",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "User-Agent",
        "Via",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Path",
        "X-Forwarded-Port",
        "X-Forwarded-Prefix",
        "X-Forwarded-Proto",
        "X-Kong-Proxy-Latency",
        "X-Kong-Request-Id",
        "X-Kong-Upstream-Latency",
        "X-Real-IP",
    ];

    /// The variant that `token` spells in any case.
    pub fn of(token: &[u8]) -> Self {
        let candidates: &[Self] = match token.len() {
            2 => &[Self::Te],
            3 => &[Self::Via],
            4 => &[Self::Date, Self::Host],
            5 => &[Self::Proxy],
            6 => &[Self::Accept, Self::Cookie, Self::Expect, Self::Server],
            7 => &[Self::Referer, Self::Trailer, Self::Upgrade],
            8 => &[Self::Location],
            9 => &[Self::Forwarded, Self::XRealIp],
            10 => &[
                Self::Connection,
                Self::KeepAlive,
                Self::SetCookie,
                Self::UserAgent,
            ],
            11 => &[Self::RetryAfter],
            12 => &[Self::ContentType, Self::MaxForwards, Self::ProxyStatus],
            13 => &[Self::Authorization],
            14 => &[Self::ContentLength, Self::Http2Settings],
            15 => &[Self::XForwardedFor],
            16 => &[
                Self::ProxyConnection,
                Self::XForwardedHost,
                Self::XForwardedPath,
                Self::XForwardedPort,
            ],
            17 => &[
                Self::SecWebSocketKey,
                Self::TransferEncoding,
                Self::XForwardedProto,
                Self::XKongRequestId,
            ],
            18 => &[Self::ProxyAuthenticate, Self::XForwardedPrefix],
            19 => &[Self::ProxyAuthorization],
            20 => &[Self::XKongProxyLatency],
            21 => &[Self::SecWebSocketVersion],
            23 => &[Self::XKongUpstreamLatency],
            _ => &[],
        };
        let spelled = |name: &&Self| name.as_str().as_bytes().eq_ignore_ascii_case(token);
        candidates
            .iter()
            .find(spelled)
            .copied()
            .unwrap_or(Self::Other)
    }

    /// The usual spelling; empty for [`Name::Other`].
    pub fn as_str(self) -> &'static str {
        Self::SPELLINGS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn every_spelling_is_found_in_any_case() {
        for (number, spelling) in Name::SPELLINGS.iter().enumerate().skip(1) {
            assert_eq!(Name::of(spelling.as_bytes()) as usize, number);
            assert_eq!(
                Name::of(spelling.to_uppercase().as_bytes()) as usize,
                number
            );
        }
        assert_eq!(Name::of(b""), Name::Other);
        assert_eq!(Name::of(b"X-Other"), Name::Other);
    }
}
