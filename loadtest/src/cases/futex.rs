//! System calls in steady state with two workers: a futex call would be a lock or a wake-up
//! between threads on the request path.

use std::fs;
use std::io;
use std::path::Path;
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

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let origin = run.origin(&[])?;
    let mut setup = run.setup(&origin);
    setup.workers = 2;
    setup.cpus = "0,1";
    let directory = run.workshop.directory.clone();
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let running = lane.start(&run.workshop, &setup)?;
        let load = Load {
            connections: 64,
            path: "/".to_owned(),
            arguments: Vec::new(),
            requests: Requests::Get,
        };
        wrk::run(&load, &running.authority(), 1, &directory)?;
        let table = directory.join("strace");
        let id = running.process.id().to_string();
        let arguments = ["-f", "-c", "-o", &table.display().to_string(), "-p", &id];
        let log = directory.join("strace.log");
        // The load starts before strace attaches and ends after it left: steady state only.
        let before = wrk::spawn(&load, &running.authority(), run.pick(6, 4), &directory)?;
        std::thread::sleep(Duration::from_secs(1));
        let mut strace = Process::start(Path::new("strace"), arguments, "0,1", &log)?;
        std::thread::sleep(Duration::from_secs(run.pick(4, 2)));
        strace.signal(Signal::INT);
        let left = strace.wait(Duration::from_secs(5))?;
        let outcome = wrk::finish(before)?;
        let text = fs::read_to_string(&table).unwrap_or_default();
        if !left || !text.contains("total") {
            let log = fs::read_to_string(&log).unwrap_or_default();
            return Err(io::Error::other(format!(
                "strace gave no table: {}",
                log.trim()
            )));
        }
        let calls = calls(&text);
        let futex = calls
            .iter()
            .find(|call| call.0 == "futex")
            .map_or(0, |call| call.1);
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
        let detail = format!("{} requests, traced in the middle", outcome.requests);
        let value = futex as f64;
        run.report.measured.push(Measured {
            figure: Figure::Futex,
            value,
            detail,
        });
    }
    Ok(())
}

/// Names and counts of strace's table, without its total.
fn calls(table: &str) -> Vec<(String, u64)> {
    let rows = table
        .lines()
        .filter(|line| line.trim_start().starts_with(|c: char| c.is_numeric()));
    rows.filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let name = *columns.last()?;
        let count = columns.get(3)?.parse().ok()?;
        (name != "total").then(|| (name.to_owned(), count))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_table_is_read_with_and_without_errors() {
        let table = "% time     seconds  usecs/call     calls    errors syscall\n\
                     ------ ----------- ----------- --------- --------- ----------------\n \
                     99.00    1.000000          10      1000           io_uring_enter\n  \
                     1.00    0.010000          10         7         3 futex\n\
                     ------ ----------- ----------- --------- --------- ----------------\n\
                     100.00    1.010000          10      1007         3 total\n";
        let calls = super::calls(table);
        assert_eq!(
            calls,
            [("io_uring_enter".to_owned(), 1000), ("futex".to_owned(), 7)]
        );
    }
}
