//! Answers in Kong's shape, before they are HTTP.

use axum::body::Body;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::ETAG;
use axum::http::header::RETRY_AFTER;
use axum::response::Response;
use serde_json::Value;
use serde_json::json;

use super::body::Refused;
use crate::entity::Error;

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reply {
    /// Its status.
    pub(super) status: StatusCode,
    /// What it holds.
    pub(super) content: Content,
    /// Fields besides those of every answer.
    pub(super) fields: Vec<(HeaderName, HeaderValue)>,
}

/// What an answer holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// Nothing.
    Nothing,
    /// JSON.
    Json(Value),
    /// Text of this type.
    Text(&'static str, String),
}

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// What nginx says of a type that nobody reads; Kong leaves it to nginx.
const MEDIA_TYPE: &str = "<html>\r\n<head><title>415 Unsupported Media Type</title></head>\r\n<body>\r\n\
    <center><h1>415 Unsupported Media Type</h1></center>\r\n</body>\r\n</html>\r\n";

impl Reply {
    fn new(status: StatusCode, content: Content) -> Self {
        Self {
            status,
            content,
            fields: Vec::new(),
        }
    }

    /// JSON.
    pub(super) fn json(status: StatusCode, body: Value) -> Self {
        Self::new(status, Content::Json(body))
    }

    /// 200 and JSON.
    pub(super) fn ok(body: Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// 200 and text.
    pub(super) fn text(kind: &'static str, text: String) -> Self {
        Self::new(StatusCode::OK, Content::Text(kind, text))
    }

    /// A status alone.
    pub(super) fn bare(status: StatusCode) -> Self {
        Self::new(status, Content::Nothing)
    }

    /// 204
    pub(super) fn nothing() -> Self {
        Self::bare(StatusCode::NO_CONTENT)
    }

    /// One sentence.
    pub(super) fn message(status: StatusCode, text: &str) -> Self {
        Self::json(status, json!({ "message": text }))
    }

    /// 404
    pub(super) fn not_found() -> Self {
        Self::message(StatusCode::NOT_FOUND, "Not found")
    }

    /// 405
    pub(super) fn method_not_allowed() -> Self {
        Self::message(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
    }

    /// 412: the entity is not what `If-Match` or `If-None-Match` say.
    pub(super) fn precondition_failed() -> Self {
        Self::message(StatusCode::PRECONDITION_FAILED, "Precondition failed")
    }

    /// 500: a mistake of our own.
    pub(super) fn unexpected() -> Self {
        let text = "An unexpected error occurred";
        Self::message(StatusCode::INTERNAL_SERVER_ERROR, text)
    }

    /// 503: whoever should have answered has ended, and the process is about to.
    pub(super) fn leaving() -> Self {
        let text = "Silverback is shutting down";
        Self::message(StatusCode::SERVICE_UNAVAILABLE, text)
    }

    /// What is wrong with an operation.
    pub(super) fn error(error: &Error) -> Self {
        let status = StatusCode::from_u16(error.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let reply = Self::json(status, error.body());
        match status {
            StatusCode::SERVICE_UNAVAILABLE => reply.with(RETRY_AFTER, "1"),
            _ => reply,
        }
    }

    /// What is wrong with a body.
    pub(super) fn refused(refused: &Refused) -> Self {
        match refused {
            Refused::MediaType => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Content::Text("text/html; charset=UTF-8", MEDIA_TYPE.to_owned()),
            ),
            Refused::Malformed(text) => Self::message(StatusCode::BAD_REQUEST, text),
        }
    }

    /// The same with another field.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.fields.push((name, value));
        }
        self
    }

    /// The same with the tag of the entity that it holds.
    pub(super) fn tagged(self, tag: &str) -> Self {
        self.with(ETAG, tag)
    }

    /// As HTTP.
    pub(super) fn into_response(self) -> Response {
        let (kind, body) = match self.content {
            Content::Nothing => (None, Body::empty()),
            Content::Json(value) => (Some(JSON), Body::from(value.to_string())),
            Content::Text(kind, text) => (Some(HeaderValue::from_static(kind)), Body::from(text)),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, kind);
        }
        headers.extend(
            self.fields
                .into_iter()
                .map(|(name, value)| (Some(name), value)),
        );
        response
    }
}
