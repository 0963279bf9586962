//! Origins in trouble under requests: breakers, retries within a budget, a bound for each target with a line in front
//! of it, and one bad target of four that no client should notice.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::Client;
use crate::support::Config;
use crate::support::Gate;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;
use crate::support::origin::Peer;

cases! {
    a_flapping_target_is_left_alone_and_tried_by_one_request: ["FU26"];
    open_breakers_of_all_targets_are_503_at_once: ["FU27"];
    retries_stay_within_their_budget: ["FU29"];
    unwanted_statuses_are_tried_elsewhere: [];
    conditions_of_retries_are_obeyed: [];
    requests_wait_in_line_for_a_place_at_a_target: ["FU30", "K13", "O10"];
    the_bound_of_a_target_is_the_processs: ["FU30", "K13"];
    who_waits_too_long_or_finds_the_line_full_is_refused: ["FU30"];
    the_deadline_of_a_request_holds_in_line_too: ["FU30"];
    a_target_that_is_killed_fails_no_idempotent_request: ["FU1"];
    a_target_that_hangs_fails_no_idempotent_request: ["FU9"];
    a_target_that_resets_fails_no_idempotent_request: ["FU4"];
    a_target_that_answers_500_fails_no_idempotent_request: [];
}

fn pool(service: &str, keys: &str, ports: &[u16]) -> Config {
    let mut toml = format!(
        "[[services]]\nname = \"s\"\nurl = \"http://pool.test\"\n{service}\n\
         [[services.routes]]\nname = \"r\"\npaths = [\"/\"]\n[[upstreams]]\nname = \"pool.test\"\n{keys}\n"
    );
    for port in ports {
        toml.push_str(&format!(
            "[[upstreams.targets]]\ntarget = \"127.0.0.1:{port}\"\n"
        ));
    }
    Config::empty().entities(&toml)
}

/// An origin that resets each request's connection until the gate opens.
fn dying(well: &Gate) -> Origin {
    let well = well.clone();
    Origin::start(move |mut peer| {
        while peer.request().is_some() {
            if !well.is_open() {
                return peer.reset();
            }
            peer.reply("well");
        }
    })
}

fn a_flapping_target_is_left_alone_and_tried_by_one_request() {
    let well = Gate::default();
    let (patient, other) = (dying(&well), Origin::hello());
    let keys = "slow_start = \"1s\"\n\
        circuit_breaker = { consecutive_failures = 3, open_time = \"300ms\", max_open_time = \"20s\" }";
    let gateway = pool("", keys, &[patient.port(), other.port()]).start();
    let mut client = gateway.client();
    for _ in 0..40 {
        client.get("/").response().expect(200);
    }
    gateway.wait_log("upstream pool.test: target");
    // Three open it. Whatever time passes, each opening costs one trial, and the next is twice as far.
    let tried = patient.heads();
    assert!((3..=6).contains(&tried), "{tried}");
    gateway.wait_log("lets nothing through");
    well.open();
    eventually("the breaker closes", || {
        client.get("/").response().expect(200);
        gateway
            .log_lines()
            .iter()
            .any(|line| line.contains("lets all through again"))
            .then_some(())
    });
    eventually("it is counted", || {
        (gateway.metric("silverback_breakers_opened_total") >= 1.0).then_some(())
    });
}

fn open_breakers_of_all_targets_are_503_at_once() {
    let origins = [dying(&Gate::default()), dying(&Gate::default())];
    let keys = "circuit_breaker = { consecutive_failures = 2, open_time = \"60s\" }";
    let gateway = pool("", keys, &[origins[0].port(), origins[1].port()]).start();
    let mut client = gateway.client();
    eventually("both breakers are open", || {
        (client.get("/").response().status() == 503).then_some(())
    });
    let before = origins[0].connections() + origins[1].connections();
    assert!(before <= 4, "{before}");
    for _ in 0..50 {
        let answer = client.get("/").response().expect(503);
        assert_eq!(answer.head.one("retry-after"), Some("1"));
    }
    assert_eq!(origins[0].connections() + origins[1].connections(), before);
}

fn retries_stay_within_their_budget() {
    let origins: Vec<Origin> = (0..6).map(|_| dying(&Gate::default())).collect();
    let ports: Vec<u16> = origins.iter().map(Origin::port).collect();
    let keys = "retry_budget = { percent = 20, min_retries = 5 }";
    let gateway = pool("retries = 5", keys, &ports).start();
    let mut client = gateway.client();
    let requests = 300;
    for _ in 0..requests {
        client.get("/").response().expect(502);
    }
    let seen: usize = origins.iter().map(Origin::heads).sum();
    // Twice the share, should the window turn in between.
    assert!(
        (requests + 5..=requests + requests / 5 + 10).contains(&seen),
        "{seen}"
    );
    eventually("what was denied is counted", || {
        (gateway.metric("silverback_upstream_retries_denied_total") >= 200.0).then_some(())
    });
}

