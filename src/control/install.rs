//! The stages of a reload in control's loop: build, resolve, install, tell.
//!
//! One reload is under way at a time. What is asked for meanwhile becomes one next reload, because only a
//! reading that begins after the question can answer it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinError;
use tokio::task::JoinHandle;
use tokio::task::spawn_blocking;

use crate::base::clock;
use crate::base::clock::Instant;
use crate::base::ids::Generation;
use crate::base::limits;
use crate::config;
use crate::config::Fault;
use crate::config::Loaded;
use crate::config::Model;
use crate::entity::Clash;
use crate::lint::Finding;
use crate::snapshot::Snapshot;
use crate::store;
use crate::telemetry::mask::Mask;

use super::Control;
use super::crew::Orders;
use super::handle::Until;
use super::history;
use super::reload::Accepted;
use super::reload::Builder;
use super::reload::Built;
use super::reload::INSTALL_WAIT;
use super::reload::Installed;
use super::reload::NAMES_WAIT;
use super::reload::News;
use super::reload::Outcome;
use super::reload::Refusal;

/// Lines of one reload's difference that are written to the log.
const LINES_LOGGED: usize = 50;

/// Where the present reload stands.
pub(super) struct Stage {
    /// When it was asked for.
    since: Instant,
    step: Step,
}

enum Step {
    Idle,
    Building(JoinHandle<(Builder, Result<Built, Refusal>)>),
    /// Waiting for the first answers about its names.
    Resolving(Waiting),
    /// Waiting for the workers.
    Installing(Waiting),
}

/// What is left to do with, once a snapshot is built.
struct Waiting {
    snapshot: Arc<Snapshot>,
    changes: config::Diff,
    warnings: Vec<Fault>,
    findings: Vec<Finding>,
    until: Instant,
}

/// Who wants to know how a reload ends.
#[derive(Default)]
pub(super) struct Waiters {
    /// The present one.
    present: Vec<Waiter>,
    /// The next one; `Some` if there is to be one.
    next: Option<Next>,
}

/// The reload after the present one.
#[derive(Default)]
struct Next {
    waiters: Vec<Waiter>,
    /// It reads the files again; the store is looked at in any case.
    files: bool,
}

/// Until when the asker waits, and where the answer goes.
pub(super) type Waiter = (Until, oneshot::Sender<Outcome>);

impl Stage {
    /// The first configuration, which is built already.
    pub(super) fn first(built: Built, now: Instant) -> Self {
        let step = match built.snapshot {
            Some(snapshot) => Step::Resolving(Waiting {
                snapshot,
                changes: built.changes,
                warnings: built.warnings,
                findings: built.findings,
                until: now.plus(NAMES_WAIT),
            }),
            None => Step::Idle,
        };
        Self { since: now, step }
    }

    /// Whether the loop should look closely at what comes.
    pub(super) fn waits(&self) -> bool {
        matches!(self.step, Step::Resolving(_) | Step::Installing(_))
    }

    /// The end of a build, if one is under way; may be dropped and asked again.
    pub(super) async fn built(&mut self) -> Result<(Builder, Result<Built, Refusal>), JoinError> {
        let Step::Building(building) = &mut self.step else {
            return std::future::pending().await;
        };
        let built = building.await;
        self.step = Step::Idle;
        built
    }
}

impl Waiters {
    /// Answers those who wait for no more than this.
    fn accept(&mut self, accepted: &Accepted) {
        for (until, waiter) in std::mem::take(&mut self.present) {
            match until {
                // Whoever asked may have gone.
                Until::Accepted => drop(waiter.send(Outcome::Accepted(accepted.clone()))),
                Until::Installed => self.present.push((until, waiter)),
            }
        }
    }
}

impl Control {
    /// Takes what was written over REST: starts a reload, or the next one after the present one.
    pub(super) fn follow_store(&mut self) {
        if self.draining.is_none() {
            self.waiters.next.get_or_insert_default();
            if matches!(self.stage.step, Step::Idle) {
                self.begin();
            }
        }
    }

    /// Reads the files again: starts a reload, or the next one after the present one.
    pub(super) fn reload(&mut self, waiter: Option<Waiter>) {
        if self.draining.is_some() {
            if let Some((_, waiter)) = waiter {
                let _ = waiter.send(Outcome::Refused(Refusal::Draining));
            }
            return;
        }
        let next = self.waiters.next.get_or_insert_default();
        next.waiters.extend(waiter);
        next.files = true;
        if matches!(self.stage.step, Step::Idle) {
            self.begin();
        }
    }

