//! The machine a report was made on, and the one limit a run raises.

use std::fs;
use std::process::Command;

use rustix::process::Resource;
use rustix::process::Rlimit;
use serde::Serialize;

/// What a reader needs to judge the figures.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cpus: usize,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    pub(crate) wrk: String,
    pub(crate) rust: String,
    pub(crate) revision: String,
    pub(crate) load_average: String,
}

/// Looks around.
pub(crate) fn describe() -> Machine {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = meminfo
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<u64>().ok());
    let dirty = !output("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty();
    let revision = output("git", &["rev-parse", "--short", "HEAD"]);
    Machine {
        cpu: model
            .and_then(|line| line.split(": ").nth(1))
            .unwrap_or("unknown")
            .to_owned(),
        cpus: std::thread::available_parallelism().map_or(0, usize::from),
        memory_mib: total.unwrap_or(0) / 1024,
        kernel: read("/proc/sys/kernel/osrelease"),
        wrk: output("wrk", &["-v"])
            .lines()
            .next()
            .unwrap_or("missing")
            .to_owned(),
        rust: output("rustc", &["--version"]),
        revision: if dirty {
            format!("{revision} with changes")
        } else {
            revision
        },
        load_average: read("/proc/loadavg"),
    }
}

/// Raises the number of open files as far as allowed; children inherit it. Returns the limit.
pub(crate) fn raise_descriptor_limit() -> u64 {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = rustix::process::setrlimit(Resource::Nofile, raised);
    rustix::process::getrlimit(Resource::Nofile)
        .current
        .unwrap_or(u64::MAX)
}

fn read(path: &str) -> String {
    fs::read_to_string(path)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| String::new(),
        |output| {
            let text = [output.stdout, output.stderr].concat();
            String::from_utf8_lossy(&text).trim().to_owned()
        },
    )
}
