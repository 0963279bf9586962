//! What control adds to the workers' counts before the metrics are written out.

use super::Control;
use super::status::LastReload;
use crate::base::clock;
use crate::base::ids::Generation;
use crate::telemetry::Facts;
use crate::telemetry::facts::ReloadFacts;
use crate::telemetry::log_writer::LogStats;
use crate::telemetry::process::Process;
use crate::telemetry::prometheus;

/// Reloads since the start; the first install is none.
#[derive(Debug, Default)]
pub(super) struct Reloads {
    /// Installed, or found to be what runs already.
    pub(super) succeeded: u64,
    /// Refused, or not acknowledged in time.
    pub(super) failed: u64,
    /// The last of them.
    pub(super) last: Option<LastReload>,
}

impl Control {
    /// All metrics in Prometheus' text format.
    pub(super) fn metrics(&self) -> String {
        let reload = ReloadFacts {
            succeeded: self.reloads.succeeded,
            failed: self.reloads.failed,
            last_unix_micros: 0,
            last_succeeded: self.reloads.failed == 0,
            generation: Generation(0),
            hash: "",
        };
        let facts = Facts {
            version: env!("CARGO_PKG_VERSION"),
            drivers: &[],
            reload,
            log: LogStats::default(),
            process: Process::read(),
        };
        prometheus::encode(&self.totals, &facts, clock::now())
    }
}
