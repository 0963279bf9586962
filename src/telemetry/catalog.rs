//! Every metric that leaves the gateway: one row with its name, kind, labels and help.
//!
//! `docs/metrics.md` repeats the table and a test compares the two. Units are Prometheus' base units;
//! counters end in `_total`. Names without the prefix are those that OpenTelemetry or the Prometheus client
//! libraries have made common.

/// How a metric behaves over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// A present value.
    Gauge,
    /// Cumulative buckets, a sum and a count.
    Histogram,
}

impl Kind {
    /// The word of the exposition format's `# TYPE` line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What there is to know about a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricRow {
    /// The name in the exposition.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// Its labels, in the order written.
    pub labels: &'static [&'static str],
    /// One sentence without a full stop.
    pub help: &'static str,
}

/// One metric; the table in [`Metric::row`] is the whole truth about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the row of each variant in `Metric::row` documents it"
)]
pub enum Metric {
    Requests,
    RequestDuration,
    GatewayOverhead,
    UpstreamLatency,
    Failures,
    Retries,
    ConnectionsAccepted,
    ConnectionsActive,
    ConnectionsWaiting,
    AcceptPauses,
    TlsHandshakes,
    TlsHandshaking,
    Panics,
    UpstreamOpened,
    UpstreamReused,
    UpstreamIdle,
    RetriesDenied,
    TargetHealth,
    TargetEjections,
    BreakersOpened,
    BreakersOpen,
    QueueLength,
    QueueWaits,
    QueueTimeouts,
    QueueRefusals,
    BytesReceived,
    BytesSent,
    UpstreamBytesReceived,
    UpstreamBytesSent,
    PluginRefusals,
    CacheAnswers,
    CacheRefreshes,
    CacheEvictions,
    CacheBytes,
    CacheEntries,
    LimitCounters,
    LimitCells,
    CoreRequests,
    CoreConnections,
    CoreCpu,
    CoreLongestTurn,
    Shed,
    RequestsActive,
    AdmittedShare,
    QueueDelay,
    UpstreamLimit,
    UpstreamActive,
    UpstreamWaiting,
    HandedOver,
    AddressRefusals,
    IdleEvictions,
    Driver,
    ConfigReloads,
    ConfigReloadTime,
    ConfigReloadSuccess,
    ConfigGeneration,
    ConfigInfo,
    LogProduced,
    LogDelivered,
    LogDropped,
    LogQueued,
    BuildInfo,
    ProcessStart,
    ProcessCpu,
    ProcessMemory,
    ProcessFds,
    ProcessFdsMax,
}

impl Metric {
    /// Every metric, in the order of the exposition.
    pub const ALL: [Self; 67] = {
        use Metric as M;
        [
            M::Requests,
            M::RequestDuration,
            M::GatewayOverhead,
            M::UpstreamLatency,
            M::Failures,
            M::Retries,
            M::ConnectionsAccepted,
            M::ConnectionsActive,
            M::ConnectionsWaiting,
            M::AcceptPauses,
            M::TlsHandshakes,
            M::TlsHandshaking,
            M::Panics,
            M::UpstreamOpened,
            M::UpstreamReused,
            M::UpstreamIdle,
            M::RetriesDenied,
            M::TargetHealth,
            M::TargetEjections,
            M::BreakersOpened,
            M::BreakersOpen,
            M::QueueLength,
            M::QueueWaits,
            M::QueueTimeouts,
            M::QueueRefusals,
            M::BytesReceived,
            M::BytesSent,
            M::UpstreamBytesReceived,
            M::UpstreamBytesSent,
            M::PluginRefusals,
            M::CacheAnswers,
            M::CacheRefreshes,
            M::CacheEvictions,
            M::CacheBytes,
            M::CacheEntries,
            M::LimitCounters,
            M::LimitCells,
            M::CoreRequests,
            M::CoreConnections,
            M::CoreCpu,
            M::CoreLongestTurn,
            M::Shed,
            M::RequestsActive,
            M::AdmittedShare,
            M::QueueDelay,
            M::UpstreamLimit,
            M::UpstreamActive,
            M::UpstreamWaiting,
            M::HandedOver,
            M::AddressRefusals,
            M::IdleEvictions,
            M::Driver,
            M::ConfigReloads,
            M::ConfigReloadTime,
            M::ConfigReloadSuccess,
            M::ConfigGeneration,
            M::ConfigInfo,
            M::LogProduced,
            M::LogDelivered,
            M::LogDropped,
            M::LogQueued,
            M::BuildInfo,
            M::ProcessStart,
            M::ProcessCpu,
            M::ProcessMemory,
            M::ProcessFds,
            M::ProcessFdsMax,
        ]
    };