/// Answers every request with the status.
fn refusing(status: u16) -> Origin {
    Origin::answering(format!(
        "HTTP/1.1 {status} No\r\nContent-Length: 4\r\n\r\nsick"
    ))
}

fn unwanted_statuses_are_tried_elsewhere() {
    let (sick, well) = (refusing(503), Origin::hello());
    let keys = "retry_on = [\"connect\", \"503\"]";
    let gateway = pool("", keys, &[sick.port(), well.port()]).start();
    for _ in 0..10 {
        gateway.get("/").expect(200);
    }
    assert!(sick.heads() >= 4);
    // A POST may not be sent twice, and where nobody else is left the answer is the answer.
    let mut statuses: Vec<u16> = (0..4)
        .map(|_| gateway.client().post("/", b"x").response().status())
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 503, 503]);
    let lonely = pool("", keys, &[sick.port()]).start();
    assert_eq!(lonely.get("/").expect(503).text(), "sick");
    let other = refusing(503);
    let both = pool("", keys, &[sick.port(), other.port()]).start();
    assert_eq!(both.get("/").expect(503).text(), "sick");
}

fn conditions_of_retries_are_obeyed() {
    let (sick, well) = (dying(&Gate::default()), Origin::hello());
    let gateway = pool("", "retry_on = [\"connect\"]", &[sick.port(), well.port()]).start();
    let mut statuses: Vec<u16> = (0..4).map(|_| gateway.get("/").status()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 502, 502]);
}

/// An origin that answers when the gate opens and knows how many requests it had at a time at most.
struct Narrow {
    origin: Origin,
    gate: Gate,
    most: Arc<AtomicUsize>,
}

impl Narrow {
    fn start() -> Self {
        let (gate, most, now) = (Gate::default(), Arc::default(), AtomicUsize::new(0));
        let (held, seen) = (gate.clone(), Arc::<AtomicUsize>::clone(&most));
        let origin = Origin::start(move |mut peer: Peer| {
            while let Some(request) = peer.request() {
                seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                held.wait();
                now.fetch_sub(1, Ordering::SeqCst);
                peer.echo(&request);
            }
        });
        Self { origin, gate, most }
    }
}

fn waiting(gateway: &Gateway, wanted: usize) {
    eventually("so many wait", || {
        (gateway.metric("silverback_target_queue_length ") == wanted as f64).then_some(())
    });
}

fn requests_wait_in_line_for_a_place_at_a_target() {
    let narrow = Narrow::start();
    let keys = "max_connections = 4\nqueue_timeout = \"9s\"";
    let gateway = pool("", keys, &[narrow.origin.port()]).start();
    let mut clients: Vec<Client> = (0..64).map(|_| gateway.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(format!(
            "GET / HTTP/1.1\r\nHost: a\r\nX-Test-Id: {number}\r\n\r\n"
        ));
        if number < 4 {
            narrow.origin.wait_head(number);
        }
    }
    waiting(&gateway, 60);
    assert_eq!(narrow.origin.heads(), 4);
    // Half of those who wait leave, and their places with them.
    let gone = clients.split_off(34);
    gone.into_iter().for_each(|client| client.wire.reset());
    waiting(&gateway, 30);
    narrow.gate.open();
    for client in &mut clients {
        client.response().expect(200);
    }
    assert_eq!(narrow.origin.heads(), 34);
    assert_eq!(narrow.most.load(Ordering::SeqCst), 4);
    waiting(&gateway, 0);
    gateway.get("/").expect(200);
}

fn the_bound_of_a_target_is_the_processs() {
    let narrow = Narrow::start();
    let keys = "max_connections = 4\nqueue_timeout = \"9s\"";
    let config = pool("", keys, &[narrow.origin.port()]);
    let gateway = config.gateway("workers = 2\n").start();
    let mut clients: Vec<Client> = (0..32).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.get("/");
    }
    // Two for each worker, whichever worker a client is on.
    eventually("the others wait", || {
        let waiting = gateway.metric("silverback_target_queue_length ");
        (waiting as usize + narrow.origin.heads() == 32).then_some(())
    });
    narrow.gate.open();
    for client in &mut clients {
        client.response().expect(200);
    }
    assert!(narrow.most.load(Ordering::SeqCst) <= 4);
}

fn who_waits_too_long_or_finds_the_line_full_is_refused() {
    let narrow = Narrow::start();
    let keys = "max_connections = 1\nqueue = 1\nqueue_timeout = \"1500ms\"";
    let gateway = pool("", keys, &[narrow.origin.port()]).start();
    let [mut first, mut second] = [gateway.client(), gateway.client()];
    first.get("/");
    narrow.origin.wait_head(0);
    second.get("/");
    eventually("the line is full", || {
        let answer = gateway
            .get("/")
            .expect(503)
            .expect_cause("connection_limit_reached");
        assert_eq!(answer.head.one("retry-after"), Some("1"));
        (gateway.metric("silverback_target_queue_refusals_total") >= 1.0).then_some(())
    });
    second
        .response()
        .expect(503)
        .expect_cause("connection_limit_reached");
    narrow.gate.open();
    first.response().expect(200);
    gateway.get("/").expect(200);
    eventually("both are counted", || {
        (gateway.metric("silverback_target_queue_timeouts_total") >= 1.0).then_some(())
    });
}

