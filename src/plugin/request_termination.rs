//! request-termination: answers requests itself, always or on a trigger.

mod echo;

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Field;
use crate::entity::Misfit;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::http::reply::Body;
use crate::http::reply::Reply;

use super::Blueprint;
use super::Definition;
use super::Interrupt;
use super::Needs;
use super::Plugin;
use super::Request;
use super::arguments::arguments;
use super::rules;

/// request-termination.
pub const DEFINITION: Definition = Definition {
    name: "request-termination",
    priority: 2,
    about: "answers requests itself, always or on a trigger",
    config: Schema {
        fields: &[
            Field::integer("status_code", "the status of the answer")
                .required()
                .preset(Preset::Int(503))
                .rules(&[
                    Rule::Between(100, 599),
                    Rule::Custom(rules::is_final_status),
                ]),
            Field::text(
                "message",
                "what the answer says; by default what its status means, for a few of them",
            ),
            Field::text("content_type", "the type of `body`; JSON if it is not set"),
            Field::text("body", "the whole body, in place of `message`"),
            Field::flag("echo", false, "the answer describes the request"),
            Field::text(
                "trigger",
                "only requests with a field or an argument of this name are answered",
            )
            .rules(&[Rule::Custom(rules::is_field_name)]),
        ],
        checks: &[Check::Custom(is_consistent)],
    },
    consumer_scope: true,
    denies: false,
    compile,
};

/// Kong's rules about what may be set together.
fn is_consistent(config: &Document) -> Result<(), Misfit> {
    let has = |name: &str| {
        let text = config.get(name).and_then(Value::as_str);
        text.is_some_and(|text| !text.is_empty())
    };
    let echo = config.get("echo") == Some(&Value::Bool(true));
    let raw = has("content_type") || has("body");
    if has("message") && raw {
        return Err(Misfit::whole(
            "message cannot be used with content_type or body",
        ));
    }
    if has("content_type") && !has("body") {
        return Err(Misfit::whole("content_type requires a body"));
    }
    if echo && raw {
        return Err(Misfit::whole(
            "echo cannot be used with content_type and body",
        ));
    }
    Ok(())
}

#[derive(Debug)]
struct RequestTermination {
    answer: Answer,
    trigger: Option<Box<[u8]>>,
}

#[derive(Debug)]
enum Answer {
    /// The same for all.
    Fixed(Reply),
    /// With a description of the request.
    Echo {
        status: u16,
        message: Option<Cow<'static, str>>,
    },
}

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    #[derive(Deserialize)]
    struct Config {
        status_code: u16,
        message: Option<String>,
        content_type: Option<String>,
        body: Option<String>,
        echo: bool,
        trigger: Option<Box<str>>,
    }
    let config: Config = blueprint.parse()?;
    let status = config.status_code;
    let message = config.message.map(Cow::Owned);
    let message = message.or_else(|| meaning(status).map(Cow::Borrowed));
    let answer = match (config.echo, config.body, message) {
        (true, _, message) => Answer::Echo { status, message },
        (false, Some(body), _) => Answer::Fixed(Reply {
            body: Body::Raw {
                content_type: config.content_type.map_or(JSON.into(), with_charset),
                bytes: body.into_bytes().into(),
            },
            ..Reply::empty(status)
        }),
        (false, None, Some(message)) => Answer::Fixed(Reply::exit(status, message)),
        (false, None, None) => Answer::Fixed(Reply::empty(status)),
    };
    Ok(Arc::new(RequestTermination {
        answer,
        trigger: config.trigger.map(str::into_boxed_bytes),
    }))
}

const JSON: &str = "application/json; charset=utf-8";

/// What is said with a status if nothing else is to be.
fn meaning(status: u16) -> Option<&'static str> {
    Some(match status {
        401 => "Unauthorized",
        404 => "Not found",
        405 => "Method not allowed",
        500 => "An unexpected error occurred",
        502 => "Bad Gateway",
        503 => "Service unavailable",
        _ => return None,
    })
}

/// A type as nginx sends it, which completes those that are text.
fn with_charset(content_type: String) -> Cow<'static, str> {
    const TEXT: [&str; 6] = [
        "text/html",
        "text/xml",
        "text/plain",
        "text/vnd.wap.wml",
        "application/javascript",
        "application/rss+xml",
    ];
    if TEXT
        .iter()
        .any(|text| text.eq_ignore_ascii_case(&content_type))
    {
        return (content_type + "; charset=UTF-8").into();
    }
    content_type.into()
}

