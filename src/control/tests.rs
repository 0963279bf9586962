//! The loop with workers that are threads without a data plane: they read directives and report.

use std::io::Read;
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::Receiver;
use crossbeam::channel::Sender;
use crossbeam::channel::unbounded;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::lifecycle::Ended;
use super::lifecycle::Order;
use super::reload::Load;
use super::reload::News;
use super::reload::Outcome;
use super::reload::Refusal;
use super::*;
use crate::base::ids::CoreId;
use crate::base::ids::Generation;
use crate::bus;
use crate::bus::ControlLink;
use crate::bus::Directive;
use crate::bus::Driver;
use crate::cache;
use crate::cache::Purge;
use crate::cache::Question;
use crate::cache::Target;
use crate::config::Faults;
use crate::config::Loaded;
use crate::config::Model;
use crate::plugin::mock;
use crate::plugin::registry::Registry;
use crate::snapshot::Resolved;
use crate::store::Keeper;
use crate::telemetry::CoreMetrics;
use crate::telemetry::Counter;
use crate::telemetry::Format;
use crate::telemetry::log_sender;
use crate::telemetry::log_thread;
use crate::telemetry::mask::Mask;

/// What a worker was told, as the test sees it.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Install(u16, u64, Vec<Resolved>),
    Resolve(u16, Vec<Resolved>),
    Drain(u16),
}

/// How a fake worker behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Temper {
    Obedient,
    /// Ends as soon as it is told to install anything.
    Fragile,
    /// Reads nothing.
    Deaf,
    /// Reads nothing after its first install.
    Tired,
    /// Never says that it has drained.
    Stubborn,
}

fn work(core: CoreId, mut link: ControlLink, temper: Temper, told: &Sender<Told>) {
    link.wake.set_nonblocking(false).unwrap();
    let metrics = CoreMetrics::new();
    let store = cache::Store::default();
    let logs = mock::Recorder::default();
    let mut started = false;
    while wait(&mut link.wake) {
        if temper == Temper::Deaf || (temper == Temper::Tired && started) {
            continue;
        }
        while let Ok(directive) = link.directives.try_recv() {
            match directive {
                Directive::Install(snapshot, addresses) => {
                    let names = addresses.names.clone();
                    told.send(Told::Install(core.0, snapshot.generation.0, names))
                        .unwrap();
                    if temper == Temper::Fragile {
                        link.reports
                            .send(Report::Failed(core, "no ring".into()))
                            .unwrap();
                        return;
                    }
                    if !std::mem::replace(&mut started, true) {
                        link.reports
                            .send(Report::Started(core, Driver::Epoll))
                            .unwrap();
                    }
                    metrics.count(Counter::ConnectionsAccepted, 1);
                    let delta = Box::new(metrics.take_delta());
                    link.reports.send(Report::Counted(core, delta)).unwrap();
                    if core.0 == 0 {
                        store.add(cache::testing::entry("a", clock::now().micros(), 1, 10_000));
                        let stored = Report::Cached(core, store.take_messages());
                        link.reports.send(stored).unwrap();
                    }
                    let installed = Report::Installed(core, snapshot.generation);
                    link.reports.send(installed).unwrap();
                }
                Directive::Resolve(addresses) => {
                    told.send(Told::Resolve(core.0, addresses.names.clone()))
                        .unwrap();
                }
                Directive::Cache(order) => store.obey(order, clock::now().micros()),
                Directive::Mock(order) => logs.obey(order),
                Directive::Mark(_) => {}
                Directive::Drain => {
                    told.send(Told::Drain(core.0)).unwrap();
                    if temper != Temper::Stubborn {
                        link.reports.send(Report::Drained(core)).unwrap();
                        return;
                    }
                }
            }
        }
    }
}

/// Whether control is still there.
fn wait(wake: &mut UnixStream) -> bool {
    wake.read(&mut [0; 64]).is_ok_and(|length| length > 0)
}

/// What a reading of the configuration does; it waits until the test says so.
type Reading = Box<dyn FnOnce() -> Result<Model, String> + Send>;

struct Bench {
    control: JoinHandle<Ended>,
    handle: Handle,
    orders: mpsc::Sender<Order>,
    told: Receiver<Told>,
    /// What the next reading of the configuration says.
    next: Sender<Reading>,
    /// The access log, in a directory that lives as long as the bench.
    directory: tempfile::TempDir,
    greeted: Receiver<Vec<(Driver, usize)>>,
}

