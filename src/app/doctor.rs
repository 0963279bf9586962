//! `silverback doctor`: whether this machine is fit for the gateway, and what to do where it is
//! not.
//!
//! Three steps: [`Facts::read`] asks the machine, [`examine`] judges without touching it, [`mod@print`]
//! writes. Nothing is changed, and nothing outside of this machine is asked.

use serde::Serialize;

mod checks;
mod facts;
pub mod print;
#[cfg(test)]
mod tests;

pub use facts::Facts;
pub use facts::Ring;

use crate::app::cli::Exit;

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at; stable, for scripts.
    pub name: &'static str,
    /// How it stands.
    pub status: Status,
    /// What was found.
    pub found: String,
    /// What to do; empty when there is nothing to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It works, at a cost or up to a limit.
    Warn,
    /// The gateway will not run, or not as configured.
    Fail,
}

/// What the configuration asks of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// `limits.connections`.
    pub connections: usize,
    /// `gateway.workers`; none for `auto`.
    pub workers: Option<usize>,
}

impl Default for Needs {
    fn default() -> Self {
        Self {
            connections: crate::base::limits::CONNECTIONS,
            workers: None,
        }
    }
}

/// Judges the machine.
pub fn examine(facts: &Facts, needs: &Needs) -> Vec<Check> {
    vec![
        checks::kernel(facts),
        checks::io_uring(facts),
        checks::locked_memory(facts),
        checks::open_files(facts, needs),
        checks::backlog(facts),
        checks::ports(facts),
        checks::time_wait(facts),
        checks::cores(facts, needs),
        checks::huge_pages(facts),
        checks::clock(facts),
    ]
}

/// How the program should end after these findings.
pub fn exit(checks: &[Check]) -> Exit {
    let failed = checks.iter().any(|check| check.status == Status::Fail);
    if failed { Exit::Refused } else { Exit::Fine }
}
