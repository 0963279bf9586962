//! Requests that plugins want made once more: each gets a task of its own, as a connection does.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use futures_util::FutureExt;

use crate::proxy;
use crate::proxy::Context;
use crate::telemetry::Counter;

/// Starts them as they come. A panic ends the one that it happens in.
pub(super) async fn run(cx: Rc<Context>) {
    loop {
        let repeat = cx.next_repeat().await;
        let made = proxy::repeat(Rc::clone(&cx), repeat);
        let cx = Rc::clone(&cx);
        monoio::spawn(AssertUnwindSafe(made).catch_unwind().map(move |end| {
            if end.is_err() {
                cx.shard.metrics.count(Counter::Panics, 1);
            }
        }));
    }
}