impl Bench {
    /// Two workers and a configuration whose only service is at `host`.
    fn start(host: &str, tempers: &'static [Temper]) -> Self {
        let (report, reports) = bus::reports();
        let (tell, told) = unbounded();
        let mut hired = tempers.iter().copied();
        let hire: Hire = Box::new(move |core, link| {
            let (tell, temper) = (tell.clone(), hired.next().unwrap_or(Temper::Obedient));
            Ok(std::thread::spawn(move || work(core, link, temper, &tell)))
        });
        let crew = Crew::hire(2, report, hire).unwrap();
        let (next, coming) = unbounded::<Reading>();
        let load: Load = Box::new(move || match coming.recv_timeout(LONG).unwrap()() {
            Ok(model) => Ok(loaded(model)),
            Err(message) => Err(fault(&message)),
        });
        let (greet, greeted) = unbounded();
        let directory = tempfile::tempdir().unwrap();
        let (orders, received) = mpsc::channel(16);
        let (handle, requests) = Handle::new();
        let first = model(host);
        let first: Load = Box::new(move || Ok(loaded(first.clone())));
        let first = Builder::new(first, 2).build(News::default(), None, Generation(1));
        let control = Control::new(Setup {
            first: first.unwrap(),
            builder: Builder::new(load, 2),
            watched: false,
            crew,
            reports,
            orders: received,
            requests,
            pools: Arc::default(),
            stored: Arc::default(),
            store: Keeper::without_store(&Registry).spawn().unwrap().0,
            log: Some(access_log(directory.path())),
            greet: Box::new(move |drivers| greet.send(drivers.to_vec()).unwrap()),
        });
        let control = tokio::task::spawn_local(control.run());
        Self {
            control,
            handle,
            orders,
            told,
            next,
            directory,
            greeted,
        }
    }

    async fn told(&self) -> Told {
        let told = self.told.clone();
        let told = tokio::task::spawn_blocking(move || told.recv_timeout(LONG));
        told.await.unwrap().unwrap()
    }

    /// Both workers were told to install this generation.
    async fn both_install(&self, generation: u64) {
        for _ in 0..2 {
            let told = self.told().await;
            assert!(
                matches!(told, Told::Install(_, g, _) if g == generation),
                "{told:?}"
            );
        }
    }

    fn reads(&self, next: Result<Model, String>) {
        self.next.send(Box::new(move || next)).unwrap();
    }

    async fn reload(&self, next: Result<Model, String>) -> Outcome {
        self.reads(next);
        self.handle.reload(Until::Installed).await.unwrap()
    }

    async fn leave(self) -> Ended {
        self.orders.send(Order::Leave).await.unwrap();
        self.control.await.unwrap()
    }
}

const LONG: Duration = Duration::from_secs(10);

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let local = tokio::task::LocalSet::new();
    let test = async { timeout(LONG, test).await.expect("ends in time") };
    local.block_on(&runtime, test);
}

/// Waits until the gateway says that it is ready.
async fn ready(handle: &Handle) -> Status {
    loop {
        let status = handle.status().await.unwrap();
        if status.ready {
            return status;
        }
        tokio::task::yield_now().await;
    }
}

#[test]
fn first_install_makes_ready_and_a_drain_ends_it() {
    run(async {
        let bench = Bench::start("127.0.0.1", &[]);
        bench.both_install(1).await;
        let status = ready(&bench.handle).await;
        assert_eq!(status.generation, Generation(1));
        assert_eq!(status.workers.len(), 2);
        assert_eq!(status.workers[0].driver, Some(Driver::Epoll));
        assert_eq!(status.server.accepted, 2, "both workers' counts");
        assert_eq!(
            bench.greeted.try_iter().collect::<Vec<_>>(),
            [vec![(Driver::Epoll, 2)]]
        );
        let log = bench.directory.path().join("access.log");
        exists(&log).await;
        std::fs::remove_file(&log).unwrap();
        bench.orders.send(Order::Reopen).await.unwrap();
        exists(&log).await;
        assert_eq!(bench.leave().await, Ended::Drained);
    });
}

