//! One core's view of an upstream: its members, and which of them an attempt goes to.

use std::cell::RefCell;
use std::rc::Rc;

use crate::balance::Algorithm;
use crate::balance::Ask;
use crate::balance::Balancer;
use crate::balance::HashKey;
use crate::balance::HashOn;
use crate::balance::Policy;
use crate::balance::TargetView;
use crate::balance::seed_latency;
use crate::base::clock;
use crate::base::clock::Instant;
use crate::base::limits;
use crate::base::rng::Rng;
use crate::http::Cause;
use crate::snapshot::Addresses;
use crate::snapshot::DnsFault;
use crate::snapshot::Endpoint;
use crate::snapshot::Resolved;
use crate::snapshot::UpstreamPlan;
use crate::upstream::Care;
use crate::upstream::Gate;
use crate::upstream::Peer;
use crate::upstream::Peers;
use crate::upstream::Repeats;
use crate::upstream::Wards;

/// One address of one target.
#[derive(Debug)]
pub struct Member {
    /// Where it is.
    pub peer: Rc<Peer>,
    /// The Host that is sent to it.
    pub host: Box<[u8]>,
    /// That over TLS, where it is another.
    pub host_over_tls: Option<Box<[u8]>>,
}

/// The members of an upstream on this core, and its balancer's state.
#[derive(Debug)]
pub struct Group {
    /// The members.
    pub members: Vec<Member>,
    /// What is hashed, if anything.
    pub hash_on: HashOn,
    /// What bounds the requests in flight, if anything does.
    pub gate: Option<Rc<Gate>>,
    /// What may be tried again, and how often.
    pub repeats: Repeats,
    /// The members' health, where there is anything to look after.
    pub care: Option<Rc<Care>>,
    /// Why there is no member, should there be none.
    absence: Cause,
    policy: Policy,
    state: RefCell<State>,
}

/// Why there is no member to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// There is none, or each was tried.
    None(Cause),
    /// Those that were not tried are unhealthy.
    Unhealthy,
    /// One that was not tried will have a place before long.
    Full,
}

#[derive(Debug)]
struct State {
    balancer: Balancer,
    views: Vec<TargetView>,
}

/// What a request has tried so far. The first [`limits::ATTEMPTS`] members are remembered: with more retries than
/// that and more members, a later attempt may go to a member that was tried after those, and never to one of
/// them. Who attempts counts the retries, so that nothing depends on this for its end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice {
    key: Option<HashKey>,
    tried: [u32; limits::ATTEMPTS],
    count: usize,
}

impl Choice {
    /// Nothing tried yet.
    pub fn new(key: Option<HashKey>) -> Self {
        Self {
            key,
            ..Self::default()
        }
    }

    /// Does not choose this member again, if there is room to remember it.
    pub fn exclude(&mut self, member: usize) {
        if let Some(place) = self.tried.get_mut(self.count) {
            *place = u32::try_from(member).unwrap_or(u32::MAX);
            self.count += 1;
        }
    }

    fn tried(&self) -> &[u32] {
        self.tried.get(..self.count).unwrap_or_default()
    }
}

impl Group {
    /// The members that an upstream has by these addresses.
    pub fn new(plan: &UpstreamPlan, addresses: &Addresses, peers: &Peers, wards: &Wards) -> Self {
        let places = plan.places(addresses);
        let absence = absence(plan, addresses);
        let names: Vec<String> = places
            .iter()
            .map(|(address, ..)| address.to_string())
            .collect();
        let weighted: Vec<(&str, u16)> = names
            .iter()
            .zip(&places)
            .map(|(name, place)| (name.as_str(), place.1))
            .collect();
        let algorithm = Algorithm::compile(plan.policy, plan.slots, &weighted);
        let views = places
            .iter()
            .map(|(_, weight, _)| TargetView::new(*weight))
            .collect();
        let weighed = places
            .iter()
            .map(|(address, weight, _)| (*address, *weight));
        let care = Care::of(plan, weighed, wards);
        let members = places.into_iter().map(|(address, _, target)| Member {
            peer: peers.at(address),
            host: target.host_header.clone(),
            host_over_tls: target.host_over_tls(),
        });
        let members: Vec<Member> = members.collect();
        if plan.policy == Policy::Latency {
            seed(&members, clock::now());
        }
        Self {
            members,
            hash_on: plan.hash_on.clone(),
            gate: plan
                .admission
                .as_ref()
                .map(|admission| peers.gate(admission)),
            repeats: Repeats::of(plan.rules.as_deref()),
            care,
            absence,
            policy: plan.policy,
            state: RefCell::new(State {
                balancer: algorithm.balancer(),
                views,
            }),
        }
    }

    /// The member that the next attempt goes to.
    ///
    /// # Errors
    /// Why there is none.
    #[inline]
    pub fn pick(
        &self,
        choice: &Choice,
        now: Instant,
        rng: &RefCell<Rng>,
    ) -> Result<usize, Absence> {
        if self.members.len() == 1 && choice.count == 0 && self.care.is_none() {
            return Ok(0);
        }
        let mut state = self.state.borrow_mut();
        self.refresh(&mut state.views);
        let ask = Ask {
            key: choice.key,
            now,
            tried: choice.tried(),
        };
        let rng = &mut rng.borrow_mut();
        match &self.care {
            None => {
                let State { balancer, views } = &mut *state;
                let picked = balancer.pick(views, &ask, rng);
                picked.ok_or(Absence::None(self.absence))
            }
            Some(care) => self.pick_healthy(care, &mut state, &ask, rng),
        }
    }

