//! Too much at a time: who waits, who is shed and told so, and that an origin is never asked for more than it may be.

use std::time::Duration;
use std::time::Instant;

use crate::support::Client;
use crate::support::Config;
use crate::support::Gate;
use crate::support::Gateway;
use crate::support::Origin;
use crate::support::cases;
use crate::support::eventually;
use crate::support::gate::Watched;

cases! {
    upstream_takes_no_more_than_its_limit: ["FU30", "O14"];
    higher_tiers_come_first_at_a_full_upstream: [];
    consumers_share_a_full_upstream_alike: [];
    who_waits_in_vain_is_told: ["FU30"];
    who_leaves_while_waiting_frees_its_turn: ["FU30"];
    requests_in_flight_are_bounded: ["O14"];
    websocket_takes_no_place_for_good: [];
    slow_origin_is_not_buried: [];
    busy_core_sheds_the_lowest_tier: ["O14"];
}

/// Nobody waits in vain, however slow the machine.
const PATIENT: &str = "[overload]\nupstream_wait = \"30s\"\n";

/// An origin that holds each request until the gate opens, then answers all.
fn held() -> (Gate, Origin) {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        while peer.request().is_some() {
            held.wait();
            peer.reply("done");
        }
    });
    (gate, origin)
}

/// Fills a service that may have so many in flight.
fn fill(gateway: &Gateway, origin: &Origin, count: usize) -> Vec<Client> {
    let mut clients: Vec<Client> = (0..count).map(|_| gateway.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.get("/");
        origin.wait_request(number);
    }
    clients
}

fn waiting(gateway: &Gateway, count: f64) {
    eventually("they wait", || {
        (gateway.metric("silverback_upstream_limited_waiting") == count).then_some(())
    });
}

fn upstream_takes_no_more_than_its_limit() {
    let (gate, origin) = held();
    let gateway = Config::to(origin.port())
        .service_keys("tags = [\"limit:2\"]")
        .sections(PATIENT)
        .start();
    let mut first = fill(&gateway, &origin, 2);
    // Sixteen may wait; whoever comes then is told to come later.
    let mut others: Vec<Client> = (0..16).map(|_| gateway.client()).collect();
    for client in &mut others {
        client.get("/");
    }
    waiting(&gateway, 16.0);
    let mut last = gateway.client();
    let shed = last.get("/").response().expect(503);
    let shed = shed.expect_cause("connection_limit_reached");
    assert_eq!(shed.head.one("retry-after"), Some("1"));
    assert!(
        shed.text().contains("The upstream server is overloaded"),
        "{}",
        shed.text()
    );
    assert!(!shed.closes(), "the connection is as good as before");
    assert_eq!(origin.requests().len(), 2);
    gate.open();
    for client in first.iter_mut().chain(&mut others) {
        client.response().expect(200);
    }
    last.get("/").response().expect(200);
    assert!(
        origin.connections() <= 2,
        "{} connections",
        origin.connections()
    );
    eventually("it is counted", || {
        let shed = gateway.metric("silverback_shed_total{reason=\"upstream\",tier=\"normal\"}");
        (shed == 1.0).then_some(())
    });
}

fn higher_tiers_come_first_at_a_full_upstream() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        while let Some(request) = peer.request() {
            if request.head.target() == "/" {
                held.wait();
            }
            peer.reply("done");
        }
    });
    let gateway = Config::to(origin.port())
        .service_keys("tags = [\"limit:1\", \"priority:low\"]")
        .sections(PATIENT)
        .entities(
            "[[routes]]\nname = \"high\"\nservice = \"s0\"\npaths = [\"/high\"]\nstrip_path = false\n\
             tags = [\"priority:high\"]\n",
        )
        .start();
    let mut first = fill(&gateway, &origin, 1);
    let mut low: Vec<Client> = (0..16).map(|_| gateway.client()).collect();
    for client in &mut low {
        client.get("/low");
    }
    waiting(&gateway, 16.0);
    let mut high: Vec<Client> = (0..4).map(|_| gateway.client()).collect();
    for client in &mut high {
        client.get("/high");
    }
    // The last of the low ones make room; which those are, their connections decide.
    eventually("four are shed", || {
        let shed = gateway.metric("silverback_shed_total{reason=\"upstream\",tier=\"low\"}");
        (shed == 4.0).then_some(())
    });
    gate.open();
    for client in high.iter_mut().chain(&mut first) {
        client.response().expect(200);
    }
    let statuses = low.iter_mut().map(|client| client.response().status());
    let shed = statuses.filter(|&status| status == 503).count();
    assert_eq!(shed, 4);
    let seen: Vec<String> = origin
        .requests()
        .iter()
        .map(|r| r.head.target().to_owned())
        .collect();
    assert_eq!(seen[1..5], ["/high"; 4], "{seen:?}");
}