#[test]
fn a_reload_is_acknowledged_by_every_worker() {
    run(async {
        let bench = Bench::start("127.0.0.1", &[]);
        bench.both_install(1).await;
        let outcome = bench.reload(Ok(model("127.0.0.2"))).await;
        let Outcome::Installed(installed) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(installed.generation, Generation(2));
        assert!(!installed.changes.is_empty());
        bench.both_install(2).await;
        let same = bench.reload(Ok(model("127.0.0.2"))).await;
        assert!(
            matches!(&same, Outcome::Unchanged(Generation(2), brought) if !brought.is_empty()),
            "{same:?}"
        );
        assert_eq!(
            bench.handle.status().await.unwrap().generation,
            Generation(2)
        );
    });
}

#[test]
fn a_bad_configuration_and_one_that_needs_a_restart_change_nothing() {
    run(async {
        let bench = Bench::start("127.0.0.1", &[]);
        bench.both_install(1).await;
        let bad = bench.reload(Err("unknown key `workerz`".into())).await;
        assert!(matches!(&bad, Outcome::Refused(Refusal::Faults(f)) if f.0.len() == 1));
        let mut other = model("127.0.0.2");
        other.listeners.clear();
        other.gateway.workers = crate::config::model::Workers::Count(9);
        let restart = bench.reload(Ok(other)).await;
        let Outcome::Refused(Refusal::Restart(keys)) = &restart else {
            panic!("{restart:?}")
        };
        assert_eq!(keys, &["gateway.workers", "listeners"]);
        let status = bench.handle.status().await.unwrap();
        assert_eq!(status.generation, Generation(1));
        assert!(!status.last_reload.unwrap().outcome.is_success());
        assert!(
            bench.told.try_recv().is_err(),
            "no worker was told anything"
        );
    });
}

#[test]
fn reloads_asked_for_together_become_one() {
    run(async {
        let bench = Bench::start("127.0.0.1", &[]);
        bench.both_install(1).await;
        ready(&bench.handle).await;
        let ask = || bench.handle.reload(Until::Installed);
        // The first reading ends only after control has taken all four questions, and this one after them.
        let read = async {
            bench.handle.status().await.unwrap();
            bench.reads(Ok(model("127.0.0.2")));
            bench.reads(Ok(model("127.0.0.3")));
        };
        let (a, b, c, d, ()) = tokio::join!(ask(), ask(), ask(), ask(), read);
        let generation = |outcome: Option<Outcome>| match outcome.unwrap() {
            Outcome::Installed(installed) => installed.generation.0,
            other => panic!("{other:?}"),
        };
        assert_eq!(generation(a), 2);
        // Two readings answered four questions.
        assert_eq!([b, c, d].map(generation), [3, 3, 3]);
    });
}

#[test]
fn names_are_resolved_before_the_install() {
    run(async {
        let bench = Bench::start("localhost", &[]);
        let told = bench.told().await;
        let Told::Install(_, 1, names) = told else {
            panic!("{told:?}")
        };
        let Resolved::Addresses(addresses) = &names[0] else {
            panic!("{names:?}")
        };
        assert_eq!(addresses[0].ip, Ipv4Addr::LOCALHOST);
        ready(&bench.handle).await;
        assert_eq!(bench.handle.status().await.unwrap().names, (1, 0));
    });
}

#[test]
fn a_worker_that_ends_is_replaced_once() {
    run(async {
        let bench = Bench::start("127.0.0.1", &[Temper::Fragile, Temper::Obedient]);
        bench.both_install(1).await;
        let again = bench.told().await;
        assert!(matches!(again, Told::Install(0, 1, _)), "{again:?}");
        assert!(ready(&bench.handle).await.ready);
    });
}

#[test]
fn a_worker_that_ends_twice_ends_the_process() {
    run(async {
        let tempers = &[Temper::Fragile, Temper::Obedient, Temper::Fragile];
        let bench = Bench::start("127.0.0.1", tempers);
        assert_eq!(bench.control.await.unwrap(), Ended::Broken);
    });
}

