//! A worker's thread, from its first directive to its last report.

use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;

use monoio::io::AsyncReadRent;
use monoio::net::UnixStream;

use crate::base::ids::CoreId;
use crate::base::limits;
use crate::bus::ControlLink;
use crate::bus::Directive;
use crate::bus::Driver;
use crate::bus::Report;
use crate::bus::Side;
use crate::bus::Sockets;
use crate::net::Addresses;
use crate::net::Listener;
use crate::plugin::Shared;
use crate::proxy::Context;
use crate::shard::Listening;
use crate::shard::Shard;
use crate::telemetry::AccessLogSender;
use crate::worker::accept;
use crate::worker::accept::Places;
use crate::worker::desk;
use crate::worker::desk::Desk;
use crate::worker::housekeeping;
use crate::worker::pulse;
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
    /// The worker's own listening sockets, and to which listener each belongs.
    pub sockets: Vec<(TcpListener, usize)>,
    /// All listeners, in the order of the configuration.
    pub listeners: Vec<Listening>,
    /// What it shares with all workers of the process.
    pub shared: Shared,
    /// Its place at the roads between workers.
    pub side: Side,
    /// How many connections each client address has.
    pub addresses: Arc<Addresses>,
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
    let (mut runtime, refusal) = AnyRuntime::build(settings.force_epoll)?;
    // One says it for all.
    if let Some(error) = refusal.filter(|_| settings.core == CoreId(0)) {
        tracing::warn!(
            "io_uring is refused here ({error}): epoll serves, at a higher cost per request; `silverback doctor` says more"
        );
    }
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
            Ok(Directive::Drain(_)) | Err(_) => return Ok(()),
        }
    };
    let driver = runtime.driver();
    let polled = matches!(driver, Driver::Epoll);
    link.wake.set_nonblocking(polled)?;
    runtime.block_on(async move {
        let Settings {
            core,
            seed,
            sockets,
            listeners,
            shared,
            side,
            addresses,
            log,
            ..
        } = settings;
        let generation = first.0.generation;
        let cx = Context::new(Shard::new(core, seed, shared, log, first.0, first.1));
        let places = Rc::new(Places::new(listeners.len()));
        let woken = side.woken()?;
        woken.set_nonblocking(polled)?;
        let desk = Rc::new(Desk {
            cx: Rc::clone(&cx),
            listeners: listeners.into_iter().map(Rc::new).collect(),
            side,
            addresses,
            polled,
        });
        desk.side.say(0);
        let taken = listen(&desk, &places, sockets)?;
        monoio::spawn(desk::arrivals(Rc::clone(&desk), woken));
        let reports = Rc::new(Reports::new(link.reports.clone()));
        monoio::spawn(repeating::run(Rc::clone(&cx)));
        monoio::spawn(pulse::run(Rc::clone(&cx)));
        let housekeeping = monoio::spawn(housekeeping::run(Rc::clone(&desk), Rc::clone(&reports)));
        reports.say(Report::Started(core, driver));
        reports.say(Report::Installed(core, generation));
        obey(&desk, link, &reports, &taken).await?;
        housekeeping.await;
        Ok(())
    })
}

/// Begins to accept, on every listener by some loops.
fn listen(
    desk: &Rc<Desk>,
    places: &Rc<Places>,
    sockets: Vec<(TcpListener, usize)>,
) -> io::Result<Vec<Taken>> {
    let mut listeners = Vec::with_capacity(sockets.len());
    for (socket, number) in sockets {
        let listener = Rc::new(Listener::new(socket)?);
        // Where sockets are polled, one loop takes what there is, and only one is told of it.
        let loops = if desk.polled { 1 } else { limits::ACCEPTS };
        for step in 0..loops {
            let (desk, places) = (Rc::clone(desk), Rc::clone(places));
            let listener = Rc::clone(&listener);
            monoio::spawn(accept::accept(desk, places, listener, number, step == 0));
        }
        listeners.push((listener, number));
    }
    Ok(listeners)
}

/// A listening socket in use, and which of the configuration's listeners it belongs to.
type Taken = (Rc<Listener>, usize);

/// Carries out directives until the one to drain.
async fn obey(
    desk: &Rc<Desk>,
    link: ControlLink,
    reports: &Reports,
    listeners: &[Taken],
) -> io::Result<()> {
    let cx = &desk.cx;
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
                Directive::Drain(sockets) => {
                    drain(desk, listeners, sockets);
                    return Ok(());
                }
            }
        }
        let (result, back) = wake.read(bytes).await;
        bytes = back;
        if result? == 0 {
            drain(desk, listeners, Sockets::Close);
            return Ok(());
        }
    }
}

/// Takes nothing new, and lets what is open come to its end.
fn drain(desk: &Rc<Desk>, listeners: &[Taken], sockets: Sockets) {
    let cx = &desk.cx;
    cx.shard.draining.set(true);
    desk.side.close();
    for (listener, number) in listeners {
        match sockets {
            Sockets::Close => accept::finish(desk, listener, *number),
            Sockets::HandedOver => listener.leave(),
        }
    }
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
