//! Many that miss the same at once.

use std::collections::BTreeSet;

use super::*;
use crate::base::rng::Rng;

const CROWD: usize = 1_000;

/// Opens many requests for one thing: the one that leads, and those that wait.
fn crowd(bench: &mut Bench) -> (Trial, Vec<(Trial, Rc<Signal>)>) {
    let mut leader = bench.open("GET /a", &[]);
    assert!(matches!(bench.ask(&mut leader), Outcome::Origin));
    let waiting = (1..CROWD).map(|_| {
        let mut trial = bench.open("GET /a", &[]);
        match bench.ask(&mut trial) {
            Outcome::Wait(signal) => (trial, signal),
            _ => panic!("it has to wait"),
        }
    });
    let waiting = waiting.collect();
    (leader, waiting)
}

#[test]
fn a_thousand_misses_make_one_request() {
    let mut bench = Bench::new(json!({}));
    let (mut leader, waiting) = crowd(&mut bench);
    assert!(waiting.iter().all(|(_, signal)| !is_raised(signal)));
    bench.deliver(&mut leader, 200, &[JSON], "{}");
    for (mut trial, signal) in waiting {
        assert!(is_raised(&signal), "nobody waits for the leader's log");
        match bench.ask(&mut trial) {
            Outcome::Given(given) => assert_eq!((given.says(), given.body()), ("Hit", "{}")),
            _ => panic!("it is stored"),
        }
    }
}

#[test]
fn whoever_is_waited_for_does_not_deliver_first() {
    let mut bench = Bench::new(json!({}));
    let (mut leader, _waiting) = crowd(&mut bench);
    let head = ResponseHead {
        status: 200,
        ..ResponseHead::default()
    };
    let alone = bench.respond(&mut leader, 200, Some((&head, b"")));
    assert!(
        matches!(alone, Ok(BodyWish::Nothing)),
        "there is nothing to store"
    );
    let mut bench = Bench::new(json!({ "cache_ttl": 10 }));
    bench.get("GET /b", &[], "old");
    bench.wait(10);
    let mut first = bench.open("GET /b", &[]);
    assert!(matches!(bench.ask(&mut first), Outcome::Origin));
    let mut second = bench.open("GET /b", &[]);
    assert!(matches!(bench.ask(&mut second), Outcome::Wait(_)));
}

#[test]
fn an_answer_that_cannot_be_stored_lets_all_go_on_by_themselves() {
    let mut bench = Bench::new(json!({}));
    let (mut leader, waiting) = crowd(&mut bench);
    bench.deliver(&mut leader, 200, &[JSON, "Set-Cookie: a=b"], "{}");
    let mut open = Vec::new();
    for (mut trial, signal) in waiting {
        assert!(is_raised(&signal));
        assert!(matches!(bench.ask(&mut trial), Outcome::Origin));
        open.push(trial);
    }
    let mut late = bench.open("GET /a", &[]);
    assert!(
        matches!(bench.ask(&mut late), Outcome::Origin),
        "for a while"
    );
    assert_eq!(
        bench.answer(&mut open[0], 200, &[JSON], "{}").says(),
        "Miss"
    );
    assert_eq!(bench.get("GET /a", &[], "").says(), "Hit");
}

#[test]
fn a_leader_that_is_gone_is_replaced_by_another() {
    let mut bench = Bench::new(json!({}));
    let (mut leader, waiting) = crowd(&mut bench);
    bench.log(&mut leader);
    let mut waiting = waiting.into_iter();
    let (mut second, signal) = waiting.next().unwrap();
    assert!(is_raised(&signal));
    assert!(matches!(bench.ask(&mut second), Outcome::Origin));
    let (mut third, _) = waiting.next().unwrap();
    assert!(matches!(bench.ask(&mut third), Outcome::Wait(_)));
    drop(second);
    let (mut fourth, _) = waiting.next().unwrap();
    assert!(
        matches!(bench.ask(&mut fourth), Outcome::Origin),
        "dropping is ending"
    );
    assert!(
        matches!(bench.ask(&mut third), Outcome::Origin),
        "it has waited enough"
    );
}

#[test]
fn a_wait_that_takes_too_long_ends_in_going_alone() {
    let mut bench = Bench::new(json!({}));
    let (_leader, waiting) = crowd(&mut bench);
    for (mut trial, signal) in waiting.into_iter().take(3) {
        signal.raise();
        assert!(matches!(bench.ask(&mut trial), Outcome::Origin));
    }
}

/// What the origin of a seeded simulation does.
fn origin(rng: &mut Rng) -> (u16, &'static [&'static str]) {
    match rng.below(6) {
        0 => (500, &[JSON]),
        1 => (200, &[JSON, "Set-Cookie: a=b"]),
        2 => (200, &[JSON, "Vary: Accept"]),
        _ => (200, &[JSON, "ETag: \"a\""]),
    }
}

