//! mock: an answer that is configured instead of an origin's, the request sent back, a delay; and the last requests of
//! whatever it is put on, as a log in HAR.
//!
//! It runs after all plugins that change or refuse requests, so it shows and logs what an origin would have got. With
//! `passthrough` the origin answers, and the delay and the log remain.

mod echo;
mod entry;
mod recorder;
mod schema;
mod secrets;
#[cfg(test)]
mod tests;
mod view;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use uuid::Uuid;

use super::Blueprint;
use super::BodyWish;
use super::Core;
use super::Definition;
use super::Interrupt;
use super::Log;
use super::Needs;
use super::Plugin;
use super::Request;
use super::Response;
use super::ResponseBody;
use super::Secret;
use crate::base::limits;
use crate::http::reply;
use crate::http::reply::Body;
use crate::http::reply::Reply;

use echo::Echo;
use entry::Answered;
use entry::Content;
use entry::Sent;
use secrets::Kept;
use secrets::Secrets;
use view::View;

pub use entry::Entry;
pub use recorder::Order;
pub use recorder::Recorder;
pub use recorder::har;
pub use recorder::merge;

/// The plugin.
pub const DEFINITION: Definition = Definition {
    name: "mock",
    priority: 1,
    about: "answers in place of an origin, and keeps the last requests",
    config: schema::SCHEMA,
    consumer_scope: true,
    denies: false,
    compile,
};

/// The configuration as it stands in the entity.
#[derive(Debug, Deserialize)]
struct Config {
    status: u16,
    reason: Option<String>,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    content_type: Option<String>,
    echo: Option<String>,
    delay: u64,
    passthrough: bool,
    log_requests: usize,
    mask: Vec<String>,
}

/// A configuration of it.
#[derive(Debug)]
struct Mock {
    /// None if the origin answers.
    answer: Option<Answer>,
    delay: Duration,
    /// How many requests are kept.
    log_requests: usize,
    secrets: Secrets,
}

/// What is answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    reason: Option<Box<str>>,
    headers: Box<[(Box<str>, Box<str>)]>,
    body: Said,
}

#[derive(Debug)]
enum Said {
    Nothing,
    This {
        content_type: Box<str>,
        body: Box<str>,
    },
    Echo(Echo),
}

/// What the plugin remembers of a request that it has seen.
struct Mark {
    plugin: Uuid,
    /// Its entry in the log.
    serial: Option<u64>,
    /// The key that it was authenticated with.
    presented: Option<Box<str>>,
}

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    let config: Config = blueprint.parse()?;
    Ok(Arc::new(Mock {
        delay: Duration::from_millis(config.delay),
        log_requests: config.log_requests,
        secrets: Secrets::new(&config.mask),
        answer: (!config.passthrough).then(|| config.into()),
    }))
}

/// How many requests a mock with this configuration, given as JSON, keeps.
pub fn log_requests(config: &str) -> usize {
    #[derive(Deserialize)]
    struct Kept {
        log_requests: usize,
    }
    serde_json::from_str(config).map_or(0, |kept: Kept| kept.log_requests)
}

impl From<Config> for Answer {
    fn from(config: Config) -> Self {
        let content_type = config.content_type.as_deref().unwrap_or(DEFAULT_TYPE);
        let headers = config.headers.into_iter();
        let body = match (config.echo.as_deref().and_then(Echo::of), config.body) {
            (Some(echo), _) => Said::Echo(echo),
            (None, Some(body)) => Said::This {
                content_type: content_type.into(),
                body: body.into(),
            },
            (None, None) => Said::Nothing,
        };
        Self {
            status: config.status,
            reason: config.reason.map(Into::into),
            headers: headers
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            body,
        }
    }
}

impl Plugin for Mock {
    fn needs(&self) -> Needs {
        let mut needs = Needs::REQUEST;
        let echo = self.answer.as_ref().and_then(|answer| answer.body.echo());
        if self.log_requests > 0 || echo.is_some_and(Echo::needs_body) {
            needs = needs.and(Needs::REQUEST_BODY);
        }
        if self.log_requests > 0 {
            needs = needs.and(Needs::LOG);
        }
        if self.log_requests > 0 && self.answer.is_none() {
            needs = needs.and(Needs::RESPONSE).and(Needs::RESPONSE_BODY);
        }
        needs
    }

    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        if Self::mark(request.notes).is_none() {
            let mark = self.begin(request);
            request.notes.put(mark);
            if !self.delay.is_zero() {
                return ControlFlow::Break(Interrupt::Delay(self.delay));
            }
        }
        let Some(answer) = &self.answer else {
            return ControlFlow::Continue(());
        };
        let reply = answer.reply(&View::of(request), &self.secrets);
        if let Some(mark) = Self::mark(request.notes) {
            self.change(request.core, mark, |entry, hiding| {
                entry.answer = Some(answer.logged(&reply, &hiding));
            });
        }
        ControlFlow::Break(reply.into())
    }

    fn on_response(&self, response: &mut Response<'_>) -> ControlFlow<Interrupt> {
        if let (None, Some((head, bytes))) = (&self.answer, response.origin)
            && let Some(mark) = Self::mark(response.notes)
        {
            let lines = view::lines(&head.fields, bytes, response.edits);
            self.change(response.core, mark, |entry, hiding| {
                entry.answer = Some(Answered {
                    status: response.status,
                    reason: view::text(head.reason.of(bytes)).into_owned(),
                    headers: entry::headers(&lines, &hiding),
                    body: Content {
                        kept: Kept::not("longer than what is kept of bodies"),
                        ..Content::default()
                    },
                });
            });
            response.body = response
                .body
                .max(BodyWish::Copy(limits::MOCK_LOG_BODY_BYTES));
        }
        ControlFlow::Continue(())
    }

    fn on_response_body(&self, body: &mut ResponseBody<'_>) {
        if self.answer.is_none()
            && let Some(mark) = Self::mark(body.notes)
        {
            let (head, bytes) = body.origin;
            let lines = view::lines(&head.fields, bytes, body.edits);
            let kind = lines
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(b"content-type"));
            let kind = kind.map_or(&b""[..], |(_, value)| value);
            self.change(body.core, mark, |entry, hiding| {
                if let Some(answer) = &mut entry.answer {
                    answer.body = Content {
                        length: Some(body.bytes.len()),
                        mime: view::text(kind).into_owned(),
                        kept: hiding.body(kind, entry::is_coded(&lines), Some(body.bytes)),
                    };
                }
            });
        }
    }

    fn on_log(&self, log: &Log<'_>) {
        if let Some(mark) = Self::mark(log.notes) {
            self.change(log.core, mark, |entry, _| {
                entry.end(log.status, log.total_ns)
            });
        }
    }
}

