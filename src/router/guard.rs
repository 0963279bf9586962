//! What a candidate asks for besides host and path: methods, fields, server names, tested one by one.
//!
//! Most routes ask for none of these, and those that do ask for the same few, so guards are shared.

use std::collections::HashMap;

use crate::router::Facts;
use crate::router::HeaderPattern;
use crate::router::PatternFault;
use crate::router::RouteCriteria;
use crate::router::Scheme;
use crate::router::caches::Caches;
use crate::router::program::Place;
use crate::router::program::Programs;
use crate::router::program::ProgramsBuilder;

/// The number that stands for "asks for nothing else".
pub(crate) const NO_GUARD: u32 = u32::MAX;

/// The remaining criteria of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Guard {
    methods: Box<[Box<str>]>,
    headers: Box<[Header]>,
    snis: Box<[Box<str>]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Header {
    name: Box<str>,
    exact: Box<[Box<str>]>,
    programs: Box<[u32]>,
}

/// Builds guards, each distinct one once.
#[derive(Debug, Default)]
pub(crate) struct GuardsBuilder {
    guards: Vec<Guard>,
    known: HashMap<Guard, u32>,
}

impl GuardsBuilder {
    /// The number of a route's guard, [`NO_GUARD`] if it needs none.
    ///
    /// # Errors
    /// If a field's expression does not compile.
    pub(crate) fn add(
        &mut self,
        criteria: &RouteCriteria,
        programs: &mut ProgramsBuilder,
    ) -> Result<u32, PatternFault> {
        let header = |criterion: &crate::router::HeaderCriterion| {
            let (mut exact, mut numbers) = (Vec::new(), Vec::new());
            for value in &criterion.values {
                match value {
                    HeaderPattern::Exact(text) => exact.push(text.clone()),
                    HeaderPattern::Regex(regex) => numbers.push(programs.add(regex, Place::Field)?),
                }
            }
            let name = criterion.name.clone();
            Ok(Header {
                name,
                exact: exact.into(),
                programs: numbers.into(),
            })
        };
        let headers: Result<Box<[Header]>, PatternFault> =
            criteria.headers.iter().map(header).collect();
        let guard = Guard {
            methods: criteria.methods.clone().into(),
            headers: headers?,
            snis: criteria.snis.clone().into(),
        };
        if guard == Guard::default() {
            return Ok(NO_GUARD);
        }
        if let Some(&number) = self.known.get(&guard) {
            return Ok(number);
        }
        let number = self.guards.len() as u32;
        self.guards.push(guard.clone());
        self.known.insert(guard, number);
        Ok(number)
    }

    pub(crate) fn build(self) -> Box<[Guard]> {
        self.guards.into()
    }
}

impl Guard {
    /// Whether the request has what the guard asks for.
    pub(crate) fn admits(
        &self,
        facts: &Facts<'_>,
        programs: &Programs,
        caches: &mut Caches,
    ) -> bool {
        method_admitted(&self.methods, facts)
            && sni_admitted(&self.snis, facts)
            && self
                .headers
                .iter()
                .all(|header| header.admits(facts, programs, caches))
    }

    /// Bytes on the heap, allocator overhead aside.
    pub(crate) fn memory(&self) -> usize {
        let texts = |texts: &[Box<str>]| -> usize {
            texts
                .iter()
                .map(|text| size_of::<Box<str>>() + text.len())
                .sum()
        };
        let header = |header: &Header| {
            size_of::<Header>()
                + header.name.len()
                + texts(&header.exact)
                + size_of_val::<[u32]>(&header.programs)
        };
        let headers: usize = self.headers.iter().map(header).sum();
        size_of::<Self>() + texts(&self.methods) + texts(&self.snis) + headers
    }
}

impl Header {
    fn admits(&self, facts: &Facts<'_>, programs: &Programs, caches: &mut Caches) -> bool {
        let mut values = facts.fields.all_named(self.name.as_bytes(), facts.head);
        values.any(|value| {
            let mut exact = self.exact.iter();
            exact.any(|wanted| value.eq_ignore_ascii_case(wanted.as_bytes()))
                || self
                    .programs
                    .iter()
                    .any(|&number| programs.found_in(number, value, caches))
        })
    }
}

/// Whether the request's method is one of `methods`, or none is asked for.
pub(crate) fn method_admitted(methods: &[Box<str>], facts: &Facts<'_>) -> bool {
    methods.is_empty()
        || methods
            .iter()
            .any(|method| method.as_bytes() == facts.method)
}

/// Whether the handshake named one of `snis`, or none is asked for; over plain HTTP nothing is asked.
pub(crate) fn sni_admitted(snis: &[Box<str>], facts: &Facts<'_>) -> bool {
    let same = |wanted: &str, name: &[u8]| {
        let wanted = wanted.strip_suffix('.').unwrap_or(wanted);
        name.eq_ignore_ascii_case(wanted.as_bytes())
    };
    match (facts.scheme, facts.sni) {
        (Scheme::Http, _) => true,
        (Scheme::Https, Some(name)) => snis.is_empty() || snis.iter().any(|sni| same(sni, name)),
        (Scheme::Https, None) => snis.is_empty(),
    }
}