    /// The metric's row.
    #[rustfmt::skip]
    #[expect(clippy::too_many_lines, reason = "a table: a row for each metric")]
    pub const fn row(self) -> MetricRow {
        use Kind::Counter;
        use Kind::Gauge;
        use Kind::Histogram;
        match self {
            Self::Requests => row("silverback_http_requests_total", Counter, &["service", "route", "status_class"], "Exchanges finished, by route and first digit of the status; 0xx are those without any answer"),
            Self::RequestDuration => row("http_server_request_duration_seconds", Histogram, &[], "Time from the first byte of a request to the last byte of its answer"),
            Self::GatewayOverhead => row("silverback_gateway_overhead_seconds", Histogram, &[], "Time that the gateway itself added: until the answer had gone, or its first bytes of a long one, minus the waiting for the upstream"),
            Self::UpstreamLatency => row("silverback_upstream_latency_seconds", Histogram, &[], "Time spent waiting for the upstream, connecting and retries included"),
            Self::Failures => row("silverback_failures_total", Counter, &["cause"], "Exchanges that the gateway ended or answered itself, by the cause that docs/errors.md explains"),
            Self::Retries => row("silverback_upstream_retries_total", Counter, &[], "Attempts at an upstream beyond the first of an exchange"),
            Self::ConnectionsAccepted => row("silverback_connections_accepted_total", Counter, &[], "Downstream connections accepted"),
            Self::ConnectionsActive => row("silverback_connections_active", Gauge, &[], "Downstream connections open, the waiting ones included"),
            Self::ConnectionsWaiting => row("silverback_connections_waiting", Gauge, &[], "Downstream connections open that wait for a request"),
            Self::AcceptPauses => row("silverback_accept_pauses_total", Counter, &[], "Times that a core stopped accepting, out of descriptors or at the connection limit"),
            Self::TlsHandshakes => row("silverback_tls_handshakes_total", Counter, &["outcome"], "Handshakes of TLS with clients, by how they ended: full, resumed, failed, timeout, gone (the client left), plain (it spoke HTTP without TLS), refused (too many at once)"),
            Self::TlsHandshaking => row("silverback_tls_handshakes_in_progress", Gauge, &[], "Handshakes of TLS with clients in progress"),
            Self::Panics => row("silverback_panics_total", Counter, &[], "Panics caught around a connection; each is a bug to report"),
            Self::UpstreamOpened => row("silverback_upstream_connections_opened_total", Counter, &[], "Upstream connections opened"),
            Self::UpstreamReused => row("silverback_upstream_connections_reused_total", Counter, &[], "Exchanges that went over a pooled upstream connection"),
            Self::UpstreamIdle => row("silverback_upstream_connections_idle", Gauge, &[], "Idle upstream connections in the pools"),
            Self::RetriesDenied => row("silverback_upstream_retries_denied_total", Counter, &[], "Attempts that the retry budget of the upstream did not allow"),
            Self::TargetHealth => row("silverback_target_health", Gauge, &["upstream", "target", "address", "state"], "Always 1; one line for each address of a target that is checked, its state healthy or unhealthy"),
            Self::TargetEjections => row("silverback_target_ejections_total", Counter, &["reason"], "Times that a target became unhealthy, by what said so: active, passive or manual"),
            Self::BreakersOpened => row("silverback_breakers_opened_total", Counter, &[], "Times that a core's circuit breaker of a target opened"),
            Self::BreakersOpen => row("silverback_breakers_open", Gauge, &[], "Circuit breakers of targets that are open or half open, those of all cores together"),
            Self::QueueLength => row("silverback_target_queue_length", Gauge, &[], "Requests that wait until a target has room for them"),
            Self::QueueWaits => row("silverback_target_queue_waits_total", Counter, &[], "Requests that had to wait until a target had room for them"),
            Self::QueueTimeouts => row("silverback_target_queue_timeouts_total", Counter, &[], "Requests that waited in vain for queue_timeout"),
            Self::QueueRefusals => row("silverback_target_queue_refusals_total", Counter, &[], "Requests that were refused because as many as may waited already"),
            Self::BytesReceived => row("silverback_received_bytes_total", Counter, &[], "Bytes received from clients, heads and bodies"),
            Self::BytesSent => row("silverback_sent_bytes_total", Counter, &[], "Bytes sent to clients, heads and bodies"),
            Self::UpstreamBytesReceived => row("silverback_upstream_received_bytes_total", Counter, &[], "Bytes received from upstreams, heads and bodies"),
            Self::UpstreamBytesSent => row("silverback_upstream_sent_bytes_total", Counter, &[], "Bytes sent to upstreams, heads and bodies"),
            Self::PluginRefusals => row("silverback_plugin_refusals_total", Counter, &["plugin", "mode"], "Requests that a plugin refused (enforce), or would have refused if it did more than look on (observe)"),
            Self::CacheAnswers => row("silverback_cache_answers_total", Counter, &["status"], "Requests that proxy-cache had a say in, by where the answer came from, as in X-Cache-Status: hit, miss, refresh, stale, bypass"),
            Self::CacheRefreshes => row("silverback_cache_refreshes_total", Counter, &[], "Requests that the gateway made once more by itself to refresh a stale answer"),
            Self::CacheEvictions => row("silverback_cache_evictions_total", Counter, &[], "Stored answers that fell out of a core's index for want of room"),
            Self::CacheBytes => row("silverback_cache_bytes", Gauge, &[], "What stored answers take in the process"),
            Self::CacheEntries => row("silverback_cache_entries", Gauge, &[], "Stored answers in the process, and lists of what answers vary by"),
            Self::LimitCounters => row("silverback_limit_counters", Gauge, &[], "Counters of rate limits and quotas in the process"),
            Self::LimitCells => row("silverback_limit_cells", Gauge, &["core"], "Counters of rate limits and quotas that a core has a part of"),
            Self::CoreRequests => row("silverback_core_requests_total", Counter, &["core"], "Exchanges finished, by core"),
            Self::CoreConnections => row("silverback_core_connections", Gauge, &["core"], "Downstream connections open, by core"),
            Self::CoreCpu => row("silverback_core_cpu_seconds_total", Counter, &["core"], "CPU time of each worker thread"),
            Self::CoreLongestTurn => row("silverback_core_longest_turn_seconds", Gauge, &["core"], "By how much the core's timer was late at worst within the last 30 to 60 seconds: a lower bound of its longest stall, because one that ends before the timer is due (50 ms, when idle 500 ms) leaves no trace"),
            Self::Shed => row("silverback_shed_total", Counter, &["reason", "tier"], "Requests answered 503 because there was too much to do: for their core (delay, requests) or for their upstream (upstream, upstream_wait)"),
            Self::RequestsActive => row("silverback_requests_active", Gauge, &[], "Requests in flight"),
            Self::AdmittedShare => row("silverback_core_admitted_ratio", Gauge, &["core"], "The share of its requests that a core admits; less than 1 while it sheds because they wait too long"),
            Self::QueueDelay => row("silverback_core_queue_delay_seconds", Gauge, &["core"], "How long a request waits before its core looks at it, as last measured; zero while there is little to do"),
            Self::UpstreamLimit => row("silverback_upstream_limit_requests", Gauge, &[], "The limits of requests in flight of all upstreams that have one, together, fixed or adaptive as they are now"),
            Self::UpstreamActive => row("silverback_upstream_limited_active", Gauge, &[], "Requests in flight at upstreams that have a limit"),
            Self::UpstreamWaiting => row("silverback_upstream_limited_waiting", Gauge, &[], "Requests that wait for their turn at upstreams that have a limit"),
            Self::HandedOver => row("silverback_connections_handed_over_total", Counter, &[], "Accepted connections that a core gave to another one with less to do"),
            Self::AddressRefusals => row("silverback_connections_refused_per_address_total", Counter, &[], "Connections closed when they were accepted, because their client's address had as many as it may"),
            Self::IdleEvictions => row("silverback_connections_evicted_total", Counter, &[], "Idle connections closed so that new ones find room"),
            Self::Driver => row("silverback_driver_info", Gauge, &["core", "driver"], "Always 1; the label names the driver in use"),
            Self::ConfigReloads => row("silverback_config_reloads_total", Counter, &["result"], "Reloads attempted, by result: success or failure"),
            Self::ConfigReloadTime => row("silverback_config_last_reload_timestamp_seconds", Gauge, &[], "When the configuration was last installed or refused"),
            Self::ConfigReloadSuccess => row("silverback_config_last_reload_success", Gauge, &[], "1 if the last reload was installed, 0 if it was refused and an older configuration serves on"),
            Self::ConfigGeneration => row("silverback_config_generation", Gauge, &[], "Number of the configuration that every core has acknowledged"),
            Self::ConfigInfo => row("silverback_config_info", Gauge, &["hash"], "Always 1; the label is the content hash of the configuration in use"),
            Self::LogProduced => row("silverback_access_log_produced_total", Counter, &[], "Access-log records made; equals delivered plus queued plus dropped"),
            Self::LogDelivered => row("silverback_access_log_delivered_total", Counter, &[], "Access-log records written"),
            Self::LogDropped => row("silverback_access_log_dropped_total", Counter, &[], "Access-log records lost to a full queue or a failing sink"),
            Self::LogQueued => row("silverback_access_log_queued", Gauge, &[], "Access-log records between a core and the sink"),
            Self::BuildInfo => row("silverback_build_info", Gauge, &["version"], "Always 1; the label names the version"),
            Self::ProcessStart => row("process_start_time_seconds", Gauge, &[], "When the process started, in seconds since the Unix epoch"),
            Self::ProcessCpu => row("process_cpu_seconds_total", Counter, &[], "User and system CPU time of the process"),
            Self::ProcessMemory => row("process_resident_memory_bytes", Gauge, &[], "Resident memory"),
            Self::ProcessFds => row("process_open_fds", Gauge, &[], "Open file descriptors"),
            Self::ProcessFdsMax => row("process_max_fds", Gauge, &[], "Most file descriptors that the process may open"),
        }
    }
}

