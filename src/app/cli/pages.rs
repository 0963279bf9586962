//! What is generated from the command line's declaration: version, completion scripts, manual
//! pages.

use std::io;
use std::io::Write;
use std::path::Path;

use clap::CommandFactory as _;

use super::Cli;
use super::Format;

/// Writes the version, with what a report of a defect needs to say.
///
/// # Errors
/// Those of `out`.
pub fn version(format: Format, out: &mut impl Write) -> io::Result<()> {
    let (version, system, machine) = (
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
    );
    match format {
        Format::Text => writeln!(out, "silverback {version} ({machine}-{system})"),
        Format::Json => {
            let fields = serde_json::json!({
                "name": "silverback", "version": version, "os": system, "arch": machine,
            });
            writeln!(out, "{fields}")
        }
    }
}

/// Writes the completion script for `shell`.
///
/// # Errors
/// Those of `out`.
pub fn completion(shell: clap_complete::Shell, out: &mut impl Write) -> io::Result<()> {
    // The generator takes a broken pipe for a defect, so it writes to memory first.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "silverback", &mut script);
    out.write_all(&script)
}

/// Writes the manual page of the program.
///
/// # Errors
/// Those of `out`.
pub fn man(out: &mut impl Write) -> io::Result<()> {
    clap_mangen::Man::new(Cli::command()).render(out)
}

/// Writes one manual page for each command into `dir`, which is made if it is missing.
///
/// # Errors
/// Those of writing the files.
pub fn man_dir(dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    clap_mangen::generate_to(Cli::command(), dir)
}
