//! The only road between workers and control: directives down, reports up; bounded both ways.
//!
//! A worker that serves only ever `try_send`s and `try_recv`s; before its first directive, and when it has failed, it
//! keeps nobody waiting. A directive is followed by one byte on the worker's wake-up socket, which its own runtime
//! waits on; reports wait for control's next tick. A full report channel delays a report and never loses it:
//! whatever it holds stays with the worker until the next tick.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use crossbeam::channel::Receiver;
use crossbeam::channel::Sender;
use crossbeam::channel::TrySendError;
use crossbeam::channel::bounded;

use crate::base::ids::CoreId;
use crate::base::ids::Generation;
use crate::base::limits;
use crate::cache;
use crate::plugin::mock;
use crate::snapshot::Addresses;
use crate::snapshot::Marks;
use crate::snapshot::Notice;
use crate::snapshot::Snapshot;
use crate::telemetry::Delta;

/// From control to one worker.
#[derive(Clone, Debug)]
pub enum Directive {
    /// Serve new requests by this snapshot from now on.
    Install(Arc<Snapshot>, Arc<Addresses>),
    /// The names of the running snapshot resolve to this now.
    Resolve(Arc<Addresses>),
    /// These targets are out.
    Mark(Arc<Marks>),
    /// Something about the cache of answers.
    Cache(cache::Order),
    /// Something about the logs of mock plugins.
    Mock(mock::Order),
    /// Accept nothing more, end what is open as it becomes idle, then report [`Report::Drained`].
    Drain,
}

/// From one worker to control.
#[derive(Debug)]
pub enum Report {
    /// The worker's runtime runs with this driver and accepts connections.
    Started(CoreId, Driver),
    /// Every request that this worker reads from now on is served by this generation or a later one.
    Installed(CoreId, Generation),
    /// What was counted since the last delta.
    Counted(CoreId, Box<Delta>),
    /// What the worker has stored or found to be outdated, for the others.
    Cached(CoreId, Vec<cache::Message>),
    /// What the worker's requests say of targets.
    Noticed(CoreId, Vec<Notice>),
    /// The last connection of a draining worker is closed.
    Drained(CoreId),
    /// The worker cannot go on.
    Failed(CoreId, String),
}

/// What carries a worker's I/O.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// io_uring, with the cheapest set-up flags that the kernel took.
    Uring(RingFlags),
    /// epoll, where io_uring is missing or forbidden.
    Epoll,
}

/// How an io_uring instance was set up, cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingFlags {
    /// `SINGLE_ISSUER` and `DEFER_TASKRUN` (Linux 6.1).
    DeferTaskrun,
    /// `COOP_TASKRUN` (Linux 5.19).
    CoopTaskrun,
    /// None.
    Plain,
}

impl std::fmt::Display for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Uring(RingFlags::DeferTaskrun) => "io_uring",
            Self::Uring(RingFlags::CoopTaskrun) => "io_uring (coop_taskrun)",
            Self::Uring(RingFlags::Plain) => "io_uring (plain)",
            Self::Epoll => "epoll",
        })
    }
}

/// Control's end of the road to one worker.
#[derive(Debug)]
pub struct WorkerLink {
    /// Which worker.
    pub core: CoreId,
    directives: Sender<Directive>,
    wake: UnixStream,
}

impl WorkerLink {
    /// Sends a directive and wakes the worker. A worker that is gone, or that has not read a whole channel of
    /// directives, refuses it.
    ///
    /// # Errors
    /// The directive that was not taken.
    pub fn send(&mut self, directive: Directive) -> Result<(), Directive> {
        self.directives
            .try_send(directive)
            .map_err(TrySendError::into_inner)?;
        // A full socket means that the wake-up is on its way already.
        let _ = self.wake.write(&[1]);
        Ok(())
    }
}

/// A worker's end of the road to control.
#[derive(Debug)]
pub struct ControlLink {
    /// Directives, in order.
    pub directives: Receiver<Directive>,
    /// Reports; shared by all workers.
    pub reports: Sender<Report>,
    /// Becomes readable when there is a directive.
    pub wake: UnixStream,
}

/// The channel that all workers report on.
pub fn reports() -> (Sender<Report>, Receiver<Report>) {
    bounded(limits::REPORTS_QUEUED)
}

/// A road to one worker.
///
/// # Errors
/// When the process has no file descriptor left for the wake-up socket.
pub fn connect(
    core: CoreId,
    reports: Sender<Report>,
) -> std::io::Result<(WorkerLink, ControlLink)> {
    let (directives, received) = bounded(limits::DIRECTIVES_QUEUED);
    let (wake, woken) = UnixStream::pair()?;
    wake.set_nonblocking(true)?;
    woken.set_nonblocking(true)?;
    let link = WorkerLink {
        core,
        directives,
        wake,
    };
    Ok((
        link,
        ControlLink {
            directives: received,
            reports,
            wake: woken,
        },
    ))
}

const fn crosses_cores<T: Send>() {}
const _: () = {
    crosses_cores::<Directive>();
    crosses_cores::<Report>();
};