impl RequestTermination {
    fn is_triggered(&self, request: &Request<'_>) -> bool {
        let Some(name) = &self.trigger else {
            return true;
        };
        let query = request.query().unwrap_or_default();
        request.received_field(name).is_some()
            || arguments(query).any(|(argument, _)| *argument == **name)
    }
}

impl Plugin for RequestTermination {
    fn needs(&self) -> Needs {
        match self.answer {
            Answer::Fixed(_) => Needs::REQUEST,
            Answer::Echo { .. } => Needs::REQUEST.and(Needs::REQUEST_BODY).and(Needs::CAPTURES),
        }
    }

    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        if !self.is_triggered(request) {
            return ControlFlow::Continue(());
        }
        let reply = match &self.answer {
            Answer::Fixed(reply) => reply.clone(),
            Answer::Echo { status, message } => Reply {
                body: Body::Raw {
                    content_type: JSON.into(),
                    bytes: echo::describe(request, message.as_deref()).into(),
                },
                ..Reply::empty(*status)
            },
        };
        ControlFlow::Break(reply.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing::Trial;
    use crate::plugin::testing::compile;
    use crate::plugin::testing::rendered;
    use serde_json::json;

    /// The status line's number, the type and the body that a client gets.
    fn answer(config: Value, trial: &mut Trial) -> (u16, Option<String>, String) {
        let reply = trial.refused_by(&*compile(&DEFINITION, config));
        let text = rendered(&reply);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let kind = lines.find_map(|line| line.strip_prefix("Content-Type: "));
        (reply.status, kind.map(str::to_owned), body.to_owned())
    }

    fn get(config: Value) -> (u16, Option<String>, String) {
        answer(config, &mut Trial::new("GET /term", &["Accept: text/html"]))
    }

    fn said(status: u16, kind: &str, body: &str) -> (u16, Option<String>, String) {
        (status, Some(kind.to_owned()), body.to_owned())
    }

    #[test]
    fn answers_are_the_recorded_ones() {
        let teapot = get(json!({"status_code": 418, "message": "teapot"}));
        assert_eq!(teapot, said(418, JSON, "{\"message\":\"teapot\"}"));
        let page = json!({"status_code": 200, "body": "<b>hi</b>", "content_type": "text/html"});
        assert_eq!(
            get(page),
            said(200, "text/html; charset=UTF-8", "<b>hi</b>")
        );
        let default = "{\"message\":\"Service unavailable\"}";
        assert_eq!(get(json!({})), said(503, JSON, default));
        let ok = get(json!({"status_code": 200, "message": "ok"}));
        assert_eq!(ok, said(200, JSON, "{\"message\":\"ok\"}"));
    }

    #[test]
    fn a_status_without_a_meaning_has_no_body() {
        assert_eq!(get(json!({"status_code": 418})), (418, None, String::new()));
        let bare = get(json!({"status_code": 200, "body": "{}"}));
        assert_eq!(bare, said(200, JSON, "{}"));
        let image = json!({"body": "x", "content_type": "image/png"});
        assert_eq!(get(image), said(503, "image/png", "x"));
    }

    #[test]
    fn a_trigger_is_a_field_or_an_argument() {
        let plugin = compile(&DEFINITION, json!({"trigger": "X-Trig"}));
        assert!(Trial::new("GET /", &[]).passes(&*plugin));
        assert!(Trial::new("GET /?x-trig=1", &[]).passes(&*plugin));
        assert!(!Trial::new("GET /?a&X%2dTrig", &[]).passes(&*plugin));
        assert!(!Trial::new("GET /", &["x-trig:"]).passes(&*plugin));
    }

    #[test]
    fn fields_that_exclude_each_other_are_refused() {
        let fault = |config: Value| {
            let misfit = is_consistent(config.as_object().unwrap()).unwrap_err();
            assert!(misfit.path.is_empty());
            misfit.message
        };
        assert_eq!(
            fault(json!({"message": "a", "body": "b"})),
            "message cannot be used with content_type or body"
        );
        assert_eq!(
            fault(json!({"content_type": "a"})),
            "content_type requires a body"
        );
        assert_eq!(
            fault(json!({"echo": true, "body": "b"})),
            "echo cannot be used with content_type and body"
        );
        let good = json!({"echo": true, "message": "a", "body": null});
        assert_eq!(is_consistent(good.as_object().unwrap()), Ok(()));
    }
}
