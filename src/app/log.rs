//! The log on standard error, and how much it says.

use std::io;
use std::io::IsTerminal;
use std::sync::OnceLock;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use crate::admin::LogLevel;

/// The process's log.
#[derive(Debug)]
pub struct Log;

static FILTER: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();

/// What it says unless it is told otherwise.
const USUAL: LevelFilter = LevelFilter::INFO;

impl Log {
    /// Begins it; nothing that is said before is heard.
    pub(super) fn start() {
        let (filter, handle) = reload::Layer::new(to(USUAL));
        let lines = fmt::layer()
            .with_writer(io::stderr)
            .with_target(false)
            .with_ansi(io::stderr().is_terminal());
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .init();
        let _ = FILTER.set(handle);
    }
}

impl LogLevel for Log {
    fn level(&self) -> LevelFilter {
        let level = |filter: &Targets| filter.default_level();
        let known = FILTER
            .get()
            .and_then(|filter| filter.with_current(level).ok());
        known.flatten().unwrap_or(USUAL)
    }

    fn set(&self, level: LevelFilter) {
        // It fails where there is no subscriber any more, and then nobody listens.
        let _ = FILTER.get().map(|filter| filter.reload(to(level)));
    }
}

/// Whoever may change the level is not to be able to hide what else they change.
fn to(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level)
        .with_target("audit", LevelFilter::INFO)
}
