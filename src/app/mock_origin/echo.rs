//! Answers that show the request: as it arrived, so that one sees what the gateway did to it.

use std::net::SocketAddr;

use axum::body::Body;
use axum::body::to_bytes;
use axum::extract::ConnectInfo;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::response::Response;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// Most bytes of a body that are echoed.
const ECHO_BYTES_MAX: usize = 1024 * 1024;

/// What there is to try.
pub(super) async fn welcome() -> &'static str {
    WELCOME
}

/// The whole request.
pub(super) async fn echo(ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, ECHO_BYTES_MAX).await else {
        let message = format!("a body of at most {ECHO_BYTES_MAX} bytes is echoed");
        return answer(
            StatusCode::PAYLOAD_TOO_LARGE,
            &json!({ "message": message }),
        );
    };
    let query = head.uri.query().unwrap_or_default();
    let host = text(head.headers.get(header::HOST));
    answer(
        StatusCode::OK,
        &json!({
            "method": head.method.as_str(),
            "url": format!("http://{host}{}", head.uri),
            "httpVersion": format!("{:?}", head.version),
            "clientIPAddress": client(&head.headers, peer),
            "queryString": pairs(query.split('&'), '='),
            "headers": fields(&head.headers),
            "body": String::from_utf8_lossy(&body),
            "bodySize": body.len(),
        }),
    )
}

/// The fields alone.
pub(super) async fn headers(headers: HeaderMap) -> Response {
    answer(StatusCode::OK, &json!({ "headers": fields(&headers) }))
}

/// The client's address, as the gateway tells it.
pub(super) async fn ip(ConnectInfo(peer): ConnectInfo<SocketAddr>, headers: HeaderMap) -> Response {
    answer(StatusCode::OK, &json!({ "ip": client(&headers, peer) }))
}

/// The cookies alone.
pub(super) async fn cookies(headers: HeaderMap) -> Response {
    let lines: Vec<_> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(|line| text(Some(line)))
        .collect();
    let parts = lines.iter().flat_map(|line| line.split(';')).map(str::trim);
    answer(StatusCode::OK, &json!({ "cookies": pairs(parts, '=') }))
}

/// An answer in JSON, laid out for people.
pub(super) fn answer(status: StatusCode, value: &Value) -> Response {
    let body = Body::from(format!("{value:#}\n"));
    (
        status,
        [(header::CONTENT_TYPE, "application/json; charset=utf-8")],
        body,
    )
        .into_response()
}

fn client(headers: &HeaderMap, peer: SocketAddr) -> String {
    match headers.get("x-real-ip") {
        Some(ip) => text(Some(ip)),
        None => peer.ip().to_string(),
    }
}

/// Fields by name, those of one name joined as a list.
fn fields(headers: &HeaderMap) -> Value {
    let mut fields = Map::new();
    for name in headers.keys() {
        let values: Vec<_> = headers
            .get_all(name)
            .iter()
            .map(|value| text(Some(value)))
            .collect();
        fields.insert(name.to_string(), values.join(", ").into());
    }
    Value::Object(fields)
}

/// Names and values as they are written, without decoding; the last of one name counts.
fn pairs<'t>(parts: impl Iterator<Item = &'t str>, between: char) -> Value {
    let pairs = parts.filter(|part| !part.is_empty());
    let pairs = pairs.map(|part| part.split_once(between).unwrap_or((part, "")));
    Value::Object(
        pairs
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect(),
    )
}

fn text(value: Option<&axum::http::HeaderValue>) -> String {
    String::from_utf8_lossy(value.map_or(&[][..], |value| value.as_bytes())).into_owned()
}

const WELCOME: &str = "\
You have reached the mock origin, through Silverback.

  /anything            echoes the request as JSON, body included
  /status/{code}       answers with that status; /status/{code}/{reason} says why
  /delay/{ms}          answers after so many milliseconds, 60000 at most
  /bytes/{n}           sends n bytes, 104857600 at most
  /stream/{n}          sends n lines one by one, 100 at most
  /redirect/{status}   redirects to /, or to ?to=
  /headers /ip /cookies
";
