//! From a changed file to a snapshot that may be installed, or to the reasons why not.
//!
//! Reading and compiling take as long as they take, so [`build`] runs on a thread of its own; the loop in
//! [`Control`](super::Control) moves a build through resolving its names and installing it, and says to
//! everyone who asked how it ended.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::base::ids::CoreId;
use crate::base::ids::Generation;
use crate::config;
use crate::config::Fault;
use crate::config::Faults;
use crate::config::Loaded;
use crate::config::Model;
use crate::snapshot;
use crate::snapshot::Snapshot;

/// Reads the configuration anew, from wherever it comes.
pub type Load = Arc<dyn Fn() -> Result<Loaded, Faults> + Send + Sync>;

/// How long a reload waits for the first answers about names that are new; the old configuration serves on
/// meanwhile. After it the new one is installed, and what is still unknown is answered as it becomes known.
pub const NAMES_WAIT: Duration = Duration::from_secs(1);
/// How long workers may take to acknowledge; they need microseconds unless the machine stands still.
pub const INSTALL_WAIT: Duration = Duration::from_secs(5);

/// What may change only with a restart: it was given away at the start, to sockets and threads.
pub const RESTART_KEYS: [&str; 4] = ["gateway.workers", "listeners", "admin", "access_log"];

/// A configuration that may be installed.
#[derive(Debug)]
pub struct Built {
    /// What the files say.
    pub model: Model,
    /// The same, compiled; `None` when it is what runs already.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The entities that differ from the running ones.
    pub changes: config::Diff,
    /// What is odd and not wrong.
    pub warnings: Vec<Fault>,
    /// The files it was read from.
    pub files: Vec<PathBuf>,
}

/// Why a configuration was not taken. The old one serves on.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The files are wrong.
    Faults(Faults),
    /// They are right, but cannot be compiled.
    Compile(String),
    /// They change what only a restart can change: these keys.
    Restart(Vec<&'static str>),
    /// The gateway is on its way out.
    Draining,
    /// Reading it went wrong on our side.
    Internal(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faults(faults) => faults.fmt(f),
            Self::Compile(why) => f.write_str(why),
            Self::Restart(keys) => {
                write!(
                    f,
                    "a change of {} needs a restart; nothing was applied",
                    keys.join(", ")
                )
            }
            Self::Draining => f.write_str("the gateway is draining"),
            Self::Internal(why) => f.write_str(why),
        }
    }
}

/// How a reload ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Every worker serves by it.
    Installed(Installed),
    /// The files say what runs already.
    Unchanged(Generation),
    /// It was not taken.
    Refused(Refusal),
    /// It was given to all workers, and these have not acknowledged it in time.
    Unconfirmed(Generation, Vec<CoreId>),
}

/// A reload that went well.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The new generation.
    pub generation: Generation,
    /// What is different from the one before.
    pub changes: config::Diff,
    /// What is odd and not wrong.
    pub warnings: Vec<Fault>,
    /// From the request to the last acknowledgement.
    pub took: Duration,
}

impl Outcome {
    /// Whether what runs now is what the files say.
    pub fn is_success(&self) -> bool {
        match self {
            Self::Installed(_) | Self::Unchanged(_) => true,
            Self::Refused(_) | Self::Unconfirmed(..) => false,
        }
    }
}

/// Reads, compares, compiles. `running` is what runs now, if anything does.
///
/// # Errors
/// Why it cannot be installed.
pub fn build(
    load: &Load,
    running: Option<&Model>,
    generation: Generation,
    workers: usize,
) -> Result<Built, Refusal> {
    let Loaded {
        model,
        warnings,
        files,
    } = load().map_err(Refusal::Faults)?;
    if let Some(running) = running {
        let keys = restart_keys(running, &model);
        if !keys.is_empty() {
            return Err(Refusal::Restart(keys));
        }
    }
    let changes = match running {
        Some(running) => config::diff(running, &model),
        None => config::Diff::default(),
    };
    let snapshot = if running == Some(&model) {
        None
    } else {
        let snapshot = snapshot::compile(&model, generation, workers).map_err(Refusal::Compile)?;
        Some(Arc::new(snapshot))
    };
    Ok(Built {
        model,
        snapshot,
        changes,
        warnings,
        files,
    })
}

/// Which of [`RESTART_KEYS`] differ.
fn restart_keys(old: &Model, new: &Model) -> Vec<&'static str> {
    let differs = [
        old.gateway.workers != new.gateway.workers,
        old.listeners != new.listeners,
        old.admin != new.admin,
        old.access_log != new.access_log,
    ];
    let keys = RESTART_KEYS
        .iter()
        .zip(differs)
        .filter(|(_, differs)| *differs);
    keys.map(|(key, _)| *key).collect()
}
