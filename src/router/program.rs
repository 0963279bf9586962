//! Regular expressions of paths and fields, compiled small.
//!
//! A path's regex begins with literal bytes nearly always. The tree of paths compares those, and only the
//! rest of the expression is compiled here, so that thousands of routes that follow one template share a
//! handful of programs. A search runs a lazily built automaton whose states live in the core's
//! [`Caches`]. A slower machine over the same program serves where these have no room, where the
//! automaton cannot decide (a Unicode word boundary beside a byte outside of ASCII), and for groups.

use std::collections::HashMap;

use regex_automata::Anchored;
use regex_automata::Input;
use regex_automata::hybrid::dfa;
use regex_automata::nfa::thompson;
use regex_automata::nfa::thompson::pikevm;
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::util::syntax;

use crate::base::limits;
use crate::router::PatternFault;
use crate::router::caches::Caches;

/// The number that stands for "no program": literal bytes say it all.
pub(crate) const NO_PROGRAM: u32 = u32::MAX;

/// One compiled expression.
#[derive(Debug)]
pub(crate) struct Program {
    automaton: dfa::DFA,
    machine: pikevm::PikeVM,
}

/// All programs of a router, each expression once.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    programs: Vec<Program>,
}

/// Compiles expressions and hands out their numbers.
#[derive(Debug, Default)]
pub(crate) struct ProgramsBuilder {
    programs: Vec<Program>,
    known: HashMap<(Box<str>, Place), u32>,
}

/// Where an expression is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// In a path, at the end of its literal prefix; heeds case.
    Path,
    /// Anywhere in a field's value, without regard to case.
    Field,
}

impl ProgramsBuilder {
    /// The number of the program for `regex`; [`NO_PROGRAM`] for an empty one in a path.
    ///
    /// # Errors
    /// If the expression does not compile within `limits::REGEX_PROGRAM_BYTES`.
    pub(crate) fn add(&mut self, regex: &str, place: Place) -> Result<u32, PatternFault> {
        if regex.is_empty() && place == Place::Path {
            return Ok(NO_PROGRAM);
        }
        if let Some(&number) = self.known.get(&(regex.into(), place)) {
            return Ok(number);
        }
        let number = self.programs.len() as u32;
        self.programs.push(Program::compile(regex, place)?);
        self.known.insert((regex.into(), place), number);
        Ok(number)
    }

    pub(crate) fn build(self) -> Programs {
        Programs {
            programs: self.programs,
        }
    }
}

impl Program {
    fn compile(regex: &str, place: Place) -> Result<Self, PatternFault> {
        let syntax = syntax::Config::new()
            .utf8(false)
            .case_insensitive(place == Place::Field);
        let config = thompson::Config::new()
            .utf8(false)
            .nfa_size_limit(Some(limits::REGEX_PROGRAM_BYTES));
        let nfa = thompson::Compiler::new()
            .syntax(syntax)
            .configure(config)
            .build(regex)
            .map_err(|error| match error.size_limit() {
                Some(_) => PatternFault::RegexTooLarge(regex.into()),
                None => PatternFault::of_regex(regex, &error.to_string()),
            })?;
        let lazy = dfa::Config::new()
            .unicode_word_boundary(true)
            .cache_capacity(limits::REGEX_CACHE_BYTES)
            .skip_cache_capacity_check(true);
        let too_large = |_| PatternFault::RegexTooLarge(regex.into());
        let automaton = dfa::Builder::new()
            .configure(lazy)
            .build_from_nfa(nfa.clone())
            .map_err(too_large)?;
        let machine = pikevm::Builder::new().build_from_nfa(nfa);
        let machine = machine.map_err(|_| PatternFault::RegexTooLarge(regex.into()))?;
        Ok(Self { automaton, machine })
    }
}

impl Programs {
    /// Where a match that begins at `start` of `path` ends; allocates only while an automaton grows.
    pub(crate) fn end(
        &self,
        number: u32,
        path: &[u8],
        start: usize,
        caches: &mut Caches,
    ) -> Option<usize> {
        let program = self.programs.get(number as usize)?;
        let input = Input::new(path).range(start..).anchored(Anchored::Yes);
        if let Some(states) = caches.states(number, &program.automaton)
            && let Ok(found) = program.automaton.try_search_fwd(states, &input)
        {
            return found.map(|half| half.offset());
        }
        let machine = caches.machine(number, &program.machine);
        let mut groups = [None; 2];
        program.machine.search_slots(machine, &input, &mut groups)?;
        groups[1].map(NonMaxUsize::get)
    }