fn consumers_share_a_full_upstream_alike() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |mut peer| {
        while let Some(request) = peer.request() {
            if request.head.target() == "/first" {
                held.wait();
            }
            peer.reply("done");
        }
    });
    let gateway = Config::empty()
        .service(
            origin.port(),
            "tags = [\"limit:1\"]",
            "paths = [\"/\"]\nplugins = [{ name = \"key-auth\" }]",
        )
        .sections(PATIENT)
        .entities(
            "[[consumers]]\nusername = \"greedy\"\nkeyauth_credentials = [{ key = \"g\" }]\n\
             [[consumers]]\nusername = \"modest\"\nkeyauth_credentials = [{ key = \"m\" }]\n\
             [[consumers]]\nusername = \"chief\"\ntags = [\"priority:high\"]\nkeyauth_credentials = [{ key = \"c\" }]\n",
        )
        .start();
    let ask = |key: &str, path: &str| {
        let mut client = gateway.client();
        client.send(format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\napikey: {key}\r\n\r\n"
        ));
        client
    };
    let mut first = ask("g", "/first");
    origin.wait_request(0);
    let mut greedy: Vec<Client> = (0..16).map(|_| ask("g", "/g")).collect();
    waiting(&gateway, 16.0);
    let mut modest: Vec<Client> = (0..2).map(|_| ask("m", "/m")).collect();
    for client in &mut greedy[14..] {
        client.response().expect(503);
    }
    let mut chief = ask("c", "/c");
    greedy[13].response().expect(503);
    gate.open();
    first.response().expect(200);
    chief.response().expect(200);
    for client in greedy[..13].iter_mut().chain(&mut modest) {
        client.response().expect(200);
    }
    let seen: Vec<String> = origin
        .requests()
        .iter()
        .map(|r| r.head.target().to_owned())
        .collect();
    assert_eq!(seen[1..6], ["/c", "/g", "/m", "/g", "/m"], "{seen:?}");
}

fn who_waits_in_vain_is_told() {
    let (gate, origin) = held();
    let gateway = Config::to(origin.port())
        .service_keys("tags = [\"limit:1\"]")
        .sections("[overload]\nupstream_wait = \"100ms\"\n")
        .start();
    let mut first = fill(&gateway, &origin, 1);
    gateway
        .get("/")
        .expect(503)
        .expect_cause("connection_limit_reached");
    waiting(&gateway, 0.0);
    gate.open();
    first[0].response().expect(200);
    gateway.get("/").expect(200);
}

fn who_leaves_while_waiting_frees_its_turn() {
    let (gate, origin) = held();
    let gateway = Config::to(origin.port())
        .service_keys("tags = [\"limit:1\"]")
        .sections(PATIENT)
        .start();
    let mut first = fill(&gateway, &origin, 1);
    let mut leaving = gateway.client();
    leaving.get("/");
    waiting(&gateway, 1.0);
    leaving.wire.reset();
    waiting(&gateway, 0.0);
    gate.open();
    first[0].response().expect(200);
    gateway.get("/").expect(200);
    assert_eq!(origin.requests().len(), 2);
}

fn requests_in_flight_are_bounded() {
    let (gate, origin) = held();
    let gateway = Config::to(origin.port())
        .sections("[overload]\nrequests = 10\n")
        .start();
    // A tenth is left to the highest tier.
    let mut first = fill(&gateway, &origin, 9);
    let mut shed = gateway.client();
    let answer = shed.get("/").response().expect(503);
    let answer = answer.expect_cause("http_request_denied");
    assert_eq!(answer.head.one("retry-after"), Some("1"));
    assert!(
        answer.text().contains("The gateway is overloaded"),
        "{}",
        answer.text()
    );
    assert_eq!(origin.requests().len(), 9);
    gate.open();
    for client in &mut first {
        client.response().expect(200);
    }
    // Who was shed is not listened to for a moment, and then is.
    shed.get("/").response().expect(200);
}

fn websocket_takes_no_place_for_good() {
    let origin = Origin::start(|mut peer| {
        while let Some(head) = peer.head() {
            if head.one("upgrade").is_some() {
                peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
                peer.wait_end();
                return;
            }
            peer.reply("done");
        }
    });
    let gateway = Config::to(origin.port())
        .service_keys("tags = [\"limit:1\"]")
        .sections(PATIENT)
        .start();
    let mut socket = gateway.client();
    socket.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!(socket.response().status(), 101);
    for _ in 0..3 {
        gateway.get("/").expect(200);
    }
}

