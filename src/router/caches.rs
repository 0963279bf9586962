//! One core's memory for searching with regular expressions, bounded however many there are.
//!
//! States of an automaton are kept in slots. An expression that finds its slot taken does without, at
//! some microseconds a search, until it has come up more often than the one that holds it: with more
//! expressions than slots the busiest ones keep theirs, and none is rebuilt at every turn.

use regex_automata::hybrid::dfa;
use regex_automata::nfa::thompson::pikevm;
use regex_automata::util::primitives::NonMaxUsize;

use crate::base::limits;

/// The caches of one core.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    slots: Vec<Option<Slot>>,
    /// The machine's memory, and the program that it is laid out for.
    machine: Option<(u32, pikevm::Cache)>,
    /// Where the groups of the last capture begin and end.
    pub(crate) groups: Vec<Option<NonMaxUsize>>,
}

#[derive(Debug)]
struct Slot {
    program: u32,
    /// How often the program may come up short against others before it loses the slot.
    credit: u8,
    states: dfa::Cache,
}

/// Most credit that a program can have.
const CREDIT: u8 = 16;

impl Caches {
    /// The states of a program's automaton; none if another program holds the slot and keeps it.
    #[inline]
    pub(crate) fn states(&mut self, program: u32, automaton: &dfa::DFA) -> Option<&mut dfa::Cache> {
        let place = program as usize % limits::REGEX_CACHES;
        if self.slots.len() <= place {
            self.slots.resize_with(place + 1, || None);
        }
        let slot = self.slots[place].get_or_insert_with(|| Slot {
            program,
            credit: 0,
            states: automaton.create_cache(),
        });
        if slot.program == program {
            slot.credit = (slot.credit + 1).min(CREDIT);
        } else if slot.credit > 0 {
            slot.credit -= 1;
            return None;
        } else {
            slot.program = program;
            slot.credit = 1;
            slot.states.reset(automaton);
        }
        Some(&mut slot.states)
    }

    /// The machine's memory, laid out for a program.
    pub(crate) fn machine(&mut self, program: u32, vm: &pikevm::PikeVM) -> &mut pikevm::Cache {
        let machine = self
            .machine
            .get_or_insert_with(|| (program, vm.create_cache()));
        if machine.0 != program {
            machine.0 = program;
            machine.1.reset(vm);
        }
        &mut machine.1
    }
}
