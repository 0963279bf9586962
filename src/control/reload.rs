//! From a changed file to a snapshot that may be installed, or to the reasons why not.
//!
//! Reading and compiling take as long as they take, so a [`Builder`] works on a thread of its own; the loop in
//! [`Control`](super::Control) moves what it built through resolving its names and installing it, and says to
//! everyone who asked how it ended.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
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
use crate::config::Places;
use crate::config::Stored;
use crate::entity::Clash;
use crate::entity::Origin;
use crate::lint;
use crate::lint::Finding;
use crate::snapshot;
use crate::snapshot::Heritage;
use crate::snapshot::Snapshot;
use crate::store;
use crate::store::FileRow;

/// Reads the configuration anew, from wherever it comes; it may remember what it read before.
pub type Load = Box<dyn FnMut() -> Result<Loaded, Faults> + Send>;

/// How long a reload waits for the first answers about names that are new; the old configuration serves on
/// meanwhile. After it the new one is installed, and what is still unknown is answered as it becomes known.
pub const NAMES_WAIT: Duration = Duration::from_secs(1);
/// How long workers may take to acknowledge; they need microseconds unless the machine stands still.
pub const INSTALL_WAIT: Duration = Duration::from_secs(5);

/// How far the thread that builds steps back, in the scale of nice(1): it still gets a tenth of a busy core.
const BUILD_NICE: i32 = 10;

/// What may change only with a restart: it was given away at the start, to sockets and threads.
pub const RESTART_KEYS: [&str; 7] = [
    "gateway.workers",
    "gateway.user",
    "gateway.group",
    "listeners",
    "admin",
    "access_log",
    "store",
];

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
    /// What is most likely not meant, if files were read; what was written over REST since is not news.
    pub findings: Vec<Finding>,
    /// Where what stands in files stands.
    pub places: Places,
    /// The files it was read from.
    pub files: Vec<PathBuf>,
    /// What the files say, if they were read for it.
    pub read: Option<Loaded>,
}

/// Why a configuration was not taken. The old one serves on.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The files are wrong.
    Faults(Faults),
    /// They are right, but cannot be compiled.
    Compile(String),
    /// Files and store have entities that cannot be there together.
    Clash(Vec<Clash>),
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
            Self::Clash(clashes) => write_clashes(clashes, f),
            Self::Draining => f.write_str("the gateway is draining"),
            Self::Internal(why) => f.write_str(why),
        }
    }
}

fn write_clashes(clashes: &[Clash], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (number, clash) in clashes.iter().enumerate() {
        if number > 0 {
            f.write_str("; ")?;
        }
        let other = match &clash.other {
            Some(Origin::Store) => " (the other one was written over REST)".to_owned(),
            Some(Origin::File(place)) => format!(" (the other one stands at {place})"),
            None => String::new(),
        };
        write!(f, "{}: {}{other}", clash.place, clash.message)?;
    }
    Ok(())
}

/// How a reload ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is right and on its way to the workers; said to whoever wants to know no more.
    Accepted(Accepted),
    /// Every worker serves by it.
    Installed(Installed),
    /// The files say what runs already: this generation, which brought these changes. Whoever edits a file and
    /// then asks for a reload may come after the watcher, and wants to know what became of the edit.
    Unchanged(Generation, config::Diff),
    /// It was not taken.
    Refused(Refusal),
    /// It was given to all workers, and these have not acknowledged it in time.
    Unconfirmed(Generation, Vec<CoreId>),
}

/// A reload that goes well so far.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The generation to be.
    pub generation: Generation,
    /// What will be different from the one before.
    pub changes: config::Diff,
    /// What is odd and not wrong.
    pub warnings: Vec<Fault>,
    /// What is most likely not meant.
    pub findings: Vec<Finding>,
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
    /// What is most likely not meant.
    pub findings: Vec<Finding>,
    /// From the request to the last acknowledgement.
    pub took: Duration,
}

impl Outcome {
    /// Whether what runs now, or will in a moment, is what the files say.
    pub fn is_success(&self) -> bool {
        match self {
            Self::Accepted(_) | Self::Installed(_) | Self::Unchanged(..) => true,
            Self::Refused(_) | Self::Unconfirmed(..) => false,
        }
    }
}

/// What a build has to look at.
#[derive(Debug, Default)]
pub struct News {
    /// The files are read again.
    pub files: bool,
    /// What has changed in the store.
    pub store: Option<store::Changes>,
}

/// Reads, compares, compiles; one build after the other, each faster for what it remembers of the last.
pub struct Builder {
    load: Load,
    workers: usize,
    /// What the files said the last time that it was taken.
    read: Option<Loaded>,
    /// What they said before that.
    before: Option<Loaded>,
    stored: Stored,
    /// Of the snapshot that was compiled last.
    heritage: Option<Heritage>,
}

