//! The totals as Prometheus text, exposition format 0.0.4, into one string sized beforehand: 15,000 routes
//! are some megabytes, written on control in a few milliseconds.
//!
//! Series appear with their first count: a route without requests has no line.

use crate::base::clock::Instant;
use crate::http::Cause;

use super::catalog::Metric;
use super::counter::Counter;
use super::counter::Gauge;
use super::facts::Facts;
use super::latency::Latency;
use super::series::Line;
use super::totals::CoreTotals;
use super::totals::Totals;

/// The media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Buckets of what a proxy adds, from 10 µs.
const FINE: Buckets<16> = Buckets {
    nanos: [
        10_000,
        20_000,
        30_000,
        50_000,
        75_000,
        100_000,
        150_000,
        250_000,
        500_000,
        1_000_000,
        2_500_000,
        5_000_000,
        10_000_000,
        50_000_000,
        100_000_000,
        1_000_000_000,
    ],
    seconds: [
        "0.00001", "0.00002", "0.00003", "0.00005", "0.000075", "0.0001", "0.00015", "0.00025",
        "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.05", "0.1", "1",
    ],
};

/// OpenTelemetry's advice for request durations, which begins at 5 ms, and finer ones before it.
const COARSE: Buckets<18> = Buckets {
    nanos: [
        100_000,
        250_000,
        500_000,
        1_000_000,
        5_000_000,
        10_000_000,
        25_000_000,
        50_000_000,
        75_000_000,
        100_000_000,
        250_000_000,
        500_000_000,
        750_000_000,
        1_000_000_000,
        2_500_000_000,
        5_000_000_000,
        7_500_000_000,
        10_000_000_000,
    ],
    seconds: [
        "0.0001", "0.00025", "0.0005", "0.001", "0.005", "0.01", "0.025", "0.05", "0.075", "0.1",
        "0.25", "0.5", "0.75", "1", "2.5", "5", "7.5", "10",
    ],
};

