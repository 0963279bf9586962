//! `GET /status` in Kong's shape, with what Kong has no place for beside it, and `GET /status/ready`.

use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use serde_json::Value;
use serde_json::json;

use super::Api;
use super::backend::Backend;
use super::dispatch::Call;
use super::query::Query;
use super::reply::Reply;
use crate::control::LastReload;
use crate::control::Status;
use crate::telemetry::process::Process;

/// How sizes are shown, as in Kong.
#[derive(Clone, Copy, Debug)]
struct Measure {
    /// A divisor and its name; none for bytes.
    unit: Option<(f64, &'static str)>,
    /// Digits behind the point.
    scale: usize,
}

/// More digits than a size can have.
const SCALE_MAX: usize = 20;

impl Measure {
    /// What `unit` and `scale` ask for: `m` and 2 unless they say otherwise.
    fn of(query: &Query) -> Result<Self, String> {
        let unit = query.get("unit").unwrap_or("m");
        let unit = match unit.to_ascii_lowercase().as_str() {
            "b" => None,
            "k" => Some((1_024.0, "KiB")),
            "m" => Some((1_048_576.0, "MiB")),
            "g" => Some((1_073_741_824.0, "GiB")),
            _ => {
                let expected = "(expected 'k/K', 'm/M', or 'g/G')";
                return Err(format!("invalid unit '{unit}' {expected}"));
            }
        };
        let scale = query.get("scale").map_or(Ok(2), str::parse::<usize>);
        let scale = scale.ok().filter(|scale| *scale <= SCALE_MAX);
        let scale = scale.ok_or("scale must be equal or greater than 0")?;
        Ok(Self { unit, scale })
    }

    fn show(self, bytes: u64) -> Value {
        match self.unit {
            None => bytes.into(),
            Some((divisor, name)) => {
                let size = bytes as f64 / divisor;
                format!("{size:.0$} {name}", self.scale).into()
            }
        }
    }
}

/// `GET /status`
pub(super) async fn status<B: Backend>(api: &Api<B>, query: &Query) -> Reply {
    let measure = match Measure::of(query) {
        Ok(measure) => measure,
        Err(why) => return Reply::message(StatusCode::BAD_REQUEST, &why),
    };
    let Some(status) = api.control.status().await else {
        return Reply::leaving();
    };
    let process = Process::read();
    let mut body = body(&status, &process);
    body["memory"]["resident"] = process
        .resident_bytes
        .map_or(Value::Null, |bytes| measure.show(bytes));
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

    use serde_json::json;

    use super::Measure;
    use super::body;
    use crate::admin::query::Query;
    use crate::base::ids::Generation;
    use crate::config::Diff;
    use crate::control::LastReload;
    use crate::control::Server;
    use crate::control::Status;
    use crate::control::reload::Outcome;
    use crate::telemetry::process::Process;

    #[test]
    fn sizes_are_shown_as_asked_for() {
        let show = |query: &str| {
            let measure = Measure::of(&Query::parse(query).unwrap())?;
            Ok(measure.show(1_572_864))
        };
        for (query, shown) in [
            ("", json!("1.50 MiB")),
            ("unit=K&scale=0", json!("1536 KiB")),
            ("unit=g&scale=4", json!("0.0015 GiB")),
            ("unit=b", json!(1_572_864)),
        ] {
            assert_eq!(show(query), Ok(shown), "{query}");
        }
        let unit = "invalid unit 'x' (expected 'k/K', 'm/M', or 'g/G')";
        assert_eq!(show("unit=x"), Err(unit.to_owned()));
        for scale in ["-1", "x", "1000"] {
            let why = "scale must be equal or greater than 0".to_owned();
            assert_eq!(show(&format!("scale={scale}")), Err(why));
        }
    }

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
