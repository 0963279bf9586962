//! The admin listener: status, metrics, reload. Writing entities comes on top of it.

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use axum::routing::post;
use serde_json::json;
use tokio::net::TcpListener;

use crate::control::Handle;
use crate::control::reload::Outcome;

/// Serves the admin listener until the process ends.
pub async fn serve(socket: TcpListener, control: Handle) {
    let routes = Router::new()
        .route("/status", get(status))
        .route("/status/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/reload", post(reload))
        .fallback(|| async { message(StatusCode::NOT_FOUND, "Not found") })
        .method_not_allowed_fallback(|| async {
            message(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
        })
        .with_state(control);
    if let Err(error) = axum::serve(socket, routes).await {
        tracing::error!("the admin listener ended: {error}");
    }
}

fn message(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "message": text }))).into_response()
}

async fn status(State(control): State<Handle>) -> Response {
    let Some(status) = control.status().await else {
        return message(
            StatusCode::SERVICE_UNAVAILABLE,
            "Silverback is shutting down",
        );
    };
    let workers: Vec<_> = status
        .workers
        .iter()
        .map(|worker| {
            json!({
                "core": worker.core.0,
                "driver": worker.driver.map(|driver| driver.to_string()),
                "requests": worker.requests,
                "connections": worker.connections,
            })
        })
        .collect();
    Json(json!({
        "server": {
            "connections_accepted": status.server.accepted,
            "connections_handled": status.server.accepted,
            "connections_active": status.server.active,
            "connections_waiting": status.server.waiting,
            "total_requests": status.server.requests,
        },
        "configuration_hash": status.hash,
        "silverback": {
            "generation": status.generation.0,
            "ready": status.ready,
            "draining": status.draining,
            "uptime_seconds": status.uptime.as_secs(),
            "workers": workers,
        },
    }))
    .into_response()
}

async fn ready(State(control): State<Handle>) -> Response {
    match control.status().await {
        Some(status) if status.ready && !status.draining => message(StatusCode::OK, "ready"),
        Some(_) | None => message(StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    }
}

async fn metrics(State(control): State<Handle>) -> Response {
    match control.metrics().await {
        Some(text) => ([("content-type", "text/plain; version=0.0.4")], text).into_response(),
        None => message(
            StatusCode::SERVICE_UNAVAILABLE,
            "Silverback is shutting down",
        ),
    }
}

async fn reload(State(control): State<Handle>) -> Response {
    match control.reload().await {
        Some(Outcome::Installed(installed)) => Json(json!({
            "generation": installed.generation.0,
            "changes": installed.changes.to_string().lines().collect::<Vec<_>>(),
            "took_ms": u64::try_from(installed.took.as_millis()).unwrap_or(u64::MAX),
        }))
        .into_response(),
        Some(Outcome::Unchanged(generation)) => {
            Json(json!({ "generation": generation.0, "changes": [] })).into_response()
        }
        Some(Outcome::Refused(refusal)) => message(StatusCode::BAD_REQUEST, &refusal.to_string()),
        Some(Outcome::Unconfirmed(..)) | None => message(
            StatusCode::SERVICE_UNAVAILABLE,
            "not every worker has acknowledged it yet",
        ),
    }
}