impl Builder {
    /// A builder of snapshots for so many workers.
    pub fn new(load: Load, workers: usize) -> Self {
        Self {
            load,
            workers,
            read: None,
            before: None,
            stored: Stored::default(),
            heritage: None,
        }
    }

    /// Builds what files and store say. `running` is what runs now, if anything does.
    ///
    /// # Errors
    /// Why it cannot be installed.
    pub fn build(
        &mut self,
        news: News,
        running: Option<&Model>,
        generation: Generation,
    ) -> Result<Built, Refusal> {
        if let Some(changes) = news.store {
            self.follow(changes);
        }
        match &self.read {
            Some(read) if !news.files => {
                let read = read.clone();
                self.compile(read, false, running, generation)
            }
            Some(_) | None => {
                let loaded = (self.load)().map_err(Refusal::Faults)?;
                self.compile(loaded, true, running, generation)
            }
        }
    }

    /// As [`build`](Self::build) at the start, from what was read already.
    ///
    /// # Errors
    /// Why it cannot be installed.
    pub fn begin(
        &mut self,
        loaded: Loaded,
        changes: store::Changes,
        generation: Generation,
    ) -> Result<Built, Refusal> {
        self.follow(changes);
        self.compile(loaded, true, None, generation)
    }

    /// Takes back that the files say what they said last: it cannot be installed after all.
    pub(super) fn forget_files(&mut self) {
        self.read = self.before.take();
    }

    /// Whether anything came over REST, so that files could clash with it.
    pub fn has_stored(&self) -> bool {
        !self.stored.is_empty()
    }

    fn follow(&mut self, changes: store::Changes) {
        if changes.whole {
            self.stored = Stored::default();
        }
        for store::Changed { kind, id, row } in changes.rows {
            if let Err(why) = self.stored.put(kind, id, row.as_deref()) {
                tracing::warn!("{} {id} is stored and not served: {why}", kind.as_str());
            }
        }
    }

    fn compile(
        &mut self,
        loaded: Loaded,
        is_news: bool,
        running: Option<&Model>,
        generation: Generation,
    ) -> Result<Built, Refusal> {
        let mut model = loaded.model.clone();
        self.stored.join(&mut model);
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
            let snapshot =
                snapshot::recompile(&model, generation, self.workers, self.heritage.as_ref())
                    .map_err(Refusal::Compile)?;
            self.heritage = Some(snapshot.heritage());
            Some(Arc::new(snapshot))
        };
        let findings = if is_news && snapshot.is_some() {
            lint::lint(&model, &loaded.places)
        } else {
            Vec::new()
        };
        let built = Built {
            model,
            snapshot,
            changes,
            warnings: if is_news {
                loaded.warnings.clone()
            } else {
                Vec::new()
            },
            findings,
            places: Arc::clone(&loaded.places),
            files: loaded.files.clone(),
            read: is_news.then(|| loaded.clone()),
        };
        let before = self.read.replace(loaded);
        if is_news {
            self.before = before;
        }
        Ok(built)
    }

    /// As [`build`](Self::build), on a thread that gives the builder back whatever happens: a defect in
    /// reading must not end reloading for good.
    pub(super) fn build_apart(
        mut self,
        news: News,
        running: &Model,
        generation: Generation,
    ) -> (Self, Result<Built, Refusal>) {
        yield_to_workers();
        let build = AssertUnwindSafe(|| self.build(news, Some(running), generation));
        let built = catch_unwind(build).unwrap_or_else(|_| {
            let why = "reading the configuration ended in a defect of ours";
            Err(Refusal::Internal(why.to_owned()))
        });
        (self, built)
    }
}

impl Loaded {
    /// The entities of the files as rows of the collection that REST reads.
    pub fn rows(&self) -> impl Iterator<Item = FileRow> {
        config::documents(&self.model).map(|(kind, id, document)| {
            let place = self.places.get(&id).cloned().unwrap_or_default();
            (kind, id, document, place)
        })
    }
}

/// Work that takes long may need a core that a worker has: requests go first. On Linux the priority is the thread's
/// own, so this is for threads that end with their work.
pub fn yield_to_workers() {
    if let Err(error) = rustix::process::setpriority_process(None, BUILD_NICE) {
        tracing::debug!("long work competes with the workers: {error}");
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

/// Which of [`RESTART_KEYS`] differ.
fn restart_keys(old: &Model, new: &Model) -> Vec<&'static str> {
    let differs = [
        old.gateway.workers != new.gateway.workers,
        old.gateway.user != new.gateway.user,
        old.gateway.group != new.gateway.group,
        old.listeners.len() != new.listeners.len()
            || !old
                .listeners
                .iter()
                .zip(&new.listeners)
                .all(|(old, new)| new.is_at_home_in(old)),
        old.admin != new.admin,
        old.access_log != new.access_log,
        old.store != new.store,
    ];
    let keys = RESTART_KEYS
        .iter()
        .zip(differs)
        .filter(|(_, differs)| *differs);
    keys.map(|(key, _)| *key).collect()
}
