//! The comparison: which cases run, against which lanes, and what becomes of their results.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddrV4;
use std::path::PathBuf;

use clap::Args;
use clap::ValueEnum;

use crate::cases;
use crate::cases::Case;
use crate::lane::Custom;
use crate::lane::Entities;
use crate::lane::Lane;
use crate::lane::Setup;
use crate::lane::Workshop;
use crate::machine;
use crate::net;
use crate::policies::Policies;
use crate::process::Process;
use crate::report::LaneInfo;
use crate::report::Report;
use crate::report::Settings;
use crate::routes::Catalogue;
use crate::verdict;

/// What to compare, and how long.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Cases to run; all when none is named.
    cases: Vec<Case>,
    /// Lanes to run, separated by commas.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "floor,silverback,nginx,haproxy,node"
    )]
    only: Vec<Lane>,
    /// Rounds of each throughput case.
    #[arg(long, default_value_t = 9)]
    pub(crate) rounds: usize,
    /// Seconds of each lane's turn in a round.
    #[arg(long, default_value_t = 1)]
    pub(crate) seconds: u64,
    /// At most three rounds of one second and shorter behaviour cases: for a first look, not for a verdict.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Requests of `chaos`; a million if it is not said.
    #[arg(long)]
    pub(crate) requests: Option<u64>,
    /// Minutes of `soak`; ten if it is not said.
    #[arg(long)]
    pub(crate) minutes: Option<u64>,
    /// What `chaos` and `mutations` draw its faults from; by the clock if it is not said.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Requests a second of `chaos`, some of which wait for their deadline.
    #[arg(long, default_value_t = 2000.0)]
    pub(crate) rate: f64,
    /// nginx and HAProxy add the forwarding fields that Silverback always adds.
    #[arg(long)]
    peer_headers: bool,
    /// Where the report and the programs' logs go.
    #[arg(long, default_value = "target/loadtest")]
    pub(crate) out: PathBuf,
    /// Silverback's binary.
    #[arg(long, default_value = "target/release/silverback")]
    silverback: PathBuf,
}

/// Everything a case needs.
pub(crate) struct Run {
    pub(crate) options: Options,
    pub(crate) workshop: Workshop,
    /// Lanes asked for whose program runs.
    pub(crate) lanes: Vec<Lane>,
    pub(crate) report: Report,
}

/// A running origin.
pub(crate) struct Origin {
    /// Ends with the drop.
    pub(crate) process: Process,
    pub(crate) address: SocketAddrV4,
}

/// Runs the cases and writes the report; `true` when every measured figure met its bar.
pub(crate) fn run(mut options: Options) -> io::Result<bool> {
    machine::raise_descriptor_limit();
    if options.quick {
        options.rounds = options.rounds.min(3);
        options.seconds = 1;
    }
    options.out = std::path::absolute(&options.out)?;
    fs::create_dir_all(&options.out)?;
    let workshop = Workshop {
        own: std::env::current_exe()?,
        silverback: std::path::absolute(&options.silverback)?,
        directory: options.out.join("work"),
    };
    // Leftovers of an earlier run; only the kit writes below it.
    let _ = fs::remove_dir_all(&workshop.directory);
    fs::create_dir_all(&workshop.directory)?;
    let infos: Vec<LaneInfo> = options
        .only
        .iter()
        .map(|lane| LaneInfo::new(*lane, lane.version(&workshop)))
        .collect();
    let lanes = infos
        .iter()
        .filter(|info| info.skipped.is_none())
        .map(|info| info.lane)
        .collect();
    let settings = Settings {
        rounds: options.rounds,
        seconds: options.seconds,
        quick: options.quick,
        peer_headers: options.peer_headers,
    };
    let report = Report::new(machine::describe(), settings, infos);
    let mut run = Run {
        options,
        workshop,
        lanes,
        report,
    };
    run.all()
}

