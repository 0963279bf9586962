//! From routes to tables: ranks the candidates, splits their regexes, and plants them under their hosts.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::router::HostPattern;
use crate::router::PathPattern;
use crate::router::PatternFault;
use crate::router::RouteCriteria;
use crate::router::guard::Guard;
use crate::router::guard::GuardsBuilder;
use crate::router::host::HostKind;
use crate::router::hosts::Hosts;
use crate::router::literal::split_literal;
use crate::router::order;
use crate::router::order::Candidate;
use crate::router::program::NO_PROGRAM;
use crate::router::program::Place;
use crate::router::program::Programs;
use crate::router::program::ProgramsBuilder;
use crate::router::tree::ANY_PORT;
use crate::router::tree::Entry;
use crate::router::tree::Forest;
use crate::router::tree::NO_PATTERN;

/// All routes, compiled; shared between cores.
#[derive(Debug)]
pub struct Router {
    /// Tells this router from others, for the memory that cores keep beside it.
    pub(crate) identity: Arc<()>,
    pub(crate) hosts: Hosts,
    pub(crate) forest: Forest,
    pub(crate) guards: Box<[Guard]>,
    pub(crate) programs: Programs,
}

/// A route that does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileFault {
    /// The route's index in the input.
    pub route: usize,
    /// Which of its patterns.
    pub place: FaultPlace,
    /// What is wrong with it.
    pub fault: PatternFault,
}

/// The pattern that a [`CompileFault`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultPlace {
    /// The path with this index.
    Path(usize),
    /// One of the values asked for in fields.
    Headers,
}

impl fmt::Display for CompileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            FaultPlace::Path(index) => write!(f, "paths.{}: {}", index + 1, self.fault),
            FaultPlace::Headers => write!(f, "headers: {}", self.fault),
        }
    }
}

impl std::error::Error for CompileFault {}

/// The entries under each host, with their literal prefixes, before they are planted.
type Plan<'a> = HashMap<Option<(HostKind, &'a str)>, Vec<(&'a [u8], Entry)>>;

impl Router {
    /// Compiles routes; a [`crate::router::Match`] names them by their index here.
    ///
    /// # Errors
    /// A [`CompileFault`] if an expression needs too large a program.
    pub fn compile(routes: &[RouteCriteria]) -> Result<Self, CompileFault> {
        let mut programs = ProgramsBuilder::default();
        let mut guards = GuardsBuilder::default();
        let guard_numbers = guard_numbers(routes, &mut guards, &mut programs)?;
        let candidates = order::ranked(routes);
        let literals: Vec<(String, &str)> = candidates
            .iter()
            .map(|candidate| literal_and_rest(candidate.path(routes)))
            .collect();
        let mut plan = Plan::new();
        for (rank, (candidate, (literal, rest))) in candidates.iter().zip(&literals).enumerate() {
            // A path that is longer than any request's can be never matches.
            let Ok(prefix) = u16::try_from(literal.len()) else {
                continue;
            };
            let program = if candidate.path(routes).is_some_and(PathPattern::is_regex) {
                programs
                    .add(rest, Place::Path)
                    .map_err(|fault| candidate.fault(fault))?
            } else {
                NO_PROGRAM
            };
            let entry = Entry {
                rank: rank as u32,
                route: candidate.route,
                guard: guard_numbers[candidate.route as usize],
                program,
                port: ANY_PORT,
                prefix,
                pattern: candidate.pattern.unwrap_or(NO_PATTERN),
            };
            let hosts = &routes[candidate.route as usize].hosts;
            schedule(&mut plan, hosts, literal.as_bytes(), entry);
        }
        let (hosts, forest) = plant(plan);
        Ok(Self {
            identity: Arc::new(()),
            hosts,
            forest,
            guards: guards.build(),
            programs: programs.build(),
        })
    }

    /// Bytes on the heap, about; the memory that cores keep beside the router is not among them.
    pub fn memory(&self) -> usize {
        let guards: usize = self.guards.iter().map(Guard::memory).sum();
        self.hosts.memory() + self.forest.memory() + self.programs.memory() + guards
    }
}

impl Candidate {
    /// The path that the candidate stands for.
    pub(crate) fn path<'a>(&self, routes: &'a [RouteCriteria]) -> Option<&'a PathPattern> {
        let paths = &routes.get(self.route as usize)?.paths;
        paths.get(usize::from(self.pattern?))
    }

    fn fault(&self, fault: PatternFault) -> CompileFault {
        let place = FaultPlace::Path(usize::from(self.pattern.unwrap_or_default()));
        CompileFault {
            route: self.route as usize,
            place,
            fault,
        }
    }
}

fn guard_numbers(
    routes: &[RouteCriteria],
    guards: &mut GuardsBuilder,
    programs: &mut ProgramsBuilder,
) -> Result<Vec<u32>, CompileFault> {
    let number = |(route, criteria): (usize, &RouteCriteria)| {
        let place = FaultPlace::Headers;
        let number = guards.add(criteria, programs);
        number.map_err(|fault| CompileFault {
            route,
            place,
            fault,
        })
    };
    routes.iter().enumerate().map(number).collect()
}

/// The bytes that a path begins with, and the expression for the rest of it.
fn literal_and_rest(path: Option<&PathPattern>) -> (String, &str) {
    match path {
        None => (String::new(), ""),
        Some(PathPattern::Prefix(prefix)) => (prefix.to_string(), ""),
        Some(PathPattern::Regex(regex)) => split_literal(regex),
    }
}

/// Notes an entry under each of its route's hosts, or under any host.
fn schedule<'a>(plan: &mut Plan<'a>, hosts: &'a [HostPattern], literal: &'a [u8], entry: Entry) {
    if hosts.is_empty() {
        plan.entry(None).or_default().push((literal, entry));
    }
    for host in hosts {
        let port = host.port.map_or(ANY_PORT, u32::from);
        let planned = plan.entry(Some((host.kind, &host.name))).or_default();
        planned.push((literal, Entry { port, ..entry }));
    }
}

fn plant(plan: Plan<'_>) -> (Hosts, Forest) {
    let (mut hosts, mut forest) = (Hosts::default(), Forest::default());
    for (host, mut planned) in plan {
        let tree = forest.plant(&mut planned);
        match host {
            None => hosts.any = Some(tree),
            Some((kind, name)) => {
                let table = match kind {
                    HostKind::Exact => &mut hosts.exact,
                    HostKind::Suffix => &mut hosts.suffixes,
                    HostKind::Prefix => &mut hosts.prefixes,
                };
                table.insert(name.as_bytes().into(), tree);
            }
        }
    }
    forest.shrink();
    (hosts, forest)
}