/// Requests come, wait, are answered, fail and leave in any order. Nobody is ever given what belongs to another URL
/// or another variant, nobody waits more than twice, and everybody gets an answer.
#[test]
fn any_order_of_events_serves_everybody() {
    let mut reached = BTreeSet::new();
    for seed in 0..50 {
        simulate(seed, &mut reached);
    }
    for status in ["Miss", "Hit", "Refresh", "Stale", "Bypass"] {
        assert!(reached.contains(status), "{status} is never reached");
    }
}

/// The requests of a simulation, each with the name of what it should be given.
#[derive(Default)]
struct Scene {
    fetching: Vec<(Trial, String)>,
    waiting: Vec<(Trial, String, Rc<Signal>, u8)>,
}

fn simulate(seed: u64, reached: &mut BTreeSet<String>) {
    let mut rng = Rng::seeded(seed);
    let mut bench = Bench::new(json!({
        "cache_ttl": 3, "stale_while_revalidate": 2, "stale_if_error": 5,
    }));
    let mut scene = Scene::default();
    for step in 0..400 {
        let mut asked: Vec<(Trial, String, u8)> = Vec::new();
        match rng.below(9) {
            0..4 if step < 350 => {
                let (path, accept) = (rng.below(3), rng.below(2));
                let trial = bench.open(&format!("GET /{path}"), &[&format!("Accept: {accept}")]);
                asked.push((trial, format!("{path}-{accept}"), 0));
            }
            4 if rng.below(3) == 0 => bench.wait(1),
            5 if !scene.fetching.is_empty() => {
                let (mut trial, _) = scene.fetching.swap_remove(rng.below(scene.fetching.len()));
                bench.log(&mut trial);
            }
            6 => asked.extend(refreshes(&mut bench)),
            _ if !scene.fetching.is_empty() => {
                let (trial, name) = scene.fetching.swap_remove(rng.below(scene.fetching.len()));
                fetched(&mut bench, &mut rng, trial, &name, reached);
            }
            _ => {}
        }
        let raised = scene
            .waiting
            .extract_if(.., |(_, _, signal, _)| is_raised(signal));
        asked.extend(raised.map(|(trial, name, _, waits)| (trial, name, waits)));
        for (mut trial, name, waits) in asked {
            match bench.ask(&mut trial) {
                Outcome::Origin => scene.fetching.push((trial, name)),
                Outcome::Given(given) => check(&given, &name, reached),
                Outcome::Wait(signal) => {
                    assert!(waits < 2, "nobody waits more often");
                    scene.waiting.push((trial, name, signal, waits + 1));
                }
            }
        }
    }
    for (mut trial, _) in scene.fetching {
        bench.log(&mut trial);
    }
    for (mut trial, _, signal, _) in scene.waiting {
        // Whoever still waits does so for a refresh that nobody makes: patience ends.
        signal.raise();
        assert!(!matches!(bench.ask(&mut trial), Outcome::Wait(_)), "{seed}");
    }
}

/// The refreshes that are to be made in the background.
fn refreshes(bench: &mut Bench) -> Vec<(Trial, String, u8)> {
    let opened = bench.repeats().into_iter().map(|mut trial| {
        let path = trial.run(|request| request.path.to_vec());
        let accept = trial.run(|request| request.received_field(b"accept").unwrap().to_vec());
        let [path, accept] = [path, accept].map(|text| String::from_utf8(text).unwrap());
        let name = format!("{}-{accept}", &path[1..]);
        (trial, name, 0)
    });
    opened.collect()
}

/// An origin answers.
fn fetched(
    bench: &mut Bench,
    rng: &mut Rng,
    mut trial: Trial,
    name: &str,
    reached: &mut BTreeSet<String>,
) {
    let (status, lines) = origin(rng);
    let conditional = upstream(&trial).contains("If-None-Match");
    let given = match conditional && rng.below(2) == 0 {
        true => bench.answer(&mut trial, 304, &["ETag: \"a\""], ""),
        false => bench.answer(&mut trial, status, lines, name),
    };
    check(&given, name, reached);
}

/// The body begins with the URL's name; whatever varies is the client's own.
fn check(given: &Given, name: &str, reached: &mut BTreeSet<String>) {
    reached.insert(given.says().to_owned());
    let (path, _) = name.split_once('-').unwrap();
    if given.status == 200 && !given.body().is_empty() {
        assert!(
            given.body().starts_with(&format!("{path}-")),
            "{name}: {}",
            given.body()
        );
    }
    if given.field("Vary").is_some() {
        assert_eq!(given.body(), name);
    }
}
