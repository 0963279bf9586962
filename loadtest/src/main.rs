//! The load kit: an origin, the floor, and the comparison that judges Silverback beside its peers.
//!
//! `silverback-loadtest compare` starts everything else; see `loadtest/README.md`.

mod bars;
mod cases;
mod client;
mod compare;
mod floor;
mod lane;
mod machine;
mod net;
mod open;
mod origin;
mod pace;
mod policies;
mod proc;
mod process;
mod report;
mod ring;
mod routes;
mod scripted;
mod slab;
mod stats;
mod verdict;
mod wrk;

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
    /// Serve answers that echo a request's number, or that have the fault it names.
    Scripted(scripted::Options),
    /// Forward bytes, knowing nothing of HTTP.
    Floor(floor::Options),
    /// Send an open-loop load somewhere and say what came of it.
    Load(open::profile::Options),
    /// Run the cases against the floor, Silverback, nginx and HAProxy; write a report.
    Compare(compare::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Origin(options) => origin::run(&options).map(|()| true),
        Command::Scripted(options) => scripted::run(&options).map(|()| true),
        Command::Floor(options) => floor::run(&options).map(|()| true),
        Command::Load(options) => open::profile::run(&options),
        Command::Compare(options) => compare::run(options),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        // A figure missed its bar, or a case failed; the report says which.
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("silverback-loadtest: {error}");
            ExitCode::FAILURE
        }
    }
}
