//! Request heads: what we accept, httparse accepts with the same parts, and the rules find no fault in it;
//! what we refuse, httparse refuses or the rules do, for the reason that we give.

use std::mem::MaybeUninit;

use silverback::http::Cause;
use silverback::http::Framing;
use silverback::http::RequestHead;
use silverback::http::Reuse;
use silverback::http::Version;
use silverback::http1::request::Parsed;
use silverback::http1::request::Progress;
use silverback::http1::request::parse;

use super::LIMITS;
use super::LINES;
use super::Lines;
use super::lines;
use super::rules;
use super::rules::Coding;

/// What came of a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Partial,
    Refused(Cause),
    Complete(Box<Facts>),
}

/// What was understood of a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) length: usize,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    pub(crate) http11: bool,
    pub(crate) lines: Lines,
    pub(crate) framing: Framing,
    pub(crate) keeps: bool,
    pub(crate) expects_continue: bool,
}

/// Our verdict on `bytes` that arrive in pieces which end at `cuts`.
pub(crate) fn ours(bytes: &[u8], cuts: &[usize]) -> Verdict {
    let mut progress = Progress::default();
    let mut head = RequestHead::default();
    for &cut in cuts.iter().chain([&bytes.len()]) {
        let bytes = &bytes[..cut];
        match parse(bytes, &LIMITS, &mut progress, &mut head) {
            Ok(Parsed::Partial) => {}
            Ok(Parsed::Complete) => return Verdict::Complete(Box::new(facts(&head, bytes))),
            Err(fault) => return Verdict::Refused(fault.cause()),
        }
    }
    Verdict::Partial
}

fn facts(head: &RequestHead, bytes: &[u8]) -> Facts {
    let text = |span: silverback::http::Span| rules::latin1(span.of(bytes));
    Facts {
        length: head.length,
        method: text(head.method_span),
        target: text(head.target_span),
        path: text(head.target.path),
        query: head.target.query.map(text),
        host: text(head.host),
        port: head.port,
        http11: head.version == Version::Http11,
        lines: lines(&head.fields, bytes),
        framing: head.framing,
        keeps: head.reuse == Reuse::Keep,
        expects_continue: head.expects_continue,
    }
}

/// Compares our verdict with the second opinion.
pub(crate) fn check(bytes: &[u8]) {
    let ours = ours(bytes, &[]);
    let window = &bytes[..bytes.len().min(LIMITS.head_bytes)];
    let mut headers = [const { MaybeUninit::uninit() }; LINES];
    let mut request = httparse::Request::new(&mut []);
    let theirs = request.parse_with_uninit_headers(window, &mut headers);
    match (&ours, theirs) {
        (Verdict::Complete(facts), Ok(httparse::Status::Complete(length))) => {
            let tokens = Tokens::of(&request, &window[..length]);
            let (causes, expected) = tokens.judge();
            assert_eq!(causes, [], "accepted in spite of the rules");
            assert_eq!(**facts, expected);
        }
        (Verdict::Complete(facts), Err(httparse::Error::Version)) => {
            // A later minor version is ours to accept, and httparse does not.
            let line = format!("{} HTTP/1.", facts.target);
            let minor = rules::latin1(bytes).split(&line).nth(1).map(str::to_owned);
            assert!(minor.is_some_and(|minor| minor.starts_with(|c| ('2'..='9').contains(&c))));
        }
        (Verdict::Complete(_), theirs) => panic!("httparse says {theirs:?}"),
        (Verdict::Refused(cause), Ok(httparse::Status::Complete(length))) => {
            let tokens = Tokens::of(&request, &window[..length]);
            let (causes, _) = tokens.judge();
            assert!(
                causes.contains(cause),
                "{cause:?}, but the rules say {causes:?}"
            );
        }
        (Verdict::Partial, Ok(httparse::Status::Complete(_))) => panic!("httparse is done"),
        (Verdict::Partial, _) => assert!(window.len() < LIMITS.head_bytes, "unbounded"),
        (Verdict::Refused(_), _) => {}
    }
}

/// Cutting `bytes` changes nothing but this: a line that goes on is looked at again when it is complete, so its
/// fault may be found later.
pub(crate) fn check_cut(bytes: &[u8], cut: usize) {
    let (whole, parts) = (ours(bytes, &[]), ours(bytes, &[cut]));
    let later = parts == Verdict::Partial && !bytes[cut..].contains(&b'\n');
    assert!(parts == whole || later, "{parts:?}, but {whole:?} at once");
}

/// A head as httparse takes it apart.
struct Tokens<'a> {
    raw: &'a [u8],
    method: &'a str,
    target: &'a str,
    http11: bool,
    lines: Lines,
}

impl<'a> Tokens<'a> {
    fn of(request: &httparse::Request<'_, 'a>, raw: &'a [u8]) -> Self {
        Self {
            raw,
            method: request.method.unwrap(),
            target: request.path.unwrap(),
            http11: request.version == Some(1),
            lines: super::tokenised(request.headers),
        }
    }

