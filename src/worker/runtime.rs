//! Which driver carries the I/O: io_uring with the cheapest flags that the kernel takes, else epoll.
//!
//! The flags decide the cost of a request (docs/decisions/0002-ring-flags.md): with `DEFER_TASKRUN` completions are
//! handled when the worker asks for them, not by interrupting it.

use std::future::Future;
use std::io;

use monoio::IoUringDriver;
use monoio::LegacyDriver;
use monoio::Runtime;
use monoio::RuntimeBuilder;
use monoio::time::TimeDriver;

use crate::base::limits;
use crate::bus::Driver;
use crate::bus::RingFlags;

/// A runtime on either driver.
pub(super) enum AnyRuntime {
    Uring(Runtime<TimeDriver<IoUringDriver>>, RingFlags),
    Epoll(Runtime<TimeDriver<LegacyDriver>>),
}

impl AnyRuntime {
    /// The best runtime that this kernel offers, and why it is not io_uring where that was wanted; epoll at once if
    /// `force_epoll`.
    pub(super) fn build(force_epoll: bool) -> io::Result<(Self, Option<io::Error>)> {
        let mut refusal = None;
        if !force_epoll {
            for flags in [
                RingFlags::DeferTaskrun,
                RingFlags::CoopTaskrun,
                RingFlags::Plain,
            ] {
                match uring(flags) {
                    Ok(runtime) => return Ok((Self::Uring(runtime, flags), None)),
                    // The last one asks for the least.
                    Err(error) => refusal = Some(error),
                }
            }
        }
        let runtime = RuntimeBuilder::<LegacyDriver>::new()
            .enable_timer()
            .build()?;
        Ok((Self::Epoll(runtime), refusal))
    }

    /// What it runs on.
    pub(super) fn driver(&self) -> Driver {
        match self {
            Self::Uring(_, flags) => Driver::Uring(*flags),
            Self::Epoll(_) => Driver::Epoll,
        }
    }

    /// Runs `future` to its end.
    pub(super) fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        match self {
            Self::Uring(runtime, _) => runtime.block_on(future),
            Self::Epoll(runtime) => runtime.block_on(future),
        }
    }
}

fn uring(flags: RingFlags) -> io::Result<Runtime<TimeDriver<IoUringDriver>>> {
    let mut ring = io_uring::IoUring::builder();
    match flags {
        RingFlags::DeferTaskrun => ring.setup_single_issuer().setup_defer_taskrun(),
        RingFlags::CoopTaskrun => ring.setup_coop_taskrun(),
        RingFlags::Plain => &mut ring,
    };
    RuntimeBuilder::<IoUringDriver>::new()
        .uring_builder(ring)
        .with_entries(limits::RING_ENTRIES)
        .enable_timer()
        .build()
}