/// An origin with four places becomes ten times slower while forty clients ask all the time: it never has more in flight
/// than a few, and those of the highest tier are served.
fn slow_origin_is_not_buried() {
    let slow = Gate::default();
    let slowed = slow.clone();
    let busy = Watched::new((0_usize, 0_usize));
    let seen = busy.clone();
    let places = Watched::new(4_usize);
    let origin = Origin::start(move |mut peer| {
        let clock = Watched::new(());
        while peer.request().is_some() {
            seen.change(|(now, most)| {
                *now += 1;
                *most = (*most).max(*now);
            });
            let taken = places.wait_for(Duration::from_secs(30), |free| (*free > 0).then_some(()));
            assert!(taken.is_some());
            places.change(|free| *free = free.saturating_sub(1));
            let work = if slowed.is_open() { 10 } else { 1 };
            let _ = clock.wait_for(Duration::from_millis(work), |()| None::<()>);
            places.change(|free| *free += 1);
            seen.change(|(now, _)| *now -= 1);
            peer.reply("done");
        }
    });
    let gateway = Config::to(origin.port())
        .sections("[overload]\nupstream_adaptive = true\nupstream_requests = 20\nqueue_delay = \"0s\"\n")
        .entities(
            "[[routes]]\nname = \"high\"\nservice = \"s0\"\npaths = [\"/high\"]\ntags = [\"priority:high\"]\n",
        )
        .start();
    let stop = Gate::default();
    let address = gateway.listeners[0];
    let flood: Vec<_> = (0..40)
        .map(|_| {
            let stop = stop.clone();
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                let (mut served, mut shed) = (0, 0);
                while !stop.is_open() {
                    match client.get("/").response().status() {
                        200 => served += 1,
                        503 => shed += 1,
                        other => panic!("{other}"),
                    }
                }
                (served, shed)
            })
        })
        .collect();
    eventually("the origin is busy", || {
        (origin.requests().len() > 1_000).then_some(())
    });
    slow.open();
    let mut client = gateway.client();
    let asked = (0..200).filter(|_| client.get("/high").response().status() == 200);
    let served = asked.count();
    let (_, most) = busy.read(|busy| *busy);
    stop.open();
    let counts = flood.into_iter().map(|thread| thread.join().unwrap());
    let (_, shed) = counts.fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    assert!(served >= 198, "{served} of 200 of the highest tier");
    assert!(shed > 0, "nothing was shed");
    assert!(most <= 20, "{most} in flight at an origin that may have 20");
}

/// Requests of the lowest tier keep the only core busy for 10 ms each: those of the highest are served all the same.
fn busy_core_sheds_the_lowest_tier() {
    let origin = Origin::hello();
    let gateway = Config::to(origin.port())
        .service_keys("tags = [\"priority:low\"]")
        .sections("[overload]\nqueue_delay = \"20ms\"\n")
        .entities(
            "[[routes]]\nname = \"high\"\nservice = \"s0\"\npaths = [\"/high\"]\ntags = [\"priority:high\"]\n",
        )
        .environment("SILVERBACK_FAULTS", "1")
        .start();
    let stop = Gate::default();
    let address = gateway.listeners[0];
    let flood: Vec<_> = (0..24)
        .map(|_| {
            let stop = stop.clone();
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                while !stop.is_open() {
                    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Silverback-Fault: stall\r\n\r\n");
                    let answer = client.response();
                    if answer.status() != 200 {
                        answer.expect(503).expect_cause("http_request_denied");
                    }
                }
            })
        })
        .collect();
    let mut client = gateway.client();
    let shed = || gateway.metric("silverback_shed_total{reason=\"delay\",tier=\"low\"}");
    let (mut asked, mut served) = (0, 0);
    // Until it sheds, each turn of the core takes a quarter of a second.
    let until = Instant::now() + Duration::from_secs(60);
    while asked < 30 || shed() <= 20.0 {
        assert!(Instant::now() < until, "the lowest tier is not shed");
        asked += 1;
        served += i32::from(client.get("/high").response().status() == 200);
    }
    stop.open();
    for thread in flood {
        thread.join().unwrap();
    }
    assert!(served * 100 >= asked * 99, "{served} of {asked}");
    eventually("everything is admitted again", || {
        let admitted = gateway.metric("silverback_core_admitted_ratio{core=\"0\"}");
        (admitted == 1.0).then_some(())
    });
    gateway.get("/").expect(200);
}
