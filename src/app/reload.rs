//! `silverback reload`: asks the running gateway, through its admin listener, to read its configuration again.

use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::cli::Exit;
use super::reachable;
use crate::config;
use crate::net::tls::crypto;

/// A gateway that has said nothing for so long is stuck; reading and installing take a few seconds at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the token is looked for; on a command line everybody could read it.
const TOKEN: &str = "SILVERBACK_ADMIN_TOKEN";

/// What the admin listener says; see `admin::reload`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    generation: u64,
    state: String,
    diff: String,
    took_ms: Option<u64>,
    message: String,
    report: String,
}

/// Where to ask, by the configuration at `path`. A configuration with faults is the gateway's to refuse, so that
/// its log and its metrics say so too.
///
/// # Errors
/// The faults of a configuration that does not even tell where to ask, or that it has no admin listener.
pub fn admin_of(path: &Path) -> Result<SocketAddr, String> {
    let loaded = match config::load(path) {
        Ok(loaded) => loaded,
        Err(faults) => {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let told = || faults.render_text(false);
            return config::admin_address(&text).map(reachable).ok_or_else(told);
        }
    };
    let admin = loaded.model.admin.ok_or_else(|| {
        format!(
            "{} has no [admin] listener to ask through: send SIGHUP, or name one with --admin",
            path.display()
        )
    })?;
    Ok(reachable(admin.address))
}

/// Asks, and prints what came of it.
pub fn reload(admin: SocketAddr, wait: bool) -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let asked = runtime.map_err(|error| error.to_string());
    let asked = asked.and_then(|runtime| runtime.block_on(ask(admin, wait)));
    match asked {
        Ok(answer) => print(&answer),
        Err(why) => {
            eprintln!("silverback: no answer from the gateway at {admin}: {why}");
            Exit::Refused
        }
    }
}

async fn ask(admin: SocketAddr, wait: bool) -> Result<Answer, String> {
    crypto::install();
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .map_err(|error| innermost(&error))?;
    let mut asked = client.post(format!("http://{admin}/reload?wait={wait}"));
    if let Ok(token) = std::env::var(TOKEN) {
        asked = asked.bearer_auth(token);
    }
    let answer = asked.send().await.map_err(|error| innermost(&error))?;
    if answer.status() == reqwest::StatusCode::UNAUTHORIZED {
        return Err(format!("it wants a token: set {TOKEN}"));
    }
    answer.json().await.map_err(|error| innermost(&error))
}

/// What went wrong at the bottom, such as a refused connection; the layers above it only say that something did.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

fn print(answer: &Answer) -> Exit {
    let generation = answer.generation;
    let (said, exit) = match answer.state.as_str() {
        "unchanged" => (
            format!(
                "{}generation {generation} serves by it already\n",
                answer.diff
            ),
            Exit::Fine,
        ),
        "accepted" => (
            format!("{}generation {generation} accepted\n", answer.diff),
            Exit::Fine,
        ),
        "installed" => {
            let took = answer.took_ms.unwrap_or_default();
            let said = format!(
                "{}generation {generation} installed in {took} ms\n",
                answer.diff
            );
            (said, Exit::Fine)
        }
        _ => (String::new(), Exit::Refused),
    };
    // Who closes the output early has read enough.
    let _ = io::stdout().write_all(said.as_bytes());
    let complaint = match (exit, answer.report.is_empty()) {
        (_, false) => &answer.report,
        (Exit::Fine, true) => return exit,
        (_, true) => &answer.message,
    };
    eprintln!("{complaint}");
    exit
}

#[cfg(test)]
mod tests {
    use super::admin_of;

    #[test]
    fn admin_listener_is_the_one_of_the_configuration() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("silverback.toml");
        std::fs::write(&path, "[admin]\naddress = \"0.0.0.0:7001\"\n").unwrap();
        assert_eq!(admin_of(&path), Ok("127.0.0.1:7001".parse().unwrap()));
        std::fs::write(&path, "").unwrap();
        assert!(admin_of(&path).unwrap_err().contains("SIGHUP"));
        std::fs::write(&path, "nonsense = 1").unwrap();
        assert!(admin_of(&path).unwrap_err().contains("silverback.toml:1:1"));
    }
}
