//! Routes that no request can reach, because others that go before them take all that they ask for.
//!
//! A route is taken apart into what it asks for at the least ([`Ask`]): one host, one method, one server name, one value of
//! each field, one path. It can be reached if one of its asks can, and an ask cannot be if a route that goes before
//! it asks for the same or less. Asks are found by their hash, so that 15,000 routes are judged in one pass. What is
//! reported is certain; regular expressions are compared as far as their text tells, so not all that is dead is reported.

mod ask;
mod path;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use foldhash::HashMap;

use crate::base::ids::RouteIndex;
use crate::base::limits;
use crate::http::Method;
use crate::router::RouteCriteria;
use crate::router::Rule;
use crate::router::order::Candidate;
use ask::Ask;
use ask::Known;

/// A route that no request can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// The route.
    pub route: RouteIndex,
    /// A route that takes its requests.
    pub by: RouteIndex,
    /// The other takes all of them, not only some.
    pub alone: bool,
    /// Both ask for exactly the same, so that their age decides, or their ids if they are of the same age.
    pub twins: bool,
}

/// The routes that no request can reach, in their order. A route that asks for too many combinations is taken to be
/// reachable, and to take nothing from others.
pub fn shadows(routes: &[RouteCriteria]) -> Vec<Shadow> {
    let mut table = Table::default();
    let mut left = limits::LINT_ASKS;
    for (number, criteria) in (0..).zip(routes) {
        table.add(number, criteria, &mut left);
    }
    let each = table.routes.iter().filter(|route| !route.is_empty());
    each.filter_map(|route| table.judge(route)).collect()
}

/// What all routes ask for.
#[derive(Default)]
struct Table<'r> {
    candidates: Vec<Candidate>,
    /// The asks of each route, each with its candidate's index.
    routes: Vec<Vec<(Ask<'r>, u32)>>,
    /// For each ask the best candidates that have it.
    best: HashMap<Ask<'r>, Best>,
    known: Known,
}

/// The best candidate that asks for something, and the best of another route.
#[derive(Clone, Copy)]
struct Best {
    first: u32,
    second: Option<u32>,
}

impl<'r> Table<'r> {
    fn add(&mut self, number: u32, criteria: &'r RouteCriteria, left: &mut usize) {
        let methods = &criteria.methods;
        // No route is asked for those, so nothing is won by them.
        let refused = |method: &str| Method::of(method.as_bytes()).refusal(method.as_bytes());
        let served = methods.iter().map(AsRef::as_ref);
        let served: Vec<&str> = served.filter(|method| refused(method).is_none()).collect();
        let candidates = Candidate::of_route(number, criteria);
        let bases = if methods.is_empty() == served.is_empty() {
            Ask::bases(criteria, &served, limits::LINT_ASKS_PER_ROUTE)
        } else {
            Vec::new()
        };
        let count = bases.len() * candidates.len();
        if count == 0 || count > limits::LINT_ASKS_PER_ROUTE || count > *left {
            self.routes.push(Vec::new());
            return;
        }
        *left -= count;
        let mut asks = Vec::with_capacity(count);
        for candidate in candidates {
            let index = u32::try_from(self.candidates.len()).unwrap_or(u32::MAX);
            let pattern = candidate.pattern.map(usize::from);
            let pattern = pattern.and_then(|pattern| criteria.paths.get(pattern));
            self.candidates.push(candidate);
            for base in &bases {
                let ask = base.with_path(pattern);
                self.known.see(&ask);
                self.offer(&ask, index);
                asks.push((ask, index));
            }
        }
        self.routes.push(asks);
    }

    /// Keeps the two best candidates of an ask, which are of two routes.
    fn offer(&mut self, ask: &Ask<'r>, index: u32) {
        let Some(best) = self.best.get_mut(ask) else {
            let first = Best {
                first: index,
                second: None,
            };
            self.best.insert(ask.clone(), first);
            return;
        };
        let candidate = |index: u32| &self.candidates[index as usize];
        let goes_before = |index, other| candidate(index).order(candidate(other)).is_lt();
        if candidate(index).route == candidate(best.first).route {
            if goes_before(index, best.first) {
                best.first = index;
            }
        } else if goes_before(index, best.first) {
            best.second = Some(best.first);
            best.first = index;
        } else if best.second.is_none_or(|second| goes_before(index, second)) {
            best.second = Some(index);
        }
    }

    /// What takes all requests of a route, if anything does.
    fn judge(&self, asks: &[(Ask<'r>, u32)]) -> Option<Shadow> {
        let mut takers = asks.iter().map(|(ask, index)| self.taker(ask, *index));
        let (by, same) = takers.next()??;
        let (mut alone, mut twins) = (true, same);
        for taker in takers {
            let (other, same) = taker?;
            alone &= other == by;
            twins &= same;
        }
        let candidate = asks.first().map(|(_, index)| *index)?;
        let asks_of = |route: u32| self.routes.get(route as usize).map(Vec::len);
        Some(Shadow {
            route: RouteIndex(self.candidates[candidate as usize].route),
            by: RouteIndex(by),
            alone,
            twins: alone && twins && asks_of(by) == Some(asks.len()),
        })
    }

    /// Another route that takes all requests of an ask, and whether it asks for the same and is only older.
    fn taker(&self, ask: &Ask<'r>, index: u32) -> Option<(u32, bool)> {
        let candidate = &self.candidates[index as usize];
        let mut found = None;
        ask.visit_wider(&self.known, candidate.has_plain_hosts(), &mut |wider| {
            let best = self.best.get(wider);
            let both = best
                .into_iter()
                .flat_map(|best| [Some(best.first), best.second]);
            let others = both.flatten().map(|index| &self.candidates[index as usize]);
            for other in others.filter(|other| other.route != candidate.route) {
                if let (Ordering::Less, rule) = other.compare(candidate) {
                    let by_age = matches!(rule, Some(Rule::CreatedAt | Rule::Id));
                    found = Some((other.route, by_age && wider == ask));
                    return true;
                }
            }
            false
        });
        found
    }
}
