//! Regular expressions of plugins' configurations, for values that clients send.
//!
//! A pattern is a table with a row for each state, shared by all cores: a search is a walk along the value, takes no
//! memory, and never takes longer than the value is long, whatever the client sends. Expressions whose table would be
//! too large are searched by a slower machine, whose memory is allocated for each search.
//!
//! As in Kong, expressions are about bytes: `\d`, `\w` and `\b` know ASCII alone. Look-around and back
//! references, which could not keep the bound on time, are refused when the configuration is read.

use regex_automata::Anchored;
use regex_automata::Input;
use regex_automata::MatchKind;
use regex_automata::dfa::Automaton;
use regex_automata::dfa::StartKind;
use regex_automata::dfa::dense;
use regex_automata::nfa::thompson;
use regex_automata::nfa::thompson::NFA;
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::util::syntax;

use crate::base::limits;

/// One expression.
#[derive(Debug)]
pub(super) struct Pattern {
    machine: Machine,
    anchored: Anchored,
}

#[derive(Debug)]
enum Machine {
    Table(Box<dense::DFA<Vec<u32>>>),
    Slow(Box<PikeVM>),
}

impl Pattern {
    /// An expression that is looked for anywhere in a value.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn within(regex: &str) -> Result<Self, String> {
        Self::compile(regex, Anchored::No, limits::PLUGIN_REGEX_TABLE_BYTES)
    }

    /// An expression that a whole value must match.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn whole(regex: &str) -> Result<Self, String> {
        // By itself first: what closes a group of ours is not a good expression.
        nfa(regex)?;
        Self::compile(
            &format!("(?:{regex})\\z"),
            Anchored::Yes,
            limits::PLUGIN_REGEX_TABLE_BYTES,
        )
    }

    fn compile(regex: &str, anchored: Anchored, table_bytes: usize) -> Result<Self, String> {
        let nfa = nfa(regex)?;
        let start = match anchored {
            Anchored::Yes => StartKind::Anchored,
            Anchored::No | Anchored::Pattern(_) => StartKind::Unanchored,
        };
        let config = dense::Config::new()
            .start_kind(start)
            .match_kind(MatchKind::LeftmostFirst)
            .dfa_size_limit(Some(table_bytes))
            .determinize_size_limit(Some(table_bytes));
        let table = dense::Builder::new().configure(config).build_from_nfa(&nfa);
        let machine = match table {
            Ok(table) => Machine::Table(Box::new(table)),
            Err(_too_large) => {
                let machine = PikeVM::new_from_nfa(nfa).map_err(|error| error.to_string())?;
                Machine::Slow(Box::new(machine))
            }
        };
        Ok(Self { machine, anchored })
    }

    /// Whether it is searched by its table.
    #[cfg(test)]
    pub(super) fn has_table(&self) -> bool {
        matches!(self.machine, Machine::Table(_))
    }

    /// Whether a value matches.
    pub(super) fn matches(&self, value: &[u8]) -> bool {
        let input = Input::new(value).anchored(self.anchored).earliest(true);
        match &self.machine {
            // A search without quit bytes cannot fail.
            Machine::Table(table) => matches!(table.try_search_fwd(&input), Ok(Some(_))),
            Machine::Slow(machine) => machine.is_match(&mut machine.create_cache(), input),
        }
    }
}

/// # Errors
/// Why it is no regular expression.
fn nfa(regex: &str) -> Result<NFA, String> {
    let config = thompson::Config::new()
        .utf8(false)
        .nfa_size_limit(Some(limits::REGEX_PROGRAM_BYTES));
    thompson::Compiler::new()
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .configure(config)
        .build(regex)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slow(regex: &str, anchored: Anchored) -> Pattern {
        let pattern = Pattern::compile(regex, anchored, 0).unwrap();
        assert!(!pattern.has_table());
        pattern
    }

    #[test]
    fn a_pattern_is_looked_for_anywhere_or_must_be_all() {
        let evil = Pattern::within("evil.*").unwrap();
        assert!(evil.matches(b"an evilbot/1") && !evil.matches(b"Evil"));
        let host = Pattern::whole(".*\\.re\\.test").unwrap();
        assert!(host.matches(b"x.re.test") && !host.matches(b"x.re.test.evil"));
        let either = Pattern::whole("a|b").unwrap();
        assert!(either.matches(b"a") && either.matches(b"b"));
        assert!(!either.matches(b"ab") && !either.matches(b"") && !either.matches(b"b\n"));
    }

    #[test]
    fn bytes_that_are_no_text_are_bytes() {
        let any = Pattern::whole("a.b").unwrap();
        assert!(any.matches(b"a\xffb"));
        let word = Pattern::within("\\bbot\\b").unwrap();
        assert!(word.matches(b"\xe9bot\xe9") && !word.matches(b"robot"));
    }

    #[test]
    fn what_cannot_be_searched_in_linear_time_is_refused() {
        for bad in [
            "(",
            "(?!a)b",
            "(a)\\1",
            "a)|(b",
            "[z-a]",
            "(\\w{100}){100}{100}",
        ] {
            assert!(Pattern::within(bad).is_err(), "{bad}");
            assert!(Pattern::whole(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_expression_without_a_table_is_searched_all_the_same() {
        let large = "(?:[ab]*a[ab]{18}c)";
        let pattern = Pattern::within(large).unwrap();
        assert!(!pattern.has_table());
        assert!(pattern.matches(b"bbabababababababababac"));
        assert!(!pattern.matches(b"bbabababababababababad"));
    }

    proptest! {
        #[test]
        fn both_machines_agree(value in "[a-c./: ]{0,12}", regex in "[a-c.]{0,3}[*+?]?(\\|[a-c]{1,2})?") {
            let (Ok(within), Ok(whole)) = (Pattern::within(&regex), Pattern::whole(&regex)) else {
                return Ok(());
            };
            let slow_within = slow(&regex, Anchored::No);
            let slow_whole = slow(&format!("(?:{regex})\\z"), Anchored::Yes);
            prop_assert_eq!(within.matches(value.as_bytes()), slow_within.matches(value.as_bytes()));
            prop_assert_eq!(whole.matches(value.as_bytes()), slow_whole.matches(value.as_bytes()));
        }

        #[test]
        fn any_bytes_can_be_searched(value in prop::collection::vec(any::<u8>(), 0..100)) {
            let pattern = Pattern::within("(?i)b[o0]t\\b|^x.*y$").unwrap();
            let slow = slow("(?i)b[o0]t\\b|^x.*y$", Anchored::No);
            prop_assert_eq!(pattern.matches(&value), slow.matches(&value));
        }
    }
}
