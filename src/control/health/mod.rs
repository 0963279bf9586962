//! The health of targets, for the whole process: active checks are made here, what cores judge by their requests and
//! what people say comes here, and what follows is told to all cores as one list of those that are out.
//!
//! A target is known by its upstream and its address, so its state outlives reloads and changes of names. All state is
//! kept here, so that the future of [`Health::changed`] may be dropped at any point.

mod probe;
mod registry;
#[cfg(test)]
mod tests;
mod timetable;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::Id;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio::time::timeout;
use uuid::Uuid;

use crate::base::clock;
use crate::base::clock::Instant;
use crate::base::ids::CoreId;
use crate::base::limits;
use crate::base::rng::Rng;
use crate::resilience::Outcome;
use crate::resilience::Reason;
use crate::snapshot::Addresses;
use crate::snapshot::Marks;
use crate::snapshot::News;
use crate::snapshot::Notice;
use crate::snapshot::Snapshot;
use crate::snapshot::TargetKey;

use probe::Prober;
use registry::Registry;
use timetable::Timetable;

/// Changes that come this close together are told as one: an outage of thousands of targets is not thousands of lists.
const SETTLE: Duration = Duration::from_millis(20);

/// How long a check waits that is due while its upstream has as many under way as it may.
const CROWDED: Duration = Duration::from_millis(50);

/// All targets that are checked.
pub(super) struct Health {
    registry: Registry,
    timetable: Timetable,
    /// Made when something is to be checked first.
    prober: Option<Prober>,
    flights: JoinSet<Outcome>,
    flying: HashMap<Id, TargetKey>,
    heard: Vec<u64>,
    /// Since when there is something that the cores do not know yet.
    news: Option<Instant>,
    ejections: [u64; Reason::ALL.len()],
    rng: Rng,
}

/// How the targets of an upstream are, for those who ask.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// By address, whether each is healthy.
    pub healthy: HashMap<SocketAddr, bool>,
    /// Percents of the weight that must be healthy.
    pub threshold: u8,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            registry: Registry::default(),
            timetable: Timetable::default(),
            prober: None,
            flights: JoinSet::new(),
            flying: HashMap::new(),
            heard: Vec::new(),
            news: None,
            ejections: Default::default(),
            rng: Rng::seeded(clock::now().0),
        }
    }
}

impl Health {
    /// Takes over the targets of a snapshot by these addresses; what is known of those that stay is kept.
    pub(super) fn adopt(&mut self, snapshot: &Snapshot, addresses: &Addresses, now: Instant) {
        if self.registry.adopt(snapshot, addresses, now) {
            self.news.get_or_insert(now);
        }
        let (registry, rng) = (&mut self.registry, &mut self.rng);
        for target in registry.take_fresh() {
            if let Some((interval, round)) = registry.pace(target) {
                self.timetable.begin(target, round, interval, now, rng);
            }
        }
    }

    /// A worker has begun anew, and with it the numbers of its notices.
    pub(super) fn forget_core(&mut self, core: CoreId) {
        if let Some(heard) = self.heard.get_mut(usize::from(core.0)) {
            *heard = 0;
        }
    }

    /// Takes what a core says of targets.
    pub(super) fn hear(&mut self, core: CoreId, notices: &[Notice], now: Instant) {
        let place = usize::from(core.0);
        if self.heard.len() <= place {
            self.heard.resize(place + 1, 0);
        }
        for notice in notices {
            self.heard[place] = notice.number;
            let target = notice.target;
            match notice.news {
                News::Unhealthy => self.set(target, Some(Reason::Passive), now),
                News::Healthy => self.set(target, None, now),
                News::Opened(span) => {
                    let name = self.registry.name(target);
                    tracing::warn!(
                        "{name}: worker {} lets nothing through for {span:.1?}",
                        core.0
                    );
                }
                News::Closed => {
                    let name = self.registry.name(target);
                    tracing::info!("{name}: worker {} lets all through again", core.0);
                }
            }
        }
        // Even where nothing changed, the core waits for its own words to be known.
        self.news.get_or_insert(now);
    }

    /// Somebody says how a target is at these addresses; whether it is checked at all.
    pub(super) fn mark(&mut self, upstream: Uuid, at: &[SocketAddr], healthy: bool) -> bool {
        if !self.registry.knows(upstream) {
            return false;
        }
        for &address in at {
            let mark = (!healthy).then_some(Reason::Manual);
            self.set(TargetKey { upstream, address }, mark, clock::now());
        }
        true
    }

