//! The fields that every answer of the Admin API has, as Kong's have them.

use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::header::ACCESS_CONTROL_ALLOW_CREDENTIALS;
use axum::http::header::ACCESS_CONTROL_ALLOW_HEADERS;
use axum::http::header::ACCESS_CONTROL_ALLOW_METHODS;
use axum::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use axum::http::header::ALLOW;
use axum::http::header::CONNECTION;
use axum::http::header::SERVER;

use super::reply::Reply;

const LATENCY: HeaderName = HeaderName::from_static("x-kong-admin-latency");
const OWN_NAME: &str = concat!("silverback/", env!("CARGO_PKG_VERSION"));

/// What is known of a request when its answer is finished.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Its `Origin`.
    pub(super) origin: Option<HeaderValue>,
    /// Whether the connection stays open, as far as the request is concerned.
    pub(super) keep_alive: bool,
}

/// Adds them.
pub(super) fn finish(headers: &mut HeaderMap, asked: Asked, millis: u64) {
    let any = HeaderValue::from_static("*");
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, asked.origin.unwrap_or(any));
    headers.insert(
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    headers.insert(LATENCY, HeaderValue::from(millis));
    headers.insert(SERVER, HeaderValue::from_static(OWN_NAME));
    if asked.keep_alive {
        headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
    }
}

/// The answer to OPTIONS, which is also a browser's preflight.
pub(super) fn options(allow: &str, with_tokens: bool) -> Reply {
    let permitted = match with_tokens {
        true => "Content-Type, Authorization, Kong-Admin-Token",
        false => "Content-Type",
    };
    Reply::nothing()
        .with(ALLOW, allow)
        .with(ACCESS_CONTROL_ALLOW_METHODS, allow)
        .with(ACCESS_CONTROL_ALLOW_HEADERS, permitted)
}
