//! The merge laws: however the counting is cut, reordered and spread, the totals are the same.

use proptest::prelude::Strategy;
use proptest::prelude::any;
use proptest::proptest;

use super::CoreMetrics;
use super::Outcome;
use crate::base::clock::Instant;
use crate::base::ids::CoreId;
use crate::base::ids::Generation;
use crate::base::ids::RouteIndex;
use crate::http::Cause;
use crate::telemetry::counter::Counter;
use crate::telemetry::counter::Gauge;
use crate::telemetry::facts::Facts;
use crate::telemetry::prometheus::encode;
use crate::telemetry::totals::RouteName;
use crate::telemetry::totals::TURN_WINDOW;
use crate::telemetry::totals::Totals;

const NOW: Instant = Instant(1_000_000_000);

/// An exchange of generation 1 that took a millisecond.
pub(in crate::telemetry) fn outcome(route: Option<u32>, status: u16) -> Outcome {
    Outcome {
        generation: Generation(1),
        route: route.map(RouteIndex),
        status,
        cause: None,
        overhead_ns: 40_000,
        upstream_ns: Some(960_000),
        total_ns: 1_000_000,
        bytes_in: 100,
        bytes_out: 300,
        upstream_bytes_in: 280,
        upstream_bytes_out: 120,
        reused: true,
        retries: 0,
    }
}

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// In generation 2 every route stands one place later than in generation 1; others are unknown.
fn names(generation: Generation, route: RouteIndex) -> Option<RouteName<'static>> {
    let shift = generation.0.checked_sub(1)? as usize;
    let name = NAMES.get((route.0 as usize).checked_sub(shift)?)?;
    Some(RouteName {
        service: "s",
        route: name,
    })
}

fn shown(totals: &Totals) -> String {
    encode(totals, &Facts::default(), NOW)
}

fn merge(totals: &mut Totals, core: u16, metrics: &CoreMetrics) {
    totals.merge(CoreId(core), NOW, metrics.take_delta(), names);
}

fn outcomes() -> impl Strategy<Value = Vec<(Outcome, bool)>> {
    let one = (
        any::<Option<u8>>(),
        any::<u16>(),
        any::<[u32; 4]>(),
        any::<bool>(),
        1..4_u64,
        0..2 * Cause::ALL.len(),
        any::<bool>(),
    );
    let one = one.prop_map(|(route, status, numbers, reused, generation, cause, cut)| {
        let mut made = outcome(route.map(|r| u32::from(r % 8)), status);
        made.generation = Generation(generation);
        made.cause = Cause::ALL.get(cause).copied();
        made.overhead_ns = numbers[0].into();
        made.upstream_ns = (numbers[1] % 3 > 0).then_some(numbers[1].into());
        made.total_ns = u64::from(numbers[2]) << 12;
        made.bytes_in = numbers[3].into();
        made.reused = reused;
        made.retries = numbers[3] % 4;
        (made, cut)
    });
    proptest::collection::vec(one, 0..60)
}

proptest! {
    #[test]
    fn totals_do_not_depend_on_how_the_counting_was_cut(outcomes in outcomes()) {
        let (whole, parts) = (CoreMetrics::new(), CoreMetrics::new());
        let (mut once, mut often) = (Totals::new(), Totals::new());
        for metrics in [&whole, &parts] {
            metrics.install(Generation(2), 8);
        }
        for (outcome, cut) in &outcomes {
            whole.record(outcome);
            parts.record(outcome);
            if *cut {
                merge(&mut often, 0, &parts);
            }
        }
        merge(&mut once, 0, &whole);
        merge(&mut often, 0, &parts);
        assert_eq!(shown(&once), shown(&often));
    }

    #[test]
    fn the_order_of_the_cores_does_not_matter(outcomes in outcomes()) {
        let cores = [CoreMetrics::new(), CoreMetrics::new()];
        let again = [CoreMetrics::new(), CoreMetrics::new()];
        for metrics in cores.iter().chain(&again) {
            metrics.install(Generation(1), 8);
        }
        for (outcome, second) in &outcomes {
            cores[usize::from(*second)].record(outcome);
            again[usize::from(*second)].record(outcome);
        }
        let (mut forward, mut backward) = (Totals::new(), Totals::new());
        merge(&mut forward, 0, &cores[0]);
        merge(&mut forward, 1, &cores[1]);
        merge(&mut backward, 1, &again[1]);
        merge(&mut backward, 0, &again[0]);
        assert_eq!(shown(&forward), shown(&backward));
    }
}