const fn row(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
) -> MetricRow {
    MetricRow {
        name,
        kind,
        labels,
        help,
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;
    use super::Metric;
    use crate::telemetry::variable::Variable;

    #[test]
    fn documentation_repeats_every_row_and_no_other() {
        let page = include_str!("../../docs/metrics.md");
        for metric in Metric::ALL {
            let row = metric.row();
            let labels = match row.labels {
                [] => "–".to_owned(),
                labels => labels.join(", "),
            };
            let kind = row.kind.as_str();
            let line = format!("| `{}` | {kind} | {labels} | {} |", row.name, row.help);
            assert!(page.contains(&line), "docs/metrics.md lacks\n{line}");
        }
        for variable in Variable::ALL {
            let row = variable.row();
            let line = format!("| `${}` | `{}` | {} |", row.name, row.key, row.help);
            assert!(page.contains(&line), "docs/metrics.md lacks\n{line}");
        }
        let lines = page.lines().filter(|line| line.starts_with("| `"));
        assert_eq!(lines.count(), Metric::ALL.len() + Variable::ALL.len());
    }

    #[test]
    fn names_keep_the_conventions_and_are_unique() {
        for (number, metric) in Metric::ALL.iter().enumerate() {
            assert_eq!(*metric as usize, number);
            let row = metric.row();
            let valid = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(row.name.chars().all(valid), "{}", row.name);
            assert_eq!(
                row.name.ends_with("_total"),
                row.kind == Kind::Counter,
                "{}",
                row.name
            );
            let same = Metric::ALL.iter().filter(|m| m.row().name == row.name);
            assert_eq!(same.count(), 1, "{}", row.name);
            assert!(!row.help.ends_with('.') && !row.help.contains('\n'));
        }
    }
}
