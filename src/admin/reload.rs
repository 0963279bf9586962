//! `POST /reload`: reads the configuration again and says what came of it.
//!
//! With `?wait=false` the answer comes when the configuration is known to be right, else when every worker
//! serves by it. `silverback reload` prints the answer's `diff` or `report`; the other members are for programs.

use std::fmt::Write;

use axum::http::StatusCode;
use serde_json::Value;
use serde_json::json;

use super::query::Query;
use super::reply::Reply;
use crate::config::Diff;
use crate::config::Fault;
use crate::config::Faults;
use crate::config::diff::Change;
use crate::config::diff::Entry;
use crate::config::fault;
use crate::control::Handle;
use crate::control::Until;
use crate::control::reload::Outcome;
use crate::control::reload::Refusal;
use crate::lint::Finding;

/// `POST /reload`
pub(super) async fn reload(control: &Handle, query: &Query) -> Reply {
    let until = match query.get("wait") {
        Some("false") => Until::Accepted,
        Some("true") | None => Until::Installed,
        Some(_) => {
            let text = "wait is neither true nor false";
            return Reply::message(StatusCode::BAD_REQUEST, text);
        }
    };
    match control.reload(until).await {
        Some(outcome) => {
            let (status, body) = answer(&outcome);
            Reply::json(status, body)
        }
        None => Reply::leaving(),
    }
}

fn answer(outcome: &Outcome) -> (StatusCode, Value) {
    match outcome {
        Outcome::Installed(installed) => {
            let mut body = taken(&installed.changes, &installed.warnings, &installed.findings);
            body["state"] = "installed".into();
            body["generation"] = installed.generation.0.into();
            body["took_ms"] = u64::try_from(installed.took.as_millis())
                .unwrap_or(u64::MAX)
                .into();
            (StatusCode::OK, body)
        }
        Outcome::Accepted(accepted) => {
            let mut body = taken(&accepted.changes, &accepted.warnings, &accepted.findings);
            body["state"] = "accepted".into();
            body["generation"] = accepted.generation.0.into();
            (StatusCode::ACCEPTED, body)
        }
        Outcome::Unchanged(generation, brought) => {
            let mut body = taken(brought, &[], &[]);
            body["state"] = "unchanged".into();
            body["generation"] = generation.0.into();
            (StatusCode::OK, body)
        }
        Outcome::Refused(Refusal::Draining) => {
            (StatusCode::SERVICE_UNAVAILABLE, refused(&Refusal::Draining))
        }
        Outcome::Refused(refusal) => (StatusCode::BAD_REQUEST, refused(refusal)),
        Outcome::Unconfirmed(generation, behind) => {
            let behind: Vec<u16> = behind.iter().map(|core| core.0).collect();
            let text = format!(
                "workers {behind:?} have not acknowledged generation {} in time",
                generation.0
            );
            let body =
                json!({ "state": "unconfirmed", "generation": generation.0, "message": text });
            (StatusCode::SERVICE_UNAVAILABLE, body)
        }
    }
}

fn taken(changes: &Diff, warnings: &[Fault], findings: &[Finding]) -> Value {
    let mut report = if warnings.is_empty() {
        String::new()
    } else {
        Faults(warnings.to_vec()).render_text(false)
    };
    for finding in findings {
        let _ = writeln!(report, "{finding}");
    }
    json!({
        "diff": changes.to_string(),
        "changes": changes.0.iter().map(change).collect::<Vec<_>>(),
        "warnings": faults(warnings),
        "report": report,
        "lint": findings.iter().map(Finding::value).collect::<Vec<_>>(),
    })
}

fn change(entry: &Entry) -> Value {
    let (what, keys): (_, &[_]) = match &entry.change {
        Change::Added => ("added", &[]),
        Change::Removed => ("removed", &[]),
        Change::Changed(keys) => ("changed", keys),
    };
    json!({ "kind": entry.kind, "name": entry.name, "change": what, "keys": keys })
}

fn refused(refusal: &Refusal) -> Value {
    let message = refusal.to_string();
    match refusal {
        Refusal::Faults(found) => json!({
            "state": "refused",
            "message": message,
            "faults": faults(&found.0),
            "report": found.render_text(false),
        }),
        Refusal::Compile(_)
        | Refusal::Clash(_)
        | Refusal::Restart(_)
        | Refusal::Draining
        | Refusal::Internal(_) => {
            json!({ "state": "refused", "message": message })
        }
    }
}

/// As `silverback check --format json` has them.
fn faults(faults: &[Fault]) -> Value {
    fault::values(faults).into()
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::answer;
    use crate::base::ids::CoreId;
    use crate::base::ids::Generation;
    use crate::config;
    use crate::control::reload::Accepted;
    use crate::control::reload::Outcome;
    use crate::control::reload::Refusal;

    #[test]
    fn faults_come_as_report_and_as_data() {
        let faults = config::parse_str("x.toml", "[gateway]\nworkerz = 1\n").unwrap_err();
        let (status, body) = answer(&Outcome::Refused(Refusal::Faults(faults)));
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(body["faults"][0]["line"], 2);
        let report = body["report"].as_str().unwrap();
        assert!(report.contains("x.toml:2:1") && report.contains('^'));
        let (status, body) = answer(&Outcome::Refused(Refusal::Restart(vec!["listeners"])));
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(body["message"].as_str().unwrap().contains("listeners"));
    }

    #[test]
    fn changes_come_as_text_and_as_data() {
        let load = |text| config::parse_str("x.toml", text).unwrap().model;
        let text = "[[services]]\nname = \"a\"\nhost = \"h\"\n";
        let changes = config::diff(&load(""), &load(text));
        let (status, body) = answer(&Outcome::Accepted(Accepted {
            generation: Generation(2),
            changes,
            warnings: Vec::new(),
            findings: Vec::new(),
        }));
        assert_eq!(status, StatusCode::ACCEPTED);
        assert_eq!(body["diff"], "+ service a\n");
        assert_eq!(body["changes"][0]["change"], "added");
        assert_eq!(body["generation"], 2);
    }

    #[test]
    fn missing_acknowledgements_are_no_success() {
        let (status, body) = answer(&Outcome::Unconfirmed(Generation(2), vec![CoreId(1)]));
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body["message"].as_str().unwrap().contains("[1]"));
    }
}