    /// The same among those whose health and bounds allow it.
    fn pick_healthy(
        &self,
        care: &Care,
        state: &mut State,
        ask: &Ask<'_>,
        rng: &mut Rng,
    ) -> Result<usize, Absence> {
        let State { balancer, views } = state;
        let mut obstacles = care.look(views, ask.tried, ask.now, Some(rng));
        let mut picked = balancer.pick(views, ask, rng);
        if picked.is_none() && obstacles.spared {
            obstacles = care.look(views, ask.tried, ask.now, None);
            picked = balancer.pick(views, ask, rng);
        }
        picked.ok_or(if obstacles.full {
            Absence::Full
        } else if obstacles.unhealthy {
            Absence::Unhealthy
        } else {
            Absence::None(self.absence)
        })
    }

    /// Whether there would be another member for an attempt after one at `member`.
    pub fn has_another(&self, choice: &Choice, member: usize, now: Instant) -> bool {
        let mut choice = *choice;
        choice.exclude(member);
        let tried = choice.tried();
        let Some(care) = &self.care else {
            return self.members.len() > tried.len();
        };
        let views = &mut self.state.borrow_mut().views;
        care.look(views, tried, now, None);
        views.iter().any(|view| view.usable)
    }

    /// Whether the upstream's policy asks for a hash of the request.
    #[inline]
    pub fn hashes(&self) -> bool {
        self.policy == Policy::ConsistentHashing && self.members.len() > 1
    }

    /// Notes how long a member took to answer, for the policy that asks for it.
    #[inline]
    pub fn answered(&self, member: usize, now: Instant, nanos: u64) {
        if self.policy == Policy::Latency
            && let Some(member) = self.members.get(member)
        {
            member.peer.answered(nanos, now);
        }
    }

    /// Brings the views up to what the peers know now.
    fn refresh(&self, views: &mut [TargetView]) {
        match self.policy {
            Policy::LeastConnections => {
                for (view, member) in views.iter_mut().zip(&self.members) {
                    view.in_flight = member.peer.in_flight();
                }
            }
            Policy::Latency => {
                for (view, member) in views.iter_mut().zip(&self.members) {
                    view.in_flight = member.peer.in_flight();
                    view.latency = member.peer.latency().unwrap_or_default();
                }
            }
            Policy::RoundRobin | Policy::ConsistentHashing => {}
        }
    }
}

/// Why an upstream has no member, if it has none.
fn absence(plan: &UpstreamPlan, addresses: &Addresses) -> Cause {
    let named = plan
        .targets
        .iter()
        .filter_map(|target| match target.endpoint {
            Endpoint::At(_) => None,
            Endpoint::Named(name, _) => Some(addresses.names.get(name as usize)),
        });
    let mut causes = named.filter_map(|resolved| match resolved {
        Some(Resolved::Addresses(_)) => None,
        Some(Resolved::Failed(DnsFault::Timeout)) => Some(Cause::DnsTimeout),
        Some(Resolved::Failed(DnsFault::NotFound) | Resolved::Pending) | None => {
            Some(Cause::DnsError)
        }
    });
    causes.next_back().unwrap_or(Cause::TargetMissing)
}

/// Begins the members of which nothing is known with the mean of the others, if there are others.
fn seed(members: &[Member], now: Instant) {
    let known: Vec<TargetView> = members
        .iter()
        .filter_map(|member| member.peer.latency())
        .map(|latency| TargetView {
            latency,
            ..TargetView::new(1)
        })
        .collect();
    if !known.is_empty() {
        let mean = seed_latency(&known, now);
        members
            .iter()
            .for_each(|member| member.peer.seed_latency(mean));
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::balance::Ewma;
    use crate::snapshot::TargetPlan;

    fn plan(ports: &[u16]) -> UpstreamPlan {
        UpstreamPlan {
            name: "pool".into(),
            policy: Policy::Latency,
            hash_on: HashOn::default(),
            slots: 0,
            admission: None,
            targets: ports
                .iter()
                .map(|&port| TargetPlan {
                    endpoint: Endpoint::At(SocketAddr::from(([127, 0, 0, 1], port))),
                    weight: 100,
                    host_header: Box::default(),
                })
                .collect(),
            id: uuid::Uuid::nil(),
            rules: None,
            connections: None,
        }
    }

    #[test]
    fn a_new_target_begins_with_the_mean_of_the_others_and_they_keep_what_is_known() {
        let (peers, addresses) = (Peers::default(), Addresses::default());
        let wards = Wards::new(crate::base::ids::CoreId(0));
        let before = Group::new(&plan(&[1, 2]), &addresses, &peers, &wards);
        assert_eq!(before.members[0].peer.latency(), None);
        let now = clock::now();
        before.answered(0, now, 4_000_000);
        before.answered(1, now, 2_000_000);
        let after = Group::new(&plan(&[1, 2, 3]), &addresses, &peers, &wards);
        let latency = |member: usize| after.members[member].peer.latency().unwrap();
        assert_eq!(latency(0), Ewma::seeded(4e6, now));
        let seeded = latency(2).nanos(clock::now());
        assert!((2.9e6..=3e6).contains(&seeded), "{seeded}");
    }
}
