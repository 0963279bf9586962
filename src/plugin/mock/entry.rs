//! One request in a log, with its answer, as HAR 1.2 describes them. Nothing secret is in it: it was left out when the
//! entry was made.

use serde_json::Value;
use serde_json::json;

use super::secrets::HIDDEN;
use super::secrets::Hiding;
use super::secrets::Kept;
use super::view::Lines;
use super::view::View;
use super::view::text;
use crate::http::Name;
use crate::http::reply;
use crate::telemetry::civil::iso8601;

/// A request and what became of it. It can cross to another thread.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Counts up on one core; which entry it is.
    pub(super) serial: u64,
    /// When the request was received, in microseconds since the Unix epoch.
    pub(super) unix_micros: u64,
    /// How long the exchange took; none while it lasts.
    pub(super) took_ns: Option<u64>,
    pub(super) request: Sent,
    pub(super) answer: Option<Answered>,
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    method: String,
    url: String,
    version: &'static str,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    head_bytes: usize,
    body: Content,
    client: String,
    id: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Content,
}

/// A body.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    /// None if nobody knows.
    pub(super) length: Option<usize>,
    pub(super) mime: String,
    pub(super) kept: Kept,
}

impl Sent {
    /// A request without what is to be hidden.
    pub(super) fn of(view: &View<'_>, hiding: &Hiding<'_>) -> Self {
        let mime = view.field(b"content-type").unwrap_or_default();
        let query = view.query.map(|query| format!("?{}", hiding.query(query)));
        Self {
            method: text(view.method).into_owned(),
            url: view.base() + &query.unwrap_or_default(),
            version: view.version(),
            query: hiding.pairs(view.query.unwrap_or_default()),
            headers: headers(&view.fields, hiding),
            head_bytes: view.head_bytes,
            body: Content {
                length: view.body.map(<[u8]>::len),
                mime: text(mime).into_owned(),
                kept: hiding.body(mime, is_coded(&view.fields), view.body),
            },
            client: view.client.to_string(),
            id: text(view.id).into_owned(),
        }
    }

    /// A HAR request.
    pub(super) fn har(&self) -> Value {
        let mut har = json!({
            "method": self.method,
            "url": self.url,
            "httpVersion": self.version,
            "cookies": cookies(&self.headers),
            "headers": pairs(&self.headers),
            "queryString": pairs(&self.query),
            "headersSize": self.head_bytes,
            "bodySize": self.body.size(),
        });
        if self.body.length != Some(0) {
            har["postData"] = self.body.har();
        }
        har
    }
}

impl Answered {
    fn har(&self) -> Value {
        let mut content = self.body.har();
        content["size"] = self.body.size().into();
        json!({
            "status": self.status,
            "statusText": self.reason,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": pairs(&self.headers),
            "content": content,
            "redirectURL": value_of(&self.headers, "location"),
            "headersSize": -1,
            "bodySize": self.body.size(),
        })
    }
}

impl Content {
    fn size(&self) -> i64 {
        let length = self.length.map(i64::try_from);
        length.and_then(Result::ok).unwrap_or(-1)
    }

    fn har(&self) -> Value {
        let mut har = json!({ "mimeType": self.mime });
        if let Some(text) = &self.kept.text {
            har["text"] = text.as_str().into();
        }
        if let Some(comment) = self.kept.comment {
            har["comment"] = comment.into();
        }
        har
    }

    fn bytes(&self) -> usize {
        self.mime.len() + self.kept.text.as_ref().map_or(0, String::len)
    }
}

impl Entry {
    /// Notes how the exchange has ended.
    pub(super) fn end(&mut self, status: u16, took_ns: u64) {
        self.took_ns = Some(took_ns);
        if self.answer.is_none() {
            self.answer = Some(Answered {
                status,
                reason: reply::reason(status).to_owned(),
                headers: Vec::new(),
                body: Content::default(),
            });
        }
    }

    /// When the request was received, in microseconds since the Unix epoch.
    pub fn unix_micros(&self) -> u64 {
        self.unix_micros
    }

    /// The memory that it takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        let sent = &self.request;
        let of_answer = self.answer.as_ref().map_or(0, |answer| {
            weight(&answer.headers) + answer.body.bytes() + answer.reason.len()
        });
        let of_request = sent.method.len() + sent.url.len() + sent.body.bytes();
        let lists = weight(&sent.query) + weight(&sent.headers);
        ENTRY_BYTES + of_request + lists + of_answer
    }

    /// A HAR entry.
    pub fn har(&self) -> Value {
        let mut started = Vec::new();
        iso8601(&mut started, self.unix_micros);
        let took_ms = self.took_ns.unwrap_or(0) as f64 / 1e6;
        let answer = self.answer.as_ref().map_or_else(
            || {
                Answered {
                    // What HAR says of an answer that there is none of.
                    status: 0,
                    reason: String::new(),
                    headers: Vec::new(),
                    body: Content::default(),
                }
                .har()
            },
            Answered::har,
        );
        json!({
            "startedDateTime": text(&started),
            "time": took_ms,
            "request": self.request.har(),
            "response": answer,
            "cache": {},
            "timings": { "send": 0, "wait": took_ms, "receive": 0 },
            "_clientIPAddress": self.request.client,
            "_requestId": self.request.id,
        })
    }
}

/// Lines without what is to be hidden.
pub(super) fn headers(lines: &Lines<'_>, hiding: &Hiding<'_>) -> Vec<(String, String)> {
    let lines = lines.iter().map(|(name, value)| {
        let value = hiding.field(name, value);
        (text(name).into_owned(), value)
    });
    lines.collect()
}

/// Whether a body is compressed.
pub(super) fn is_coded(lines: &Lines<'_>) -> bool {
    lines.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case(b"content-encoding") && !value.eq_ignore_ascii_case(b"identity")
    })
}

fn pairs(pairs: &[(String, String)]) -> Value {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect()
}

/// That there were cookies; what they were is secret.
fn cookies(headers: &[(String, String)]) -> Value {
    let lines = headers
        .iter()
        .filter(|(name, _)| Name::of(name.as_bytes()) == Name::Cookie);
    lines
        .map(|_| json!({ "name": HIDDEN, "value": HIDDEN }))
        .collect()
}

fn value_of<'h>(headers: &'h [(String, String)], name: &str) -> &'h str {
    let mut lines = headers.iter();
    let line = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
    line.map_or("", |(_, value)| value)
}

fn weight(pairs: &[(String, String)]) -> usize {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| name.len() + value.len() + PAIR_BYTES)
        .sum()
}

/// An entry without texts.
const ENTRY_BYTES: usize = size_of::<Entry>() + 64;
/// A pair without its texts.
const PAIR_BYTES: usize = size_of::<(String, String)>();