    /// Every cause to refuse the head, and what it says if there is none.
    fn judge(&self) -> (Vec<Cause>, Facts) {
        let mut causes = Vec::new();
        let mut refuse = |cause, when: bool| {
            if when && !causes.contains(&cause) {
                causes.push(cause);
            }
        };
        let malformed = Cause::RequestMalformed;
        refuse(malformed, rules::has_bare_line_end(self.raw));
        refuse(malformed, self.raw.starts_with(b"\r\n\r\n"));
        refuse(Cause::RequestMethodUnknown, self.method.len() > 32);
        let line = self.method.len() + self.target.len() + "  HTTP/1.1".len();
        refuse(Cause::RequestLineTooLong, line > LIMITS.line_bytes);
        refuse(Cause::RequestHeadTooLarge, self.lines.len() > LIMITS.fields);
        let graphic = self.target.chars().all(|c| c.is_ascii_graphic());
        refuse(malformed, !graphic || self.target.contains('#'));
        refuse(malformed, !rules::escapes_are_complete(self.target));
        let parts = Target::of(self.method, self.target);
        refuse(malformed, parts.is_none());
        let host = self.host();
        refuse(malformed, host.is_none());
        let framing = self.framing();
        refuse(framing.err().unwrap_or(malformed), framing.is_err());
        refuse(malformed, self.shadows() || self.strips());
        let expects = rules::all(&self.lines, "expect");
        let unknown = |value: &&[u8]| !value.eq_ignore_ascii_case(b"100-continue");
        refuse(
            Cause::RequestExpectationUnknown,
            self.http11 && expects.iter().any(unknown),
        );
        refuse(malformed, self.hops_are_wrong());
        let framing = framing.unwrap_or_default();
        let parts = parts.unwrap_or_default();
        let (host, port) = parts.authority.or(host.flatten()).unwrap_or_default();
        let facts = Facts {
            length: self.raw.len(),
            method: self.method.to_owned(),
            target: self.target.to_owned(),
            path: parts.path,
            query: parts.query,
            host,
            port,
            http11: self.http11,
            lines: self.lines.clone(),
            framing,
            keeps: rules::persists(&self.lines, self.http11),
            expects_continue: self.http11 && !expects.is_empty() && framing != Framing::Empty,
        };
        (causes, facts)
    }

    /// The authority of the Host field; nothing if the field breaks the rules, nothing within if HTTP/1.0
    /// leaves it out.
    fn host(&self) -> Option<Option<(String, Option<u16>)>> {
        match rules::all(&self.lines, "host").as_slice() {
            [] if self.http11 => None,
            [] => Some(None),
            [host] => rules::authority(&rules::latin1(host)).map(Some),
            _ => None,
        }
    }

    fn framing(&self) -> Result<Framing, Cause> {
        let lengths = rules::all(&self.lines, "content-length");
        match (lengths.as_slice(), rules::coding(&self.lines)) {
            ([], Coding::None) => Ok(Framing::Empty),
            ([length], Coding::None) => match rules::number(&rules::latin1(length)) {
                Some(0) => Ok(Framing::Empty),
                Some(length) => Ok(Framing::Length(length)),
                None => Err(Cause::RequestMalformed),
            },
            ([], Coding::Chunked) if self.http11 => Ok(Framing::Chunked),
            ([], Coding::Unknown) if self.http11 => Err(Cause::RequestCodingUnknown),
            (_, _) => Err(Cause::RequestMalformed),
        }
    }

    fn shadows(&self) -> bool {
        self.lines
            .iter()
            .any(|(name, _)| shadows(&rules::latin1(name)))
    }

    /// Connection nominates what is not for one hop.
    fn strips(&self) -> bool {
        let options = rules::elements(&self.lines, "connection");
        options
            .iter()
            .any(|option| END_TO_END.contains(&option.as_str()))
    }

    fn hops_are_wrong(&self) -> bool {
        let hops = rules::all(&self.lines, "max-forwards");
        let counted = matches!(self.method, "OPTIONS" | "TRACE");
        let wrong = |hops: &&[u8]| rules::number(&rules::latin1(hops)).is_none();
        counted && (hops.len() > 1 || hops.iter().any(wrong))
    }
}

/// Whether a CGI would take the name for one that matters.
pub(crate) fn shadows(name: &str) -> bool {
    name.contains('_') && MATTERS.contains(&name.to_lowercase().replace('_', "-").as_str())
}

const MATTERS: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "proxy-status",
    "transfer-encoding",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-path",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-kong-request-id",
    "x-real-ip",
];

const END_TO_END: &[&str] = &[
    "authorization",
    "content-length",
    "content-type",
    "cookie",
    "forwarded",
    "host",
    "max-forwards",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-path",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-kong-request-id",
    "x-real-ip",
];

/// A target taken apart.
#[derive(Default)]
struct Target {
    path: String,
    query: Option<String>,
    /// The authority of the target itself.
    authority: Option<(String, Option<u16>)>,
}

impl Target {
    fn of(method: &str, target: &str) -> Option<Self> {
        if method == "CONNECT" {
            let authority = rules::authority(target)?;
            authority.1.filter(|&port| port != 0)?;
            return Some(Self {
                authority: Some(authority),
                ..Self::default()
            });
        }
        if target == "*" && method == "OPTIONS" {
            return Some(Self::default());
        }
        let (before, query) = match target.split_once('?') {
            Some((before, query)) => (before, Some(query.to_owned())),
            None => (target, None),
        };
        if before.starts_with('/') {
            return Some(Self {
                path: before.to_owned(),
                query,
                authority: None,
            });
        }
        let (scheme, rest) = before.split_once("://")?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return None;
        }
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        Some(Self {
            path: path.to_owned(),
            query,
            authority: Some(rules::authority(authority)?),
        })
    }
}