fn the_deadline_of_a_request_holds_in_line_too() {
    let narrow = Narrow::start();
    let keys = "max_connections = 1\nqueue_timeout = \"60s\"";
    let hasty = "paths = [\"/hasty\"]\nconnect_timeout = 300\nread_timeout = 300\n\
        write_timeout = 300\ntotal_timeout = 300";
    let service = format!("[[services.routes]]\nname = \"hasty\"\n{hasty}");
    let gateway = pool(&service, keys, &[narrow.origin.port()]).start();
    let mut first = gateway.client();
    first.get("/");
    narrow.origin.wait_head(0);
    gateway
        .get("/hasty")
        .expect(503)
        .expect_cause("connection_limit_reached");
    narrow.gate.open();
    first.response().expect(200);
    gateway.get("/hasty").expect(200);
}

/// Eight clients in closed loops on two workers, while one of four targets goes bad in the middle. No idempotent
/// request may fail, before the target is taken out or after; the bad one sees a bounded number of them.
fn one_of_four(bad: &Origin, goes_bad: impl FnOnce()) {
    let good: Vec<Origin> = (0..3).map(|_| Origin::hello()).collect();
    let mut ports: Vec<u16> = good.iter().map(Origin::port).collect();
    ports.push(bad.port());
    let keys = "retry_on = [\"connect\", \"reset\", \"timeout\", \"500\"]\n\
        passive_checks = { tcp_failures = 3, timeouts = 3, http_failures = 3 }";
    let service = "read_timeout = 300\nconnect_timeout = 300";
    let gateway = pool(service, keys, &ports).gateway("workers = 2\n").start();
    let turn = Gate::default();
    let done = Arc::new(AtomicUsize::new(0));
    let address = gateway.listeners[0];
    let loops: Vec<_> = (0..8)
        .map(|_| {
            let (turn, done) = (turn.clone(), Arc::clone(&done));
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                let mut ask = || {
                    done.fetch_add(1, Ordering::SeqCst);
                    client.get("/").response().status() != 200
                };
                let before = (0..50).filter(|_| ask()).count();
                turn.wait_at_most(Duration::from_secs(5));
                before + (0..250).filter(|_| ask()).count()
            })
        })
        .collect();
    eventually("all have asked", || {
        (done.load(Ordering::SeqCst) >= 400).then_some(())
    });
    goes_bad();
    turn.open();
    let failed: usize = loops.into_iter().map(|it| it.join().unwrap()).sum();
    assert_eq!(failed, 0, "idempotent requests that failed");
    gateway.wait_log("is unhealthy (passive)");
    let heads = bad.heads();
    let mut client = gateway.client();
    for _ in 0..40 {
        client.get("/").response().expect(200);
    }
    assert_eq!(bad.heads(), heads, "nothing more goes to it");
}

/// Serves until the gate opens, then does this with each request.
fn turning(gate: &Gate, bad: impl Fn(Peer) + Send + Sync + 'static) -> Origin {
    let gate = gate.clone();
    Origin::start(move |mut peer| {
        while peer.request().is_some() {
            if gate.is_open() {
                return bad(peer);
            }
            peer.reply("hello");
        }
    })
}

fn a_target_that_is_killed_fails_no_idempotent_request() {
    let gate = Gate::default();
    // It dies with its connections; later ones end before a byte is read.
    let gone = gate.clone();
    let origin = Origin::start(move |mut peer| {
        while !gone.is_open() && peer.request().is_some() {
            if gone.is_open() {
                return peer.reset();
            }
            peer.reply("hello");
        }
        peer.reset();
    });
    one_of_four(&origin, || gate.open());
}

fn a_target_that_hangs_fails_no_idempotent_request() {
    let gate = Gate::default();
    let origin = turning(&gate, |mut peer| drop(peer.wait_end()));
    one_of_four(&origin, || gate.open());
}

fn a_target_that_resets_fails_no_idempotent_request() {
    let gate = Gate::default();
    let origin = turning(&gate, Peer::reset);
    one_of_four(&origin, || gate.open());
}

fn a_target_that_answers_500_fails_no_idempotent_request() {
    let gate = Gate::default();
    let origin = turning(&gate, |mut peer| {
        let answer = "HTTP/1.1 500 Sick\r\nContent-Length: 0\r\n\r\n";
        while peer.send(answer) && peer.request().is_some() {}
    });
    one_of_four(&origin, || gate.open());
}
