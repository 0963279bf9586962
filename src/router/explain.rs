//! Why a request gets the route it gets, for people: every route with its verdict.
//!
//! This tests each candidate in turn, by the patterns and not by the compiled tables, so it costs what
//! the router saves, and a test holds the two against each other.

use std::cmp::Ordering;

use crate::base::ids::RouteIndex;
use crate::router::Facts;
use crate::router::HeaderCriterion;
use crate::router::HeaderPattern;
use crate::router::PathPattern;
use crate::router::RouteCriteria;
use crate::router::Router;
use crate::router::Rule;
use crate::router::caches::Caches;
use crate::router::guard::method_admitted;
use crate::router::guard::sni_admitted;
use crate::router::order;
use crate::router::order::Candidate;
use crate::router::program::Place;
use crate::router::program::ProgramsBuilder;

/// What became of one route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    /// The route.
    pub route: RouteIndex,
    /// The path that came closest; none if the route asks for no path.
    pub pattern: Option<u16>,
    /// What became of it.
    pub verdict: Verdict,
}

/// Why a route won or lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request belongs to it.
    Won,
    /// It matches, but the winner goes before it by this rule.
    Outranked(Rule),
    /// It does not match: every criterion that failed.
    Unmet(Vec<Criterion>),
}

/// A kind of criterion, in the order in which routes list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// `hosts`
    Hosts,
    /// `paths`
    Paths,
    /// `methods`
    Methods,
    /// `headers`
    Headers,
    /// `snis`
    Snis,
}

impl Router {
    /// Every route with its verdict: the winner, then those that match in their order, then those that
    /// do not, fewest failures first. `routes` is what some router was compiled from.
    pub fn explain(routes: &[RouteCriteria], facts: &Facts<'_>) -> Vec<Considered> {
        let judged: Vec<(Candidate, Vec<Criterion>)> = order::ranked(routes)
            .into_iter()
            .map(|candidate| {
                let failed = failed(&candidate, routes, facts);
                (candidate, failed)
            })
            .collect();
        let winner = judged.iter().find(|(_, failed)| failed.is_empty());
        let mut seen = vec![false; routes.len()];
        let mut considered = Vec::with_capacity(routes.len());
        let mut by_failures: Vec<&(Candidate, Vec<Criterion>)> = judged.iter().collect();
        by_failures.sort_by_key(|(_, failed)| failed.len());
        for (candidate, failed) in by_failures {
            if std::mem::replace(&mut seen[candidate.route as usize], true) {
                continue;
            }
            considered.push(Considered {
                route: RouteIndex(candidate.route),
                pattern: candidate.pattern,
                verdict: verdict(candidate, failed, winner.map(|(winner, _)| winner)),
            });
        }
        considered
    }
}

fn verdict(candidate: &Candidate, failed: &[Criterion], winner: Option<&Candidate>) -> Verdict {
    if !failed.is_empty() {
        return Verdict::Unmet(failed.to_vec());
    }
    match winner.map(|winner| winner.compare(candidate)) {
        Some((Ordering::Less, Some(rule))) => Verdict::Outranked(rule),
        _ => Verdict::Won,
    }
}

fn failed(candidate: &Candidate, routes: &[RouteCriteria], facts: &Facts<'_>) -> Vec<Criterion> {
    let route = &routes[candidate.route as usize];
    let mut hosts = route.hosts.iter();
    let met = [
        (
            Criterion::Hosts,
            route.hosts.is_empty() || hosts.any(|host| host.matches(facts.host, facts.port)),
        ),
        (
            Criterion::Paths,
            path_met(candidate.path(routes), facts.path),
        ),
        (Criterion::Methods, method_admitted(&route.methods, facts)),
        (
            Criterion::Headers,
            route.headers.iter().all(|header| header_met(header, facts)),
        ),
        (Criterion::Snis, sni_admitted(&route.snis, facts)),
    ];
    let failed = met.iter().filter(|(_, met)| !met);
    failed.map(|&(criterion, _)| criterion).collect()
}

fn path_met(pattern: Option<&PathPattern>, path: &[u8]) -> bool {
    std::str::from_utf8(path).is_ok()
        && match pattern {
            None => true,
            Some(PathPattern::Prefix(prefix)) => path.starts_with(prefix.as_bytes()),
            Some(PathPattern::Regex(regex)) => {
                let mut builder = ProgramsBuilder::default();
                let number = builder.add(regex, Place::Path);
                let programs = builder.build();
                let end = |number| programs.end(number, path, 0, &mut Caches::default());
                number.is_ok_and(|number| end(number).is_some())
            }
        }
}

fn header_met(header: &HeaderCriterion, facts: &Facts<'_>) -> bool {
    let mut values = facts.fields.all_named(header.name.as_bytes(), facts.head);
    values.any(|value| {
        header.values.iter().any(|wanted| match wanted {
            HeaderPattern::Exact(text) => value.eq_ignore_ascii_case(text.as_bytes()),
            HeaderPattern::Regex(regex) => {
                let mut builder = ProgramsBuilder::default();
                let number = builder.add(regex, Place::Field);
                let programs = builder.build();
                let found = |number| programs.found_in(number, value, &mut Caches::default());
                number.is_ok_and(found)
            }
        })
    })
}
