//! Outside tools. A case whose tool is missing is reported as ignored; where `.ci/run` has promised the tools
//! (`SILVERBACK_CI_TOOLS=1`) it fails instead.

use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

/// Entries of the ring that is set up to see whether one can be.
const PROBE_ENTRIES: u32 = 8;

/// Whether what a case needs is here: a tool is installed, the user is root, or `io_uring` can be set up, which
/// containers often deny.
pub(crate) fn available(need: &str) -> bool {
    match need {
        "root" => rustix::process::geteuid().is_root(),
        "io_uring" => io_uring::IoUring::new(PROBE_ENTRIES).is_ok(),
        "libfaketime" => faketime().is_some(),
        tool => find(tool).is_some(),
    }
}

/// The library that shows a process another time of day, where Debian puts it.
pub(crate) fn faketime() -> Option<PathBuf> {
    let machine = std::env::consts::ARCH;
    let file = PathBuf::from(format!(
        "/usr/lib/{machine}-linux-gnu/faketime/libfaketimeMT.so.1"
    ));
    file.is_file().then_some(file)
}

/// Where the tool is, if it is installed.
pub(crate) fn find(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")])
        .map(|directory| directory.join(tool))
        .find(|file| file.is_file())
}

/// Whether the machine was promised to have every tool.
pub(crate) fn promised() -> bool {
    std::env::var_os("SILVERBACK_CI_TOOLS").is_some_and(|value| value == "1")
}

/// Runs a command to its end, or kills it (by its own handle) at the deadline.
#[track_caller]
pub(crate) fn output(command: &mut Command, deadline: Duration) -> Output {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let until = Instant::now() + deadline;
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    let finished = super::gate::Watched::new(false);
    let watcher = finished.clone();
    std::thread::spawn(move || {
        let left = until.saturating_duration_since(Instant::now());
        if watcher.wait_for(left, |done| done.then_some(())).is_none()
            && let Some(pid) = pid
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    });
    let output = child.wait_with_output().unwrap();
    finished.change(|done| *done = true);
    assert!(
        Instant::now() < until,
        "{command:?} did not end in {deadline:?}"
    );
    output
}

/// Runs the binary under test with arguments.
#[track_caller]
pub(crate) fn silverback(arguments: &[&str]) -> Run {
    let mut command = Command::new(super::gateway::BINARY);
    command.args(arguments).env("NO_COLOR", "1");
    Run::of(&output(&mut command, Duration::from_secs(20)))
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Both outputs, for what may be on either.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Fails unless the exit code is the expected one.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}
