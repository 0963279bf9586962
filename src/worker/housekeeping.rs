//! What a worker does by the clock and not by request: sweeping deadlines, closing what is idle, giving back leases of
//! limits, reporting.

use std::future::Future;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use crate::base::clock;
use crate::base::clock::Instant;
use crate::base::limits;
use crate::bus::Report;
use crate::cache::Status;
use crate::proxy::Context;
use crate::shard::Shard;
use crate::telemetry::Counter;
use crate::telemetry::Gauge;
use crate::worker::reports::Reports;

/// Ticks until the worker has drained; then reports that.
pub(super) async fn run(cx: Rc<Context>, reports: Rc<Reports>) {
    let mut reported = clock::now();
    let mut cpu = Duration::ZERO;
    let mut was_busy = false;
    loop {
        let shard = &cx.shard;
        let busy = shard.connections.get() > 0 || shard.draining.get();
        // What the last connection has left to do is done soon.
        let pause = if busy || was_busy {
            limits::TICK_BUSY
        } else {
            limits::TICK_IDLE
        };
        was_busy = busy;
        let due = clock::now().plus(pause);
        sleep(shard, pause, busy).await;
        let now = shard.now();
        shard.metrics.turned(now.nanos_since(due));
        shard.synchronise();
        shard.deadlines.sweep(now);
        shard.plugins.limiter.tick(shard.unix_micros_at(now));
        if let Some(log) = &shard.log {
            log.flush();
        }
        reports.pay();
        announce(shard, &reports);
        if shard.wards.has_notices() && !reports.owes() {
            reports.say(Report::Noticed(shard.core, shard.wards.take_notices()));
        }
        let drained = drained(shard);
        if drained || now.nanos_since(reported) >= nanos(limits::REPORT_EVERY) {
            reported = now;
            cpu = report(&cx, &reports, now, cpu);
        }
        if drained {
            break;
        }
    }
    cx.shard.peers.close_idle();
    cx.shard.plugins.limiter.close();
    reports.say(Report::Drained(cx.shard.core));
    while reports.owes() {
        monoio::time::sleep(limits::TICK_BUSY).await;
        reports.pay();
    }
}

/// Lets time pass; a connection that comes to an idle worker ends it, because it has deadlines.
async fn sleep(shard: &Shard, pause: Duration, busy: bool) {
    let mut passed = pin!(monoio::time::sleep(pause));
    poll_fn(|cx| {
        if passed.as_mut().poll(cx).is_ready() || (!busy && shard.connections.get() > 0) {
            return Poll::Ready(());
        }
        shard.sleeper.replace((!busy).then(|| cx.waker().clone()));
        Poll::Pending
    })
    .await;
}

/// Whether the last connection of a draining worker is closed.
fn drained(shard: &Shard) -> bool {
    shard.draining.get() && shard.connections.get() == 0
}

/// Forgets what is over in the cache of answers and tells the others what is new in it, unless earlier reports still
/// wait: then it is told later, or never if there is too much of it.
fn announce(shard: &Shard, reports: &Reports) {
    let cache = &shard.plugins.cache;
    cache.tidy(shard.lately().micros());
    if cache.has_messages() && !reports.owes() {
        reports.say(Report::Cached(shard.core, cache.take_messages()));
    }
}

/// Reports what was counted, unless earlier reports still wait: then it stays counted here. The last counts of a
/// worker that drains have no later occasion.
fn report(cx: &Context, reports: &Reports, now: Instant, cpu_before: Duration) -> Duration {
    let shard = &cx.shard;
    let keep = shard.instance().snapshot.keep_alive;
    shard.peers.prune(&keep, now);
    shard.metrics.set(
        Gauge::UpstreamIdle,
        i64::try_from(shard.peers.idle()).unwrap_or(i64::MAX),
    );
    report_plugins(shard);
    report_targets(shard, now);
    let cpu = thread_cpu();
    shard
        .metrics
        .count(Counter::CpuNanos, nanos(cpu.saturating_sub(cpu_before)));
    if let Some(log) = &shard.log {
        let counts = log.take_counts();
        shard.metrics.count(Counter::LogProduced, counts.produced);
        shard.metrics.count(Counter::LogDropped, counts.dropped);
    }
    if drained(shard) || !reports.owes() {
        let delta = Box::new(shard.metrics.take_delta());
        reports.say(Report::Counted(shard.core, delta));
    }
    cpu
}

/// What plugins' memory has counted, and how much there is of it.
fn report_plugins(shard: &Shard) {
    let (metrics, plugins) = (&shard.metrics, &shard.plugins);
    for (status, count) in plugins.cache.take_counts() {
        let counter = match status {
            Status::Hit => Counter::CacheHits,
            Status::Miss => Counter::CacheMisses,
            Status::Refresh => Counter::CacheRefreshed,
            Status::Stale => Counter::CacheStale,
            Status::Bypass => Counter::CacheBypassed,
        };
        metrics.count(counter, count);
    }
    metrics.count(Counter::CacheEvicted, plugins.cache.take_fallen());
    let cells = i64::try_from(plugins.limiter.len()).unwrap_or(i64::MAX);
    metrics.set(Gauge::LimitCells, cells);
}

/// Forgets targets that are gone, and says how many requests wait and breakers are open.
fn report_targets(shard: &Shard, now: Instant) {
    shard.wards.prune(now);
    let (waiting, open) = shard.wards.figures();
    let gauge = |count| i64::try_from(count).unwrap_or(i64::MAX);
    shard.metrics.set(Gauge::QueueLength, gauge(waiting));
    shard.metrics.set(Gauge::BreakersOpen, gauge(open));
}

fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