impl Mock {
    fn mark(notes: &super::Notes) -> Option<&Mark> {
        notes.find::<Mark>(|_| true)
    }

    /// Writes a request into the log, if there is one.
    fn begin(&self, request: &Request<'_>) -> Mark {
        let mut mark = Mark {
            plugin: request.own.id,
            serial: None,
            presented: None,
        };
        if self.log_requests > 0 {
            mark.presented = presented(request);
            let hiding = self.secrets.hiding(mark.presented.as_deref());
            let entry = Entry {
                serial: 0,
                unix_micros: request.unix_micros,
                took_ns: None,
                request: Sent::of(&View::of(request), &hiding),
                answer: None,
            };
            let recorder = &request.core.mock;
            mark.serial = Some(recorder.begin(mark.plugin, self.log_requests, entry));
        }
        mark
    }

    /// Changes a request's entry in the log, if there is one.
    fn change(
        &self,
        core: &Core,
        mark: &Mark,
        change: impl FnOnce(&mut Entry, secrets::Hiding<'_>),
    ) {
        if let Some(serial) = mark.serial {
            let hiding = self.secrets.hiding(mark.presented.as_deref());
            core.mock
                .change(mark.plugin, serial, |entry| change(entry, hiding));
        }
    }
}

impl Answer {
    fn reply(&self, view: &View<'_>, secrets: &Secrets) -> Reply {
        let mut reply = Reply::empty(self.status);
        if let Some(reason) = &self.reason {
            reply = reply.with_reason(reason.to_string());
        }
        for (name, value) in &self.headers {
            reply = reply.with(name.to_string(), value.as_bytes().to_vec());
        }
        let (content_type, bytes) = match &self.body {
            Said::Nothing => return reply,
            Said::This { content_type, body } => {
                (content_type.to_string(), body.as_bytes().to_vec())
            }
            Said::Echo(echo) => {
                // What a client has sent is shown as what it says it is, and as nothing that a browser finds in it.
                reply = reply.with("X-Content-Type-Options", &b"nosniff"[..]);
                echo.answer(view, secrets)
            }
        };
        reply.body = Body::Raw {
            content_type: Cow::Owned(content_type),
            bytes: Cow::Owned(bytes),
        };
        reply
    }

    /// An answer for the log. A request that was sent back is in the log already, without its secrets.
    fn logged(&self, reply: &Reply, hiding: &secrets::Hiding<'_>) -> Answered {
        let fields = reply.fields.iter().map(|(name, value)| {
            let value = hiding.field(name.as_bytes(), value);
            (name.to_string(), value)
        });
        let (mime, bytes) = match &reply.body {
            Body::Raw {
                content_type,
                bytes,
            } => (content_type.to_string(), &**bytes),
            Body::Empty | Body::Error | Body::Exit | Body::Page | Body::Stored(_) => {
                (String::new(), &b""[..])
            }
        };
        let kept = match self.body.echo() {
            Some(_) => Kept::not("the request"),
            None => hiding.body(mime.as_bytes(), false, Some(bytes)),
        };
        let reason = reply.reason.as_deref();
        Answered {
            status: reply.status,
            reason: reason
                .unwrap_or_else(|| reply::reason(reply.status))
                .to_owned(),
            headers: fields.collect(),
            body: Content {
                length: Some(bytes.len()),
                mime,
                kept,
            },
        }
    }
}

impl Said {
    fn echo(&self) -> Option<Echo> {
        match self {
            Self::Echo(echo) => Some(*echo),
            Self::Nothing | Self::This { .. } => None,
        }
    }
}

/// The key that a request was authenticated with by key-auth, which may stand under any name. The other plugins' secrets
/// stand under names that everybody knows, or are not sent.
fn presented(request: &Request<'_>) -> Option<Box<str>> {
    let credential = request.directory.credential(request.identity.credential?)?;
    match &credential.secret {
        Secret::Key { key } => Some(key.clone()),
        Secret::Basic { .. } | Secret::Hmac { .. } | Secret::Jwt(_) | Secret::Group { .. } => None,
    }
}

/// What a body is if nothing is said, as in Kong's request-termination.
const DEFAULT_TYPE: &str = "application/json; charset=utf-8";
