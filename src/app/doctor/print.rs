//! Writes the findings: an aligned table for people, JSON for programs.

use std::io;
use std::io::Write;

use super::Check;
use super::Status;

/// Whether to colour what goes to a stream: a terminal, and `NO_COLOR` (no-color.org) absent or
/// empty.
pub fn wants_colour(is_terminal: bool) -> bool {
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes one line a check, its remedy below, and a summary.
///
/// # Errors
/// Those of `out`.
pub fn text(checks: &[Check], colour: bool, out: &mut impl Write) -> io::Result<()> {
    let width = checks
        .iter()
        .map(|check| check.name.len())
        .max()
        .unwrap_or(0);
    for check in checks {
        let (word, code) = match check.status {
            Status::Ok => ("ok  ", "32"),
            Status::Warn => ("warn", "33"),
            Status::Fail => ("FAIL", "31;1"),
        };
        let (on, off) = if colour {
            (format!("\x1b[{code}m"), "\x1b[0m")
        } else {
            <_>::default()
        };
        writeln!(
            out,
            "{on}{word}{off}  {:width$}  {}",
            check.name, check.found
        )?;
        if !check.remedy.is_empty() {
            writeln!(out, "      {:width$}  > {}", "", check.remedy)?;
        }
    }
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    match (count(Status::Fail), count(Status::Warn)) {
        (0, 0) => writeln!(out, "\nThis machine is fit."),
        (0, warned) => writeln!(out, "\nThis machine is fit; {warned} could be better."),
        (failed, warned) => writeln!(
            out,
            "\nThis machine is not fit: {failed} failed, {warned} could be better."
        ),
    }
}

/// Writes `{"status": ..., "checks": [...]}`, the status being the worst of all.
///
/// # Errors
/// Those of `out`.
pub fn json(checks: &[Check], out: &mut impl Write) -> io::Result<()> {
    let status = checks
        .iter()
        .map(|check| check.status)
        .max()
        .unwrap_or(Status::Ok);
    serde_json::to_writer_pretty(
        &mut *out,
        &serde_json::json!({ "status": status, "checks": checks }),
    )?;
    writeln!(out)
}
