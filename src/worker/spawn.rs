//! A worker's thread, from its first directive to its last report.

use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::thread::JoinHandle;

use monoio::io::AsyncReadRent;
use monoio::net::UnixStream;

use crate::base::ids::CoreId;
use crate::bus::ControlLink;
use crate::bus::Directive;
use crate::bus::Driver;
use crate::bus::Report;
use crate::net::Listener;
use crate::plugin::Shared;
use crate::proxy::Context;
use crate::shard::Listening;
use crate::shard::Shard;
use crate::telemetry::AccessLogSender;
use crate::worker::accept;
use crate::worker::accept::Places;
use crate::worker::housekeeping;
use crate::worker::repeating;
use crate::worker::reports::Reports;
use crate::worker::runtime::AnyRuntime;

/// What a worker is told at its start and cannot change later.
#[derive(Debug)]
pub struct Settings {
    /// Which worker.
    pub core: CoreId,
    /// The CPU to pin the thread to, if it is to be pinned.
    pub cpu: Option<usize>,
    /// Use epoll even where io_uring works.
    pub force_epoll: bool,
    /// Seeds this core's choices.
    pub seed: u64,
    /// The worker's own listening sockets.
    pub listeners: Vec<(TcpListener, Listening)>,
    /// What it shares with all workers of the process.
    pub shared: Shared,
    /// Where its access records go.
    pub log: Option<AccessLogSender>,
}

/// Starts a worker. It accepts nothing before the first [`Directive::Install`]; it ends after a
/// [`Directive::Drain`], or with a [`Report::Failed`] when its runtime cannot be built.
///
/// # Errors
/// When the thread cannot be made.
pub fn spawn(settings: Settings, link: ControlLink) -> io::Result<JoinHandle<()>> {
    let name = format!("worker-{}", settings.core.0);
    std::thread::Builder::new().name(name).spawn(move || {
        let (core, reports) = (settings.core, link.reports.clone());
        if let Err(error) = run(settings, link) {
            // Nothing runs here any more, so this thread may wait. Control may be gone; then nobody is left to tell.
            let _ = reports.send(Report::Failed(core, error.to_string()));
        }
    })
}

fn run(settings: Settings, link: ControlLink) -> io::Result<()> {
    if let Some(cpu) = settings.cpu {
        pin(cpu);
    }
    let mut runtime = AnyRuntime::build(settings.force_epoll)?;
    // Nothing else runs here yet, so this thread may wait.
    let first = loop {
        match link.directives.recv() {
            Ok(Directive::Install(snapshot, addresses)) => break (snapshot, addresses),
            Ok(
                Directive::Resolve(_)
                | Directive::Mark(_)
                | Directive::Cache(_)
                | Directive::Mock(_),
            ) => {}
            Ok(Directive::Drain) | Err(_) => return Ok(()),
        }
    };
    let driver = runtime.driver();
    let polled = matches!(driver, Driver::Epoll);
    link.wake.set_nonblocking(polled)?;
    runtime.block_on(async move {
        let Settings {
            core,
            seed,
            listeners,
            shared,
            log,
            ..
        } = settings;
        let generation = first.0.generation;
        let cx = Context::new(Shard::new(core, seed, shared, log, first.0, first.1));
        let places = Rc::new(Places::new(listeners.len()));
        let mut taken = Vec::new();
        for (socket, listening) in listeners {
            let (listener, listening) = (Rc::new(Listener::new(socket)?), Rc::new(listening));
            monoio::spawn(accept::accept(
                Rc::clone(&cx),
                Rc::clone(&places),
                Rc::clone(&listener),
                Rc::clone(&listening),
            ));
            taken.push((listener, listening));
        }
        let reports = Rc::new(Reports::new(link.reports.clone()));
        monoio::spawn(repeating::run(Rc::clone(&cx)));
        let housekeeping = monoio::spawn(housekeeping::run(Rc::clone(&cx), Rc::clone(&reports)));
        reports.say(Report::Started(core, driver));
        reports.say(Report::Installed(core, generation));
        obey(&cx, link, &reports, &taken).await?;
        housekeeping.await;
        Ok(())
    })
}

/// Carries out directives until the one to drain.
async fn obey(
    cx: &Rc<Context>,
    link: ControlLink,
    reports: &Reports,
    listeners: &[(Rc<Listener>, Rc<Listening>)],
) -> io::Result<()> {
    let ControlLink {
        directives, wake, ..
    } = link;
    let mut wake = UnixStream::from_std(wake)?;
    let mut bytes = Vec::with_capacity(64);
    loop {
        while let Ok(directive) = directives.try_recv() {
            match directive {
                Directive::Install(snapshot, addresses) => {
                    let generation = snapshot.generation;
                    drop(cx.shard.install(snapshot, addresses));
                    reports.say(Report::Installed(cx.shard.core, generation));
                }
                Directive::Resolve(addresses) => drop(cx.shard.resolve(addresses)),
                Directive::Mark(marks) => cx.shard.wards.hear(marks, cx.shard.now()),
                Directive::Cache(order) => {
                    let now = cx.shard.now().micros();
                    cx.shard.plugins.cache.obey(order, now);
                }
                Directive::Mock(order) => cx.shard.plugins.mock.obey(order),
                Directive::Drain => {
                    drain(cx, listeners);
                    return Ok(());
                }
            }
        }
        let (result, back) = wake.read(bytes).await;
        bytes = back;
        if result? == 0 {
            drain(cx, listeners);
            return Ok(());
        }
    }
}

/// Takes nothing new, and lets what is open come to its end.
fn drain(cx: &Rc<Context>, listeners: &[(Rc<Listener>, Rc<Listening>)]) {
    for (listener, listening) in listeners {
        accept::finish(cx, listener, listening);
    }
    cx.shard.draining.set(true);
    cx.shard.deadlines.hasten_idle(cx.shard.now());
}

/// Pins this thread to a CPU. A refusal costs speed and nothing else.
fn pin(cpu: usize) {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    if let Err(error) = rustix::thread::sched_setaffinity(None, &set) {
        tracing::warn!(cpu, %error, "worker is not pinned");
    }
}
