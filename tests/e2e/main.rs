//! The gateway from outside: the real binary, real sockets, scripted origins, hostile clients. Every case
//! names the requirement rows that it proves; `rows_are_proved` fails when a row has lost its test.
//!
//! Cases that need an outside tool, or io_uring, are reported as ignored where it is missing, and run where
//! `SILVERBACK_CI_TOOLS=1` promises it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test: it fails by panicking, reads the clock for its deadlines, and its helper threads share state behind locks"
)]

#[path = "../golden/differences.rs"]
mod differences;
mod rows;
mod suites;
mod support;

use std::collections::BTreeMap;
use std::process::ExitCode;

use libtest_mimic::Arguments;
use libtest_mimic::Failed;
use libtest_mimic::Trial;

use support::Case;

fn main() -> ExitCode {
    support::report::install_hook();
    let mut arguments = Arguments::from_args();
    // Most cases wait for a deadline most of the time: more of them than cores may run.
    arguments.test_threads = arguments.test_threads.or(Some(8));
    let cases = suites::cases();
    let mut trials: Vec<Trial> = cases.iter().map(|case| trial(*case)).collect();
    trials.push(Trial::test("rows_are_proved", move || {
        rows::check(&proofs(&cases)).map_err(Failed::from)
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A case as the harness runs it.
fn trial(case: Case) -> Trial {
    let missing = case
        .needs
        .iter()
        .find(|tool| !support::tools::available(tool));
    let name = case.name.trim_start_matches("e2e::suites::");
    let trial = Trial::test(name, move || {
        support::report::run(case.run).map_err(Failed::from)
    });
    match missing {
        Some(tool) if !support::tools::promised() => trial
            .with_kind(format!("needs {tool}"))
            .with_ignored_flag(true),
        _ => trial,
    }
}

/// Which tests and specimens name which row.
fn proofs(cases: &[Case]) -> BTreeMap<String, Vec<String>> {
    let mut proofs = BTreeMap::<String, Vec<String>>::new();
    for case in cases {
        for row in case.rows {
            proofs
                .entry((*row).to_owned())
                .or_default()
                .push(case.name.to_owned());
        }
    }
    for corpus in ["smuggling", "responses"] {
        for specimen in support::corpus::load(corpus) {
            proofs.entry(specimen.row).or_default().push(specimen.name);
        }
    }
    proofs
}
