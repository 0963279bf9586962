//! Notices that the configuration's files changed, however they were replaced.
//!
//! inotify watches directories, not files, so an atomic rename is seen like a rewrite; every directory that
//! holds one of the path's symlinks is watched too, so a swapped link (Kubernetes' `..data`) is seen. What
//! the events say is not believed: after a moment of quiet the files' fingerprints are compared, which
//! also keeps a log in the same directory from causing reloads.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::inotify;
use rustix::fs::inotify::CreateFlags;
use rustix::fs::inotify::WatchFlags;
use tokio::io::unix::AsyncFd;
use tokio::time::sleep;
use tokio::time::timeout;

use crate::base::clock;
use crate::base::clock::Instant;

/// Quiet that ends a burst of events: an editor writes, renames and changes the mode within it.
pub(super) const QUIET: Duration = Duration::from_millis(50);
/// Longest that events may put a comparison off.
pub(super) const BURST_MAX: Duration = Duration::from_millis(500);
/// How often a directory that is missing is looked for again.
const MISSING_RETRY: Duration = Duration::from_secs(1);
/// Symlinks followed for one path, as in the kernel.
const LINKS_MAX: usize = 40;
/// Directory entries compared; a directory with more is compared up to here.
const ENTRIES_MAX: usize = 20_000;

/// The watched files and what they looked like when last told.
#[derive(Debug)]
pub(super) struct Watch {
    inotify: AsyncFd<OwnedFd>,
    files: BTreeSet<PathBuf>,
    watched: BTreeMap<PathBuf, i32>,
    /// A directory could not be watched.
    missing: bool,
    seen: BTreeMap<PathBuf, Fingerprint>,
    /// When the first event of a burst came.
    since: Option<Instant>,
}

