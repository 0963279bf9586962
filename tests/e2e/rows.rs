//! The requirement rows that this suite answers for, and those that wait for a part of the gateway that does
//! not exist yet. `rows_are_proved` compares them with what the cases and the corpora name.

use std::collections::BTreeMap;

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
const FAULTS: [&str; 57] = [
    "FU1", "FU2", "FU3", "FU4", "FU5", "FU6", "FU7", "FU8", "FU9", "FU10", "FU11", "FU12", "FU13",
    "FU14", "FU15", "FU16", "FU17", "FU18", "FU19", "FU20", "FU21", "FU22", "FU23", "FU24", "FU25",
    "FU26", "FU27", "FU28", "FU29", "FU30", "FC1", "FC2", "FC3", "FC4", "FC5", "FC6", "FC7", "FC8",
    "FC9", "FC10", "FC11", "FC15", "FC18", "FC19", "FC20", "FR1", "FR3", "FR11", "FP1", "FP2",
    "FP3", "FP5", "FZ1", "FZ2", "FZ8", "FT4", "FZ13",
];

const TLS: &str = "needs TLS, which comes with its own part";
const HTTP2: &str = "needs HTTP/2, which comes with its own part";
const PLUGIN: &str = "needs a plugin that changes messages";

/// Rows without a test here, each with its reason.
pub(crate) const NOT_APPLICABLE: [(&str, &str); 21] = [
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
    ("O14", "shedding comes with resilience"),
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
