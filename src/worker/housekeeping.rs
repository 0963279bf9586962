//! What a worker does by the clock and not by request: sweeping deadlines, closing what is idle, reporting.

use std::rc::Rc;
use std::time::Duration;

use crossbeam::channel::Sender;

use crate::base::clock;
use crate::base::clock::Instant;
use crate::base::limits;
use crate::bus::Report;
use crate::proxy::Context;
use crate::telemetry::Counter;
use crate::telemetry::Gauge;

/// Ticks until the worker has drained; then reports that.
pub(super) async fn run(cx: Rc<Context>, reports: Sender<Report>) {
    let mut reported = clock::now();
    let mut cpu = Duration::ZERO;
    loop {
        let shard = &cx.shard;
        let busy = shard.connections.get() > 0 || shard.draining.get();
        let pause = if busy {
            limits::TICK_BUSY
        } else {
            limits::TICK_IDLE
        };
        let due = clock::now().plus(pause);
        monoio::time::sleep(pause).await;
        let now = shard.now();
        shard.metrics.turned(now.nanos_since(due));
        shard.synchronise();
        shard.deadlines.sweep(now);
        if let Some(log) = &shard.log {
            log.flush();
        }
        let drained = shard.draining.get() && shard.connections.get() == 0;
        if drained || now.nanos_since(reported) >= nanos(limits::REPORT_EVERY) {
            reported = now;
            cpu = report(&cx, &reports, now, cpu);
        }
        if drained {
            cx.shard.peers.close_idle();
            // Control waits for this, so there is room for it soon.
            let _ = reports.send(Report::Drained(shard.core));
            return;
        }
    }
}

/// Reports what was counted, if there is room for a report; what is not taken now stays counted here.
fn report(cx: &Context, reports: &Sender<Report>, now: Instant, cpu_before: Duration) -> Duration {
    let shard = &cx.shard;
    let keep = shard.instance().snapshot.keep_alive;
    shard.peers.prune(&keep, now);
    shard.metrics.set(
        Gauge::UpstreamIdle,
        i64::try_from(shard.peers.idle()).unwrap_or(i64::MAX),
    );
    let cpu = thread_cpu();
    shard
        .metrics
        .count(Counter::CpuNanos, nanos(cpu.saturating_sub(cpu_before)));
    if let Some(log) = &shard.log {
        let counts = log.take_counts();
        shard.metrics.count(Counter::LogProduced, counts.produced);
        shard.metrics.count(Counter::LogDropped, counts.dropped);
    }
    if !reports.is_full() {
        let delta = Box::new(shard.metrics.take_delta());
        // Another worker may have taken the last place; then a second of figures waits in the channel's
        // sender for a moment, which is better than losing it.
        let _ = reports.send(Report::Counted(shard.core, delta));
    }
    cpu
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
