//! Reads the reviewed lists of the cases that are answered otherwise than they were recorded.

use std::path::Path;

/// Case and reason, one in a line; lines that begin with `#` are comments.
pub(crate) fn differences(name: &str) -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let text = std::fs::read_to_string(directory.join(name)).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let split = lines.map(|line| line.split_once(' ').expect("a case and its reason"));
    split
        .map(|(id, reason)| (id.to_owned(), reason.trim().to_owned()))
        .collect()
}
