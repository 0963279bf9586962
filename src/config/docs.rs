//! The reference part of `docs/configuration.md`, printed from the tables that the loader works with.

use std::fmt::Write;

use super::code::Code;
use super::schema::Reload;
use super::schema::SECTIONS;
use super::schema::Section;

/// Every section with its keys, then every kind of fault, as Markdown.
pub fn reference() -> String {
    let mut out = String::new();
    for section in SECTIONS {
        write_section(section, &mut out);
    }
    out.push_str("## Faults\n\n| code | meaning |\n|---|---|\n");
    for row in Code::ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "| {} | {} |", row.number, row.meaning);
    }
    out
}

fn write_section(section: &Section, out: &mut String) {
    let _ = write!(out, "## {}\n\n{}\n\n", section.title, section.about);
    if section.keys.is_empty() {
        return;
    }
    out.push_str("| key | type | default | permitted | example | reload | meaning |\n");
    out.push_str("|---|---|---|---|---|---|---|\n");
    for key in section.keys {
        let reload = match key.reload {
            Reload::Yes => "yes",
            Reload::Restart => "restart",
        };
        let default = if key.default.starts_with('(') {
            key.default.to_owned()
        } else {
            format!("`{}`", key.default)
        };
        let _ = writeln!(
            out,
            "| `{}` | {} | {default} | {} | `{}` | {reload} | {} |",
            key.name, key.kind, key.range, key.example, key.about
        );
    }
    out.push('\n');
}
