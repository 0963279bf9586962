//! The bars, one row each, and whether what was measured is under them. A figure that was not
//! measured is said to be so; nothing is rounded towards a bar.

use serde::Serialize;

use crate::bars::UNDER_STRESS;

/// A figure with its bar: the measured value may be at most that.
pub(crate) struct Bar {
    id: Figure,
    name: &'static str,
    at_most: f64,
    unit: &'static str,
}

/// The figures, by the name that cases use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Figure {
    Keepalive64Floor,
    Keepalive64Nginx,
    Keepalive64Haproxy,
    Keepalive4Nginx,
    Keepalive1000Nginx,
    NewConnectionNginx,
    Body1mNginx,
    Routes15000,
    InstallAll,
    InstallOne,
    InstallFailed,
    InstallSlower,
    IdleMemory,
    RoutesMemory,
    Parser,
    Allocations,
    ReloadFailed,
    ReloadUnannounced,
    ReloadStale,
    SlowReaderPulled,
    SlowReaderMemory,
    SlowReaderDisk,
    StaleGets,
    StalePosts,
    Futex,
    PluginsPlain,
    PluginsNginx,
    PluginsLua,
    MarketCost,
    MarketMemory,
    MarketStart,
    CacheHit,
    LimitBeyond,
    LimitUnused,
    ChurnFailed,
    ChurnInstalled,
    ChurnSlower,
    PostsEntity,
    TlsNginx,
    TlsHaproxy,
    HandshakeNginx,
    HandshakeResumed,
    BurstGoodput,
    BurstSlower,
    BurstRecovery,
    SlowOriginInFlight,
    SlowOriginFirstTier,
    FlapFailed,
    FlapIdempotent,
    StormLost,
    StormSlower,
    SendersSlower,
    SlowlorisSlower,
    ReadersSlower,
    ChangesFailed,
    ChangesTunnels,
    UpgradesFailed,
    UpgradesRefused,
    DrainLost,
    DrainTunnels,
    DrainLate,
    SoakMemory,
    SoakDescriptors,
    SoakSlower,
    PanicOthers,
    Mutations,
    OverloadGoodput,
    OverloadRefusal,
    OverloadHealth,
    DeadlineLate,
    ChaosViolations,
    LogFull,
    ClockJumps,
}

/// One measured figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) figure: Figure,
    pub(crate) value: f64,
    /// The middle half of the rounds, where there were rounds.
    pub(crate) middle: Option<(f64, f64)>,
    /// Spread, counts, or what else helps to judge it.
    pub(crate) detail: String,
}

/// One line of the verdict.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) at_most: f64,
    pub(crate) unit: &'static str,
    pub(crate) measured: Option<f64>,
    pub(crate) detail: String,
    pub(crate) met: Option<bool>,
    /// The bar lies within the middle half of the rounds: another run may say the opposite.
    pub(crate) close: bool,
}

impl Measured {
    /// A figure that was counted, not repeated.
    pub(crate) fn counted(figure: Figure, value: f64, detail: impl Into<String>) -> Self {
        Self {
            figure,
            value,
            middle: None,
            detail: detail.into(),
        }
    }
}

/// Holds every bar against what was measured.
pub(crate) fn judge(measured: &[Measured]) -> Vec<Row> {
    BARS.iter()
        .chain(&UNDER_STRESS)
        .map(|bar| {
            let found = measured.iter().rev().find(|found| found.figure == bar.id);
            Row {
                name: bar.name,
                at_most: bar.at_most,
                unit: bar.unit,
                measured: found.map(|found| found.value),
                detail: found.map_or_else(|| elsewhere(bar.id), |found| found.detail.clone()),
                met: found.map(|found| found.value <= bar.at_most),
                close: found
                    .and_then(|found| found.middle)
                    .is_some_and(|(low, high)| low <= bar.at_most && bar.at_most < high),
            }
        })
        .collect()
}

fn elsewhere(figure: Figure) -> String {
    match figure {
        Figure::Parser => "counted under callgrind by `bench/`".to_owned(),
        Figure::Allocations => "counted by a test of the gateway".to_owned(),
        _ => "not measured in this run".to_owned(),
    }
}

pub(crate) const fn bar(id: Figure, at_most: f64, unit: &'static str, name: &'static str) -> Bar {
    Bar {
        id,
        name,
        at_most,
        unit,
    }
}

