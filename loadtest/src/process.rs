//! A started program that never outlives the run.
//!
//! Dropping it ends it; and should the run itself be killed, the kernel sends SIGTERM to it
//! (`setpriv --pdeathsig`, which like `taskset` replaces itself by the program, so that the id is
//! the program's own). The signal is tied to the thread that starts it: start from the main thread.

use std::fs::File;
use std::io;
use std::net::SocketAddrV4;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;

/// How long a program may take to listen.
const START_MAX: Duration = Duration::from_secs(20);
/// How long a program may take to end after SIGTERM before SIGKILL.
const END_MAX: Duration = Duration::from_secs(4);

/// A program with its log file.
pub(crate) struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts `program` pinned to `cpus` ("0", "0,1"), its output going to `log`.
    pub(crate) fn start<'a>(
        program: &Path,
        arguments: impl IntoIterator<Item = &'a str>,
        cpus: &str,
        log: &Path,
    ) -> io::Result<Self> {
        let output = File::create(log)?;
        let child = pinned(program, cpus)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        Ok(Self {
            child,
            name: program.display().to_string(),
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the program listens on `address`.
    pub(crate) fn listens(&mut self, address: SocketAddrV4) -> io::Result<()> {
        let end = Instant::now() + START_MAX;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("{} ended: {status}", self.name)));
            }
            if TcpStream::connect(address).is_ok() {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(io::Error::other(format!("{} never listened", self.name)));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        signal_to(self.id(), signal);
    }

    /// Waits for the end, bounded.
    pub(crate) fn wait(&mut self, limit: Duration) -> io::Result<bool> {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if self.child.try_wait()?.is_some() {
                return Ok(true);
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(false)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        self.signal(Signal::TERM);
        if !matches!(self.wait(END_MAX), Ok(true)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A command that will run on `cpus` and end with this thread.
pub(crate) fn pinned(program: &Path, cpus: &str) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "TERM", "taskset", "-c", cpus])
        .arg(program);
    command
}

/// Sends a signal to a process by id; one that has ended is fine.
pub(crate) fn signal_to(id: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}