/// What tells one content of a path from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Watch {
    /// Watches these files from now on.
    ///
    /// # Errors
    /// When the kernel has no inotify instance left for us.
    #[expect(
        deprecated,
        reason = "an `OwnedFd` cannot lie about its descriptor; the successor is unsafe"
    )]
    pub(super) fn new(files: impl IntoIterator<Item = PathBuf>) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let mut watch = Self {
            inotify: AsyncFd::new(inotify)?,
            files: BTreeSet::new(),
            watched: BTreeMap::new(),
            missing: false,
            seen: BTreeMap::new(),
            since: None,
        };
        watch.follow(files);
        Ok(watch)
    }

    /// Watches these files in place of the former ones. Of those that were watched before, a change since
    /// [`changed`](Self::changed) last returned will still be told.
    pub(super) fn follow(&mut self, files: impl IntoIterator<Item = PathBuf>) {
        self.files = files.into_iter().map(absolute).collect();
        self.arm();
        let present = self.fingerprints();
        self.seen.retain(|path, _| present.contains_key(path));
        for (path, fingerprint) in present {
            self.seen.entry(path).or_insert(fingerprint);
        }
    }

    /// Takes the files as they are now for known: they are about to be read, whoever asked for it, and only what
    /// happens to them from here on is to be told.
    pub(super) fn look(&mut self) {
        self.seen = self.fingerprints();
    }

    /// Waits until a file changed, came, or went. May be dropped at any point without losing a change.
    pub(super) async fn changed(&mut self) {
        loop {
            let since = match self.since {
                None => self.first_event().await,
                Some(since) => since,
            };
            self.since = Some(since);
            self.quiet(since).await;
            // Directories may have been replaced.
            self.arm();
            let now = self.fingerprints();
            self.since = None;
            if now != self.seen {
                self.seen = now;
                return;
            }
        }
    }

    /// Waits for an event, or for the time to look for a missing directory again; returns when that was.
    async fn first_event(&self) -> Instant {
        let event = self.inotify.readable();
        if self.missing {
            let _ = timeout(MISSING_RETRY, event).await;
        } else if event.await.is_err() {
            sleep(MISSING_RETRY).await;
        }
        clock::now()
    }

    /// Waits for the end of a burst that began at `since`.
    async fn quiet(&self, since: Instant) {
        let end = since.plus(BURST_MAX);
        loop {
            let left = Duration::from_nanos(end.nanos_since(clock::now()));
            match timeout(QUIET.min(left), self.inotify.readable()).await {
                Ok(Ok(mut ready)) => {
                    drain(ready.get_inner());
                    ready.clear_ready();
                }
                Ok(Err(_)) => return sleep(QUIET).await,
                Err(_) => return,
            }
        }
    }

    /// Brings the kernel's list of watched directories in line with the files.
    fn arm(&mut self) {
        let mut wanted = BTreeSet::new();
        for file in &self.files {
            directories(file, &mut wanted);
        }
        let mask = WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let mut now = BTreeMap::new();
        self.missing = false;
        for directory in wanted {
            match inotify::add_watch(&self.inotify, &directory, mask) {
                Ok(watch) => {
                    now.insert(directory, watch);
                }
                Err(_) => self.missing = true,
            }
        }
        let kept: BTreeSet<i32> = now.values().copied().collect();
        for watch in self.watched.values().filter(|watch| !kept.contains(watch)) {
            // It is gone already where its directory is.
            let _ = inotify::remove_watch(&self.inotify, *watch);
        }
        self.watched = now;
    }

    /// The files themselves, and all TOML files beside them, which an `include` may match.
    fn fingerprints(&self) -> BTreeMap<PathBuf, Fingerprint> {
        let mut found = BTreeMap::new();
        let parents: BTreeSet<&Path> = self.files.iter().filter_map(|file| file.parent()).collect();
        for parent in parents {
            let Ok(entries) = std::fs::read_dir(parent) else {
                continue;
            };
            let paths = entries
                .take(ENTRIES_MAX)
                .filter_map(|entry| Some(entry.ok()?.path()));
            let toml = |path: &PathBuf| path.extension().is_some_and(|it| it == "toml");
            for path in paths.filter(toml) {
                if let Ok(metadata) = std::fs::metadata(&path) {
                    found.insert(path, Fingerprint::of(&metadata));
                }
            }
        }
        for file in &self.files {
            if let Ok(metadata) = std::fs::metadata(file) {
                found.insert(file.clone(), Fingerprint::of(&metadata));
            }
        }
        found
    }
}