    /// How the targets of an upstream are; none if nobody checks them.
    pub(super) fn view(&self, upstream: Uuid) -> Option<View> {
        self.registry.view(upstream)
    }

    /// Each checked target: the names of the upstream and of the target, the address, whether it is healthy.
    pub(super) fn targets(&self) -> Vec<(&str, &str, String, bool)> {
        self.registry.list()
    }

    /// How often targets became unhealthy, by reason.
    pub(super) fn ejections(&self) -> [(&'static str, u64); Reason::ALL.len()] {
        let mut counts = self.ejections.iter();
        Reason::ALL.map(|reason| (reason.name(), counts.next().copied().unwrap_or(0)))
    }

    /// Waits until there is something to tell to all cores.
    pub(super) async fn changed(&mut self) -> Arc<Marks> {
        loop {
            let Some(since) = self.news else {
                self.step().await;
                continue;
            };
            let left = since.plus(SETTLE).nanos_since(clock::now());
            if left == 0 {
                return self.take_news();
            }
            let _ = timeout(Duration::from_nanos(left), self.step()).await;
        }
    }

    fn take_news(&mut self) -> Arc<Marks> {
        self.news = None;
        Arc::new(Marks {
            out: self.registry.out(),
            heard: self.heard.clone(),
        })
    }

    /// Begins the checks that are due and waits for one thing to happen.
    async fn step(&mut self) {
        self.begin_due(clock::now());
        let full = self.flights.len() >= limits::PROBES;
        let due = self.timetable.next().filter(|_| !full);
        let due = async {
            match due {
                Some(at) => sleep(Duration::from_nanos(at.nanos_since(clock::now()))).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(landed) = self.flights.join_next_with_id() => {
                let (id, outcome) = match landed {
                    Ok((id, outcome)) => (id, outcome),
                    // A check that panicked on what it was sent has failed.
                    Err(error) => (error.id(), Outcome::TcpFailure),
                };
                if let Some(target) = self.flying.remove(&id) {
                    self.landed(target, outcome, clock::now());
                }
            }
            () = due => {}
        }
    }

    fn begin_due(&mut self, now: Instant) {
        while self.flights.len() < limits::PROBES {
            let Some((target, round)) = self.timetable.take_due(now) else {
                return;
            };
            if !self.registry.is_current(target, round) {
                continue;
            }
            let Some(aim) = self.registry.begin(target) else {
                self.timetable.add(target, round, now.plus(CROWDED));
                continue;
            };
            let Some(prober) = self.prober() else {
                self.registry.abandon(target);
                continue;
            };
            let flight = self.flights.spawn(async move { prober.check(&aim).await });
            self.flying.insert(flight.id(), target);
        }
    }

    fn prober(&mut self) -> Option<Prober> {
        if self.prober.is_none() {
            match Prober::new() {
                Ok(prober) => self.prober = Some(prober),
                Err(error) => tracing::error!("targets cannot be checked: {error}"),
            }
        }
        self.prober.clone()
    }

    fn landed(&mut self, target: TargetKey, outcome: Outcome, now: Instant) {
        if let Some(mark) = self.registry.landed(target, outcome) {
            self.set(target, mark, now);
        }
        if let Some((interval, round)) = self.registry.pace(target) {
            let rng = &mut self.rng;
            self.timetable.go_on(target, round, interval, now, rng);
        }
    }

    /// Marks a target, and says so if that changes anything.
    fn set(&mut self, target: TargetKey, mark: Option<Reason>, now: Instant) {
        let Some(before) = self.registry.set(target, mark) else {
            return;
        };
        self.news.get_or_insert(now);
        let name = self.registry.name(target);
        match mark {
            Some(reason) => {
                tracing::warn!("{name} is unhealthy ({})", reason.name());
                if before.is_none() {
                    self.ejections[reason as usize] += 1;
                }
            }
            None => tracing::info!("{name} is healthy again"),
        }
        if before.is_some() != mark.is_some()
            && let Some((interval, round)) = self.registry.pace(target)
        {
            self.timetable
                .go_on(target, round, interval, now, &mut self.rng);
        }
    }
}