    /// Whether a field's value holds a match.
    pub(crate) fn found_in(&self, number: u32, value: &[u8], caches: &mut Caches) -> bool {
        let Some(program) = self.programs.get(number as usize) else {
            return false;
        };
        let input = Input::new(value).earliest(true);
        if let Some(states) = caches.states(number, &program.automaton)
            && let Ok(found) = program.automaton.try_search_fwd(states, &input)
        {
            return found.is_some();
        }
        let machine = caches.machine(number, &program.machine);
        program.machine.is_match(machine, input)
    }

    /// Fills [`Caches::groups`] for a match that begins at `start`; whether there is one.
    pub(crate) fn capture(
        &self,
        number: u32,
        path: &[u8],
        start: usize,
        caches: &mut Caches,
    ) -> bool {
        let Some(program) = self.programs.get(number as usize) else {
            return false;
        };
        let input = Input::new(path).range(start..).anchored(Anchored::Yes);
        let mut groups = std::mem::take(&mut caches.groups);
        groups.clear();
        groups.resize(program.machine.get_nfa().group_info().slot_len(), None);
        let machine = caches.machine(number, &program.machine);
        let found = program.machine.search_slots(machine, &input, &mut groups);
        caches.groups = groups;
        found.is_some()
    }

    /// The groups of a program: their number, the whole match included, and names.
    pub(crate) fn names(&self, number: u32) -> impl Iterator<Item = Option<&str>> {
        let program = self.programs.get(number as usize);
        let info = program.map(|program| program.machine.get_nfa().group_info());
        info.into_iter()
            .flat_map(|info| info.pattern_names(regex_automata::PatternID::ZERO))
    }

    /// Bytes on the heap.
    pub(crate) fn memory(&self) -> usize {
        let of_program = |program: &Program| {
            size_of::<Program>()
                + program.automaton.memory_usage()
                + program.machine.get_nfa().memory_usage()
        };
        self.programs.iter().map(of_program).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_are_anchored_at_the_literals_end() {
        let mut builder = ProgramsBuilder::default();
        let digits = builder.add("\\d+", Place::Path).unwrap();
        assert_eq!(builder.add("\\d+", Place::Path), Ok(digits));
        let word = builder.add("\\w+\\b", Place::Path).unwrap();
        let programs = builder.build();
        let mut caches = Caches::default();
        assert_eq!(programs.end(digits, b"/a/12x", 3, &mut caches), Some(5));
        assert_eq!(programs.end(digits, b"/a/x12", 3, &mut caches), None);
        assert_eq!(
            programs.end(word, "/a/né!".as_bytes(), 3, &mut caches),
            Some(6)
        );
        assert_eq!(programs.end(digits, b"/a/12x", 3, &mut caches), Some(5));
    }

    #[test]
    fn fields_are_searched_anywhere_without_case() {
        let mut builder = ProgramsBuilder::default();
        let foo = builder.add("foo\\d", Place::Field).unwrap();
        let programs = builder.build();
        let mut caches = Caches::default();
        assert!(programs.found_in(foo, b"a FOO1", &mut caches));
        assert!(!programs.found_in(foo, b"a fo1", &mut caches));
    }

    #[test]
    fn programs_beyond_the_room_for_states_are_searched_all_the_same() {
        let mut builder = ProgramsBuilder::default();
        let count = limits::REGEX_CACHES + 3;
        for index in 0..count {
            builder.add(&format!("{index}$"), Place::Path).unwrap();
        }
        let programs = builder.build();
        let mut caches = Caches::default();
        for _ in 0..12 {
            for index in 0..count {
                let path = format!("/{index}");
                let end = programs.end(index as u32, path.as_bytes(), 1, &mut caches);
                assert_eq!(end, Some(path.len()));
            }
        }
    }

    #[test]
    fn an_oversized_program_is_refused() {
        let mut builder = ProgramsBuilder::default();
        let fault = builder.add("(\\w{100}){100}", Place::Path);
        assert!(matches!(fault, Err(PatternFault::RegexTooLarge(_))));
    }
}