impl Fingerprint {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Reads all events away; only that there were some counts.
fn drain(inotify: &OwnedFd) {
    let mut events = [0; 4_096];
    while rustix::io::read(inotify, &mut events[..]).is_ok_and(|length| length > 0) {}
}

fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// Adds the directories in which a change can make `path` lead to another content: its own, and that of each
/// symlink on the way.
fn directories(path: &Path, into: &mut BTreeSet<PathBuf>) {
    let mut links = 0;
    let mut rest: Vec<PathBuf> = vec![path.to_path_buf()];
    while let Some(path) = rest.pop() {
        if let Some(parent) = path.parent() {
            into.insert(parent.to_path_buf());
        }
        let mut prefix = PathBuf::new();
        let mut components = path.components();
        while let Some(component) = components.next() {
            match component {
                Component::ParentDir => {
                    prefix.pop();
                }
                other => prefix.push(other),
            }
            let Ok(target) = std::fs::read_link(&prefix) else {
                continue;
            };
            links += 1;
            if links > LINKS_MAX {
                return;
            }
            if let Some(holder) = prefix.parent() {
                into.insert(holder.to_path_buf());
                // The rest of the path continues behind the link.
                rest.push(holder.join(target).join(components.as_path()));
            }
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(test);
    }

    async fn told(watch: &mut Watch) -> bool {
        timeout(Duration::from_secs(5), watch.changed())
            .await
            .is_ok()
    }

    /// Several times the quiet in which a change would have been told.
    async fn silent(watch: &mut Watch) -> bool {
        timeout(QUIET * 4, watch.changed()).await.is_err()
    }

    #[test]
    fn a_rewrite_and_an_atomic_rename_are_told_once_each() {
        run(async {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("silverback.toml");
            fs::write(&file, "one").unwrap();
            let mut watch = Watch::new([file.clone()]).unwrap();
            assert!(silent(&mut watch).await);
            fs::write(&file, "two!").unwrap();
            assert!(told(&mut watch).await);
            assert!(silent(&mut watch).await);
            for n in 0..3 {
                let new = dir.path().join(".new");
                fs::write(&new, format!("three {n}")).unwrap();
                fs::rename(&new, &file).unwrap();
                assert!(told(&mut watch).await, "rename {n}");
            }
            fs::remove_file(&file).unwrap();
            assert!(told(&mut watch).await);
        });
    }

    #[test]
    fn a_swapped_symlink_is_told_as_kubernetes_swaps_it() {
        run(async {
            let dir = tempfile::tempdir().unwrap();
            for version in ["v1", "v2"] {
                fs::create_dir(dir.path().join(version)).unwrap();
                fs::write(dir.path().join(version).join("silverback.toml"), version).unwrap();
            }
            symlink("v1", dir.path().join("..data")).unwrap();
            let file = dir.path().join("silverback.toml");
            symlink("..data/silverback.toml", &file).unwrap();
            let mut watch = Watch::new([file]).unwrap();
            symlink("v2", dir.path().join("..tmp")).unwrap();
            fs::rename(dir.path().join("..tmp"), dir.path().join("..data")).unwrap();
            assert!(told(&mut watch).await);
            fs::write(dir.path().join("v2/silverback.toml"), "in place").unwrap();
            assert!(told(&mut watch).await, "behind the new link too");
        });
    }

    #[test]
    fn a_directory_that_is_replaced_is_found_again() {
        run(async {
            let dir = tempfile::tempdir().unwrap();
            let conf = dir.path().join("conf");
            fs::create_dir(&conf).unwrap();
            fs::write(conf.join("a.toml"), "one").unwrap();
            let mut watch = Watch::new([conf.join("a.toml")]).unwrap();
            fs::rename(&conf, dir.path().join("old")).unwrap();
            assert!(told(&mut watch).await, "it is gone");
            fs::create_dir(&conf).unwrap();
            fs::write(conf.join("a.toml"), "two").unwrap();
            assert!(told(&mut watch).await, "it is back");
            fs::write(conf.join("a.toml"), "three").unwrap();
            assert!(told(&mut watch).await, "and watched");
        });
    }

    #[test]
    fn other_files_are_ignored_and_new_includes_are_not() {
        run(async {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("silverback.toml");
            fs::write(&file, "one").unwrap();
            let mut watch = Watch::new([file.clone()]).unwrap();
            fs::write(dir.path().join("access.log"), "GET /").unwrap();
            assert!(silent(&mut watch).await);
            fs::write(dir.path().join("more.toml"), "two").unwrap();
            assert!(told(&mut watch).await);
        });
    }

    #[test]
    fn a_change_that_is_read_anyway_is_not_told_again() {
        run(async {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("silverback.toml");
            fs::write(&file, "one").unwrap();
            let mut watch = Watch::new([file.clone()]).unwrap();
            fs::write(&file, "two!").unwrap();
            watch.look();
            assert!(silent(&mut watch).await);
            fs::write(&file, "three").unwrap();
            assert!(told(&mut watch).await);
        });
    }

    #[test]
    fn a_change_while_the_files_are_read_is_told_afterwards() {
        run(async {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("silverback.toml");
            fs::write(&file, "one").unwrap();
            let mut watch = Watch::new([file.clone()]).unwrap();
            fs::write(&file, "two").unwrap();
            watch.follow([file]);
            assert!(told(&mut watch).await);
        });
    }
}
