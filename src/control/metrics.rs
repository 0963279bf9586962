//! What control adds to the workers' counts before the metrics are written out.

use super::Control;
use super::reload::Outcome;
use super::status::LastReload;
use crate::base::clock;
use crate::telemetry::Facts;
use crate::telemetry::LogThread;
use crate::telemetry::facts::ReloadFacts;
use crate::telemetry::facts::TargetFact;
use crate::telemetry::process::Process;
use crate::telemetry::prometheus;

/// What became of the configuration since the start.
#[derive(Debug, Default)]
pub(super) struct Reloads {
    /// Reloads installed, or found to be what runs already.
    succeeded: u64,
    /// Reloads refused, or not acknowledged in time.
    failed: u64,
    /// The last load, the first one included: when it ended, in microseconds since the Unix epoch, and whether
    /// it was taken.
    ended: Option<(u64, bool)>,
    /// The last reload.
    pub(super) last: Option<LastReload>,
}

impl Reloads {
    /// Takes note of how a load ended; the first one is no reload.
    pub(super) fn note(&mut self, outcome: &Outcome, first: bool) {
        let (at, success) = (clock::unix_micros(), outcome.is_success());
        self.ended = Some((at, success));
        if first {
            return;
        }
        self.succeeded += u64::from(success);
        self.failed += u64::from(!success);
        self.last = Some(LastReload {
            at,
            outcome: outcome.clone(),
        });
    }
}

impl Control {
    /// All metrics in Prometheus' text format.
    pub(super) fn metrics(&mut self) -> String {
        let log = self.log.as_mut().map(LogThread::stats).unwrap_or_default();
        let drivers: Vec<String> = self
            .crew
            .drivers()
            .map(|(_, driver)| driver.map_or_else(|| "none".to_owned(), |own| own.to_string()))
            .collect();
        let drivers: Vec<&str> = drivers.iter().map(String::as_str).collect();
        let targets = self.health.targets();
        let targets: Vec<TargetFact<'_>> = targets
            .iter()
            .map(|(upstream, target, address, healthy)| TargetFact {
                upstream,
                target,
                address,
                state: if *healthy { "healthy" } else { "unhealthy" },
            })
            .collect();
        let ejections = self.health.ejections();
        let (last_unix_micros, last_succeeded) = self.reloads.ended.unwrap_or_default();
        let facts = Facts {
            version: env!("CARGO_PKG_VERSION"),
            drivers: &drivers,
            reload: ReloadFacts {
                succeeded: self.reloads.succeeded,
                failed: self.reloads.failed,
                last_unix_micros,
                last_succeeded,
                generation: self.generation(),
                hash: self.hash(),
            },
            log,
            stored: self.stored.size(),
            limit_counters: self.quotas.counters() as u64,
            targets: &targets,
            ejections: &ejections,
            process: Process::read(),
        };
        prometheus::encode(&self.totals, &facts, clock::now())
    }
}

#[cfg(test)]
mod tests {
    use super::Reloads;
    use crate::base::ids::Generation;
    use crate::config::Diff;
    use crate::control::reload::Outcome;
    use crate::control::reload::Refusal;

    #[test]
    fn the_first_load_is_no_reload_but_its_end_is_known() {
        let mut reloads = Reloads::default();
        let fine = Outcome::Unchanged(Generation(1), Diff::default());
        reloads.note(&fine, true);
        assert_eq!((reloads.succeeded, reloads.failed), (0, 0));
        assert!(reloads.ended.is_some_and(|(at, success)| at > 0 && success));
        assert!(reloads.last.is_none());
        reloads.note(&Outcome::Refused(Refusal::Draining), false);
        reloads.note(&fine, false);
        reloads.note(&Outcome::Refused(Refusal::Draining), false);
        assert_eq!((reloads.succeeded, reloads.failed), (1, 2));
        assert!(reloads.ended.is_some_and(|(_, success)| !success));
        assert!(reloads.last.is_some_and(|last| !last.outcome.is_success()));
    }
}
