//! Runs wrk, which nobody here wrote, and reads its figures from a line of JSON that a small
//! script prints at the end.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Stdio;

use serde::Deserialize;
use serde::Serialize;

use crate::process;

/// One run's load.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) connections: u32,
    pub(crate) path: String,
    /// Extra arguments of wrk, for example headers.
    pub(crate) arguments: Vec<String>,
    /// Over TLS; wrk verifies nothing.
    pub(crate) tls: bool,
    /// What decides the requests beyond the path.
    pub(crate) requests: Requests,
}

/// What wrk sends.
#[derive(Clone, Debug)]
pub(crate) enum Requests {
    /// The same GET again and again.
    Get,
    /// A POST with a body of that many bytes.
    Post(usize),
    /// The lines `HOST PATH` or `HOST PATH KEY` of a file, one after the other; a key is sent as `apikey`.
    List(PathBuf),
}

/// What one run reported; latencies in microseconds, as wrk counts them (closed loop).
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) duration_us: u64,
    pub(crate) bytes: u64,
    pub(crate) connect_errors: u64,
    pub(crate) read_errors: u64,
    pub(crate) write_errors: u64,
    pub(crate) timeouts: u64,
    pub(crate) status_errors: u64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) max_us: f64,
}

impl Outcome {
    /// Everything that was not a good answer.
    pub(crate) fn errors(&self) -> u64 {
        let sockets = self.connect_errors + self.read_errors + self.write_errors;
        sockets + self.timeouts + self.status_errors
    }
}

const MARK: &str = "silverback-json ";

const DONE: &str = r#"
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'silverback-json {"requests":%d,"duration_us":%d,"bytes":%.0f,"connect_errors":%d,' ..
    '"read_errors":%d,"write_errors":%d,"timeouts":%d,"status_errors":%d,' ..
    '"p50_us":%.1f,"p99_us":%.1f,"p999_us":%.1f,"max_us":%.1f}\n',
    summary.requests, summary.duration, summary.bytes, errors.connect,
    errors.read, errors.write, errors.timeout, errors.status,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max))
end
"#;

/// Runs wrk on CPU 1 for whole `seconds` against `address` (`host:port`).
pub(crate) fn run(
    load: &Load,
    address: &str,
    seconds: u64,
    directory: &Path,
) -> io::Result<Outcome> {
    finish(spawn(load, address, seconds, directory)?)
}

/// Starts a run; `finish` waits for its figures.
pub(crate) fn spawn(
    load: &Load,
    address: &str,
    seconds: u64,
    directory: &Path,
) -> io::Result<Child> {
    let scheme = if load.tls { "https" } else { "http" };
    let script = directory.join("wrk.lua");
    fs::write(&script, script_of(&load.requests))?;
    process::pinned(Path::new("wrk"), "1")
        .args(["-t", "1", "-c", &load.connections.to_string()])
        .args(["-d", &format!("{seconds}s"), "--timeout", "10s", "-s"])
        .arg(&script)
        .args(&load.arguments)
        .arg(format!("{scheme}://{address}{}", load.path))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Waits for a run, which ends by itself, and reads its figures.
pub(crate) fn finish(child: Child) -> io::Result<Outcome> {
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix(MARK));
    let line = line.ok_or_else(|| {
        let errors = String::from_utf8_lossy(&output.stderr);
        io::Error::other(format!("wrk printed no figures: {text}{errors}"))
    })?;
    serde_json::from_str(line).map_err(io::Error::other)
}

fn script_of(requests: &Requests) -> String {
    let mut script = String::new();
    match requests {
        Requests::Get => {}
        Requests::Post(bytes) => {
            let _ = writeln!(
                script,
                "wrk.method = 'POST'\nwrk.body = string.rep('x', {bytes})\n\
                 wrk.headers['Content-Type'] = 'application/octet-stream'"
            );
        }
        Requests::List(file) => {
            let _ = writeln!(
                script,
                "local list, at = {{}}, 0\n\
                 init = function(arguments)\n\
                 for line in io.lines('{}') do\n\
                 local host, path, key = line:match('^(%S+) (%S+) ?(%S*)$')\n\
                 local headers = {{ Host = host }}\n\
                 if key ~= '' then headers.apikey = key end\n\
                 list[#list + 1] = wrk.format('GET', path, headers)\n\
                 end\nend\n\
                 request = function()\n\
                 at = at % #list + 1\nreturn list[at]\nend",
                file.display()
            );
        }
    }
    script + DONE
}