    fn begin(&mut self) {
        let Some(next) = self.waiters.next.take() else {
            return;
        };
        self.waiters.present = next.waiters;
        let Some(builder) = self.builder.take() else {
            let why = "the thread that reads configurations is gone";
            return self.finish(Outcome::Refused(Refusal::Internal(why.to_owned())));
        };
        if let Some(watch) = &mut self.watch {
            watch.look();
        }
        let running = Arc::clone(&self.running);
        let newest = self
            .history
            .newest()
            .map_or(0, |snapshot| snapshot.generation.0);
        let generation = Generation(newest + 1);
        let building = build(builder, next.files, running, generation, self.store.clone());
        let building = tokio::spawn(building);
        self.stage = Stage {
            since: clock::now(),
            step: Step::Building(building),
        };
    }

    /// Takes the end of a build.
    pub(super) fn built(&mut self, built: Result<Built, Refusal>) {
        let built = match built {
            Ok(built) => built,
            Err(refusal) => return self.finish(Outcome::Refused(refusal)),
        };
        if let Some(watch) = &mut self.watch {
            watch.follow(built.files);
        }
        let plugins = |entry: &config::diff::Entry| entry.kind == "plugin";
        if let Some(log) = &self.log
            && built.changes.0.iter().any(plugins)
        {
            // Requests of the generation before are still on their way to the log.
            let carriers = self.running.carriers().chain(built.model.carriers());
            log.hide(Mask::with(carriers));
        }
        self.running = Arc::new(built.model);
        self.places = built.places;
        self.hash.take();
        let Some(snapshot) = built.snapshot else {
            let brought = self.brought.clone();
            return self.finish(Outcome::Unchanged(self.generation(), brought));
        };
        self.waiters.accept(&Accepted {
            generation: snapshot.generation,
            changes: built.changes.clone(),
            warnings: built.warnings.clone(),
            findings: built.findings.clone(),
        });
        self.stage.step = Step::Resolving(Waiting {
            snapshot,
            changes: built.changes,
            warnings: built.warnings,
            findings: built.findings,
            until: clock::now().plus(NAMES_WAIT),
        });
        self.adopt_names();
    }

    /// Begins to look up the names of the snapshot that is on its way.
    pub(super) fn adopt_names(&mut self) {
        if let Step::Resolving(waiting) = &self.stage.step {
            let snapshot = &waiting.snapshot;
            self.dns
                .adopt(snapshot.generation, &self.running.dns, &snapshot.names);
        }
    }

    /// Takes the present reload as far as it can go now.
    pub(super) fn advance(&mut self, now: Instant) {
        let step = std::mem::replace(&mut self.stage.step, Step::Idle);
        self.stage.step = match step {
            Step::Resolving(mut waiting) if self.dns.is_settled() || now >= waiting.until => {
                let addresses = self.dns.addresses();
                let snapshot = Arc::clone(&waiting.snapshot);
                self.history.push(Arc::clone(&snapshot));
                self.crew.install(Orders {
                    snapshot,
                    addresses,
                });
                self.look_after_targets();
                waiting.until = now.plus(INSTALL_WAIT);
                Step::Installing(waiting)
            }
            Step::Installing(waiting) => {
                let generation = waiting.snapshot.generation;
                if self.crew.acknowledged() >= generation {
                    return self.installed(waiting, now);
                }
                if now >= waiting.until {
                    let behind = self.crew.behind(generation);
                    return self.finish(Outcome::Unconfirmed(generation, behind));
                }
                Step::Installing(waiting)
            }
            other => other,
        };
    }

    /// Checks the targets that the workers serve by, and no others.
    pub(super) fn look_after_targets(&mut self) {
        if let Some(orders) = self.crew.orders() {
            let (snapshot, addresses) = (&orders.snapshot, &orders.addresses);
            self.health.adopt(snapshot, addresses, clock::now());
        }
    }

    fn installed(&mut self, waiting: Waiting, now: Instant) {
        if waiting.changes.take_names_away() {
            let present = history::names(&waiting.snapshot);
            self.totals
                .fold_absent(|name| present.contains(&(name.service, name.route)));
        }
        self.keep_logs();
        self.brought.clone_from(&waiting.changes);
        log_odd(&waiting.warnings, &waiting.findings);
        self.finish(Outcome::Installed(Installed {
            generation: waiting.snapshot.generation,
            changes: waiting.changes,
            warnings: waiting.warnings,
            findings: waiting.findings,
            took: Duration::from_nanos(now.nanos_since(self.stage.since)),
        }));
    }

