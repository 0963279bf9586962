//! The head that goes upstream: written field by field from what was validated, never as received.
//!
//! Order of work (RFC 9110 section 7.6.1, Kong's `proxy` phase): the client's hop-by-hop and identity fields are
//! left out first, ours are added after, so nothing that a client nominates can remove them. A pure function of
//! [`Onward`], so that it can be measured without a connection.

use std::net::IpAddr;

use crate::http::Field;
use crate::http::Framing;
use crate::http::Method;
use crate::http::Name;
use crate::http::RequestHead;
use crate::http::Version;
use crate::http::forwarded::ClientText;
use crate::http::forwarded::Forwarding;
use crate::http::forwarded::TrustPolicy;
use crate::http::reply::PSEUDONYM;
use crate::http::request_id::RequestId;
use crate::http1::encode;
use crate::http1::hop_by_hop::Nominated;
use crate::http1::hop_by_hop::wants_upgrade;
use crate::http1::trailers;
use crate::net::tls::ClientCertificate;
use crate::plugin::Edits;
use crate::plugin::Rewrite;
use crate::router::Match;
use crate::router::forwarded_prefix;
use crate::router::upstream_path;
use crate::snapshot::Destination;
use crate::snapshot::RoutePlan;

/// A request on its way to an origin: everything that its new head is made of.
#[derive(Clone, Copy, Debug)]
pub struct Onward<'a> {
    /// The head as received.
    pub head: &'a RequestHead,
    /// The bytes that the head refers to.
    pub bytes: &'a [u8],
    /// The canonical path.
    pub path: &'a [u8],
    /// The path as received.
    pub raw_path: &'a [u8],
    /// How its route matched.
    pub matched: &'a Match,
    /// Its route.
    pub route: &'a RoutePlan,
    /// Where it goes.
    pub destination: &'a Destination,
    /// The Host of the target.
    pub host: &'a [u8],
    /// The connection's other end.
    pub peer: IpAddr,
    /// The same as text.
    pub peer_text: &'a ClientText,
    /// The listener's port.
    pub port: u16,
    /// The client speaks TLS.
    pub secure: bool,
    /// Fields about certificates of clients are ours to write.
    pub guarded: bool,
    /// The certificate by which the client has shown who it is.
    pub certificate: Option<&'a ClientCertificate>,
    /// Whose word about clients is taken.
    pub trust: &'a TrustPolicy,
    /// The request's id.
    pub request_id: &'a RequestId,
    /// The whole body is here already, so that nobody has to be asked for it.
    pub body_complete: bool,
    /// The length of a chunked body that is here as a whole and brings no trailers: an origin is told it, because not all
    /// understand chunks.
    pub measured: Option<u64>,
    /// What plugins change of its fields.
    pub edits: &'a Edits,
    /// What else they change.
    pub rewrite: &'a Rewrite,
}

/// Whether a field is one by which the origin is told of the client's certificate, or looks so.
fn is_of_certificate(name: &[u8]) -> bool {
    const PREFIX: &[u8] = b"x-client-cert-";
    let begin = name.get(..PREFIX.len());
    begin.is_some_and(|begin| begin.eq_ignore_ascii_case(PREFIX))
}

