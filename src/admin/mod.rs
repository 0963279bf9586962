//! The admin listener: status, metrics, reload. Writing entities comes on top of it.

mod reload;
mod status;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use axum::routing::post;
use serde_json::json;
use tokio::net::TcpListener;

use crate::control::Handle;
use crate::telemetry::prometheus;

/// Serves the admin listener until the process ends.
pub async fn serve(socket: TcpListener, control: Handle) {
    let routes = Router::new()
        .route("/status", get(status::status))
        .route("/status/ready", get(status::ready))
        .route("/metrics", get(metrics))
        .route("/reload", post(reload::reload))
        .fallback(|| async { message(StatusCode::NOT_FOUND, "Not found") })
        .method_not_allowed_fallback(|| async {
            message(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
        })
        .with_state(control);
    if let Err(error) = axum::serve(socket, routes).await {
        tracing::error!("the admin listener ended: {error}");
    }
}

/// `GET /metrics`
async fn metrics(State(control): State<Handle>) -> Response {
    match control.metrics().await {
        Some(text) => ([(CONTENT_TYPE, prometheus::CONTENT_TYPE)], text).into_response(),
        None => leaving(),
    }
}

/// An answer that is one sentence, as Kong's Admin API has it.
fn message(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "message": text }))).into_response()
}

/// Control's loop has ended, and the process is about to.
fn leaving() -> Response {
    message(
        StatusCode::SERVICE_UNAVAILABLE,
        "Silverback is shutting down",
    )
}
