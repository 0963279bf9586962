//! `/debug/node/log-level`: how much the log says, and for how long it says more or less than usual.

use std::future::pending;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::level_filters::LevelFilter;

use crate::admin::LogLevel;
use crate::admin::dispatch::Call;
use crate::admin::reply::Reply;

/// The level of the log, and who brings it back.
pub(in crate::admin) struct Level {
    log: &'static dyn LogLevel,
    /// How long it stays as it is; none is for ever.
    stays: watch::Sender<Option<Duration>>,
}

/// Kong's words, the most silent first. Each of ours is one of them; of several for one level, the first is shown.
const WORDS: &[(&str, LevelFilter)] = &[
    ("crit", LevelFilter::OFF),
    ("emerg", LevelFilter::OFF),
    ("alert", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("notice", LevelFilter::INFO),
    ("info", LevelFilter::DEBUG),
    ("debug", LevelFilter::TRACE),
];

/// How long a level stays unless a request says so, as in Kong.
const STAYS_SECS: f64 = 60.0;

impl Level {
    /// As it is; what it is now is what it will always come back to.
    pub(in crate::admin) fn new(log: &'static dyn LogLevel) -> Self {
        let (stays, changes) = watch::channel(None);
        tokio::spawn(restore(log, log.level(), changes));
        Self { log, stays }
    }

    fn word(&self) -> &'static str {
        let level = self.log.level();
        let word = WORDS.iter().find(|(_, known)| *known == level);
        word.map_or("notice", |(word, _)| word)
    }
}

/// Brings the usual level back when its time has come.
async fn restore(
    log: &'static dyn LogLevel,
    usual: LevelFilter,
    mut changes: watch::Receiver<Option<Duration>>,
) {
    let mut stays = None;
    loop {
        let over = async move {
            match stays {
                Some(time) => sleep(time).await,
                None => pending().await,
            }
        };
        tokio::select! {
            changed = changes.changed() => match changed {
                Ok(()) => stays = *changes.borrow_and_update(),
                Err(_) => return,
            },
            () = over => {
                log.set(usual);
                stays = None;
            }
        }
    }
}

/// `GET /debug/node/log-level`
pub(super) fn show(level: &Level) -> Reply {
    Reply::message(StatusCode::OK, &format!("log level: {}", level.word()))
}

/// `PUT /debug/node/log-level/{log_level}`
pub(super) fn change(level: &Level, call: &Call<'_>) -> Reply {
    let word = call.keys.first().map_or("", String::as_str);
    let Some((_, wanted)) = WORDS.iter().find(|(known, _)| *known == word) else {
        let text = format!("unknown log level: {word}");
        return Reply::message(StatusCode::BAD_REQUEST, &text);
    };
    let given = match call.input.document.get("timeout") {
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_f64(),
        None => call.query.get("timeout").and_then(|text| text.parse().ok()),
    };
    let secs: f64 = given.unwrap_or(STAYS_SECS).ceil();
    if secs < 0.0 {
        let text = "timeout must be greater than or equal to 0";
        return Reply::message(StatusCode::BAD_REQUEST, text);
    }
    if level.log.level() == *wanted {
        return Reply::message(StatusCode::OK, &format!("log level is already {word}"));
    }
    level.log.set(*wanted);
    // No time at all is for ever; beyond what a clock can say it is, too.
    let time = Duration::try_from_secs_f64(secs).ok();
    let _ = level.stays.send(time.filter(|time| !time.is_zero()));
    Reply::message(StatusCode::OK, "log level changed")
}
