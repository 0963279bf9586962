//! Signals to orders, and how the process ends.

use std::io;

use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio::sync::mpsc;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// SIGHUP: read the configuration again.
    Reload,
    /// SIGTERM or SIGINT: end what is in flight and leave; said twice: leave.
    Leave,
    /// SIGUSR1: open the log files again, after they were rotated.
    Reopen,
}

/// How control's loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything in flight was answered.
    Drained,
    /// `gateway.drain_timeout` passed; what was still in flight is cut.
    TimedOut,
    /// A second signal did not want to wait.
    Forced,
    /// A worker cannot be kept alive.
    Broken,
}

/// Signals that may wait for control's loop; more of them say nothing new.
const ORDERS_QUEUED: usize = 16;

/// Catches signals from now on; the task that does it ends with the runtime.
///
/// # Errors
/// When the kernel refuses a handler.
pub fn listen() -> io::Result<mpsc::Receiver<Order>> {
    let (orders, received) = mpsc::channel(ORDERS_QUEUED);
    let signals = [
        (SignalKind::hangup(), Order::Reload),
        (SignalKind::terminate(), Order::Leave),
        (SignalKind::interrupt(), Order::Leave),
        (SignalKind::user_defined1(), Order::Reopen),
    ];
    for (kind, order) in signals {
        let mut signals = signal(kind)?;
        let orders = orders.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                // A full queue holds the same order already.
                let _ = orders.try_send(order);
            }
        });
    }
    Ok(received)
}