    fn finish(&mut self, outcome: Outcome) {
        let first = !std::mem::replace(&mut self.begun, true);
        if !(first && outcome.is_success()) {
            log(&outcome);
        }
        self.reloads.note(&outcome, first);
        self.tidy.freed(clock::now());
        for (_, waiter) in self.waiters.present.drain(..) {
            // Whoever asked may have gone.
            let _ = waiter.send(outcome.clone());
        }
        self.begin();
    }

    /// The gateway is ready once every worker serves by the first configuration.
    pub(super) fn check_ready(&mut self) {
        if self.ready || self.draining.is_some() || self.crew.acknowledged() == Generation(0) {
            return;
        }
        let drivers = self.crew.tally_drivers();
        for (driver, workers) in &drivers {
            tracing::info!("driver {driver} on {workers} worker(s)");
        }
        if let Some(greet) = self.greet.take() {
            greet(&drivers);
        }
        self.ready = true;
        tracing::info!("ready");
    }

    /// Gives up whatever reload is under way: the gateway leaves.
    pub(super) fn abandon(&mut self) {
        self.stage.step = Step::Idle;
        let next = self.waiters.next.take().unwrap_or_default();
        for (_, waiter) in self.waiters.present.drain(..).chain(next.waiters) {
            let _ = waiter.send(Outcome::Refused(Refusal::Draining));
        }
    }
}

/// Builds apart from the loop. What files say is shown to whoever reads over REST: before it is installed if it could
/// clash with what was written there, else beside the install.
async fn build(
    builder: Builder,
    files: bool,
    running: Arc<Model>,
    generation: Generation,
    store: store::Handle,
) -> (Builder, Result<Built, Refusal>) {
    let news = News {
        files,
        store: store.take_changes().await.ok(),
    };
    let building = spawn_blocking(move || builder.build_apart(news, &running, generation));
    let (mut builder, mut built) = match building.await {
        Ok(built) => built,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    };
    let Some(read) = built.as_mut().ok().and_then(|built| built.read.take()) else {
        return (builder, built);
    };
    let showing = tokio::spawn(show(read, store));
    if builder.has_stored()
        && let Ok(Err(clashes)) = showing.await
    {
        builder.forget_files();
        return (builder, Err(Refusal::Clash(clashes)));
    }
    (builder, built)
}

/// Puts the entities of files into the collection that REST reads.
pub(super) async fn show(read: Loaded, store: store::Handle) -> Result<(), Vec<Clash>> {
    let rows = spawn_blocking(move || read.rows().collect()).await;
    let Ok(rows) = rows else { return Ok(()) };
    // A store that has ended takes nobody's rows any more.
    store.replace_file_rows(rows).await.unwrap_or(Ok(()))
}

/// Says what is odd about a configuration that works.
fn log_odd(warnings: &[Fault], findings: &[Finding]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    for finding in findings.iter().take(limits::LINT_LOGGED) {
        tracing::warn!("{finding}");
    }
    if findings.len() > limits::LINT_LOGGED {
        let more = findings.len() - limits::LINT_LOGGED;
        tracing::warn!("and {more} more, see GET /config/lint");
    }
}

fn log(outcome: &Outcome) {
    match outcome {
        // Said when it is installed.
        Outcome::Accepted(_) => {}
        Outcome::Installed(installed) => {
            tracing::info!(
                "generation {} installed in {:.1?}",
                installed.generation.0,
                installed.took
            );
            let text = installed.changes.to_string();
            let lines: Vec<&str> = text.lines().collect();
            for line in lines.iter().take(LINES_LOGGED) {
                tracing::info!("  {line}");
            }
            if let Some(more) = lines
                .len()
                .checked_sub(LINES_LOGGED)
                .filter(|more| *more > 0)
            {
                tracing::info!("  and {more} more");
            }
        }
        Outcome::Unchanged(generation, _) => {
            tracing::info!("the configuration is generation {} already", generation.0);
        }
        Outcome::Refused(Refusal::Faults(faults)) => {
            tracing::error!("configuration refused, the old one serves on");
            for fault in faults.0.iter().take(LINES_LOGGED) {
                tracing::error!("{fault}");
            }
        }
        Outcome::Refused(refusal) => {
            tracing::error!("configuration refused, the old one serves on: {refusal}");
        }
        Outcome::Unconfirmed(generation, behind) => {
            let behind: Vec<u16> = behind.iter().map(|core| core.0).collect();
            tracing::error!(
                "workers {behind:?} have not taken generation {}",
                generation.0
            );
        }
    }
}
