//! The bars of the cases under stress: bursts, faults of origins, crowds of clients, change, time.

use super::verdict::Bar;
use super::verdict::Figure;
use super::verdict::bar;

pub(crate) const UNDER_STRESS: [Bar; 35] = [
    bar(
        Figure::TlsNginx,
        0.85,
        "x",
        "TLS 1.3, keep-alive, 64 connections, CPU/request: nginx",
    ),
    bar(Figure::TlsHaproxy, 0.85, "x", "the same: HAProxy"),
    bar(
        Figure::HandshakeNginx,
        0.85,
        "x",
        "full handshake, ECDSA P-256, CPU each: nginx",
    ),
    bar(
        Figure::HandshakeResumed,
        0.5,
        "x",
        "resumed handshake, CPU each, without its connection: full",
    ),
    bar(
        Figure::BurstGoodput,
        10.0,
        "%",
        "of the peak's good answers lost in a burst of ten times the capacity",
    ),
    bar(
        Figure::BurstSlower,
        5.0,
        "x",
        "p99 of what was admitted in it: before",
    ),
    bar(
        Figure::BurstRecovery,
        1000.0,
        "ms",
        "after it, until p99 is within 10 % of before",
    ),
    bar(
        Figure::SlowOriginInFlight,
        256.0,
        "requests",
        "at an origin that became ten times slower, at a time",
    ),
    bar(
        Figure::SlowOriginFirstTier,
        1.0,
        "%",
        "of the first tier's requests not served meanwhile",
    ),
    bar(
        Figure::FlapFailed,
        0.1,
        "%",
        "failed from a second after one of 4 targets did, worst of 4 kinds",
    ),
    bar(Figure::FlapIdempotent, 0.0, "GETs", "failed in all of it"),
    bar(
        Figure::StormLost,
        0.0,
        "connections",
        "of 5,000 within 100 ms neither served nor refused by rule",
    ),
    bar(
        Figure::StormSlower,
        2.0,
        "x",
        "p99 of others meanwhile: in quiet times",
    ),
    bar(
        Figure::SendersSlower,
        2.0,
        "x",
        "p99 of others beside 10,000 slow senders: without",
    ),
    bar(
        Figure::SlowlorisSlower,
        1.2,
        "x",
        "p99 of others beside 2,000 slow senders: without",
    ),
    bar(
        Figure::ReadersSlower,
        2.0,
        "x",
        "p99 of others beside the slow readers of 1 MiB: without",
    ),
    bar(
        Figure::ChangesFailed,
        0.0,
        "requests",
        "failed during 200 reloads by file, signal and REST",
    ),
    bar(Figure::ChangesTunnels, 0.0, "WebSockets", "lost meanwhile"),
    bar(
        Figure::UpgradesFailed,
        0.0,
        "requests",
        "failed during 20 upgrades of the binary",
    ),
    bar(
        Figure::UpgradesRefused,
        0.0,
        "connections",
        "refused meanwhile",
    ),
    bar(
        Figure::DrainLost,
        0.0,
        "requests",
        "in flight at SIGTERM and not answered",
    ),
    bar(
        Figure::DrainTunnels,
        0.0,
        "WebSockets",
        "of 1,000 cut before the declared time",
    ),
    bar(
        Figure::DrainLate,
        1000.0,
        "ms",
        "that the process outlived its declared time",
    ),
    bar(
        Figure::SoakMemory,
        1024.0,
        "KiB",
        "of resident memory gained in 10 minutes of a soak",
    ),
    bar(
        Figure::SoakDescriptors,
        5.0,
        "",
        "descriptors gained in 10 minutes of it",
    ),
    bar(
        Figure::SoakSlower,
        1.25,
        "x",
        "p99 of its last third: first third",
    ),
    bar(
        Figure::PanicOthers,
        0.0,
        "requests",
        "lost of the others when tasks panic",
    ),
    bar(
        Figure::Mutations,
        0.0,
        "changes",
        "of what is served by refused configurations",
    ),
    bar(
        Figure::OverloadGoodput,
        10.0,
        "%",
        "of the peak's good answers lost at twice the capacity",
    ),
    bar(
        Figure::OverloadRefusal,
        5.0,
        "ms",
        "p99 of a refusal meanwhile",
    ),
    bar(
        Figure::OverloadHealth,
        50.0,
        "ms",
        "slowest answer of the admin listener meanwhile",
    ),
    bar(
        Figure::DeadlineLate,
        250.0,
        "ms",
        "that a deadline is late under load",
    ),
    bar(
        Figure::ChaosViolations,
        0.0,
        "answers",
        "hanging, crossed, cut short as complete, or POSTs sent twice, among random faults",
    ),
    bar(
        Figure::LogFull,
        0.0,
        "requests",
        "failed while the log's disk is full",
    ),
    bar(
        Figure::ClockJumps,
        0.0,
        "requests",
        "failed while the wall clock jumps by a day",
    ),
];