#[test]
fn an_exchange_that_outlives_its_snapshot_counts_for_its_own_route() {
    let metrics = CoreMetrics::new();
    let mut totals = Totals::new();
    metrics.install(Generation(1), 6);
    metrics.record(&outcome(Some(1), 200));
    metrics.install(Generation(2), 7);
    metrics.record(&outcome(Some(1), 200));
    let mut late = outcome(Some(2), 200);
    late.generation = Generation(2);
    metrics.record(&late);
    merge(&mut totals, 0, &metrics);
    let text = shown(&totals);
    assert!(
        text.contains(r#"{service="s",route="b",status_class="2xx"} 3"#),
        "{text}"
    );
}

#[test]
fn classes_are_those_of_the_status_and_no_answer_has_its_own() {
    let metrics = CoreMetrics::new();
    let mut totals = Totals::new();
    metrics.install(Generation(1), 1);
    for status in [0, 101, 204, 302, 499, 599, 999] {
        metrics.record(&outcome(None, status));
    }
    metrics.record(&outcome(Some(7), 200));
    merge(&mut totals, 0, &metrics);
    let text = shown(&totals);
    for (class, count) in [
        ("0xx", 1),
        ("1xx", 1),
        ("2xx", 1),
        ("3xx", 1),
        ("4xx", 1),
        ("5xx", 2),
    ] {
        let line = format!(
            "service=\"_unmatched\",route=\"_unmatched\",status_class=\"{class}\"}} {count}\n"
        );
        assert!(text.contains(&line), "{line}{text}");
    }
    assert!(
        text.contains("route=\"_other\",status_class=\"2xx\"} 1"),
        "{text}"
    );
}

#[test]
fn a_delta_leaves_nothing_behind_and_costs_nothing_without_exchanges() {
    let metrics = CoreMetrics::new();
    metrics.install(Generation(1), 4);
    metrics.record(&outcome(Some(2), 200));
    metrics.adjust(Gauge::ConnectionsActive, 3);
    let delta = metrics.take_delta();
    assert_eq!(delta.counters[Counter::Requests as usize], 1);
    let empty = metrics.take_delta();
    assert!(empty.latencies.is_none() && empty.sections.is_empty() && empty.failures.is_empty());
    assert_eq!(empty.counters, [0; Counter::COUNT]);
    assert_eq!(empty.gauges[Gauge::ConnectionsActive as usize], 3);
    assert_eq!(metrics.gauge(Gauge::ConnectionsActive), 3);
}

#[test]
fn the_longest_turn_is_seen_for_at_least_one_window() {
    let metrics = CoreMetrics::new();
    let mut totals = Totals::new();
    metrics.turned(7_000_000);
    metrics.turned(5_000_000);
    let window = TURN_WINDOW.as_nanos() as u64;
    let at = |windows: u64| Instant(10 * window + windows * window);
    totals.merge(CoreId(0), at(0), metrics.take_delta(), names);
    metrics.turned(1_000_000);
    totals.merge(CoreId(0), at(1), metrics.take_delta(), names);
    let longest = |now| totals.cores()[0].longest_turn_ns(now);
    assert_eq!(longest(at(1)), 7_000_000);
    assert_eq!(longest(at(2)), 1_000_000);
    assert_eq!(longest(at(3)), 0);
}
