//! From routes to tables: ranks the candidates, splits their regexes, and plants them under their hosts.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use foldhash::HashMap;

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

/// The entries with their literal prefixes and their hosts' numbers, before they are planted.
#[derive(Default)]
struct Plan<'a> {
    /// The hosts by number, which [`ANY_HOST`] is not.
    hosts: Vec<(HostKind, &'a str)>,
    numbers: HashMap<(HostKind, &'a str), u32>,
    planned: Vec<(u32, &'a [u8], Entry)>,
}

/// The number that stands for any host.
const ANY_HOST: u32 = u32::MAX;

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
        let literals: Vec<(Cow<'_, str>, &str)> = candidates
            .iter()
            .map(|candidate| literal_and_rest(candidate.path(routes)))
            .collect();
        let mut plan = Plan::default();
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
            plan.add(hosts, literal.as_bytes(), entry);
        }
        let (hosts, forest) = plan.plant();
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
fn literal_and_rest(path: Option<&PathPattern>) -> (Cow<'_, str>, &str) {
    match path {
        None => ("".into(), ""),
        Some(PathPattern::Prefix(prefix)) => ((&**prefix).into(), ""),
        Some(PathPattern::Regex(regex)) => {
            let (literal, rest) = split_literal(regex);
            (literal.into(), rest)
        }
    }
}

impl<'a> Plan<'a> {
    /// Notes an entry under each of its route's hosts, or under any host.
    fn add(&mut self, hosts: &'a [HostPattern], literal: &'a [u8], entry: Entry) {
        if hosts.is_empty() {
            self.planned.push((ANY_HOST, literal, entry));
        }
        for host in hosts {
            let port = host.port.map_or(ANY_PORT, u32::from);
            let number = self.number((host.kind, &host.name));
            self.planned
                .push((number, literal, Entry { port, ..entry }));
        }
    }

    fn number(&mut self, host: (HostKind, &'a str)) -> u32 {
        *self.numbers.entry(host).or_insert_with(|| {
            self.hosts.push(host);
            self.hosts.len() as u32 - 1
        })
    }

    /// A tree for each host, and the tables that lead to them.
    fn plant(mut self) -> (Hosts, Forest) {
        let (mut hosts, mut forest) = (Hosts::default(), Forest::default());
        hosts.exact.reserve(self.hosts.len());
        self.planned
            .sort_unstable_by_key(|(number, _, entry)| (*number, entry.rank));
        let mut seeds = Vec::new();
        for group in self.planned.chunk_by(|(a, ..), (b, ..)| a == b) {
            seeds.clear();
            seeds.extend(group.iter().map(|&(_, literal, entry)| (literal, entry)));
            let tree = forest.plant(&mut seeds);
            let number = group.first().map_or(ANY_HOST, |(number, ..)| *number);
            let Some((kind, name)) = self.hosts.get(number as usize) else {
                hosts.any = Some(tree);
                continue;
            };
            let table = match kind {
                HostKind::Exact => &mut hosts.exact,
                HostKind::Suffix => &mut hosts.suffixes,
                HostKind::Prefix => &mut hosts.prefixes,
            };
            table.insert(name.as_bytes().into(), tree);
        }
        hosts.exact.shrink_to_fit();
        forest.shrink();
        (hosts, forest)
    }
}