#[test]
fn a_drain_has_a_deadline_and_a_second_signal_does_not_wait() {
    run(async {
        let tempers = &[Temper::Stubborn, Temper::Stubborn];
        let bench = Bench::start("127.0.0.1", tempers);
        bench.both_install(1).await;
        ready(&bench.handle).await;
        bench.orders.send(Order::Leave).await.unwrap();
        bench.told().await;
        let status = bench.handle.status().await.unwrap();
        assert!(status.draining && !status.ready);
        let refused = bench.handle.reload(Until::Installed).await.unwrap();
        assert!(
            matches!(refused, Outcome::Refused(Refusal::Draining)),
            "{refused:?}"
        );
        assert_eq!(bench.leave().await, Ended::Forced);
        let bench = Bench::start("127.0.0.1", tempers);
        bench.both_install(1).await;
        assert_eq!(bench.leave().await, Ended::TimedOut);
    });
}

#[test]
fn a_deaf_worker_leaves_the_gateway_not_ready_but_answering() {
    run(async {
        let bench = Bench::start("127.0.0.1", &[Temper::Deaf]);
        assert!(matches!(bench.told().await, Told::Install(1, 1, _)));
        let status = bench.handle.status().await.unwrap();
        assert!(!status.ready);
        assert_eq!(status.generation, Generation(0));
    });
}

#[test]
fn whoever_waits_for_acceptance_alone_does_not_wait_for_workers() {
    run(async {
        // One worker installs generation 1 and then reads nothing more.
        let bench = Bench::start("127.0.0.1", &[Temper::Tired]);
        bench.both_install(1).await;
        ready(&bench.handle).await;
        bench.reads(Ok(model("127.0.0.2")));
        let accepted = bench.handle.reload(Until::Accepted).await.unwrap();
        let Outcome::Accepted(accepted) = accepted else {
            panic!("{accepted:?}")
        };
        assert_eq!(accepted.generation, Generation(2));
        assert!(!accepted.changes.is_empty());
        let status = bench.handle.status().await.unwrap();
        assert_eq!(status.generation, Generation(1));
    });
}

#[test]
fn a_panic_while_reading_is_a_refusal_and_reloading_goes_on() {
    run(async {
        let bench = Bench::start("127.0.0.1", &[]);
        bench.both_install(1).await;
        ready(&bench.handle).await;
        bench.next.send(Box::new(|| panic!("a defect"))).unwrap();
        let outcome = bench.handle.reload(Until::Installed).await.unwrap();
        assert!(
            matches!(outcome, Outcome::Refused(Refusal::Internal(_))),
            "{outcome:?}"
        );
        let outcome = bench.reload(Ok(model("127.0.0.2"))).await;
        assert!(matches!(outcome, Outcome::Installed(_)), "{outcome:?}");
        let metrics = bench.handle.metrics().await.unwrap();
        for line in [
            "silverback_driver_info{core=\"1\",driver=\"epoll\"} 1\n",
            "silverback_config_reloads_total{result=\"success\"} 1\n",
            "silverback_config_reloads_total{result=\"failure\"} 1\n",
            "silverback_config_last_reload_success 1\n",
            "silverback_config_generation 2\n",
        ] {
            assert!(metrics.contains(line), "{line}{metrics}");
        }
    });
}

#[test]
fn what_one_worker_stores_all_have_and_a_purge_reaches_all() {
    run(async {
        let bench = Bench::start("127.0.0.1", &[Temper::Obedient; 2]);
        ready(&bench.handle).await;
        let purge = |key: &str| {
            Question::Purge(Arc::new(Purge {
                target: Target::Digest(cache::testing::digest(key), None),
                until: clock::now().micros(),
            }))
        };
        let list = bench.handle.ask_caches(Question::List(None)).await;
        assert!(matches!(list, Some(cache::Told::Found(found)) if found.len() == 1));
        let purged = bench.handle.ask_caches(purge("b")).await;
        assert!(matches!(purged, Some(cache::Told::Purged(0))));
        let asked = clock::now();
        let purged = bench.handle.ask_caches(purge("a")).await;
        assert!(matches!(purged, Some(cache::Told::Purged(1))));
        assert!(
            clock::now().nanos_since(asked) < 100_000_000,
            "it is done at once"
        );
        let list = bench.handle.ask_caches(Question::List(None)).await;
        assert!(matches!(list, Some(cache::Told::Found(found)) if found.is_empty()));
        assert_eq!(bench.leave().await, Ended::Drained);
    });
}

