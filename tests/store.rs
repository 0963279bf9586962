//! The store against SIGKILL: a child process writes and says what was acknowledged, the test kills it at any moment,
//! and what was said must be there.
//!
//! The child is this program again, told to be one by an argument and its environment.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::env;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use silverback::base::clock;
use silverback::base::rng::Rng;
use silverback::entity::Change;
use silverback::entity::Entities;
use silverback::entity::Env;
use silverback::entity::Kind;
use silverback::entity::NoPlugins;
use silverback::store::Author;
use silverback::store::Counter;
use silverback::store::Handle;
use silverback::store::Keeper;
use silverback::store::Made;
use tokio::runtime::Builder;
use uuid::Uuid;

/// How often the child is killed.
const ROUNDS: usize = 50;
/// Writers of the child at once; each of them waits for its answer.
const WRITERS: u64 = 4;
/// How long a child lives at most.
const LIFE_US: usize = 120_000;
/// Where the child finds its store.
const STORE: &str = "SILVERBACK_TEST_STORE";

fn open(path: &Path) -> Keeper {
    Keeper::open(path, &NoPlugins).unwrap_or_else(|error| panic!("{error}"))
}

/// The service with this number, as a row; new or the same once more.
fn service(number: u64) -> impl FnOnce(&mut Entities, &mut Env<'_>) -> Made<()> + Send + 'static {
    move |entities, _| {
        let (kind, id) = (Kind::Services, Uuid::from_u128(number.into()));
        let row = format!(r#"{{"host":"host-{number}.example.com","name":"service-{number}"}}"#);
        let row: Box<[u8]> = row.into_bytes().into();
        entities.restore(kind, id, row.clone()).unwrap();
        let change = Change {
            kind,
            id,
            before: None,
            after: Some(row),
        };
        Ok(((), vec![change]))
    }
}

/// Numbers of the services that are there, and the last number that was counted.
fn found(keeper: &Keeper) -> (BTreeSet<u64>, u64) {
    let rows = keeper.entities().iter(Kind::Services);
    let numbers = rows.map(|row| u64::try_from(row.id.as_u128()).unwrap());
    let counters = keeper.counters().unwrap();
    let count = counters
        .first()
        .and_then(|count| count.value.as_ref())
        .map_or(0, |value| u64::from_be_bytes(value[..].try_into().unwrap()));
    (numbers.collect(), count)
}

/// Not a test of its own: what the child does until it is killed.
#[test]
#[ignore = "the crash loop runs it in a process of its own"]
fn crash_child() {
    let Some(path) = env::var_os(STORE) else {
        return;
    };
    let keeper = open(Path::new(&path));
    let (numbers, count) = found(&keeper);
    let next = numbers.last().map_or(1, |last| last + 1);
    let (handle, _thread) = keeper.spawn().unwrap();
    let runtime = Builder::new_current_thread().build().unwrap();
    println!("opened");
    runtime.block_on(async {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| runtime.spawn(write_on(handle.clone(), next + writer)))
            .collect();
        let counter = runtime.spawn(count_on(handle.clone(), count));
        for task in writers.into_iter().chain([counter]) {
            task.await.unwrap();
        }
    });
}

async fn write_on(handle: Handle, first: u64) {
    for number in (first..).step_by(usize::try_from(WRITERS).unwrap()) {
        let written = handle.write(Author::new("child"), service(number)).await;
        written.unwrap().unwrap();
        println!("wrote {number}");
    }
}

async fn count_on(handle: Handle, last: u64) {
    for count in last + 1.. {
        let counter = Counter {
            key: (*b"count").into(),
            value: Some(count.to_be_bytes().into()),
        };
        handle.put_counters(vec![counter]).await.unwrap().unwrap();
        println!("counted {count}");
    }
}

/// A child and the lines that it says.
struct Victim {
    child: Child,
    lines: Receiver<String>,
}

impl Victim {
    fn spawn(path: &Path) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["crash_child", "--exact", "--ignored", "--nocapture"])
            .env(STORE, path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (said, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = said.send(line);
            }
        });
        Self { child, lines }
    }

    /// Lets it live so long, and gives all that it said.
    fn kill_after(mut self, life: Duration) -> Vec<String> {
        let end = clock::now().plus(life);
        let mut said = Vec::new();
        loop {
            let left = Duration::from_nanos(end.nanos_since(clock::now()));
            if left.is_zero() {
                break;
            }
            said.extend(self.lines.recv_timeout(left).ok());
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        // Its end of the pipe is closed, so this comes to an end.
        said.extend(self.lines.iter());
        said
    }
}

#[test]
fn nothing_acknowledged_is_lost_whenever_the_process_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    let mut rng = Rng::seeded(0x51fe);
    let (mut written, mut counted) = (BTreeSet::new(), 0);
    let (mut busy, mut unopened) = (0, 0);
    for round in 0..ROUNDS {
        let victim = Victim::spawn(&path);
        let said = victim.kill_after(Duration::from_micros(rng.below(LIFE_US) as u64));
        let number = |line: &str, what| line.strip_prefix(what)?.parse::<u64>().ok();
        let before = written.len();
        for line in &said {
            written.extend(number(line, "wrote "));
            counted = number(line, "counted ").unwrap_or(counted);
        }
        busy += usize::from(written.len() > before);
        unopened += usize::from(!said.iter().any(|line| line == "opened"));

        let keeper = open(&path);
        let (numbers, count) = found(&keeper);
        let lost: Vec<_> = written.difference(&numbers).collect();
        assert_eq!(lost, [&0; 0], "round {round}");
        let pending = numbers.len() - written.len();
        assert!(
            pending <= WRITERS as usize,
            "round {round}: {pending} that nobody wrote"
        );
        assert!(
            (counted..=counted + 1).contains(&count),
            "round {round}: {count}"
        );
        let state = keeper.status().state;
        assert_eq!(state.revision.0, numbers.len() as u64, "round {round}");
        written = numbers;
        counted = count;
    }
    println!(
        "{} services in {ROUNDS} rounds, {unopened} of them killed before the store was open",
        written.len()
    );
    assert!(busy >= ROUNDS / 4, "only {busy} rounds wrote anything");
}

#[test]
fn a_kill_while_the_store_is_made_leaves_none_or_a_whole_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut rng = Rng::seeded(0xbe61);
    for round in 0..30 {
        let path = directory.path().join(format!("{round}.redb"));
        let victim = Victim::spawn(&path);
        victim.kill_after(Duration::from_micros(rng.below(25_000) as u64));
        open(&path);
    }
}
