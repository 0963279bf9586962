//! What is known of each checked target.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use foldhash::HashMap;
use foldhash::HashMapExt;
use uuid::Uuid;

use super::View;
use super::probe::Aim;
use crate::base::clock::Instant;
use crate::base::limits;
use crate::resilience::Counters;
use crate::resilience::Outcome;
use crate::resilience::Reason;
use crate::resilience::Rules;
use crate::snapshot::Addresses;
use crate::snapshot::Snapshot;
use crate::snapshot::TargetKey;
use crate::snapshot::UpstreamPlan;

/// The upstreams whose targets are checked.
#[derive(Debug, Default)]
pub(super) struct Registry {
    upstreams: HashMap<Uuid, Upstream>,
    /// The names of those, and of the others that cores have something to tell of.
    names: HashMap<Uuid, Box<str>>,
    /// Targets that have no check ahead of them yet.
    fresh: Vec<TargetKey>,
}

#[derive(Debug)]
struct Upstream {
    name: Box<str>,
    rules: Arc<Rules>,
    targets: BTreeMap<SocketAddr, Target>,
    /// Checks under way.
    checking: u32,
}

#[derive(Debug)]
struct Target {
    /// As configured.
    text: Box<str>,
    name: Box<str>,
    host: Box<[u8]>,
    mark: Option<Reason>,
    /// What moves the mark.
    counters: Counters,
    /// What the active checks alone would say: if they fail as well, requests are not all that speaks against it.
    checked: Counters,
    /// Which of its entries in the timetable counts.
    round: u64,
    /// Since when it is in the upstream no more.
    gone: Option<Instant>,
}

impl Registry {
    /// Takes over the targets of a snapshot; whether any mark has gone with that.
    pub(super) fn adopt(
        &mut self,
        snapshot: &Snapshot,
        addresses: &Addresses,
        now: Instant,
    ) -> bool {
        let mut before = std::mem::take(&mut self.upstreams);
        let rules = |plan: &UpstreamPlan| plan.rules.as_ref().is_some_and(|r| r.needs_care());
        let told = snapshot.upstreams.iter().filter(|plan| rules(plan));
        self.names = told.map(|plan| (plan.id, plan.name.clone())).collect();
        let checked = |plan: &&UpstreamPlan| plan.rules.as_ref().is_some_and(|r| r.has_checks());
        for plan in snapshot.upstreams.iter().filter(checked) {
            let Some(rules) = &plan.rules else { continue };
            let mut upstream = before.remove(&plan.id).unwrap_or_else(|| Upstream {
                name: plan.name.clone(),
                rules: Arc::clone(rules),
                targets: BTreeMap::new(),
                checking: 0,
            });
            let same_rules = upstream.rules == *rules;
            upstream.name.clone_from(&plan.name);
            upstream.rules = Arc::clone(rules);
            let places = plan.places(addresses);
            for target in upstream.targets.values_mut() {
                target.gone.get_or_insert(now);
            }
            for (address, _, target) in places {
                let key = TargetKey {
                    upstream: plan.id,
                    address,
                };
                let (text, name) = target.endpoint.named(snapshot);
                let known = upstream.targets.entry(address).or_insert_with(|| {
                    self.fresh.push(key);
                    Target::new(&target.host_header)
                });
                let back = known.gone.take().is_some_and(|gone| gone < now);
                if back || !same_rules {
                    self.fresh.push(key);
                }
                (known.text, known.name) = (text, name);
                known.host.clone_from(&target.host_header);
            }
            let long = u64::try_from(limits::HEALTH_KEPT.as_nanos()).unwrap_or(u64::MAX);
            let stays = |gone: Instant| now.nanos_since(gone) < long;
            upstream
                .targets
                .retain(|_, target| target.gone.is_none_or(stays));
            self.upstreams.insert(plan.id, upstream);
        }
        let marked = |upstream: &Upstream| upstream.targets.values().any(|it| it.mark.is_some());
        before.values().any(marked)
    }

    /// The targets whose checks are to begin.
    pub(super) fn take_fresh(&mut self) -> Vec<TargetKey> {
        std::mem::take(&mut self.fresh)
    }

    /// Whether the upstream's targets are checked.
    pub(super) fn knows(&self, upstream: Uuid) -> bool {
        self.upstreams.contains_key(&upstream)
    }

    fn target(&self, key: TargetKey) -> Option<(&Upstream, &Target)> {
        let upstream = self.upstreams.get(&key.upstream)?;
        Some((upstream, upstream.targets.get(&key.address)?))
    }

    fn target_mut(&mut self, key: TargetKey) -> Option<&mut Target> {
        let upstream = self.upstreams.get_mut(&key.upstream)?;
        upstream.targets.get_mut(&key.address)
    }