#[test]
fn a_worker_that_reads_nothing_holds_up_no_question_for_long() {
    run(async {
        let bench = Bench::start("127.0.0.1", &[Temper::Obedient, Temper::Deaf]);
        let list = bench.handle.ask_caches(Question::List(None)).await;
        assert!(matches!(list, Some(cache::Told::Found(_))));
        let everything = Purge {
            target: Target::Everything,
            until: 0,
        };
        let purge = Question::Purge(Arc::new(everything));
        let told = bench.handle.ask_caches(purge).await;
        assert!(
            matches!(told, Some(cache::Told::Late)),
            "one may still give it"
        );
        bench.control.abort();
    });
}

#[test]
fn old_snapshots_are_freed_on_control() {
    let mut history = history::History::default();
    let snapshot = |generation| {
        let load: Load = Box::new(|| Ok(loaded(model("127.0.0.1"))));
        let built = Builder::new(load, 1).build(News::default(), None, Generation(generation));
        built.unwrap().snapshot.unwrap()
    };
    let used = snapshot(1);
    history.push(Arc::clone(&used));
    for generation in 2..=6 {
        history.push(snapshot(generation));
    }
    let start = Instant(1);
    history.free(start);
    assert_eq!(
        history.len(),
        4,
        "one in use, two for late counts, the running one"
    );
    history.free(start.plus(Duration::from_secs(6)));
    assert_eq!(history.len(), 2);
    drop(used);
    history.free(start.plus(Duration::from_secs(6)));
    history.free(start.plus(Duration::from_secs(12)));
    assert_eq!(history.len(), 1);
}

/// Waits until the log thread has made its file.
async fn exists(path: &std::path::Path) {
    while !path.exists() {
        sleep(Duration::from_millis(1)).await;
    }
}

fn access_log(directory: &std::path::Path) -> LogThread {
    let config = log_thread::LogConfig {
        target: log_thread::LogTarget::File(directory.join("access.log")),
        format: Format::Json,
        mask: Mask::default(),
    };
    log_thread::spawn(config, log_sender::road().1).unwrap()
}

fn loaded(model: Model) -> Loaded {
    Loaded {
        model,
        warnings: Vec::new(),
        places: Arc::default(),
        files: Vec::new(),
    }
}

fn fault(_message: &str) -> Faults {
    let Err(faults) = config::parse_str("test", "nonsense = 1") else {
        panic!("an unknown key is a fault");
    };
    faults
}

/// A service at `host` with one route, and nobody to ask for names.
/// One that is stuck is left out of what is shown, and nobody waits for it longer than a question may take.
#[test]
fn a_log_is_shown_without_a_worker_that_is_stuck() {
    run(async {
        let bench = Bench::start("127.0.0.1", &[Temper::Obedient, Temper::Tired]);
        ready(&bench.handle).await;
        let route = uuid::Uuid::from_u128(7);
        assert!(matches!(bench.handle.mock_log(route).await, Some(None)));
        bench.reads(Ok(logging()));
        let bench = std::rc::Rc::new(bench);
        let reloading = std::rc::Rc::clone(&bench);
        tokio::task::spawn_local(async move { reloading.handle.reload(Until::Installed).await });
        let log = loop {
            match bench.handle.mock_log(route).await.unwrap() {
                Some(log) => break log,
                None => tokio::task::yield_now().await,
            }
        };
        assert!(log.is_empty());
    });
}

/// One with a mock that keeps a log.
fn logging() -> Model {
    let text = "[[listeners]]\naddress = \"127.0.0.1:0\"\n[[routes]]\nname = \"r\"\npaths = [\"/\"]\n\
        [[routes.plugins]]\nid = \"00000000-0000-0000-0000-000000000007\"\nname = \"mock\"\n\
        config = { log_requests = 3 }\n";
    config::parse_str("test", text).unwrap().model
}

fn model(host: &str) -> Model {
    let text = format!(
        "[gateway]\ndrain_timeout = \"50ms\"\n[dns]\nservers = [\"127.0.0.1:9\"]\ntimeout = \"1s\"\n\
         [[listeners]]\naddress = \"127.0.0.1:0\"\n[[services]]\nname = \"o\"\nhost = \"{host}\"\nport = 9000\n\
         [[services.routes]]\nname = \"r\"\npaths = [\"/\"]\n"
    );
    config::parse_str("test", &text).unwrap().model
}