impl Run {
    fn all(&mut self) -> io::Result<bool> {
        for info in self
            .report
            .lanes
            .iter()
            .filter(|info| info.skipped.is_some())
        {
            eprintln!(
                "SKIPPED {}: {}",
                info.lane.name(),
                info.skipped.as_deref().unwrap_or("")
            );
        }
        let named = std::mem::take(&mut self.options.cases);
        let cases = if named.is_empty() {
            Case::value_variants().to_vec()
        } else {
            named
        };
        for case in cases {
            eprintln!("== {}", case.name());
            if let Err(error) = cases::run(self, case) {
                eprintln!("FAILED {}: {error}", case.name());
                self.report
                    .failures
                    .push(format!("{}: {error}", case.name()));
            }
            // After each case, so that an interrupted run leaves what it measured.
            self.report.verdict = verdict::judge(&self.report.measured);
            self.report.write(&self.options.out)?;
        }
        let _ = fs::remove_dir_all(&self.workshop.directory);
        println!("{}", self.report.markdown());
        eprintln!(
            "written: {}/report.md and report.json",
            self.options.out.display()
        );
        let missed = self.report.verdict.iter().any(|row| row.met == Some(false));
        Ok(!missed && self.report.failures.is_empty())
    }

    /// An origin on CPU 1 with extra arguments.
    pub(crate) fn origin(&self, arguments: &[&str]) -> io::Result<Origin> {
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, net::free_port()?);
        self.origin_at(address, "origin", arguments)
    }

    /// The origin that misbehaves, on CPU 1.
    pub(crate) fn scripted(&self, arguments: &[&str]) -> io::Result<Origin> {
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, net::free_port()?);
        self.origin_at(address, "scripted", arguments)
    }

    /// An origin of a kind at an address, which nobody listens on.
    pub(crate) fn origin_at(
        &self,
        address: SocketAddrV4,
        kind: &str,
        arguments: &[&str],
    ) -> io::Result<Origin> {
        let listen = format!("--listen={address}");
        let all = [kind, &listen].into_iter().chain(arguments.iter().copied());
        let log = self
            .workshop
            .directory
            .join(format!("{kind}-{}.log", address.port()));
        let mut process = Process::start(&self.workshop.own, all, "1", &log)?;
        process.listens(address)?;
        Ok(Origin { process, address })
    }

    /// Says that a case, or a part of it, cannot run.
    pub(crate) fn skip(&mut self, case: Case, reason: &str) {
        eprintln!("SKIPPED {}: {reason}", case.name());
        self.report
            .skipped
            .push(format!("{}: {reason}", case.name()));
    }

    /// Whether Silverback takes a configuration; the case is skipped with its words if not.
    pub(crate) fn takes(&mut self, case: Case, setup: &Setup) -> io::Result<bool> {
        let refused = self.workshop.refusal(setup)?;
        if let Some(why) = &refused {
            self.skip(
                case,
                &format!("this Silverback does not take the configuration: {why}"),
            );
        }
        Ok(refused.is_none())
    }

    /// The plain setup: one worker on CPU 0.
    pub(crate) fn setup(&self, origin: &Origin) -> Setup {
        Setup {
            origin: origin.address,
            catalogue: Catalogue::Plain,
            policies: Policies::None,
            entities: Entities::File,
            workers: 1,
            cpus: "0",
            reloadable: false,
            prefix: String::new(),
            peer_headers: self.options.peer_headers,
            bulk: false,
            connections: 16_384,
            custom: Custom::default(),
        }
    }

    /// The lanes of a behaviour case: those among `wanted` that run.
    pub(crate) fn lanes_among(&self, wanted: &[Lane]) -> Vec<Lane> {
        self.lanes
            .iter()
            .copied()
            .filter(|lane| wanted.contains(lane))
            .collect()
    }

    /// `long`, or `short` in a quick run.
    pub(crate) const fn pick(&self, long: u64, short: u64) -> u64 {
        if self.options.quick { short } else { long }
    }
}