/// Upper bounds of a histogram's buckets, as numbers and as labels.
struct Buckets<const N: usize> {
    nanos: [u64; N],
    seconds: [&'static str; N],
}

const CLASSES: [&str; 6] = ["0xx", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// Room for what is not by route.
const FIXED_BYTES: usize = 32_768;
/// A route's line without its names.
const LINE_BYTES: usize = 96;

/// The whole exposition.
pub fn encode(totals: &Totals, facts: &Facts<'_>, now: Instant) -> String {
    let lines = totals.lines().iter().map(|line| {
        let shown = line.classes.iter().filter(|count| **count > 0).count();
        shown * (LINE_BYTES + line.service.len() + line.route.len())
    });
    let mut text = Text(String::with_capacity(FIXED_BYTES + lines.sum::<usize>()));
    for metric in Metric::ALL {
        text.metric(metric, totals, facts, now);
    }
    text.0
}

/// The text as it grows.
struct Text(String);

impl Text {
    fn metric(&mut self, metric: Metric, totals: &Totals, facts: &Facts<'_>, now: Instant) {
        self.heading(metric);
        let reload = facts.reload;
        match metric {
            Metric::Requests => self.requests(totals),
            Metric::RequestDuration => {
                self.histogram(metric, &totals.latencies().total, &COARSE);
            }
            Metric::GatewayOverhead => {
                self.histogram(metric, &totals.latencies().overhead, &FINE);
            }
            Metric::UpstreamLatency => {
                self.histogram(metric, &totals.latencies().upstream, &COARSE);
            }
            Metric::Failures => self.failures(totals),
            Metric::Retries
            | Metric::ConnectionsAccepted
            | Metric::AcceptPauses
            | Metric::Panics
            | Metric::UpstreamOpened
            | Metric::UpstreamReused
            | Metric::BytesReceived
            | Metric::BytesSent
            | Metric::UpstreamBytesReceived
            | Metric::UpstreamBytesSent
            | Metric::CacheRefreshes
            | Metric::CacheEvictions => self.counters(metric, totals),
            Metric::ConnectionsActive | Metric::ConnectionsWaiting | Metric::UpstreamIdle => {
                self.gauges(metric, totals);
            }
            Metric::PluginRefusals => self.refusals(totals),
            Metric::CacheAnswers => self.cache_answers(totals),
            Metric::CacheBytes | Metric::CacheEntries | Metric::LimitCells => {
                self.core_gauges(metric, totals);
            }
            Metric::LimitCounters => self.plain(metric, facts.limit_counters),
            Metric::CoreRequests => self.per_core(metric, totals, |text, core| {
                text.number(core.counter(Counter::Requests));
            }),
            Metric::CoreConnections => self.per_core(metric, totals, |text, core| {
                text.signed(core.gauge(Gauge::ConnectionsActive));
            }),
            Metric::CoreCpu => self.per_core(metric, totals, |text, core| {
                text.seconds(core.counter(Counter::CpuNanos));
            }),
            Metric::CoreLongestTurn => self.per_core(metric, totals, |text, core| {
                text.seconds(core.longest_turn_ns(now));
            }),
            Metric::Driver => self.drivers(facts),
            Metric::ConfigReloads => {
                self.labelled(metric, &["success"], reload.succeeded);
                self.labelled(metric, &["failure"], reload.failed);
            }
            Metric::ConfigReloadTime => {
                self.name(metric, "", &[]);
                self.seconds(reload.last_unix_micros.saturating_mul(1_000));
            }
            Metric::ConfigReloadSuccess => self.plain(metric, u64::from(reload.last_succeeded)),
            Metric::ConfigGeneration => self.plain(metric, reload.generation.0),
            Metric::ConfigInfo => self.labelled(metric, &[reload.hash], 1),
            Metric::LogProduced | Metric::LogDelivered | Metric::LogDropped | Metric::LogQueued => {
                self.plain(metric, log_number(metric, totals, facts));
            }
            Metric::BuildInfo => self.labelled(metric, &[facts.version], 1),
            Metric::ProcessCpu => self.process_cpu(metric, facts),
            Metric::ProcessStart
            | Metric::ProcessMemory
            | Metric::ProcessFds
            | Metric::ProcessFdsMax => self.known(metric, process_number(metric, facts)),
        }
    }

    fn heading(&mut self, metric: Metric) {
        let row = metric.row();
        for part in ["# HELP ", row.name, " ", row.help, "\n# TYPE ", row.name] {
            self.0.push_str(part);
        }
        for part in [" ", row.kind.as_str(), "\n"] {
            self.0.push_str(part);
        }
    }

    fn requests(&mut self, totals: &Totals) {
        // By name, so that the text does not tell in which order the counts came.
        let mut lines: Vec<&Line> = totals.lines().iter().collect();
        lines.sort_unstable_by_key(|line| (&line.service, &line.route));
        for line in lines {
            for (class, count) in CLASSES.iter().zip(line.classes) {
                if count > 0 {
                    let names = [&*line.service, &*line.route, class];
                    self.labelled(Metric::Requests, &names, count);
                }
            }
        }
    }

    fn failures(&mut self, totals: &Totals) {
        for cause in Cause::ALL {
            let count = totals.failures(cause);
            if count > 0 {
                self.labelled(Metric::Failures, &[cause.code()], count);
            }
        }
    }

    fn counters(&mut self, metric: Metric, totals: &Totals) {
        let counters = Counter::ALL.into_iter();
        for counter in counters.filter(|counter| counter.metric() == Some(metric)) {
            self.plain(metric, totals.counter(counter));
        }
    }

    fn gauges(&mut self, metric: Metric, totals: &Totals) {
        let gauges = Gauge::ALL.into_iter();
        for gauge in gauges.filter(|gauge| gauge.metric() == metric) {
            self.name(metric, "", &[]);
            self.signed(totals.gauge(gauge));
        }
    }

    fn core_gauges(&mut self, metric: Metric, totals: &Totals) {
        let gauges = Gauge::ALL.into_iter();
        for gauge in gauges.filter(|gauge| gauge.metric() == metric) {
            self.per_core(metric, totals, |text, core| text.signed(core.gauge(gauge)));
        }
    }

    fn refusals(&mut self, totals: &Totals) {
        for refused in totals.refused() {
            for (mode, count) in [("enforce", refused.enforced), ("observe", refused.observed)] {
                if count > 0 {
                    self.labelled(Metric::PluginRefusals, &[refused.plugin, mode], count);
                }
            }
        }
    }

    fn cache_answers(&mut self, totals: &Totals) {
        for (status, counter) in [
            ("hit", Counter::CacheHits),
            ("miss", Counter::CacheMisses),
            ("refresh", Counter::CacheRefreshed),
            ("stale", Counter::CacheStale),
            ("bypass", Counter::CacheBypassed),
        ] {
            self.labelled(Metric::CacheAnswers, &[status], totals.counter(counter));
        }
    }

    fn per_core(
        &mut self,
        metric: Metric,
        totals: &Totals,
        value: impl Fn(&mut Self, &CoreTotals),
    ) {
        for (number, core) in totals.cores().iter().enumerate() {
            let mut buffer = itoa::Buffer::new();
            self.name(metric, "", &[buffer.format(number)]);
            value(self, core);
        }
    }

    fn drivers(&mut self, facts: &Facts<'_>) {
        for (number, driver) in facts.drivers.iter().enumerate() {
            let mut buffer = itoa::Buffer::new();
            self.labelled(Metric::Driver, &[buffer.format(number), driver], 1);
        }
    }

    fn histogram<const N: usize>(
        &mut self,
        metric: Metric,
        latency: &Latency<u64>,
        buckets: &Buckets<N>,
    ) {
        let counts = latency.cumulative(&buckets.nanos);
        for (bound, count) in buckets.seconds.iter().zip(counts) {
            self.bucket(metric, bound, count);
        }
        self.bucket(metric, "+Inf", latency.count());
        self.name(metric, "_sum", &[]);
        self.seconds(latency.sum_nanos());
        self.name(metric, "_count", &[]);
        self.number(latency.count());
    }

    fn bucket(&mut self, metric: Metric, bound: &str, count: u64) {
        self.0.push_str(metric.row().name);
        self.0.push_str("_bucket{le=\"");
        self.0.push_str(bound);
        self.0.push_str("\"} ");
        self.number(count);
    }

    fn process_cpu(&mut self, metric: Metric, facts: &Facts<'_>) {
        if let Some(millis) = facts.process.cpu_millis {
            self.name(metric, "", &[]);
            self.seconds(millis.saturating_mul(1_000_000));
        }
    }

    fn plain(&mut self, metric: Metric, value: u64) {
        self.labelled(metric, &[], value);
    }

    fn known(&mut self, metric: Metric, value: Option<u64>) {
        if let Some(value) = value {
            self.plain(metric, value);
        }
    }

    fn labelled(&mut self, metric: Metric, values: &[&str], value: u64) {
        self.name(metric, "", values);
        self.number(value);
    }

    /// A sample up to its value: the name, a suffix, and a value for each of the metric's labels.
    fn name(&mut self, metric: Metric, suffix: &str, values: &[&str]) {
        let row = metric.row();
        debug_assert_eq!(row.labels.len(), values.len(), "every label has a value");
        self.0.push_str(row.name);
        self.0.push_str(suffix);
        let mut separator = '{';
        for (label, value) in row.labels.iter().zip(values) {
            self.0.push(separator);
            self.0.push_str(label);
            self.0.push_str("=\"");
            self.escaped(value);
            self.0.push('"');
            separator = ',';
        }
        self.0.push_str(if values.is_empty() { " " } else { "} " });
    }

    /// A label's value: backslash, quotation mark and newline are escaped, and nothing else.
    fn escaped(&mut self, value: &str) {
        let mut rest = value;
        while let Some(at) = rest.find(['\\', '"', '\n']) {
            self.0.push_str(&rest[..at]);
            self.0.push_str(match rest.as_bytes()[at] {
                b'\\' => "\\\\",
                b'"' => "\\\"",
                _ => "\\n",
            });
            rest = &rest[at + 1..];
        }
        self.0.push_str(rest);
    }

    fn number(&mut self, value: u64) {
        self.0.push_str(itoa::Buffer::new().format(value));
        self.0.push('\n');
    }

    fn signed(&mut self, value: i64) {
        self.0.push_str(itoa::Buffer::new().format(value));
        self.0.push('\n');
    }

    /// Nanoseconds as seconds, exactly.
    fn seconds(&mut self, nanos: u64) {
        let mut buffer = itoa::Buffer::new();
        let fraction = buffer.format(nanos % 1_000_000_000);
        self.0
            .push_str(itoa::Buffer::new().format(nanos / 1_000_000_000));
        self.0.push('.');
        self.0.push_str(&"000000000"[fraction.len()..]);
        self.0.push_str(fraction);
        self.0.push('\n');
    }
}

fn process_number(metric: Metric, facts: &Facts<'_>) -> Option<u64> {
    let process = &facts.process;
    match metric {
        Metric::ProcessStart => process.start_seconds,
        Metric::ProcessMemory => process.resident_bytes,
        Metric::ProcessFds => process.open_fds,
        _ => process.max_fds,
    }
}

/// The four numbers of the access log, which balance in every scrape: what the cores produced arrives with
/// their next delta, so it counts as at least what has already come out at the other end.
fn log_number(metric: Metric, totals: &Totals, facts: &Facts<'_>) -> u64 {
    let delivered = facts.log.delivered;
    let dropped = facts.log.dropped + totals.counter(Counter::LogDropped);
    let produced = totals
        .counter(Counter::LogProduced)
        .max(delivered + dropped);
    match metric {
        Metric::LogDelivered => delivered,
        Metric::LogDropped => dropped,
        Metric::LogQueued => produced - delivered - dropped,
        _ => produced,
    }
}

#[cfg(test)]
mod tests;
