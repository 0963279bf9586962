//! Why the gateway itself ended or answered an exchange: one cause per failure, named the same way in
//! `Proxy-Status`, the access log, the metrics and `docs/errors.md`.
//!
//! Names are the proxy error types of RFC 9209 section 2.3 where one fits. Each row carries the status and
//! the text that Kong answers with; who turns a failure into a cause is `proxy::failure`.

/// One cause; the table in [`Cause::row`] is the whole truth about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(
    missing_docs,
    reason = "the row of each variant in `Cause::row` documents it"
)]
pub enum Cause {
    RequestMalformed,
    RequestLineTooLong,
    RequestHeadTooLarge,
    RequestBodyTooLarge,
    RequestMethodUnknown,
    RequestCodingUnknown,
    RequestVersionUnknown,
    RequestMethodRefused,
    RequestExpectationUnknown,
    RequestHeadTimeout,
    RequestBodyTimeout,
    RequestBodyIncomplete,
    ClientClosed,
    ClientStalled,
    RouteNotFound,
    ServiceMissing,
    HttpsRequired,
    TargetMissing,
    TargetsUnhealthy,
    TargetsBusy,
    DnsError,
    DnsTimeout,
    ConnectRefused,
    ConnectUnroutable,
    ConnectTimeout,
    ConnectFailed,
    TlsProtocol,
    TlsCertificate,
    TlsAlert,
    ConnectionLimit,
    ConnectionTerminated,
    ResponseIncomplete,
    ResponseMalformed,
    ResponseHeadTooLarge,
    ResponseCodingInvalid,
    ResponseTimeout,
    ResponseBodyTimeout,
    RequestWriteTimeout,
    UpgradeFailed,
    LoopDetected,
    Denied,
    Draining,
    Overloaded,
    UpstreamOverloaded,
    Internal,
}

/// What there is to know about a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CauseRow {
    /// The name in logs and metrics.
    pub code: &'static str,
    /// The error type of RFC 9209 for `Proxy-Status`.
    pub proxy_status: &'static str,
    /// The status that is answered, where an answer is still possible.
    pub status: u16,
    /// The message of the answer's body, Kong's where Kong has one.
    pub message: &'static str,
    /// When it happens, for `docs/errors.md`.
    pub when: &'static str,
}

const fn row(
    code: &'static str,
    proxy_status: &'static str,
    status: u16,
    message: &'static str,
    when: &'static str,
) -> CauseRow {
    CauseRow {
        code,
        proxy_status,
        status,
        message,
        when,
    }
}

const BAD_REQUEST: &str = "Bad request";
const BAD_GATEWAY: &str = "An invalid response was received from the upstream server";
const UPSTREAM_TIMEOUT: &str = "The upstream server is timing out";
const NO_PEER: &str = "failure to get a peer from the ring-balancer";

impl Cause {
    /// Every cause, in the order of the table.
    pub const ALL: [Self; 45] = {
        use Cause as C;
        [
            C::RequestMalformed,
            C::RequestLineTooLong,
            C::RequestHeadTooLarge,
            C::RequestBodyTooLarge,
            C::RequestMethodUnknown,
            C::RequestCodingUnknown,
            C::RequestVersionUnknown,
            C::RequestMethodRefused,
            C::RequestExpectationUnknown,
            C::RequestHeadTimeout,
            C::RequestBodyTimeout,
            C::RequestBodyIncomplete,
            C::ClientClosed,
            C::ClientStalled,
            C::RouteNotFound,
            C::ServiceMissing,
            C::HttpsRequired,
            C::TargetMissing,
            C::TargetsUnhealthy,
            C::TargetsBusy,
            C::DnsError,
            C::DnsTimeout,
            C::ConnectRefused,
            C::ConnectUnroutable,
            C::ConnectTimeout,
            C::ConnectFailed,
            C::TlsProtocol,
            C::TlsCertificate,
            C::TlsAlert,
            C::ConnectionLimit,
            C::ConnectionTerminated,
            C::ResponseIncomplete,
            C::ResponseMalformed,
            C::ResponseHeadTooLarge,
            C::ResponseCodingInvalid,
            C::ResponseTimeout,
            C::ResponseBodyTimeout,
            C::RequestWriteTimeout,
            C::UpgradeFailed,
            C::LoopDetected,
            C::Denied,
            C::Draining,
            C::Overloaded,
            C::UpstreamOverloaded,
            C::Internal,
        ]
    };

