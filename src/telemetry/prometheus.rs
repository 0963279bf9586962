//! The totals as Prometheus text, exposition format 0.0.4, into one string sized beforehand: 15,000 routes
//! are some megabytes, written on control in a few milliseconds.
//!
//! Series appear with their first count: a route without requests has no line.

mod buckets;

use crate::base::clock::Instant;
use crate::base::tier::Tier;
use crate::http::Cause;

use super::catalog::Metric;
use super::counter::Counter;
use super::counter::Gauge;
use super::facts::Facts;
use super::latency::Latency;
use super::series::Line;
use super::sheds::Reason;
use super::totals::Totals;
use buckets::Buckets;
use buckets::COARSE;
use buckets::FINE;

/// The media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

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
    #[expect(clippy::too_many_lines, reason = "one total match over the catalogue")]
    fn metric(&mut self, metric: Metric, totals: &Totals, facts: &Facts<'_>, now: Instant) {
        self.heading(metric);
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
            Metric::Failures
            | Metric::PluginRefusals
            | Metric::Shed
            | Metric::CacheAnswers
            | Metric::TlsHandshakes => self.ends(metric, totals),
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
            | Metric::HandedOver
            | Metric::AddressRefusals
            | Metric::IdleEvictions
            | Metric::CacheEvictions
            | Metric::RetriesDenied
            | Metric::BreakersOpened
            | Metric::QueueWaits
            | Metric::QueueTimeouts
            | Metric::QueueRefusals => self.counters(metric, totals),
            Metric::ConnectionsActive
            | Metric::ConnectionsWaiting
            | Metric::TlsHandshaking
            | Metric::UpstreamIdle
            | Metric::RequestsActive
            | Metric::UpstreamLimit
            | Metric::UpstreamActive
            | Metric::UpstreamWaiting
            | Metric::BreakersOpen
            | Metric::QueueLength => self.gauges(metric, totals),
            Metric::TargetHealth | Metric::TargetEjections => self.targets(metric, facts),
            Metric::CacheBytes | Metric::CacheEntries | Metric::LimitCounters => {
                self.plain(metric, shared_number(metric, facts));
            }
            Metric::CoreRequests
            | Metric::CoreConnections
            | Metric::CoreCpu
            | Metric::CoreLongestTurn
            | Metric::AdmittedShare
            | Metric::QueueDelay
            | Metric::LimitCells => self.per_core(metric, totals, now),
            Metric::Driver => self.drivers(facts),
            Metric::ConfigReloads
            | Metric::ConfigReloadTime
            | Metric::ConfigReloadSuccess
            | Metric::ConfigGeneration
            | Metric::ConfigInfo => self.reloads(metric, facts),
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

    /// How requests and connections ended or went on otherwise than by an origin's answer.
    fn ends(&mut self, metric: Metric, totals: &Totals) {
        match metric {
            Metric::Failures => self.failures(totals),
            Metric::PluginRefusals => self.refusals(totals),
            Metric::CacheAnswers => self.cache_answers(totals),
            Metric::TlsHandshakes => self.handshakes(totals),
            _ => self.sheds(totals),
        }
    }

    fn targets(&mut self, metric: Metric, facts: &Facts<'_>) {
        if metric == Metric::TargetEjections {
            for (reason, count) in facts.ejections {
                self.labelled(metric, &[reason], *count);
            }
            return;
        }
        for fact in facts.targets {
            let names = [fact.upstream, fact.target, fact.address, fact.state];
            self.labelled(metric, &names, 1);
        }
    }

    fn reloads(&mut self, metric: Metric, facts: &Facts<'_>) {
        let reload = facts.reload;
        match metric {
            Metric::ConfigReloadTime => {
                self.name(metric, "", &[]);
                self.seconds(reload.last_unix_micros.saturating_mul(1_000));
            }
            Metric::ConfigReloadSuccess => self.plain(metric, u64::from(reload.last_succeeded)),
            Metric::ConfigGeneration => self.plain(metric, reload.generation.0),
            Metric::ConfigInfo => self.labelled(metric, &[reload.hash], 1),
            _ => {
                self.labelled(metric, &["success"], reload.succeeded);
                self.labelled(metric, &["failure"], reload.failed);
            }
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

    fn refusals(&mut self, totals: &Totals) {
        for refused in totals.refused() {
            for (mode, count) in [("enforce", refused.enforced), ("observe", refused.observed)] {
                if count > 0 {
                    self.labelled(Metric::PluginRefusals, &[refused.plugin, mode], count);
                }
            }
        }
    }

    fn sheds(&mut self, totals: &Totals) {
        for reason in Reason::ALL {
            for tier in Tier::ALL {
                let count = totals.shed(reason, tier);
                if count > 0 {
                    let labels = [reason.as_str(), tier.as_str()];
                    self.labelled(Metric::Shed, &labels, count);
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

    fn handshakes(&mut self, totals: &Totals) {
        for (outcome, counter) in [
            ("full", Counter::TlsFull),
            ("resumed", Counter::TlsResumed),
            ("failed", Counter::TlsFailed),
            ("timeout", Counter::TlsLate),
            ("gone", Counter::TlsGone),
            ("plain", Counter::TlsPlain),
            ("refused", Counter::TlsRefused),
        ] {
            self.labelled(Metric::TlsHandshakes, &[outcome], totals.counter(counter));
        }
    }

    fn per_core(&mut self, metric: Metric, totals: &Totals, now: Instant) {
        for (number, core) in totals.cores().iter().enumerate() {
            let mut buffer = itoa::Buffer::new();
            self.name(metric, "", &[buffer.format(number)]);
            match metric {
                Metric::CoreRequests => self.number(core.counter(Counter::Requests)),
                Metric::CoreConnections => self.signed(core.gauge(Gauge::ConnectionsActive)),
                Metric::CoreCpu => self.seconds(core.counter(Counter::CpuNanos)),
                Metric::AdmittedShare => self.fraction(core.gauge(Gauge::AdmittedShare), 1_000_000),
                Metric::QueueDelay => self.fraction(core.gauge(Gauge::QueueDelay), 1_000),
                Metric::LimitCells => self.signed(core.gauge(Gauge::LimitCells)),
                _ => self.seconds(core.longest_turn_ns(now)),
            }
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

    /// A gauge that counts billionths by `unit`.
    fn fraction(&mut self, value: i64, unit: u64) {
        self.seconds(value.unsigned_abs().saturating_mul(unit));
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

/// What all cores share.
fn shared_number(metric: Metric, facts: &Facts<'_>) -> u64 {
    let (bytes, entries) = facts.stored;
    match metric {
        Metric::CacheBytes => bytes as u64,
        Metric::CacheEntries => entries as u64,
        _ => facts.limit_counters,
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
