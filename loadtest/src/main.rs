//! The load kit: an origin, the floor, and the comparison that judges Silverback beside its peers.
//!
//! `silverback-loadtest compare` starts everything else; see `loadtest/README.md`.

mod floor;
mod net;
mod origin;
mod ring;
mod slab;

use std::process::ExitCode;

use clap::Parser;
use clap::Subcommand;

#[derive(Parser)]
#[command(about = "Origin, floor, and comparison runs for Silverback")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve prepared answers.
    Origin(origin::Options),
    /// Forward bytes, knowing nothing of HTTP.
    Floor(floor::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Origin(options) => origin::run(&options).map_err(|error| error.to_string()),
        Command::Floor(options) => floor::run(&options).map_err(|error| error.to_string()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("silverback-loadtest: {error}");
            ExitCode::FAILURE
        }
    }
}
