//! What a scrape shows besides the cores' totals: control's own state, handed in as values.

use crate::base::ids::Generation;

use super::log_writer::LogStats;
use super::process::Process;

/// Control's facts at the moment of a scrape.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The version of the program.
    pub version: &'a str,
    /// Each core's I/O driver, say `io_uring` or `epoll`; the place is the core's number.
    pub drivers: &'a [&'a str],
    /// What happened to the configuration.
    pub reload: ReloadFacts<'a>,
    /// What the log thread last said; the default where there is no access log.
    pub log: LogStats,
    /// What stored answers take, and how many there are.
    pub stored: (usize, usize),
    /// Counters of rate limits in the process.
    pub limit_counters: u64,
    /// The targets that are checked.
    pub targets: &'a [TargetFact<'a>],
    /// How often targets became unhealthy, by reason.
    pub ejections: &'a [(&'a str, u64)],
    /// What the kernel says about the process.
    pub process: Process,
}

/// One address of a target that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetFact<'a> {
    /// The upstream's name.
    pub upstream: &'a str,
    /// The target as configured.
    pub target: &'a str,
    /// Its address.
    pub address: &'a str,
    /// `healthy` or `unhealthy`.
    pub state: &'static str,
}

/// The configuration's story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReloadFacts<'a> {
    /// Reloads that were installed; the first load is none.
    pub succeeded: u64,
    /// Reloads that were refused.
    pub failed: u64,
    /// When the last load ended either way, in microseconds since the Unix epoch.
    pub last_unix_micros: u64,
    /// Whether the last load was installed.
    pub last_succeeded: bool,
    /// The configuration that every core has acknowledged.
    pub generation: Generation,
    /// Its content hash.
    pub hash: &'a str,
}

impl Default for ReloadFacts<'_> {
    /// Before the first load.
    fn default() -> Self {
        Self {
            succeeded: 0,
            failed: 0,
            last_unix_micros: 0,
            last_succeeded: false,
            generation: Generation(0),
            hash: "",
        }
    }
}
