//! How long a request waits before its core looks at it: as long as a turn of the loop takes, because what became ready
//! within one turn is looked at in the next.
//!
//! While there is much to do a timer is set again and again. One that has just fired stands at the beginning of a turn;
//! one that is set there, and due before the turn ends, fires at the beginning of the next. So its lateness is the whole
//! turn, and no request pays for the knowledge.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use crate::base::clock;
use crate::base::limits;
use crate::proxy::Context;
use crate::shard::Shard;

/// The grain of the runtime's timers.
const GRAIN: Duration = Duration::from_millis(1);
/// What is no longer than this is the timer's own lateness.
const NOTHING_NS: u64 = 3_000_000;

/// Measures while there is something to measure.
pub(super) async fn run(cx: Rc<Context>) {
    let shard = &cx.shard;
    loop {
        woken(shard).await;
        loop {
            monoio::time::sleep(limits::OVERLOAD_PULSE).await;
            let before = clock::now();
            monoio::time::sleep(GRAIN).await;
            let now = shard.now();
            let took = now.nanos_since(before);
            let delay = if took > NOTHING_NS { took } else { 0 };
            // A long pulse has seen more requests than a short one, so that the bound need not follow its length.
            let begun = shard.overload.take_begun();
            let busy = begun >= limits::OVERLOAD_REQUESTS;
            // Who was shed sends less: what was begun must not end because it works.
            if begun == 0 || !(busy || shard.overload.is_shedding()) {
                break;
            }
            shard
                .overload
                .turned(delay, &shard.instance().snapshot.overload, now);
        }
        shard.overload.rest();
    }
}

/// Waits until housekeeping finds that there is much to do.
async fn woken(shard: &Shard) {
    let mut asleep = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut asleep, true) && shard.overload.sleeper.borrow().is_none() {
            return Poll::Ready(());
        }
        shard.overload.sleeper.replace(Some(cx.waker().clone()));
        Poll::Pending
    })
    .await;
}

/// Wakes whoever measures, if there has been enough to do since the last tick.
pub(super) fn wake(shard: &Shard) {
    let mut sleeper = shard.overload.sleeper.borrow_mut();
    if sleeper.is_some()
        && shard.overload.take_begun() >= limits::OVERLOAD_REQUESTS
        && let Some(waker) = sleeper.take()
    {
        waker.wake();
    }
}
