//! `GET /status` in Kong's shape, with what Kong has no place for beside it, and `GET /status/ready`.

use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use serde_json::Value;
use serde_json::json;

use super::Api;
use super::backend::Backend;
use super::dispatch::Call;
use super::reply::Reply;
use crate::control::LastReload;
use crate::control::Status;
use crate::telemetry::process::Process;

/// `GET /status`
pub(super) async fn status<B: Backend>(api: &Api<B>) -> Reply {
    let Some(status) = api.control.status().await else {
        return Reply::leaving();
    };
    let mut body = body(&status, &Process::read());
    // Kong says so of its database; without one it has none to speak of.
    if api.backend.writable() {
        let reachable = api.backend.read(|_| ()).await.is_ok();
        body["database"] = json!({ "reachable": reachable });
    }
    Reply::ok(body)
}

/// `GET /status/ready`: 200 while every worker serves and nobody has said that the node is to leave.
pub(super) async fn ready<B: Backend>(api: &Api<B>) -> Reply {
    let not_ready = |why: &str| Reply::message(StatusCode::SERVICE_UNAVAILABLE, why);
    if api.leaves.load(Ordering::Relaxed) {
        return not_ready("draining");
    }
    match api.control.status().await {
        Some(status) if status.ready && !status.draining => Reply::message(StatusCode::OK, "ready"),
        Some(_) | None => not_ready("not ready"),
    }
}

/// `POST /status/ready` with `status=draining`: probes are told from now on that the node is to leave; it serves on.
pub(super) fn leave<B: Backend>(api: &Api<B>, call: &Call<'_>) -> Reply {
    let given = call.input.document.get("status").and_then(Value::as_str);
    if given.or(call.query.get("status")) != Some("draining") {
        let text = "status: expected one of: draining";
        return Reply::message(StatusCode::BAD_REQUEST, text);
    }
    api.leaves.store(true, Ordering::Relaxed);
    Reply::nothing()
}

fn body(status: &Status, process: &Process) -> Value {
    let server = &status.server;
    let workers = status.workers.iter().map(|worker| {
        json!({
            "core": worker.core.0,
            "driver": worker.driver.map(|driver| driver.to_string()),
            "requests": worker.requests,
            "connections": worker.connections,
        })
    });
    let (resolved, unresolved) = status.names;
    json!({
        // There are no Lua machines and no shared dictionaries to speak of; the process has its memory.
        "memory": {
            "workers_lua_vms": [],
            "lua_shared_dicts": {},
            "resident_bytes": process.resident_bytes,
        },
        "server": {
            "connections_accepted": server.accepted,
            "connections_handled": server.accepted,
            "connections_active": server.active,
            // A head that is being read counts as an exchange: nothing tells the two apart.
            "connections_reading": 0,
            "connections_writing": server.active.saturating_sub(server.waiting),
            "connections_waiting": server.waiting,
            "total_requests": server.requests,
        },
        "configuration_hash": status.hash,
        "silverback": {
            "version": env!("CARGO_PKG_VERSION"),
            "generation": status.generation.0,
            "ready": status.ready,
            "draining": status.draining,
            "uptime_seconds": status.uptime.as_secs(),
            "workers": workers.collect::<Vec<_>>(),
            "names": { "resolved": resolved, "unresolved": unresolved },
            "last_reload": status.last_reload.as_ref().map(last_reload),
        },
    })
}

fn last_reload(last: &LastReload) -> Value {
    json!({
        "at": last.at / 1_000_000,
        "success": last.outcome.is_success(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::body;
    use crate::base::ids::Generation;
    use crate::config::Diff;
    use crate::control::LastReload;
    use crate::control::Server;
    use crate::control::Status;
    use crate::control::reload::Outcome;
    use crate::telemetry::process::Process;

    #[test]
    fn connections_are_told_apart_as_nginx_does() {
        let status = Status {
            ready: true,
            draining: false,
            generation: Generation(3),
            hash: "00".to_owned(),
            uptime: Duration::from_secs(9),
            workers: Vec::new(),
            last_reload: Some(LastReload {
                at: 5_000_000,
                outcome: Outcome::Unchanged(Generation(3), Diff::default()),
            }),
            names: (2, 1),
            server: Server {
                accepted: 10,
                active: 7,
                waiting: 5,
                requests: 100,
            },
        };
        let body = body(&status, &Process::default());
        let server = &body["server"];
        assert_eq!(server["connections_writing"], 2);
        assert_eq!(server["connections_waiting"], 5);
        assert_eq!(server["total_requests"], 100);
        assert_eq!(body["configuration_hash"], "00");
        assert_eq!(body["silverback"]["last_reload"]["at"], 5);
        assert_eq!(body["silverback"]["names"]["unresolved"], 1);
    }
}
