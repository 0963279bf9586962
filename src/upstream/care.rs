//! How one core looks after the targets of an upstream for which checks, a breaker or a bound are configured. The
//! other upstreams have none of this, and pay one branch for that.

use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use crate::balance::TargetView;
use crate::base::clock::Instant;
use crate::base::rng::Rng;
use crate::resilience;
use crate::resilience::CheckKind;
use crate::resilience::Outcome;
use crate::resilience::Rules;
use crate::resilience::Standing;
use crate::resilience::Turned;
use crate::snapshot::News;
use crate::snapshot::TargetKey;
use crate::snapshot::UpstreamPlan;
use crate::upstream::Wards;
use crate::upstream::queue::Queue;
use crate::upstream::queue::Waiting;
use crate::upstream::vitals::Vitals;

/// The health of an upstream's members.
#[derive(Debug)]
pub struct Care {
    rules: Arc<Rules>,
    /// Requests that this core may have under way to each target.
    most: u32,
    /// By the member's index.
    vitals: Vec<Rc<Vitals>>,
    weights: Vec<u16>,
    queue: Rc<Queue>,
}

/// Why a member that was not tried is not to be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Obstacles {
    /// Some have all the requests that they may have.
    pub(super) full: bool,
    /// Some are unhealthy, or their breaker is open.
    pub(super) unhealthy: bool,
    /// Some have just come back and are spared.
    pub(super) spared: bool,
}

impl Care {
    /// What an upstream with these members needs; none if it needs nothing.
    pub(super) fn of(
        plan: &UpstreamPlan,
        members: impl Iterator<Item = (std::net::SocketAddr, u16)>,
        wards: &Wards,
    ) -> Option<Rc<Self>> {
        let rules = plan.rules.as_ref().filter(|rules| rules.needs_care())?;
        let most = plan.connections.map(|shares| shares.of(wards.core()));
        let members: Vec<_> = members.collect();
        let vitals = members.iter().map(|(address, _)| {
            wards.at(TargetKey {
                upstream: plan.id,
                address: *address,
            })
        });
        Some(Rc::new(Self {
            rules: Arc::clone(rules),
            most: most.map_or(u32::MAX, |most| u32::try_from(most).unwrap_or(u32::MAX)),
            vitals: vitals.collect(),
            weights: members.iter().map(|(_, weight)| *weight).collect(),
            queue: wards.queue(plan.id),
        }))
    }

    /// Says in the views who may be chosen now. A target that has just come back is spared now and then, unless there
    /// is no `sparing`.
    pub(super) fn look(
        &self,
        views: &mut [TargetView],
        tried: &[u32],
        now: Instant,
        sparing: Option<&mut Rng>,
    ) -> Obstacles {
        let mut standing = Standing::default();
        for (vitals, weight) in self.vitals.iter().zip(&self.weights) {
            standing.add(*weight, vitals.mark());
        }
        let verdict = standing.verdict(self.rules.threshold, self.rules.panic_threshold);
        let mut obstacles = Obstacles::default();
        let mut sparing = sparing.filter(|_| !self.rules.slow_start.is_zero());
        for (index, (view, vitals)) in views.iter_mut().zip(&self.vitals).enumerate() {
            view.usable = false;
            if tried.iter().any(|tried| *tried as usize == index) {
                continue;
            }
            if !verdict.takes(vitals.mark()) || !self.admits(vitals, now) {
                obstacles.unhealthy = true;
            } else if vitals.under_way() >= self.most {
                obstacles.full = true;
            } else if sparing
                .as_deref_mut()
                .is_some_and(|rng| self.spares(vitals, now, rng))
            {
                obstacles.spared = true;
            } else {
                view.usable = true;
            }
        }
        obstacles
    }

    fn admits(&self, vitals: &Vitals, now: Instant) -> bool {
        let rule = self.rules.breaker.as_ref();
        rule.is_none_or(|rule| vitals.breaker.get().admits(now, rule))
    }

    fn spares(&self, vitals: &Vitals, now: Instant, rng: &mut Rng) -> bool {
        vitals.returned().is_some_and(|returned| {
            let since = now.nanos_since(returned);
            !resilience::is_admitted(since, self.rules.slow_start, rng.next_u64())
        })
    }

    /// A request goes to a member.
    pub fn begin(self: &Rc<Self>, member: usize, now: Instant) -> Turn {
        self.vitals[member].enter();
        self.entered(member, now)
    }

