//! Answers made to order: a status, a delay, so many bytes, a stream of lines, a redirect.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Path;
use axum::extract::RawQuery;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::response::Response;
use futures_util::stream;
use serde_json::json;

use super::echo::answer;

const DELAY_MS_MAX: u64 = 60_000;
const BYTES_MAX: usize = 100 * 1024 * 1024;
const LINES_MAX: u32 = 100;
/// Time between two lines, so that one sees them arrive.
const LINE_EVERY: Duration = Duration::from_millis(50);
/// Repeated to fill a body of any length: `0` to `9`, and a line end after 63 of them.
static BLOCK: [u8; 16 * 1024] = {
    let mut block = [b'\n'; 16 * 1024];
    let mut at = 0;
    while at < block.len() {
        if at % 64 != 63 {
            block[at] = b'0' + (at % 64 % 10) as u8;
        }
        at += 1;
    }
    block
};

/// `/status/{code}`
pub(super) async fn status(Path(code): Path<String>) -> Response {
    stated(&code, None)
}

/// `/status/{code}/{reason}`
pub(super) async fn status_with_reason(Path((code, reason)): Path<(String, String)>) -> Response {
    stated(&code, Some(&reason))
}

fn stated(code: &str, reason: Option<&str>) -> Response {
    let known = code.parse().ok().filter(|code| (200..600).contains(code));
    let Some(status) = known.and_then(|code| StatusCode::from_u16(code).ok()) else {
        return refuse("a status is a number from 200 to 599");
    };
    let message = reason.or(status.canonical_reason()).unwrap_or_default();
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return status.into_response();
    }
    answer(
        status,
        &json!({ "code": status.as_u16(), "message": message }),
    )
}

/// `/delay/{ms}`
pub(super) async fn delay(Path(ms): Path<String>) -> Response {
    match ms.parse() {
        Ok(ms) if ms <= DELAY_MS_MAX => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            answer(StatusCode::OK, &json!({ "delay": format!("{ms}ms") }))
        }
        _ => refuse("a delay is a number of milliseconds, 60000 at most"),
    }
}

/// `/bytes/{n}`, with its length announced and never held in memory.
pub(super) async fn bytes(Path(n): Path<String>) -> Response {
    let Some(total) = n.parse::<usize>().ok().filter(|n| *n <= BYTES_MAX) else {
        return refuse("a number of bytes, 104857600 at most");
    };
    let blocks = stream::unfold(total, |left| async move {
        let part = BLOCK
            .get(..left.min(BLOCK.len()))
            .filter(|part| !part.is_empty())?;
        Some((
            Ok::<_, Infallible>(axum::body::Bytes::from_static(part)),
            left - part.len(),
        ))
    });
    let fields = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (header::CONTENT_LENGTH, HeaderValue::from(total)),
    ];
    (fields, Body::from_stream(blocks)).into_response()
}

/// `/stream/{n}`: chunked, one JSON object a line.
pub(super) async fn stream(Path(n): Path<String>) -> Response {
    let Some(lines) = n.parse::<u32>().ok().filter(|n| *n <= LINES_MAX) else {
        return refuse("a number of lines, 100 at most");
    };
    let lines = stream::unfold(0, move |line| async move {
        if line == lines {
            return None;
        }
        if line > 0 {
            tokio::time::sleep(LINE_EVERY).await;
        }
        Some((
            Ok::<_, Infallible>(format!("{{\"line\":{line},\"of\":{lines}}}\n")),
            line + 1,
        ))
    });
    let fields = [(header::CONTENT_TYPE, "application/x-ndjson")];
    (fields, Body::from_stream(lines)).into_response()
}

/// `/redirect/{status}?to=`
pub(super) async fn redirect(Path(code): Path<String>, RawQuery(query): RawQuery) -> Response {
    let known = code
        .parse()
        .ok()
        .filter(|code| matches!(code, 301 | 302 | 303 | 307 | 308));
    let Some(status) = known.and_then(|code| StatusCode::from_u16(code).ok()) else {
        return refuse("a redirect is 301, 302, 303, 307 or 308");
    };
    let query = query.unwrap_or_default();
    let to = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("to="))
        .unwrap_or("/");
    match HeaderValue::from_str(to) {
        Ok(to) => (status, [(header::LOCATION, to)]).into_response(),
        Err(_) => refuse("that is no place to be redirected to"),
    }
}

fn refuse(message: &str) -> Response {
    answer(StatusCode::BAD_REQUEST, &json!({ "message": message }))
}
