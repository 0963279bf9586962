//! System calls in steady state with two workers: a futex call would be a lock or a wake-up
//! between threads on the request path.
//!
//! The load starts before strace attaches and ends after it left. Attaching interrupts threads
//! that wait in a futex and makes them call it again, so the first moments are not counted.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::cases::Case;
use crate::compare::Run;
use crate::lane::Lane;
use crate::process::Process;
use crate::verdict::Figure;
use crate::verdict::Measured;
use crate::wrk;
use crate::wrk::Load;
use crate::wrk::Requests;

/// Seconds after the first traced call that count as attaching.
const ATTACHING: f64 = 0.5;
/// Before strace attaches: connections are open, pools are warm, and the memory of the start is given back.
const LEAD: Duration = Duration::from_secs(4);

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let origin = run.origin(&[])?;
    let mut setup = run.setup(&origin);
    setup.workers = 2;
    setup.cpus = "0,1";
    let directory = run.workshop.directory.clone();
    let traced = run.pick(4, 2);
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let running = lane.start(&run.workshop, &setup)?;
        let load = Load {
            connections: 64,
            path: "/".to_owned(),
            arguments: Vec::new(),
            tls: false,
            requests: Requests::Get,
        };
        let loading = wrk::spawn(&load, &running.authority(), traced + 6, &directory)?;
        thread::sleep(LEAD);
        let trace = trace(&directory, running.process.id(), traced);
        let outcome = wrk::finish(loading)?;
        let calls = count(&trace?);
        let total: u64 = calls.values().sum();
        if total == 0 {
            return Err(io::Error::other("strace saw no call at all"));
        }
        let futex = calls.get("futex").copied().unwrap_or(0);
        let list: Vec<String> = calls
            .iter()
            .map(|(name, n)| format!("{name} {n}"))
            .collect();
        let facts = vec![
            ("system calls while traced".to_owned(), list.join(", ")),
            (
                "requests of the whole run".to_owned(),
                outcome.requests.to_string(),
            ),
            ("errors".to_owned(), outcome.errors().to_string()),
        ];
        run.report.found(&Case::Futex.name(), lane, facts);
        let detail = format!("among {total} system calls in {traced} s of load");
        run.report
            .measured
            .push(Measured::counted(Figure::Futex, futex as f64, detail));
    }
    Ok(())
}

fn trace(directory: &Path, id: u32, seconds: u64) -> io::Result<String> {
    let output = directory.join("strace");
    let log = directory.join("strace.log");
    let (path, id) = (output.display().to_string(), id.to_string());
    let arguments = ["-f", "-ttt", "-s", "0", "-o", &path, "-p", &id];
    let mut strace = Process::start(Path::new("strace"), arguments, "0,1", &log)?;
    thread::sleep(Duration::from_secs(seconds));
    strace.signal(Signal::INT);
    if !strace.wait(Duration::from_secs(5))? {
        return Err(io::Error::other("strace did not leave"));
    }
    fs::read_to_string(&output).map_err(|error| {
        let log = fs::read_to_string(&log).unwrap_or_default();
        io::Error::other(format!("strace gave no trace: {error}: {}", log.trim()))
    })
}

/// Calls by name, from lines `THREAD SECONDS NAME(...`; the resumed half of a call is no new one.
fn count(trace: &str) -> BTreeMap<String, u64> {
    let mut calls = BTreeMap::new();
    let mut begin = None;
    for line in trace.lines() {
        let mut words = line.split_whitespace().skip(1);
        let Some(at) = words.next().and_then(|at| at.parse::<f64>().ok()) else {
            continue;
        };
        let Some(name) = words.next().and_then(|call| call.split_once('(')) else {
            continue;
        };
        if at - *begin.get_or_insert(at) >= ATTACHING {
            *calls.entry(name.0.to_owned()).or_default() += 1;
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    #[test]
    fn calls_are_counted_after_attaching() {
        let trace = "71 100.000000 futex(0x1, FUTEX_WAIT <unfinished ...>\n\
                     72 100.600000 io_uring_enter(5, 1, 1, 0, NULL, 8 <unfinished ...>\n\
                     71 100.700000 <... futex resumed>) = 0\n\
                     72 100.700001 <... io_uring_enter resumed>) = 1\n\
                     71 100.800000 futex(0x1, FUTEX_WAKE, 1) = 0\n";
        let calls = super::count(trace);
        assert_eq!(calls.get("futex"), Some(&1));
        assert_eq!(calls.get("io_uring_enter"), Some(&1));
    }
}
