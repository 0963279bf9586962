//! Response heads, in the manner of the request heads.

use std::mem::MaybeUninit;

use silverback::http::Cause;
use silverback::http::Framing;
use silverback::http::Method;
use silverback::http::ResponseHead;
use silverback::http::Reuse;
use silverback::http::Version;
use silverback::http1::response::Parsed;
use silverback::http1::response::Progress;
use silverback::http1::response::parse;

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
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) http11: bool,
    pub(crate) lines: Lines,
    pub(crate) framing: Framing,
    pub(crate) keeps: bool,
}

/// Our verdict on the answer to a request with `method` that arrives in pieces which end at `cuts`.
pub(crate) fn ours(bytes: &[u8], method: Method, cuts: &[usize]) -> Verdict {
    let mut progress = Progress::default();
    let mut head = ResponseHead::default();
    for &cut in cuts.iter().chain([&bytes.len()]) {
        let bytes = &bytes[..cut];
        match parse(bytes, &LIMITS, &mut progress, method, &mut head) {
            Ok(Parsed::Partial) => {}
            Ok(Parsed::Complete) => return Verdict::Complete(Box::new(facts(&head, bytes))),
            Err(fault) => return Verdict::Refused(fault.cause()),
        }
    }
    Verdict::Partial
}

fn facts(head: &ResponseHead, bytes: &[u8]) -> Facts {
    Facts {
        length: head.length,
        status: head.status,
        reason: rules::latin1(head.reason.of(bytes)),
        http11: head.version == Version::Http11,
        lines: lines(&head.fields, bytes),
        framing: head.framing,
        keeps: head.reuse == Reuse::Keep,
    }
}

/// Compares our verdict with the second opinion.
pub(crate) fn check(bytes: &[u8], method: Method) {
    let ours = ours(bytes, method, &[]);
    let window = &bytes[..bytes.len().min(LIMITS.head_bytes)];
    let mut headers = [const { MaybeUninit::uninit() }; LINES];
    let mut response = httparse::Response::new(&mut []);
    let mut config = httparse::ParserConfig::default();
    config.allow_spaces_after_header_name_in_responses(true);
    let theirs = config.parse_response_with_uninit_headers(&mut response, window, &mut headers);
    match (&ours, theirs) {
        (Verdict::Complete(facts), Ok(httparse::Status::Complete(length))) => {
            let tokens = Tokens::of(&response, &window[..length], method);
            assert_eq!(tokens.causes(), [], "accepted in spite of the rules");
            let mut expected = tokens.facts();
            if expected.reason.is_empty() {
                // httparse gives none where it holds bytes beyond ASCII; we keep what was said.
                expected.reason.clone_from(&facts.reason);
            }
            assert_eq!(**facts, expected);
        }
        (Verdict::Complete(_), Err(httparse::Error::Version)) => {
            let minor = bytes.get(7).copied();
            assert!(minor.is_some_and(|minor| (b'2'..=b'9').contains(&minor)));
        }
        (Verdict::Complete(_), theirs) => panic!("httparse says {theirs:?}"),
        (Verdict::Refused(cause), Ok(httparse::Status::Complete(length))) => {
            let causes = Tokens::of(&response, &window[..length], method).causes();
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
pub(crate) fn check_cut(bytes: &[u8], method: Method, cut: usize) {
    let (whole, parts) = (ours(bytes, method, &[]), ours(bytes, method, &[cut]));
    let later = parts == Verdict::Partial && !bytes[cut..].contains(&b'\n');
    assert!(parts == whole || later, "{parts:?}, but {whole:?} at once");
}

/// A head as httparse takes it apart.
struct Tokens<'a> {
    raw: &'a [u8],
    method: Method,
    status: u16,
    reason: String,
    http11: bool,
    lines: Lines,
}

impl<'a> Tokens<'a> {
    fn of(response: &httparse::Response<'_, '_>, raw: &'a [u8], method: Method) -> Self {
        Self {
            raw,
            method,
            status: response.code.unwrap(),
            reason: response.reason.unwrap_or_default().to_owned(),
            http11: response.version == Some(1),
            lines: super::tokenised(response.headers),
        }
    }

    fn bodiless(&self) -> bool {
        self.method == Method::Head || self.status < 200 || [204, 304].contains(&self.status)
    }

    fn lengths(&self) -> Vec<String> {
        rules::elements(&self.lines, "content-length")
    }

    /// Every cause to refuse the head.
    fn causes(&self) -> Vec<Cause> {
        let mut causes = Vec::new();
        let mut refuse = |cause, when: bool| {
            if when {
                causes.push(cause);
            }
        };
        let lengths = self.lengths();
        let differ = lengths.iter().any(|length| {
            rules::number(length).is_none() || rules::number(length) != rules::number(&lengths[0])
        });
        refuse(
            Cause::ResponseMalformed,
            rules::has_bare_line_end(self.raw)
                || !self.raw.starts_with(b"HTTP/1.")
                || !(100..600).contains(&self.status)
                || differ,
        );
        refuse(
            Cause::ResponseHeadTooLarge,
            self.lines.len() > LIMITS.fields,
        );
        let strange = match rules::coding(&self.lines) {
            Coding::None => false,
            Coding::Chunked => !self.http11,
            Coding::Unknown | Coding::Broken => true,
        };
        refuse(Cause::ResponseCodingInvalid, strange && !self.bodiless());
        causes
    }

    /// What the head says, if there is no cause to refuse it.
    fn facts(&self) -> Facts {
        let length = self
            .lengths()
            .first()
            .and_then(|length| rules::number(length));
        let coded = rules::coding(&self.lines) != Coding::None;
        let framing = match length {
            _ if self.bodiless() => Framing::Empty,
            _ if coded => Framing::Chunked,
            Some(0) => Framing::Empty,
            Some(length) => Framing::Length(length),
            None => Framing::UntilClose,
        };
        let contradicts = framing == Framing::Chunked && length.is_some();
        Facts {
            length: self.raw.len(),
            status: self.status,
            reason: self.reason.clone(),
            http11: self.http11,
            lines: self.lines.clone(),
            framing,
            keeps: rules::persists(&self.lines, self.http11) && !contradicts,
        }
    }
}
