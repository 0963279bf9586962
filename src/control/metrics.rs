//! What control adds to the workers' counts before the metrics are written out.

use super::Control;
use super::status::LastReload;

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

/// STUB
pub type LogCounts = ();

impl Control {
    /// All metrics in Prometheus' text format.
    pub(super) fn metrics(&self) -> String {
        let _ = (&self.log_counts, self.reloads.succeeded, self.reloads.failed);
        String::new()
    }
}
