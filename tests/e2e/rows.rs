//! The requirement rows that this suite answers for, and those that wait for a part of the gateway that does
//! not exist yet. `rows_are_proved` compares them with what the cases and the corpora name.

use std::collections::BTreeMap;
use std::path::Path;

/// Sections of the requirements and how many rows each has.
const SECTIONS: [(&str, u32); 16] = [
    ("A", 24),
    ("B", 9),
    ("C", 20),
    ("D", 26),
    ("E", 18),
    ("F", 12),
    ("G", 12),
    ("H", 7),
    ("I", 7),
    ("J", 14),
    ("K", 14),
    ("L", 9),
    ("V", 11),
    ("N", 19),
    ("O", 15),
    ("P", 7),
];

/// Faults of origins and clients, machine and life cycle: the rows that this suite provokes.
const FAULTS: &[&str] = &[
    "FU1", "FU2", "FU3", "FU4", "FU5", "FU6", "FU7", "FU8", "FU9", "FU10", "FU11", "FU12", "FU13",
    "FU14", "FU15", "FU16", "FU17", "FU18", "FU19", "FU20", "FU21", "FU22", "FU23", "FU24", "FU25",
    "FU26", "FU27", "FU28", "FU29", "FU30", "FC1", "FC2", "FC3", "FC4", "FC5", "FC6", "FC7", "FC8",
    "FC9", "FC10", "FC11", "FC12", "FC13", "FC14", "FC15", "FC18", "FC19", "FC20", "FR1", "FR2",
    "FR3", "FR4", "FR8", "FR11", "FR12", "FR13", "FR14", "FP1", "FP2", "FP3", "FP5", "FP7", "FP9",
    "FP10", "FP12", "FT1", "FT2", "FT3", "FT4", "FD5", "FZ1", "FZ2", "FZ4", "FZ5", "FZ8", "FZ13",
    "FZ14", "FZ15", "FZ16", "FI4", "FI6",
];

/// Faults that another suite provokes, where that is nearer to their cause: the row, the file, the test in it.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "FP4",
        "tests/config/reload.rs",
        "fifteen_thousand_apis_load_and_a_reload_shares_what_did_not_change",
    ),
    (
        "FP4",
        "tests/config/reload.rs",
        "no_more_faults_are_told_than_anyone_would_read",
    ),
    (
        "FP6",
        "src/control/tests.rs",
        "reloads_asked_for_together_become_one",
    ),
    (
        "FP6",
        "src/control/tests.rs",
        "old_snapshots_are_freed_on_control",
    ),
    (
        "FP9",
        "tests/admin/behaviour.rs",
        "etags_guard_writes_and_save_readers_the_body",
    ),
    (
        "FP11",
        "tests/admin/behaviour.rs",
        "bodies_are_bounded_and_must_be_what_they_say",
    ),
    (
        "FT4",
        "src/control/dns/tests.rs",
        "each_failure_is_told_apart_and_an_error_is_soon_asked_again",
    ),
    (
        "FZ4",
        "tests/store.rs",
        "nothing_acknowledged_is_lost_whenever_the_process_is_killed",
    ),
    (
        "FZ7",
        "src/control/tests.rs",
        "a_worker_that_ends_is_replaced_once",
    ),
    (
        "FZ10",
        "src/store/tests/opening.rs",
        "a_file_that_was_cut_short_is_refused",
    ),
    (
        "FZ11",
        "src/store/tests/opening.rs",
        "a_file_that_was_tampered_with_is_refused_or_whole",
    ),
    (
        "FR5",
        "src/store/tests/failing.rs",
        "what_the_disk_refuses_has_not_happened",
    ),
    (
        "FZ12",
        "src/store/tests/failing.rs",
        "whatever_a_loss_of_power_leaves_holds_what_was_acknowledged",
    ),
];

const TLS: &str = "needs TLS, which comes with its own part";
const HTTP2: &str = "needs HTTP/2, which comes with its own part";
const PLUGIN: &str = "needs a plugin that changes messages";

/// Rows without a test here, each with its reason.
pub(crate) const NOT_APPLICABLE: &[(&str, &str)] = &[
    ("B7", TLS),
    (
        "D22",
        "no setting says that an origin speaks HTTP/1.0 alone; HTTP/1.1 is always assumed, as in Kong",
    ),
    ("D23", PLUGIN),
    ("F9", PLUGIN),
    ("F10", PLUGIN),
    ("G5", "needs a plugin that buffers a request's body"),
    ("H7", "CONNECT is refused (A18), so it has no 2xx"),
    ("I6", PLUGIN),
    ("J14", HTTP2),
    ("K12", TLS),
    ("L9", TLS),
    ("O12", TLS),
    ("O13", "needs the rate-limiting plugin"),
    ("P1", TLS),
    ("P2", TLS),
    ("P3", TLS),
    ("P4", TLS),
    ("P5", TLS),
    ("P6", TLS),
    ("P7", TLS),
];

/// Every row by its id, in the order of the requirements.
pub(crate) fn all() -> Vec<String> {
    let mut rows = Vec::new();
    for (section, count) in SECTIONS {
        rows.extend((1..=count).map(|number| format!("{section}{number}")));
    }
    rows.extend(FAULTS.iter().map(|&row| row.to_owned()));
    rows
}

/// Compares the rows with what proves them; the error lists every row that is wrong.
pub(crate) fn check(proofs: &BTreeMap<String, Vec<String>>) -> Result<(), String> {
    let rows = all();
    let mut faults = Vec::new();
    for row in &rows {
        let excused = NOT_APPLICABLE.iter().any(|(id, _)| id == row);
        match (proofs.contains_key(row), excused) {
            (false, false) => faults.push(format!("{row}: no test names it")),
            (true, true) => faults.push(format!("{row}: tested, yet listed as not applicable")),
            _ => {}
        }
    }
    faults.extend(ELSEWHERE.iter().filter_map(|proof| missing(*proof)));
    for (row, tests) in proofs {
        if !rows.contains(row) {
            faults.push(format!("{row}: named by {tests:?}, and no such row"));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

/// What is wrong with a proof that another suite is said to hold: its file must have that test.
fn missing((row, file, test): (&str, &str, &str)) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return Some(format!("{row}: {file}: {error}")),
    };
    let Some((before, _)) = text.split_once(&format!("fn {test}(")) else {
        return Some(format!("{row}: no test {test} in {file}"));
    };
    // Its attributes may be several; nothing else stands between `#[test]` and the name.
    let lines = before.trim_end().lines().rev();
    let marked = lines
        .take_while(|line| line.trim_start().starts_with('#'))
        .any(|line| line.trim() == "#[test]");
    (!marked).then(|| format!("{row}: {test} in {file} is no test"))
}
