//! The catalogue of algorithms: a name, what is compiled for all cores, and one core's instance.

use std::sync::Arc;

use crate::balance::Ask;
use crate::balance::TargetView;
use crate::balance::consistent_hashing::Ring;
use crate::balance::latency;
use crate::balance::least_connections::LeastConnections;
use crate::balance::round_robin::RoundRobin;
use crate::base::rng::Rng;

/// How targets are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// In turn, by weight.
    #[default]
    RoundRobin,
    /// The fewest requests under way, by weight.
    LeastConnections,
    /// By a hash of something in the request.
    ConsistentHashing,
    /// The fastest of two.
    Latency,
}

impl Policy {
    /// Every policy.
    pub const ALL: [Self; 4] = [
        Self::RoundRobin,
        Self::LeastConnections,
        Self::ConsistentHashing,
        Self::Latency,
    ];

    /// The name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "round-robin",
            Self::LeastConnections => "least-connections",
            Self::ConsistentHashing => "consistent-hashing",
            Self::Latency => "latency",
        }
    }

    /// The policy with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }
}

/// What all cores share of an upstream's balancer. Built anew when the upstream's targets change.
#[derive(Clone, Debug)]
pub enum Algorithm {
    /// See [`Policy::RoundRobin`].
    RoundRobin,
    /// See [`Policy::LeastConnections`].
    LeastConnections,
    /// See [`Policy::ConsistentHashing`].
    ConsistentHashing(Arc<Ring>),
    /// See [`Policy::Latency`].
    Latency,
}

impl Algorithm {
    /// Compiles a policy for targets with these names and weights, in the order of the views that its
    /// balancers will be asked with. `slots` bounds a ring's points.
    pub fn compile(policy: Policy, slots: u32, targets: &[(&str, u16)]) -> Self {
        match policy {
            Policy::RoundRobin => Self::RoundRobin,
            Policy::LeastConnections => Self::LeastConnections,
            Policy::ConsistentHashing => {
                Self::ConsistentHashing(Arc::new(Ring::new(slots, targets)))
            }
            Policy::Latency => Self::Latency,
        }
    }

    /// One core's instance.
    pub fn balancer(&self) -> Balancer {
        Balancer(match self {
            Self::RoundRobin => State::RoundRobin(RoundRobin::default()),
            Self::LeastConnections => State::LeastConnections(LeastConnections::default()),
            Self::ConsistentHashing(ring) => State::ConsistentHashing(Arc::clone(ring)),
            Self::Latency => State::Latency,
        })
    }
}

/// One core's instance of an algorithm.
#[derive(Debug)]
pub struct Balancer(State);

#[derive(Debug)]
enum State {
    RoundRobin(RoundRobin),
    LeastConnections(LeastConnections),
    ConsistentHashing(Arc<Ring>),
    Latency,
}

impl Balancer {
    /// The index of a target that is usable, has weight and was not tried; none if there is none.
    ///
    /// With one target this costs three comparisons. Otherwise round robin, least connections and
    /// latency look at every target once or twice, consistent hashing searches its ring.
    #[inline]
    pub fn pick(&mut self, targets: &[TargetView], ask: &Ask<'_>, rng: &mut Rng) -> Option<usize> {
        if let [only] = targets {
            return ask.takes(0, only).then_some(0);
        }
        match &mut self.0 {
            State::RoundRobin(robin) => robin.pick(targets, ask, rng),
            State::LeastConnections(least) => least.pick(targets, ask),
            State::ConsistentHashing(ring) => ring.pick(targets, ask, rng),
            State::Latency => latency::pick(targets, ask, rng),
        }
    }
}
