//! `docs/errors.md` tells operators about every cause of failure. Its table must be the code's own.

use std::fmt::Write as _;

use silverback::http::Cause;

#[test]
fn the_table_of_causes_is_the_codes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md");
    let page = std::fs::read_to_string(path).expect("docs/errors.md is part of the repository");
    let found: String = page
        .lines()
        .skip_while(|line| !line.starts_with("| Code |"))
        .take_while(|line| line.starts_with('|'))
        .flat_map(|line| [line, "\n"])
        .collect();
    let expected = table();
    assert!(
        found == expected,
        "the table in docs/errors.md should read:\n\n{expected}"
    );
}

fn table() -> String {
    let mut table = String::from("| Code | Status | Message | `Proxy-Status` | When |\n");
    table.push_str("|---|---|---|---|---|\n");
    for cause in Cause::ALL {
        let row = cause.row();
        let cells = [row.message, row.proxy_status, row.when];
        let plain = |cell: &&str| !cell.contains(['|', '\n']);
        assert!(
            cells.iter().all(plain),
            "{} would break the table",
            row.code
        );
        writeln!(
            table,
            "| `{}` | {} | {} | `{}` | {} |",
            row.code, row.status, row.message, row.proxy_status, row.when
        )
        .expect("a string takes everything");
    }
    table
}