const BARS: [Bar; 38] = [
    bar(
        Figure::Keepalive64Floor,
        1.10,
        "x",
        "keep-alive, 64 connections, CPU/request: floor",
    ),
    bar(
        Figure::Keepalive64Nginx,
        0.80,
        "x",
        "keep-alive, 64 connections, CPU/request: nginx",
    ),
    bar(
        Figure::Keepalive64Haproxy,
        0.70,
        "x",
        "keep-alive, 64 connections, CPU/request: HAProxy",
    ),
    bar(
        Figure::Keepalive4Nginx,
        0.90,
        "x",
        "keep-alive, 4 connections, CPU/request: nginx",
    ),
    bar(
        Figure::Keepalive1000Nginx,
        0.90,
        "x",
        "keep-alive, 1,000 connections, CPU/request: nginx",
    ),
    bar(
        Figure::NewConnectionNginx,
        1.00,
        "x",
        "new connection per request, CPU/request: nginx",
    ),
    bar(
        Figure::Body1mNginx,
        0.90,
        "x",
        "1 MiB bodies, CPU per MiB: nginx",
    ),
    bar(
        Figure::Routes15000,
        1.03,
        "x",
        "15,000 routes against 1 route, CPU/request",
    ),
    bar(
        Figure::InstallAll,
        1000.0,
        "ms",
        "read, compile and install 15,000 routes",
    ),
    bar(
        Figure::InstallOne,
        100.0,
        "ms",
        "the same after a change of one route",
    ),
    bar(
        Figure::InstallFailed,
        0.0,
        "requests",
        "failed while installing, at 50 % load",
    ),
    bar(
        Figure::InstallSlower,
        5.0,
        "ms",
        "slowest request while installing, beyond quiet times",
    ),
    bar(
        Figure::IdleMemory,
        1024.0,
        "bytes",
        "user memory of an idle keep-alive connection",
    ),
    bar(
        Figure::RoutesMemory,
        60.0,
        "MB",
        "resident memory with 15,000 routes",
    ),
    bar(
        Figure::Parser,
        0.8,
        "x",
        "parser against httparse, instructions",
    ),
    bar(
        Figure::Allocations,
        0.0,
        "",
        "heap allocations per keep-alive request",
    ),
    bar(
        Figure::ReloadFailed,
        0.0,
        "requests",
        "failed during 100 reloads, 64 clients",
    ),
    bar(
        Figure::ReloadUnannounced,
        0.0,
        "closes",
        "unannounced during 100 reloads",
    ),
    bar(
        Figure::ReloadStale,
        0.0,
        "answers",
        "from an older configuration than acknowledged",
    ),
    bar(
        Figure::SlowReaderPulled,
        5.0,
        "MiB",
        "pulled from the origin for a reader that stopped",
    ),
    bar(
        Figure::SlowReaderMemory,
        64.0,
        "KiB",
        "user memory for a reader that stopped",
    ),
    bar(
        Figure::SlowReaderDisk,
        0.0,
        "bytes",
        "written to disk for a reader that stopped",
    ),
    bar(
        Figure::StaleGets,
        0.0,
        "GETs",
        "unanswered when the origin closes as it is used",
    ),
    bar(
        Figure::StalePosts,
        0.0,
        "POSTs",
        "sent twice when the origin closes as it is used",
    ),
    bar(
        Figure::Futex,
        0.0,
        "calls",
        "futex in steady state, 2 workers",
    ),
    bar(
        Figure::PluginsPlain,
        1.12,
        "x",
        "key-auth, rate-limiting, correlation-id, CPU/request: without plugins",
    ),
    bar(Figure::PluginsNginx, 0.90, "x", "the same: nginx, bare"),
    bar(
        Figure::PluginsLua,
        0.62,
        "x",
        "the same: nginx with Lua doing the first two",
    ),
    bar(
        Figure::MarketCost,
        1.05,
        "x",
        "15,000 services, routes, plugin sets, 60,000 keys: one set for everything",
    ),
    bar(
        Figure::MarketMemory,
        200.0,
        "MB",
        "resident memory of the same",
    ),
    bar(Figure::MarketStart, 2000.0, "ms", "start of the same"),
    bar(
        Figure::CacheHit,
        0.60,
        "x",
        "an answer from the cache, CPU/request: proxied",
    ),
    bar(
        Figure::LimitBeyond,
        0.0,
        "requests",
        "admitted beyond a limit of 1,000/s, 8 workers, 4x overload",
    ),
    bar(
        Figure::LimitUnused,
        2.0,
        "%",
        "of that limit not admitted under that load",
    ),
    bar(
        Figure::ChurnFailed,
        0.0,
        "requests",
        "failed while one of 15,000 routes changes each second, at 60 % load",
    ),
    bar(
        Figure::ChurnInstalled,
        100.0,
        "ms",
        "until every worker serves such a change",
    ),
    bar(
        Figure::ChurnSlower,
        1.10,
        "x",
        "p99.9 meanwhile: in quiet times",
    ),
    bar(
        Figure::PostsEntity,
        2.0,
        "ms",
        "an entity posted to the store, of 15,000 services with route and plugin",
    ),
];

#[cfg(test)]
mod tests {
    use super::BARS;
    use super::Figure;
    use super::Measured;
    use super::judge;

    #[test]
    fn a_value_just_above_its_bar_is_missed() {
        let measured = |value| Measured::counted(Figure::Keepalive64Floor, value, "");
        assert_eq!(judge(&[measured(1.1001)])[0].met, Some(false));
        assert_eq!(judge(&[measured(1.10)])[0].met, Some(true));
        assert_eq!(judge(&[])[0].met, None);
    }

    #[test]
    fn a_bar_within_the_spread_is_called_close() {
        let mut measured = Measured::counted(Figure::Keepalive64Nginx, 0.79, "");
        measured.middle = Some((0.78, 0.81));
        let rows = judge(&[measured]);
        assert!(rows[1].close && rows[1].met == Some(true) && !rows[0].close);
    }

    #[test]
    fn every_bar_is_listed_once() {
        let all: Vec<_> = BARS.iter().chain(&super::UNDER_STRESS).collect();
        for (at, bar) in all.iter().enumerate() {
            assert!(
                !all[..at].iter().any(|other| other.id == bar.id),
                "{}",
                bar.name
            );
        }
    }
}
