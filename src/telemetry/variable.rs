//! What a line of the access log can say: one row per variable, shared by the template's parser, the JSON
//! and logfmt encoders and `docs/metrics.md`.

/// What there is to know about a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariableRow {
    /// The name in a template, after the `$`.
    pub name: &'static str,
    /// The key in JSON and logfmt; empty where these say it under other keys.
    pub key: &'static str,
    /// One sentence without a full stop.
    pub help: &'static str,
}

/// One variable; the table in [`Variable::row`] is the whole truth about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the row of each variant in `Variable::row` documents it"
)]
pub enum Variable {
    TimeIso8601,
    TimeUnix,
    RemoteAddr,
    RemotePort,
    RequestMethod,
    Scheme,
    Host,
    RequestUri,
    Path,
    Query,
    Protocol,
    Status,
    BytesSent,
    BytesReceived,
    RequestTime,
    UpstreamTime,
    GatewayTime,
    Service,
    Route,
    UpstreamAddr,
    Retries,
    Cause,
    WouldDeny,
    RequestId,
    UserAgent,
    Referer,
    ConnectionRequests,
    Core,
    Truncated,
}

impl Variable {
    /// Every variable, in the order of a JSON line.
    pub const ALL: [Self; 29] = {
        use Variable as V;
        [
            V::TimeIso8601,
            V::TimeUnix,
            V::RemoteAddr,
            V::RemotePort,
            V::RequestMethod,
            V::Scheme,
            V::Host,
            V::RequestUri,
            V::Path,
            V::Query,
            V::Protocol,
            V::Status,
            V::BytesSent,
            V::BytesReceived,
            V::RequestTime,
            V::UpstreamTime,
            V::GatewayTime,
            V::Service,
            V::Route,
            V::UpstreamAddr,
            V::Retries,
            V::Cause,
            V::WouldDeny,
            V::RequestId,
            V::UserAgent,
            V::Referer,
            V::ConnectionRequests,
            V::Core,
            V::Truncated,
        ]
    };

    /// The variable that a template calls `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.row().name == name)
    }

    /// The variable's row.
    #[rustfmt::skip]
    pub const fn row(self) -> VariableRow {
        match self {
            Self::TimeIso8601 => row("time_iso8601", "time", "When the request began, in UTC to the microsecond"),
            Self::TimeUnix => row("time_unix", "", "The same in seconds since the Unix epoch"),
            Self::RemoteAddr => row("remote_addr", "client_ip", "Address of the client"),
            Self::RemotePort => row("remote_port", "client_port", "Port of the client"),
            Self::RequestMethod => row("request_method", "method", "Method"),
            Self::Scheme => row("scheme", "scheme", "`http` or `https`"),
            Self::Host => row("host", "host", "Host that was asked for, without the port"),
            Self::RequestUri => row("request_uri", "", "Path and query, with the values of secret parameters hidden"),
            Self::Path => row("path", "path", "Path"),
            Self::Query => row("query", "query", "Query, with the values of secret parameters hidden"),
            Self::Protocol => row("protocol", "protocol", "`HTTP/1.0` or `HTTP/1.1`"),
            Self::Status => row("status", "status", "Status sent, or 0 if the client got none"),
            Self::BytesSent => row("bytes_sent", "bytes_sent", "Bytes sent to the client"),
            Self::BytesReceived => row("bytes_received", "bytes_received", "Bytes received from the client"),
            Self::RequestTime => row("request_time", "duration", "Seconds from the first byte of the request to the last byte of the answer"),
            Self::UpstreamTime => row("upstream_time", "upstream_duration", "Seconds spent waiting for the upstream"),
            Self::GatewayTime => row("gateway_time", "gateway_duration", "Seconds that the gateway added"),
            Self::Service => row("service", "service", "Name of the service, its id if it has none"),
            Self::Route => row("route", "route", "Name of the route, its id if it has none"),
            Self::UpstreamAddr => row("upstream_addr", "upstream", "Address and port of the target"),
            Self::Retries => row("retries", "retries", "Attempts at the upstream beyond the first"),
            Self::Cause => row("cause", "cause", "Why the gateway ended or answered the exchange itself, see errors.md"),
            Self::WouldDeny => row("would_deny", "would_deny", "Plugins that only observe and would have refused the request, with commas between; else absent"),
            Self::RequestId => row("request_id", "request_id", "The id that the gateway gave the request"),
            Self::UserAgent => row("user_agent", "user_agent", "The User-Agent field"),
            Self::Referer => row("referer", "referer", "The Referer field, with the values of secret parameters hidden"),
            Self::ConnectionRequests => row("connection_requests", "connection_requests", "Which request of its connection this was, from 1; 0 if the gateway made it once more by itself"),
            Self::Core => row("core", "core", "Number of the worker"),
            Self::Truncated => row("truncated", "truncated", "`true` if a field was longer than a record keeps and is cut, else absent"),
        }
    }
}

const fn row(name: &'static str, key: &'static str, help: &'static str) -> VariableRow {
    VariableRow { name, key, help }
}