impl Onward<'_> {
    /// Appends the head, empty line included, to `out`. `scratch` is emptied and used.
    pub fn write(&self, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
        let (head, bytes) = (self.head, self.bytes);
        let method = self.rewrite.method.as_deref();
        out.extend_from_slice(method.unwrap_or_else(|| head.method_span.of(bytes)));
        out.push(b' ');
        self.write_target(out);
        let host = if self.route.preserve_host {
            head.authority.of(bytes)
        } else {
            self.host
        };
        out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
        out.extend_from_slice(self.rewrite.host.as_deref().unwrap_or(host));
        out.extend_from_slice(b"\r\n");
        self.write_client_fields(out);
        self.write_forwarded(scratch, out);
        self.write_hop_fields(out);
        self.write_framing(out);
    }

    fn write_target(&self, out: &mut Vec<u8>) {
        match &self.rewrite.path {
            Some(path) => out.extend_from_slice(path),
            None => upstream_path(
                out,
                &self.destination.path,
                self.matched,
                self.path,
                self.route.strip,
            ),
        }
        let received = self.head.target.query;
        let query = match &self.rewrite.query {
            Some(query) => query.as_deref(),
            None => received.map(|query| query.of(self.bytes)),
        };
        if let Some(query) = query {
            out.push(b'?');
            out.extend_from_slice(query);
        }
    }

    /// The client's own end-to-end fields, then those that plugins add.
    fn write_client_fields(&self, out: &mut Vec<u8>) {
        let nominated = Nominated::of_request(self.head, self.bytes);
        for field in self.head.fields.lines() {
            let name = field.name.of(self.bytes);
            let ours = self.guarded && is_of_certificate(name);
            if passes(field, name)
                && !nominated.covers_request(field, self.bytes)
                && !self.edits.removes(field.known, name)
                && !ours
            {
                encode::received(out, field, self.bytes);
            }
        }
        if let Some(certificate) = self.certificate {
            out.extend_from_slice(b"X-Client-Cert-Subject: ");
            out.extend_from_slice(certificate.subject.as_bytes());
            out.extend_from_slice(b"\r\nX-Client-Cert-Fingerprint: ");
            out.extend_from_slice(certificate.fingerprint.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(self.edits.lines());
    }

    /// Who asks, for what, and by which way (Kong's rules, see [`Forwarding`]).
    fn write_forwarded(&self, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
        let (head, bytes) = (self.head, self.bytes);
        let peer_trusted = self.trust.trusted.contains(self.peer);
        let client = self
            .trust
            .client(self.peer, peer_trusted, &head.fields, bytes);
        let elsewhere;
        let text = if client == self.peer.to_canonical() {
            self.peer_text
        } else {
            elsewhere = ClientText::of(client);
            &elsewhere
        };
        scratch.clear();
        forwarded_prefix(scratch, self.matched, self.path, self.route.strip);
        let forwarding = Forwarding {
            peer: self.peer_text,
            client: text,
            peer_trusted,
            scheme: if self.secure { "https" } else { "http" },
            port: self.port,
            host: head.host.of(bytes),
            path: self.raw_path,
            prefix: (!scratch.is_empty()).then_some(scratch),
        };
        forwarding.append(&head.fields, bytes, out);
        out.extend_from_slice(b"X-Kong-Request-Id: ");
        out.extend_from_slice(self.request_id);
        // The version that the client spoke (RFC 9110 section 7.6.3).
        out.extend_from_slice(match head.version {
            Version::Http10 => b"\r\nVia: 1.0 ",
            Version::Http11 => b"\r\nVia: 1.1 ",
        });
        out.extend_from_slice(PSEUDONYM.as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    /// What concerns this hop: the connection, trailers, an upgrade, an expectation.
    fn write_hop_fields(&self, out: &mut Vec<u8>) {
        let (fields, bytes) = (&self.head.fields, self.bytes);
        for hops in fields.all(Name::MaxForwards, bytes) {
            write_max_forwards(self.head.method, hops, out);
        }
        if self.head.expects_continue && !self.body_complete {
            out.extend_from_slice(b"Expect: 100-continue\r\n");
        }
        if let Some(protocol) = wants_upgrade(self.head, bytes) {
            out.extend_from_slice(b"Connection: keep-alive, Upgrade\r\n");
            encode::field(out, b"Upgrade", protocol);
        } else if trailers::wanted(self.head, bytes) {
            out.extend_from_slice(b"Connection: TE\r\nTE: trailers\r\n");
        } else {
            out.extend_from_slice(b"Connection: keep-alive\r\n");
        }
    }

    fn write_framing(&self, out: &mut Vec<u8>) {
        let framing = match &self.rewrite.body {
            Some(body) if body.is_empty() => Framing::Empty,
            Some(body) => Framing::Length(body.len() as u64),
            None => self.measured.map_or(self.head.framing, Framing::Length),
        };
        match framing {
            Framing::Empty | Framing::UntilClose => {
                // An explicit zero is kept: strict origins refuse a POST without a length.
                if self.head.fields.has(Name::ContentLength) {
                    out.extend_from_slice(b"Content-Length: 0\r\n");
                }
            }
            Framing::Length(length) => encode::content_length(out, length),
            Framing::Chunked => {
                out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
                if !self.head.nominates {
                    trailers::announce(&self.head.fields, self.bytes, out);
                }
            }
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Whether a field is neither rewritten by the gateway, nor hop-by-hop by its name, nor claims an identity or an address
/// that only the gateway may give.
fn passes(field: &Field, name: &[u8]) -> bool {
    match field.known {
        Name::Other => !claims_identity(name),
        Name::Host
        | Name::ContentLength
        | Name::Expect
        | Name::MaxForwards
        | Name::XKongRequestId => false,
        name => !Forwarding::replaces(name),
    }
}

/// The beginnings of the names under which origins are told who a request is from.
const IDENTITY: [&[u8]; 4] = [
    b"x-consumer-",
    b"x-credential-",
    b"x-anonymous-",
    b"x-authenticated-groups",
];

/// What the gateway says itself of where a request comes from. Its own spellings are names that it knows.
const ORIGIN: [&[u8]; 2] = [b"x-forwarded-", b"x-real-ip"];

/// Whether a client that sends this field claims to be somebody or somewhere. To origins that follow CGI (RFC 3875 section
/// 4.1.18) `_` and `-` are one, so they are here.
#[inline]
fn claims_identity(name: &[u8]) -> bool {
    let [b'x' | b'X', hyphen @ (b'-' | b'_'), ..] = name else {
        return false;
    };
    IDENTITY.iter().any(|prefix| starts_like(name, prefix))
        || (*hyphen == b'_' || name.contains(&b'_'))
            && ORIGIN.iter().any(|prefix| starts_like(name, prefix))
}

/// Whether a name starts with a lower-case prefix, without regard to case and to `_` for `-`.
fn starts_like(name: &[u8], prefix: &[u8]) -> bool {
    let alike = |(&byte, &wanted): (&u8, &u8)| {
        byte.to_ascii_lowercase() == wanted || (wanted == b'-' && byte == b'_')
    };
    name.len() >= prefix.len() && name.iter().zip(prefix).all(alike)
}

/// One hop less to go, for the methods that count them (RFC 9110 section 7.6.2). The parser has seen that it
/// is a number.
fn write_max_forwards(method: Method, hops: &[u8], out: &mut Vec<u8>) {
    if !matches!(method, Method::Options | Method::Trace) {
        encode::field(out, b"Max-Forwards", hops);
        return;
    }
    let hops = std::str::from_utf8(hops)
        .ok()
        .and_then(|hops| hops.parse::<u64>().ok());
    let left = hops.unwrap_or(0).saturating_sub(1);
    encode::field(
        out,
        b"Max-Forwards",
        itoa::Buffer::new().format(left).as_bytes(),
    );
}

#[cfg(test)]
mod tests {
    use super::claims_identity;

    #[test]
    fn what_only_the_gateway_may_say_is_known_in_every_spelling() {
        for name in [
            "X-Consumer-Username",
            "x_consumer_username",
            "X-Consumer_ID",
            "X_Anonymous_Consumer",
            "X_Forwarded_For",
            "X-Forwarded_For",
            "X_Real_IP",
        ] {
            assert!(claims_identity(name.as_bytes()), "{name}");
        }
        for name in [
            "X-Consume",
            "X-Forwarded-Client-Cert",
            "Xconsumer-id",
            "X-Custom_Id",
            "X",
        ] {
            assert!(!claims_identity(name.as_bytes()), "{name}");
        }
    }
}
