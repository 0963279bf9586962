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

    /// Every variant, by its number.
    pub const ALL: [Self; Self::COUNT] = {
        use Name as N;
        [
            N::Other,
            N::Accept,
            N::Authorization,
            N::Connection,
            N::ContentLength,
            N::ContentType,
            N::Cookie,
            N::Date,
            N::Expect,
            N::Forwarded,
            N::Host,
            N::Http2Settings,
            N::KeepAlive,
            N::Location,
            N::MaxForwards,
            N::Proxy,
            N::ProxyAuthenticate,
            N::ProxyAuthorization,
            N::ProxyConnection,
            N::ProxyStatus,
            N::Referer,
            N::RetryAfter,
            N::SecWebSocketKey,
            N::SecWebSocketVersion,
            N::Server,
            N::SetCookie,
            N::Te,
            N::Trailer,
            N::TransferEncoding,
            N::Upgrade,
            N::UserAgent,
            N::Via,
            N::XForwardedFor,
            N::XForwardedHost,
            N::XForwardedPath,
            N::XForwardedPort,
            N::XForwardedPrefix,
            N::XForwardedProto,
            N::XKongProxyLatency,
            N::XKongRequestId,
            N::XKongUpstreamLatency,
            N::XRealIp,
        ]
    };

    /// The variant that `token` spells in any case.
    pub fn of(token: &[u8]) -> Self {
        let (Some(&first), Some(&[penult, _])) = (token.first(), token.last_chunk()) else {
            return Self::Other;
        };
        let candidate = Self::candidate(token.len(), first, penult);
        if candidate.as_str().as_bytes().eq_ignore_ascii_case(token) {
            candidate
        } else {
            Self::Other
        }
    }

    /// The only variant that a token of this length with this first and this last but one byte can spell: one
    /// look into a table, in which no two names share a place.
    #[inline]
    pub fn candidate(length: usize, first: u8, penult: u8) -> Self {
        CANDIDATES[slot(length, first, penult)]
    }

    /// The variant's spelling in lower case with a colon behind it, filled up with zeros.
    #[inline]
    pub fn line_start(self) -> &'static [u8; Self::LINE_START_BYTES] {
        &LINE_STARTS[self as usize]
    }

    /// Longer than every spelling with its colon, and as long as a vector of the widest common kind.
    pub const LINE_START_BYTES: usize = 32;

    /// The usual spelling; empty for [`Name::Other`].
    pub fn as_str(self) -> &'static str {
        Self::SPELLINGS[self as usize]
    }
}

/// Where in [`CANDIDATES`] a token belongs. The factors are chosen so that no two names meet, which
/// [`candidates`] checks when the crate is compiled; they are sums of two powers of two, which cost nothing.
#[inline]
const fn slot(length: usize, first: u8, penult: u8) -> usize {
    let (first, penult) = ((first | 0x20) as usize, (penult | 0x20) as usize);
    (length * 8 + first * 24 + penult) % SLOTS
}

const SLOTS: usize = 256;

static CANDIDATES: [Name; SLOTS] = candidates();

const fn candidates() -> [Name; SLOTS] {
    let mut slots = [Name::Other; SLOTS];
    let mut number = 1;
    while number < Name::COUNT {
        let spelling = Name::SPELLINGS[number].as_bytes();
        let length = spelling.len();
        let slot = slot(length, spelling[0], spelling[length - 2]);
        assert!(
            matches!(slots[slot], Name::Other),
            "two names share a slot: choose other factors"
        );
        slots[slot] = Name::ALL[number];
        number += 1;
    }
    slots
}

static LINE_STARTS: [[u8; Name::LINE_START_BYTES]; Name::COUNT] = line_starts();

const fn line_starts() -> [[u8; Name::LINE_START_BYTES]; Name::COUNT] {
    let mut starts = [[0; Name::LINE_START_BYTES]; Name::COUNT];
    let mut number = 0;
    while number < Name::COUNT {
        let spelling = Name::SPELLINGS[number].as_bytes();
        let mut at = 0;
        while at < spelling.len() {
            starts[number][at] = spelling[at].to_ascii_lowercase();
            at += 1;
        }
        starts[number][at] = b':';
        number += 1;
    }
    starts
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
        for token in ["", "T", "X-Other", "Hosts", "Hos", "Xost", "Ho:t"] {
            assert_eq!(Name::of(token.as_bytes()), Name::Other, "{token}");
        }
    }

    #[test]
    fn numbers_spellings_and_line_starts_agree() {
        for (number, name) in Name::ALL.into_iter().enumerate() {
            assert_eq!(name as usize, number);
            let start = format!("{}:", name.as_str().to_lowercase());
            assert!(name.line_start().starts_with(start.as_bytes()));
            assert!(
                name.line_start()[start.len()..]
                    .iter()
                    .all(|&byte| byte == 0)
            );
        }
    }
}