    /// The name in logs and metrics.
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// The cause's row: the one map from a failure to what the client, the log and the metrics are told.
    #[rustfmt::skip]
    pub const fn row(self) -> CauseRow {
        match self {
            Self::RequestMalformed => row("request_malformed", "http_request_error", 400, BAD_REQUEST, "the request breaks RFC 9112 or RFC 9110, is a CONNECT, or spells a known method in other letters"),
            Self::RequestLineTooLong => row("request_line_too_long", "http_request_error", 414, "URI too long", "the request line is longer than `limits.request_line_bytes`"),
            Self::RequestHeadTooLarge => row("request_head_too_large", "http_request_error", 431, "Request header or cookie too large", "the head passes `limits.request_head_bytes` or `limits.request_headers`"),
            Self::RequestBodyTooLarge => row("request_body_too_large", "http_request_error", 413, "Payload too large", "the body passes `limits.request_body_bytes`"),
            Self::RequestMethodUnknown => row("request_method_unknown", "http_request_error", 501, "Not implemented", "the method is longer than 32 bytes"),
            Self::RequestCodingUnknown => row("request_coding_unknown", "http_request_error", 501, "Not implemented", "a transfer coding other than chunked"),
            Self::RequestVersionUnknown => row("request_version_unknown", "http_request_error", 505, "HTTP version not supported", "a major version other than 1"),
            Self::RequestMethodRefused => row("request_method_refused", "http_request_denied", 405, "Method not allowed", "TRACE"),
            Self::RequestExpectationUnknown => row("request_expectation_unknown", "http_request_error", 417, "Expectation failed", "an expectation other than 100-continue"),
            Self::RequestHeadTimeout => row("request_head_timeout", "http_request_error", 408, "Request timeout", "the head is not complete within `timeouts.client_header`"),
            Self::RequestBodyTimeout => row("request_body_timeout", "http_request_error", 408, "Request timeout", "the client sends no body byte for `timeouts.client_body_idle`"),
            Self::RequestBodyIncomplete => row("request_body_incomplete", "http_request_error", 400, BAD_REQUEST, "the client ends in the middle of the body"),
            Self::ClientClosed => row("client_closed", "http_request_error", 499, "Client closed request", "the client leaves before it is answered"),
            Self::ClientStalled => row("client_stalled", "connection_write_timeout", 499, "Client closed request", "the client reads nothing of the answer for `timeouts.client_write_idle`"),
            Self::RouteNotFound => row("route_not_found", "destination_not_found", 404, "no Route matched with those values", "no route matches"),
            Self::ServiceMissing => row("service_missing", "proxy_configuration_error", 503, "no Service found with those values", "the route has no service, or one that is kept and not served: any but over http and https"),
            Self::HttpsRequired => row("https_required", "http_request_denied", 426, "Please use HTTPS protocol", "the route is for HTTPS alone"),
            Self::TargetMissing => row("target_missing", "destination_unavailable", 503, NO_PEER, "the upstream has no target that may be used"),
            Self::TargetsUnhealthy => row("targets_unhealthy", "destination_unavailable", 503, NO_PEER, "all targets that were not tried are unhealthy, or their circuit breakers are open"),
            Self::TargetsBusy => row("targets_busy", "connection_limit_reached", 503, "The upstream server is currently unavailable", "all targets have `max_connections` requests under way, and none ended within `queue_timeout`, or `queue` others waited already"),
            Self::DnsError => row("dns_error", "dns_error", 503, "name resolution failed", "the host name has no address"),
            Self::DnsTimeout => row("dns_timeout", "dns_timeout", 503, "name resolution failed", "no name server answers"),
            Self::ConnectRefused => row("connect_refused", "connection_refused", 502, BAD_GATEWAY, "every attempt to connect was refused"),
            Self::ConnectUnroutable => row("connect_unroutable", "destination_ip_unroutable", 502, BAD_GATEWAY, "there is no route to the target's address"),
            Self::ConnectTimeout => row("connect_timeout", "connection_timeout", 504, UPSTREAM_TIMEOUT, "no connection, or no end of its TLS handshake, within `connect_timeout`"),
            Self::ConnectFailed => row("connect_failed", "connection_terminated", 502, BAD_GATEWAY, "connecting failed in another way"),
            Self::TlsProtocol => row("tls_protocol", "tls_protocol_error", 502, BAD_GATEWAY, "what the origin speaks is no TLS, or none that both sides permit"),
            Self::TlsCertificate => row("tls_certificate", "tls_certificate_error", 502, BAD_GATEWAY, "the origin's certificate is not for its name, ended, or signed by nobody who is believed; or the one that the origin is to be shown cannot be used"),
            Self::TlsAlert => row("tls_alert", "tls_alert_received", 502, BAD_GATEWAY, "the origin refuses the TLS handshake by an alert"),
            Self::ConnectionLimit => row("connection_limit", "connection_limit_reached", 503, "The upstream server is currently unavailable", "this process has no file descriptor or port left for a connection"),
            Self::ConnectionTerminated => row("connection_terminated", "connection_terminated", 502, BAD_GATEWAY, "the origin closes before the first byte of its answer"),
            Self::ResponseIncomplete => row("response_incomplete", "http_response_incomplete", 502, BAD_GATEWAY, "the origin closes in the middle of its answer"),
            Self::ResponseMalformed => row("response_malformed", "http_protocol_error", 502, BAD_GATEWAY, "the origin's answer breaks RFC 9112"),
            Self::ResponseHeadTooLarge => row("response_head_too_large", "http_response_header_section_size", 502, BAD_GATEWAY, "the head passes `limits.response_head_bytes` or `limits.response_headers`"),
            Self::ResponseCodingInvalid => row("response_coding_invalid", "http_response_transfer_coding", 502, BAD_GATEWAY, "the answer's chunked coding is broken"),
            Self::ResponseTimeout => row("response_timeout", "http_response_timeout", 504, UPSTREAM_TIMEOUT, "no complete head within `read_timeout`"),
            Self::ResponseBodyTimeout => row("response_body_timeout", "connection_read_timeout", 504, UPSTREAM_TIMEOUT, "no byte of the answer's body for `idle_timeout`"),
            Self::RequestWriteTimeout => row("request_write_timeout", "connection_write_timeout", 504, UPSTREAM_TIMEOUT, "the origin takes no byte of the request for `write_timeout`"),
            Self::UpgradeFailed => row("upgrade_failed", "http_upgrade_failed", 502, BAD_GATEWAY, "the origin switches to a protocol that was not asked for"),
            Self::LoopDetected => row("loop_detected", "proxy_loop_detected", 502, BAD_GATEWAY, "the request has passed this gateway before"),
            Self::Denied => row("denied", "http_request_denied", 403, "Forbidden", "a plugin refuses the request"),
            Self::Draining => row("draining", "destination_unavailable", 503, "The upstream server is currently unavailable", "the gateway is shutting down"),
            Self::Overloaded => row("overloaded", "http_request_denied", 503, "The gateway is overloaded", "a core has more to do than it can (`overload.queue_delay`), or as many requests in flight as it may (`overload.requests`), and the request's tier is to be shed"),
            Self::UpstreamOverloaded => row("upstream_overloaded", "connection_limit_reached", 503, "The upstream server is overloaded", "the upstream has as many requests in flight as it may (`overload.upstream_requests`, `overload.upstream_adaptive`, tags `limit:`), and there is no room to wait, or no turn within `overload.upstream_wait`"),
            Self::Internal => row("internal", "proxy_internal_error", 500, "An unexpected error occurred", "a defect of the gateway, caught at the connection's edge"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cause;

    #[test]
    fn all_lists_every_cause_once_in_order() {
        for (number, cause) in Cause::ALL.iter().enumerate() {
            assert_eq!(*cause as usize, number);
        }
    }
}