    /// The same where its place is taken already.
    fn entered(self: &Rc<Self>, member: usize, now: Instant) -> Turn {
        let cell = &self.vitals[member].breaker;
        let mut breaker = cell.get();
        let trial = self.rules.breaker.is_some() && breaker.begin(now);
        if trial {
            cell.set(breaker);
        }
        Turn {
            care: Rc::clone(self),
            member,
            trial,
        }
    }

    /// Joins those who wait for a place at any member; none if too many wait.
    pub fn join(&self) -> Option<Waiting> {
        let rule = self.rules.connections?;
        ((self.queue.len() as u64) < u64::from(rule.queue)).then(|| self.queue.join())
    }

    /// How long they wait.
    pub fn patience(&self) -> Duration {
        self.rules
            .connections
            .map(|rule| rule.patience)
            .unwrap_or_default()
    }

    /// Looks for the place that one who waits may have been given.
    pub fn poll_place(
        self: &Rc<Self>,
        waiting: &Waiting,
        now: Instant,
        cx: &Context<'_>,
    ) -> Poll<Turn> {
        while let Poll::Ready(vitals) = waiting.poll(cx) {
            let mut members = self.vitals.iter();
            match members.position(|own| Rc::ptr_eq(own, &vitals)) {
                Some(member) => return Poll::Ready(self.entered(member, now)),
                // It is a place in the upstream as a later configuration has it: the next one may know it.
                None => self.queue.release(&vitals),
            }
        }
        Poll::Pending
    }
}

/// One attempt's place at a member. Dropping it frees the place; a trial that has not told anything is taken back.
#[derive(Debug)]
pub struct Turn {
    care: Rc<Care>,
    member: usize,
    trial: bool,
}

impl Turn {
    /// Which member.
    pub fn member(&self) -> usize {
        self.member
    }

    /// Takes note of how the attempt went; whether this has opened the member's breaker.
    pub fn ended(mut self, outcome: Outcome, now: Instant, wards: &Wards, rng: &mut Rng) -> bool {
        let care = Rc::clone(&self.care);
        let vitals = &care.vitals[self.member];
        care.count(vitals, outcome, now, wards);
        let Some(rule) = &care.rules.breaker else {
            return false;
        };
        let well = match outcome {
            Outcome::Status(status) => status < 500,
            Outcome::Connected => true,
            Outcome::TcpFailure | Outcome::Timeout => false,
        };
        let trial = std::mem::take(&mut self.trial);
        let mut breaker = vitals.breaker.get();
        let turned = breaker.ended(well, trial, now, rule, rng.next_u64());
        vitals.breaker.set(breaker);
        match turned {
            None => false,
            Some(Turned::Opened(until)) => {
                let span = Duration::from_nanos(until.nanos_since(now));
                wards.tell(vitals, News::Opened(span));
                true
            }
            Some(Turned::Closed) => {
                vitals.returns(now);
                wards.tell(vitals, News::Closed);
                false
            }
        }
    }
}

impl Care {
    /// Counts an outcome against the passive thresholds.
    fn count(&self, vitals: &Vitals, outcome: Outcome, now: Instant, wards: &Wards) {
        let passive = &self.rules.passive;
        if passive.thresholds.is_off() {
            return;
        }
        let listed = |status| passive.statuses.unhealthy.contains(&status);
        let outcome = match (passive.kind, outcome) {
            (CheckKind::Tcp, Outcome::Status(_)) => Outcome::Connected,
            // As in Kong: it says that somebody further on has timed out.
            (_, Outcome::Status(504)) if !listed(504) => Outcome::Timeout,
            (_, outcome) => outcome,
        };
        let mut counters = vitals.counters.get();
        let turned = counters.count(outcome, &passive.statuses, &passive.thresholds);
        vitals.counters.set(counters);
        if let Some(healthy) = turned {
            wards.judge(vitals, healthy, now);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let vitals = &self.care.vitals[self.member];
        if self.trial {
            let mut breaker = vitals.breaker.get();
            breaker.abandoned();
            vitals.breaker.set(breaker);
        }
        if vitals.under_way() > self.care.most {
            // The bound was lowered; nobody gets what is beyond it.
            vitals.leave();
        } else {
            self.care.queue.release(vitals);
        }
    }
}
