//! The text as a scraper reads it, and what it costs.

use std::collections::HashMap;

use super::encode;
use crate::base::clock::Instant;
use crate::base::ids::CoreId;
use crate::base::ids::Generation;
use crate::base::ids::RouteIndex;
use crate::http::Cause;
use crate::telemetry::catalog::Kind;
use crate::telemetry::catalog::Metric;
use crate::telemetry::counter::Counter;
use crate::telemetry::counter::Gauge;
use crate::telemetry::facts::Facts;
use crate::telemetry::facts::ReloadFacts;
use crate::telemetry::facts::TargetFact;
use crate::telemetry::local::CoreMetrics;
use crate::telemetry::local::tests::outcome;
use crate::telemetry::log_writer::LogStats;
use crate::telemetry::process::Process;
use crate::telemetry::totals::RouteName;
use crate::telemetry::totals::Totals;

const NOW: Instant = Instant(1_000_000_000);

fn facts() -> Facts<'static> {
    Facts {
        version: "0.1.0",
        drivers: &["io_uring"],
        reload: ReloadFacts {
            succeeded: 2,
            failed: 1,
            last_unix_micros: 1_790_000_000_500_000,
            last_succeeded: true,
            generation: Generation(3),
            hash: "abc",
        },
        log: LogStats {
            delivered: 5,
            dropped: 1,
            ..LogStats::default()
        },
        stored: (900, 3),
        limit_counters: 12,
        targets: &[TargetFact {
            upstream: "pool",
            target: "a.test:80",
            address: "10.0.0.1:80",
            state: "healthy",
        }],
        ejections: &[("active", 2)],
        process: Process {
            start_seconds: Some(1_700_000_000),
            cpu_millis: Some(1_500),
            resident_bytes: Some(4_096),
            open_fds: Some(9),
            max_fds: Some(1_024),
        },
    }
}

/// Totals of one core with a little of everything.
fn totals() -> Totals {
    let metrics = CoreMetrics::new();
    metrics.install(Generation(1), 1);
    let mut one = outcome(Some(0), 200);
    one.overhead_ns = 30_000;
    metrics.record(&one);
    one.status = 502;
    one.cause = Some(Cause::ConnectRefused);
    one.upstream_ns = None;
    metrics.record(&one);
    metrics.count(Counter::LogProduced, 8);
    metrics.count(Counter::LogDropped, 1);
    metrics.adjust(Gauge::ConnectionsActive, 4);
    metrics.turned(2_500_000);
    metrics.refuse("acl", false);
    metrics.refuse("jwt", true);
    metrics.refuse("jwt", true);
    metrics.count(Counter::CacheHits, 3);
    metrics.set(Gauge::LimitCells, 70);
    let mut totals = Totals::new();
    let names = |_, _| {
        Some(RouteName {
            service: "a\\b",
            route: "\"r\"\n",
        })
    };
    totals.merge(CoreId(0), NOW, metrics.take_delta(), names);
    totals
}

#[test]
fn samples_are_written_as_prometheus_reads_them() {
    let text = encode(&totals(), &facts(), NOW);
    for line in [
        r#"silverback_http_requests_total{service="a\\b",route="\"r\"\n",status_class="2xx"} 1"#,
        r#"silverback_http_requests_total{service="a\\b",route="\"r\"\n",status_class="5xx"} 1"#,
        r#"silverback_gateway_overhead_seconds_bucket{le="0.00001"} 0"#,
        r#"silverback_gateway_overhead_seconds_bucket{le="0.00005"} 2"#,
        r#"silverback_gateway_overhead_seconds_bucket{le="+Inf"} 2"#,
        "silverback_gateway_overhead_seconds_sum 0.000060000",
        "silverback_gateway_overhead_seconds_count 2",
        "silverback_upstream_latency_seconds_count 1",
        r#"silverback_failures_total{cause="connect_refused"} 1"#,
        "silverback_connections_active 4",
        r#"silverback_plugin_refusals_total{plugin="acl",mode="enforce"} 1"#,
        r#"silverback_plugin_refusals_total{plugin="jwt",mode="observe"} 2"#,
        r#"silverback_cache_answers_total{status="hit"} 3"#,
        r#"silverback_cache_answers_total{status="miss"} 0"#,
        r#"silverback_limit_cells{core="0"} 70"#,
        "silverback_cache_bytes 900",
        "silverback_limit_counters 12",
        r#"silverback_core_requests_total{core="0"} 2"#,
        r#"silverback_core_longest_turn_seconds{core="0"} 0.002500000"#,
        r#"silverback_driver_info{core="0",driver="io_uring"} 1"#,
        r#"silverback_config_reloads_total{result="failure"} 1"#,
        "silverback_config_last_reload_timestamp_seconds 1790000000.500000000",
        "silverback_config_last_reload_success 1",
        r#"silverback_config_info{hash="abc"} 1"#,
        "silverback_access_log_produced_total 8",
        "silverback_access_log_delivered_total 5",
        "silverback_access_log_dropped_total 2",
        "silverback_access_log_queued 1",
        "process_cpu_seconds_total 1.500000000",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
}

#[test]
fn every_metric_has_its_heading_once_and_a_sample_of_its_own() {
    let text = encode(&totals(), &facts(), NOW);
    let mut current = "";
    let mut samples: HashMap<&str, usize> = HashMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            current = rest.split(' ').next().unwrap();
            assert_eq!(samples.insert(current, 0), None);
        } else if !line.starts_with("# TYPE ") {
            let name = line.split(['{', ' ']).next().unwrap();
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix));
            assert!(name == current || base == Some(current), "{line}");
            *samples.get_mut(current).unwrap() += 1;
            let value = line.rsplit(' ').next().unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
    for metric in Metric::ALL {
        let row = metric.row();
        assert!(samples[row.name] > 0, "{} has no sample", row.name);
        assert!(row.kind != Kind::Histogram || samples[row.name] > 10);
    }
    assert!(text.ends_with('\n'));
}

#[test]
fn fifteen_thousand_routes_fit_the_string_made_for_them() {
    const ROUTES: u32 = 15_000;
    let names: Vec<String> = (0..ROUTES)
        .map(|n| format!("api-{n}.example.com"))
        .collect();
    let metrics = CoreMetrics::new();
    metrics.install(Generation(1), ROUTES as usize);
    for route in 0..ROUTES {
        metrics.record(&outcome(Some(route), 200));
        metrics.record(&outcome(Some(route), 404));
    }
    let mut totals = Totals::new();
    let name = |_, route: RouteIndex| {
        let name = names[route.0 as usize].as_str();
        Some(RouteName {
            service: name,
            route: name,
        })
    };
    totals.merge(CoreId(0), NOW, metrics.take_delta(), name);
    let text = encode(&totals, &facts(), NOW);
    assert!(text.lines().count() > 30_000);
    let made =
        super::FIXED_BYTES + 30_000 * (super::LINE_BYTES + 2 * "api-14999.example.com".len());
    assert!(text.len() <= text.capacity() && text.capacity() <= made);
}
