//! A disk of a test's own: it can refuse, and it can lose what was not flushed.

#![expect(
    clippy::disallowed_types,
    reason = "redb asks for a backend that threads share"
)]

use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use redb::Database;
use redb::StorageBackend;

use crate::base::rng::Rng;
use crate::store::Cause;
use crate::store::disk::builder;
use crate::store::tables;

/// The disk, which outlives the databases on it.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Platter(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// What a reader sees.
    now: Vec<u8>,
    /// What a loss of power leaves in any case.
    flushed: Vec<u8>,
    /// What was written since.
    pending: Vec<Op>,
    fault: Fault,
    /// Decides what is left of `pending` at each flush that power does not outlast.
    cut: Option<Rng>,
    /// What was left, and the mark that stood when the power went.
    left: Vec<(u64, Platter)>,
    mark: u64,
}

#[derive(Clone, Debug)]
enum Op {
    Write(usize, Vec<u8>),
    Length(usize),
}

/// What the disk does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) enum Fault {
    /// What it should.
    #[default]
    None,
    /// It takes nothing.
    Refuses,
    /// It takes everything, and says that it did not.
    Lies,
    /// It cannot even be read.
    Dead,
}

/// Bytes that a disk writes at one go.
const SECTOR: usize = 512;

impl Platter {
    pub(in crate::store) fn database(&self, now_ms: u64) -> Result<Database, Cause> {
        let new = self.inner().now.is_empty();
        let database = builder().create_with_backend(self.clone())?;
        if new {
            tables::begin(&database, now_ms)?;
        }
        Ok(database)
    }

    pub(super) fn fault(&self, fault: Fault) {
        self.inner().fault = fault;
    }

    /// From now on, notes at each flush what would be left if the power went during it.
    pub(super) fn cut(&self, seed: u64) {
        self.inner().cut = Some(Rng::seeded(seed));
    }

    /// Notes how far a test has come.
    pub(super) fn mark(&self, mark: u64) {
        self.inner().mark = mark;
    }

    /// What would have been left, with the marks that stood then.
    pub(super) fn left(&self) -> Vec<(u64, Platter)> {
        std::mem::take(&mut self.inner().left)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    fn change(&self, op: Op) -> io::Result<()> {
        let mut inner = self.inner();
        inner.allow(&[Fault::None, Fault::Lies])?;
        op.apply(&mut inner.now);
        inner.pending.push(op);
        Ok(())
    }
}

impl Inner {
    /// A disk as a loss of power may leave it: of what was not flushed, any sector is there or not.
    fn lose_power(&mut self) {
        let Some(rng) = &mut self.cut else { return };
        let mut left = self.flushed.clone();
        for op in &self.pending {
            match op {
                Op::Length(_) if rng.below(2) == 0 => {}
                Op::Length(_) => op.apply(&mut left),
                Op::Write(at, bytes) => {
                    for (place, sector) in (*at..).step_by(SECTOR).zip(bytes.chunks(SECTOR)) {
                        if rng.below(2) == 0 {
                            Op::Write(place, sector.to_vec()).apply(&mut left);
                        }
                    }
                }
            }
        }
        let left = Self {
            now: left.clone(),
            flushed: left,
            ..Self::default()
        };
        let left = Platter(Arc::new(Mutex::new(left)));
        self.left.push((self.mark, left));
    }

    fn allow(&self, faults: &[Fault]) -> io::Result<()> {
        match faults.contains(&self.fault) {
            true => Ok(()),
            false => Err(io::Error::from(io::ErrorKind::StorageFull)),
        }
    }
}

impl Op {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(length) => bytes.resize(*length, 0),
            Self::Write(at, written) => {
                let end = at + written.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*at..end].copy_from_slice(written);
            }
        }
    }
}

impl StorageBackend for Platter {
    fn len(&self) -> io::Result<u64> {
        let inner = self.inner();
        inner.allow(&[Fault::None, Fault::Lies, Fault::Refuses])?;
        Ok(inner.now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let inner = self.inner();
        inner.allow(&[Fault::None, Fault::Lies, Fault::Refuses])?;
        let start = usize::try_from(offset).unwrap();
        let found = inner.now.get(start..start + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Op::Length(usize::try_from(len).unwrap()))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut inner = self.inner();
        inner.allow(&[Fault::None, Fault::Lies])?;
        inner.lose_power();
        let pending = std::mem::take(&mut inner.pending);
        for op in pending {
            op.apply(&mut inner.flushed);
        }
        inner.allow(&[Fault::None])
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Op::Write(usize::try_from(offset).unwrap(), data.to_vec()))
    }
}
