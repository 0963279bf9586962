//! The old process' side: starting another process and giving it, step by step, what it needs.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use tokio::runtime;

use super::Wish;
use super::channel::Channel;
use super::channel::Message;
use super::predecessor::VARIABLE;
use super::sockets::Held;
use crate::base::clock;
use crate::base::clock::Instant;
use crate::control::Handle;
use crate::store;

/// How long a new process may take to become ready, unless somebody says otherwise: a marketplace takes two seconds,
/// names that do not resolve five more.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a new process that has failed may take to end by itself.
const FAREWELL: Duration = Duration::from_millis(200);

/// What it takes to put another process in this one's place.
#[derive(Debug)]
pub struct Succession {
    binary: PathBuf,
    arguments: Vec<OsString>,
    held: Held,
    store: store::Handle,
    control: Handle,
}

/// The process that has taken over, waiting for the word that it is alone.
#[derive(Debug)]
pub(super) struct Successor {
    channel: Channel,
    pub(super) pid: u32,
}

impl Successor {
    /// Tells it that nothing here stands in its way any more.
    pub(super) fn leave_alone(self) {
        // One that is gone by now cannot be helped: this process drains.
        let _ = self.channel.send(&Message::Taken, &[]);
    }
}

impl Succession {
    /// Of this process, which holds these sockets.
    ///
    /// # Errors
    /// When nobody can tell which program it is.
    pub fn new(held: Held, store: store::Handle, control: Handle) -> io::Result<Self> {
        Ok(Self {
            binary: env::current_exe()?,
            arguments: env::args_os().skip(1).collect(),
            held,
            store,
            control,
        })
    }

    pub(super) fn held(&self) -> &Held {
        &self.held
    }

    pub(super) fn control(&self) -> &Handle {
        &self.control
    }

    /// Starts the new process and gives it everything; may block for as long as it takes. When this fails, everything
    /// is as it was before.
    pub(super) fn carry_out(
        &self,
        wish: &Wish,
        runtime: &runtime::Handle,
        tell: &mut dyn FnMut(String),
    ) -> Result<Successor, String> {
        let patience = wish.patience_s.map_or(PATIENCE, Duration::from_secs);
        let until = clock::now().plus(patience);
        let binary = wish.binary.as_ref().unwrap_or(&self.binary);
        let (channel, mut child) = self
            .start(binary)
            .map_err(|error| format!("{} cannot be started: {error}", binary.display()))?;
        let pid = child.id();
        tell(format!("started {} as process {pid}", binary.display()));
        let mut lent = false;
        match self.converse(&channel, until, runtime, &mut lent, tell) {
            Ok(()) => Ok(Successor { channel, pid }),
            Err(why) => {
                let why = bury(&channel, &mut child, &why);
                if lent {
                    // The loop goes on as long as this process serves, and so does the store.
                    let _ = runtime.block_on(self.store.take_back());
                    runtime.block_on(self.control.resume());
                }
                Err(why)
            }
        }
    }

    fn start(&self, binary: &PathBuf) -> io::Result<(Channel, Child)> {
        let (channel, theirs) = Channel::pair()?;
        let child = Command::new(binary)
            .args(&self.arguments)
            .env(VARIABLE, "stdin")
            // These are about this process.
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDS")
            .env_remove("LISTEN_FDNAMES")
            .env_remove("WATCHDOG_PID")
            .stdin(Stdio::from(theirs))
            .spawn()?;
        Ok((channel, child))
    }

    fn converse(
        &self,
        channel: &Channel,
        until: Instant,
        runtime: &runtime::Handle,
        lent: &mut bool,
        tell: &mut dyn FnMut(String),
    ) -> Result<(), String> {
        let sent = self.held.send(channel);
        sent.map_err(|error| why(&error))?;
        loop {
            let left = Duration::from_nanos(until.nanos_since(clock::now()));
            let (message, _) = channel.receive(left).map_err(|error| why(&error))?;
            match message {
                Message::WantStore if !*lent => {
                    tell("its configuration is right, the store is handed over".to_owned());
                    *lent = true;
                    runtime.block_on(self.control.save());
                    let closed = runtime.block_on(self.store.lend());
                    closed.map_err(|error| error.to_string())?;
                    let sent = channel.send(&Message::Store, &[]);
                    sent.map_err(|error| why(&error))?;
                }
                Message::Ready => {
                    runtime.block_on(self.control.hand_over());
                    return Ok(());
                }
                Message::Failed { why } => return Err(why),
                message => return Err(format!("the new process says {message:?}")),
            }
        }
    }
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            "the new process did not become ready in time".to_owned()
        }
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => "the new process ended".to_owned(),
        _ => format!("the new process cannot be heard: {error}"),
    }
}

/// Ends a process that failed, and says how it ended if it did so by itself.
fn bury(channel: &Channel, child: &mut Child, why: &str) -> String {
    // One that has said why is about to end by itself, which ends the channel; one that hangs is not waited for.
    let _ = channel.receive(FAREWELL);
    // Nothing is left to do for one that cannot even be killed.
    let _ = child.kill();
    match child.wait() {
        Ok(status) if status.code().is_some() => format!("{why} ({status})"),
        Ok(_) | Err(_) => format!("{why} (it was killed)"),
    }
}
