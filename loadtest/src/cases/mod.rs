//! The cases: throughput (CPU per request beside the peers) and behaviour (pass or fail).

mod bench;
mod burst;
mod changes;
mod chaos;
mod churn;
mod crowd;
mod deadlines;
mod drain;
mod flap;
mod futex;
mod handshake;
mod idle;
mod install;
mod limit;
mod memory;
mod mutations;
mod overload;
mod panic;
mod plugins;
mod posts;
mod reload;
mod slow_origin;
mod slow_reader;
mod soak;
mod stale_pool;
mod surroundings;
mod throughput;
mod tunnels;

use std::io;

use clap::ValueEnum;

use crate::compare::Run;

/// What can be run by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    #[value(name = "keepalive-64")]
    Keepalive64,
    #[value(name = "keepalive-4")]
    Keepalive4,
    #[value(name = "keepalive-1000")]
    Keepalive1000,
    NewConnection,
    #[value(name = "body-64k")]
    Body64k,
    #[value(name = "body-1m")]
    Body1m,
    #[value(name = "post-4k")]
    Post4k,
    #[value(name = "routes-15000")]
    Routes15000,
    #[value(name = "idle-10000")]
    Idle10000,
    #[value(name = "memory-15000")]
    Memory15000,
    #[value(name = "install-15000")]
    Install15000,
    #[value(name = "reload-100")]
    Reload100,
    SlowReader,
    StalePool,
    Futex,
    #[value(name = "plugins-64")]
    Plugins64,
    #[value(name = "plugins-15000")]
    Plugins15000,
    CacheHit,
    #[value(name = "limit-1000")]
    Limit1000,
    #[value(name = "churn-15000")]
    Churn15000,
    #[value(name = "posts-15000")]
    Posts15000,
    TlsKeepalive,
    TlsHandshake,
    Burst,
    Flap,
    #[value(name = "connections-5000")]
    Connections5000,
    SlowSenders,
    SlowReaders,
    #[value(name = "reload-200")]
    Reload200,
    #[value(name = "upgrade-20")]
    Upgrade20,
    Chaos,
    SlowOrigin,
    Overload,
    Drain,
    Panic,
    Mutations,
    Deadlines,
    LogFull,
    ClockJumps,
    Soak,
}

impl Case {
    /// The name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Runs one case and adds its results to the report.
pub(crate) fn run(run: &mut Run, case: Case) -> io::Result<()> {
    match case {
        Case::Keepalive64
        | Case::Keepalive4
        | Case::Keepalive1000
        | Case::NewConnection
        | Case::Body64k
        | Case::Body1m
        | Case::Post4k => throughput::plain(run, case),
        Case::Routes15000 => throughput::routes(run),
        Case::Idle10000 => idle::run(run),
        Case::Memory15000 => memory::run(run),
        Case::Install15000 => install::run(run),
        Case::Reload100 => reload::run(run),
        Case::SlowReader => slow_reader::run(run),
        Case::StalePool => stale_pool::run(run),
        Case::Futex => futex::run(run),
        Case::Plugins64 => plugins::cost(run),
        Case::Plugins15000 => plugins::market(run),
        Case::CacheHit => plugins::cache(run),
        Case::Limit1000 => limit::run(run),
        Case::Churn15000 => churn::run(run),
        Case::Posts15000 => posts::run(run),
        Case::TlsKeepalive => throughput::tls(run),
        Case::TlsHandshake => handshake::run(run),
        Case::Burst => burst::run(run),
        Case::Flap => flap::run(run),
        Case::Connections5000 => crowd::storm(run),
        Case::SlowSenders => crowd::senders(run),
        Case::SlowReaders => crowd::readers(run),
        Case::Reload200 => changes::reloads(run),
        Case::Upgrade20 => changes::upgrades(run),
        Case::Chaos => chaos::run(run),
        Case::SlowOrigin => slow_origin::run(run),
        Case::Overload => overload::run(run),
        Case::Drain => drain::run(run),
        Case::Panic => panic::run(run),
        Case::Mutations => mutations::run(run),
        Case::Deadlines => deadlines::run(run),
        Case::LogFull => surroundings::full(run),
        Case::ClockJumps => surroundings::clock(run),
        Case::Soak => soak::run(run),
    }
}