    /// What the log calls it.
    pub(super) fn name(&self, key: TargetKey) -> String {
        let upstream = self.names.get(&key.upstream).map_or("(gone)", |name| name);
        match self.target(key) {
            Some((_, target)) if *target.text != key.address.to_string() => {
                format!(
                    "upstream {upstream}: target {} at {}",
                    target.text, key.address
                )
            }
            Some(_) | None => format!("upstream {upstream}: target {}", key.address),
        }
    }

    /// The time until the target's next check, and the round of that; earlier entries of it are void. None if it is
    /// not to be checked in its present state.
    pub(super) fn pace(&mut self, key: TargetKey) -> Option<(Duration, u64)> {
        let active = &self.upstreams.get(&key.upstream)?.rules.active;
        let intervals = (active.interval, active.unhealthy_interval);
        let target = self.target_mut(key)?;
        target.round += 1;
        let interval = match target.mark {
            None => intervals.0,
            Some(_) => intervals.1,
        };
        let checked = target.gone.is_none() && !interval.is_zero();
        checked.then_some((interval, target.round))
    }

    /// Whether an entry of the timetable still counts.
    pub(super) fn is_current(&self, key: TargetKey, round: u64) -> bool {
        let current =
            |(_, target): (&Upstream, &Target)| target.round == round && target.gone.is_none();
        self.target(key).is_some_and(current)
    }

    /// What to check, unless as many checks of the upstream are under way as may be.
    pub(super) fn begin(&mut self, key: TargetKey) -> Option<Aim> {
        let upstream = self.upstreams.get_mut(&key.upstream)?;
        let target = upstream.targets.get(&key.address)?;
        if upstream.checking >= upstream.rules.active.concurrency {
            return None;
        }
        upstream.checking += 1;
        Some(Aim {
            rules: Arc::clone(&upstream.rules),
            address: key.address,
            host: target.host.clone(),
            name: target.name.clone(),
        })
    }

    /// A check did not take place.
    pub(super) fn abandon(&mut self, key: TargetKey) {
        if let Some(upstream) = self.upstreams.get_mut(&key.upstream) {
            upstream.checking = upstream.checking.saturating_sub(1);
        }
    }

    /// Takes the outcome of a check in; the mark that follows, if one does.
    pub(super) fn landed(&mut self, key: TargetKey, outcome: Outcome) -> Option<Option<Reason>> {
        self.abandon(key);
        let upstream = self.upstreams.get_mut(&key.upstream)?;
        let active = &upstream.rules.active;
        let target = upstream.targets.get_mut(&key.address)?;
        let (statuses, thresholds) = (&active.statuses, &active.thresholds);
        target.checked.count(outcome, statuses, thresholds);
        match target.counters.count(outcome, statuses, thresholds) {
            Some(true) => Some(None),
            Some(false) => Some(Some(Reason::Active)),
            None if !target.checked.is_healthy() && target.mark == Some(Reason::Passive) => {
                Some(Some(Reason::Active))
            }
            None => None,
        }
    }

    /// Marks a target; the mark before, if this changed it. A mark of requests does not take the place of another.
    pub(super) fn set(&mut self, key: TargetKey, mark: Option<Reason>) -> Option<Option<Reason>> {
        let target = self.target_mut(key)?;
        let before = target.mark;
        let weaker = mark == Some(Reason::Passive) && before.is_some();
        if before == mark || weaker {
            return None;
        }
        target.mark = mark;
        target.counters = Counters::of(mark.is_none());
        if mark.is_none() {
            target.checked = Counters::default();
        }
        Some(before)
    }

    /// Those that are out.
    pub(super) fn out(&self) -> HashMap<TargetKey, Reason> {
        let mut out = HashMap::new();
        for (&upstream, of) in &self.upstreams {
            let marked = of.targets.iter();
            out.extend(marked.filter_map(|(&address, target)| {
                Some((TargetKey { upstream, address }, target.mark?))
            }));
        }
        out
    }

    /// How the targets of an upstream are.
    pub(super) fn view(&self, upstream: Uuid) -> Option<View> {
        let upstream = self.upstreams.get(&upstream)?;
        let targets = upstream.targets.iter();
        Some(View {
            healthy: targets
                .map(|(address, target)| (*address, target.mark.is_none()))
                .collect(),
            threshold: upstream.rules.threshold,
        })
    }

    /// Each target: the names of the upstream and of the target, the address, whether it is healthy.
    pub(super) fn list(&self) -> Vec<(&str, &str, String, bool)> {
        let mut list: Vec<_> = self
            .upstreams
            .values()
            .flat_map(|upstream| {
                let present = upstream.targets.iter().filter(|(_, it)| it.gone.is_none());
                present.map(|(address, target)| {
                    let healthy = target.mark.is_none();
                    (&*upstream.name, &*target.text, address.to_string(), healthy)
                })
            })
            .collect();
        list.sort_unstable();
        list
    }
}

impl Target {
    fn new(host: &[u8]) -> Self {
        Self {
            text: Box::default(),
            name: Box::default(),
            host: host.into(),
            mark: None,
            counters: Counters::default(),
            checked: Counters::default(),
            round: 0,
            gone: None,
        }
    }
}
