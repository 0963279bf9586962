//! What stands in the file, and the one transaction that changes it.
//!
//! `entities`: kind and id to sparse JSON. `states`: revision to a state of the history. `before`: segment, kind and
//! id to what a row was, nothing if it was not there. `counters`: whatever counts quotas, bytes to bytes.
//! `meta`: the format's number.

use std::collections::BTreeMap;

use redb::Database;
use redb::ReadableDatabase;
use redb::ReadableTable;
use redb::ReadableTableMetadata;
use redb::Table;
use redb::TableDefinition;
use redb::WriteTransaction;

use super::Author;
use super::Counter;
use super::Hash;
use super::Revision;
use super::error::Cause;
use super::key::KEY_BYTES;
use super::key::Key;
use super::key::key;
use super::key::range;
use super::ledger::Entry;
use super::ledger::Excess;
use super::ledger::Ledger;
pub(super) use super::ledger::Segment;
use crate::entity::Change;
use crate::entity::Kind;

/// What the tables mean; a change of it makes files that older versions must not touch.
const FORMAT: u64 = 1;

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const ENTITIES: TableDefinition<'_, &Key, &[u8]> = TableDefinition::new("entities");
const STATES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("states");
const BEFORE: TableDefinition<'_, &Former, &[u8]> = TableDefinition::new("before");
const COUNTERS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("counters");

/// A former row's key: its segment, most significant byte first, and the entity's key.
type Former = [u8; FORMER_BYTES];
const FORMER_BYTES: usize = 8 + KEY_BYTES;

/// What rows were; `None` where there was none.
pub(super) type Rows = BTreeMap<Key, Option<Box<[u8]>>>;

/// One write of a transaction.
#[derive(Debug)]
pub(super) struct Deed {
    /// Who wrote.
    pub(super) author: Author,
    /// What changed, each entity once.
    pub(super) changes: Vec<Change>,
}

/// Makes the tables of a new store.
pub(super) fn begin(database: &Database, now_ms: u64) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        transaction.open_table(META)?.insert("format", FORMAT)?;
        transaction.open_table(ENTITIES)?;
        transaction.open_table(BEFORE)?;
        transaction.open_table(COUNTERS)?;
        let mut ledger = Ledger::new(Author::new("silverback"), now_ms);
        let first = ledger.newest_mut();
        let mut states = transaction.open_table(STATES)?;
        states.insert(first.state.revision.0, first.encode().as_slice())?;
    }
    transaction.commit()?;
    Ok(())
}

/// Whether the tables are ours, and of our version.
pub(super) fn check(database: &Database) -> Result<(), Cause> {
    let transaction = database.begin_read().map_err(redb::Error::from)?;
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        Err(redb::TableError::Storage(error)) => return Err(error.into()),
        Err(_) => return Err(Cause::Foreign),
    };
    let found = meta.get("format")?.map(|format| format.value());
    match found {
        Some(FORMAT) => Ok(()),
        Some(found) => Err(Cause::Version {
            found,
            ours: FORMAT,
        }),
        None => Err(Cause::Foreign),
    }
}

/// The history's list.
pub(super) fn ledger(database: &Database) -> Result<Ledger, Cause> {
    let transaction = database.begin_read().map_err(redb::Error::from)?;
    let states = transaction.open_table(STATES).map_err(redb::Error::from)?;
    let mut entries = Vec::new();
    for line in states.iter()? {
        let (revision, line) = line?;
        let entry = Entry::decode(revision.value(), line.value());
        let unreadable = || Cause::Damaged("its history cannot be read".to_owned());
        entries.push(entry.ok_or_else(unreadable)?);
    }
    Ledger::of(entries).ok_or_else(|| Cause::Damaged("its history is missing".to_owned()))
}

/// Hands over every row, parents before those that refer to them, and says what all of them hash to.
pub(super) fn rows(
    database: &Database,
    mut take: impl FnMut(Key, &[u8]) -> Result<(), Cause>,
) -> Result<Hash, Cause> {
    let transaction = database.begin_read().map_err(redb::Error::from)?;
    let entities = transaction
        .open_table(ENTITIES)
        .map_err(redb::Error::from)?;
    let (mut hash, mut taken) = (Hash::default(), 0);
    for kind in Kind::ALL {
        let range = range(kind);
        for row in entities.range::<&Key>(range.start()..=range.end())? {
            let (key, row) = row?;
            hash = hash.with(key.value(), row.value());
            taken += 1;
            take(*key.value(), row.value())?;
        }
    }
    match entities.len()? == taken {
        true => Ok(hash),
        false => Err(Cause::Damaged(
            "it holds entities of an unknown kind".to_owned(),
        )),
    }
}

/// What the rows were that these segments changed; later ones of the list count more.
pub(super) fn former(
    database: &Database,
    segments: impl IntoIterator<Item = Segment>,
) -> Result<Rows, redb::Error> {
    let transaction = database.begin_read()?;
    let before = transaction.open_table(BEFORE)?;
    let mut rows = Rows::new();
    for segment in segments {
        for row in before.range::<&Former>(&first(segment)..=&last(segment))? {
            let (former, row) = row?;
            let key = key_of(former.value());
            let row = (!row.value().is_empty()).then(|| row.value().into());
            rows.insert(key, row);
        }
    }
    Ok(rows)
}

/// Every counter that was put.
pub(super) fn counters(database: &Database) -> Result<Vec<Counter>, redb::Error> {
    let transaction = database.begin_read()?;
    let counters = transaction.open_table(COUNTERS)?;
    let mut found = Vec::new();
    for counter in counters.iter()? {
        let (key, value) = counter?;
        found.push(Counter {
            key: key.value().into(),
            value: Some(value.value().into()),
        });
    }
    Ok(found)
}

/// Writes all of it or nothing. When this returns, it is on disk, and the ledger has the states
/// that the deeds made, if they changed anything.
pub(super) fn commit(
    database: &Database,
    deeds: &[Deed],
    puts: &[Counter],
    ledger: &mut Ledger,
    now_ms: u64,
) -> Result<Vec<Option<Revision>>, redb::Error> {
    let mut made = Vec::with_capacity(deeds.len());
    let transaction = database.begin_write()?;
    if !deeds.is_empty() {
        let mut pen = Pen::new(&transaction)?;
        for deed in deeds {
            made.push(pen.write(deed, ledger, now_ms)?);
        }
    }
    if !puts.is_empty() {
        let mut counters = transaction.open_table(COUNTERS)?;
        for put in puts {
            match &put.value {
                Some(value) => _ = counters.insert(&*put.key, &**value)?,
                None => _ = counters.remove(&*put.key)?,
            }
        }
    }
    transaction.commit()?;
    Ok(made)
}

/// The tables of one transaction.
struct Pen<'t> {
    entities: Table<'t, &'static Key, &'static [u8]>,
    states: Table<'t, u64, &'static [u8]>,
    before: Table<'t, &'static Former, &'static [u8]>,
}

/// A former row that was taken out.
type Taken = (Key, Box<[u8]>);

impl<'t> Pen<'t> {
    fn new(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            entities: transaction.open_table(ENTITIES)?,
            states: transaction.open_table(STATES)?,
            before: transaction.open_table(BEFORE)?,
        })
    }

    /// Makes a deed, and a state of it if it changes anything.
    fn write(
        &mut self,
        deed: &Deed,
        ledger: &mut Ledger,
        now_ms: u64,
    ) -> Result<Option<Revision>, redb::Error> {
        let mut entry = ledger.next(deed.author.clone(), now_ms);
        for change in &deed.changes {
            let key = key(change.kind, change.id);
            // What was there is what the file says: whatever the collection thought, the way back is right.
            let was = match &change.after {
                Some(row) => self.entities.insert(&key, &**row)?,
                None => self.entities.remove(&key)?,
            };
            let was: Option<Box<[u8]>> = was.map(|was| was.value().into());
            if was == change.after {
                continue;
            }
            let state = &mut entry.state;
            if let Some(was) = &was {
                state.hash = state.hash.without(&key, was);
            }
            if let Some(row) = &change.after {
                state.hash = state.hash.with(&key, row);
            }
            state.tally.count(was.is_some(), change.after.is_some());
            self.put(&mut entry.segment, &key, &was.unwrap_or_default())?;
        }
        if entry.segment.rows == 0 {
            return Ok(None);
        }
        let revision = entry.state.revision;
        self.states.insert(revision.0, entry.encode().as_slice())?;
        ledger.push(entry);
        while let Some(excess) = ledger.excess() {
            self.thin(excess, ledger)?;
        }
        Ok(Some(revision))
    }

    fn thin(&mut self, excess: Excess, ledger: &mut Ledger) -> Result<(), redb::Error> {
        match excess {
            Excess::Oldest(entry) => {
                self.states.remove(entry.state.revision.0)?;
                let (first, last) = (first(entry.segment), last(entry.segment));
                self.before
                    .retain_in::<&Former, _>(&first..=&last, |_, _| false)?;
            }
            Excess::Between { gone, mut next } => {
                self.states.remove(gone.state.revision.0)?;
                next.segment = self.join(gone.segment, next.segment)?;
                next.state.tally = next.state.tally.plus(gone.state.tally);
                let revision = next.state.revision.0;
                self.states.insert(revision, next.encode().as_slice())?;
                ledger.replace(next);
            }
        }
        Ok(())
    }

    /// Two segments as one. The rows of the smaller one move; where both have one, the older counts.
    fn join(&mut self, older: Segment, newer: Segment) -> Result<Segment, redb::Error> {
        let (mut into, from) = if older.rows < newer.rows {
            (newer, older)
        } else {
            (older, newer)
        };
        let moves_back = from == older;
        for (key, row) in self.take(from)? {
            if moves_back {
                self.drop_former(&mut into, &key)?;
                self.put(&mut into, &key, &row)?;
            } else if self.before.get(&former_key(into, &key))?.is_none() {
                self.put(&mut into, &key, &row)?;
            }
        }
        Ok(into)
    }

    /// Notes what a row was: nothing if there was none.
    fn put(&mut self, segment: &mut Segment, key: &Key, row: &[u8]) -> Result<(), redb::Error> {
        self.before.insert(&former_key(*segment, key), row)?;
        segment.rows += 1;
        segment.bytes += weight(row);
        Ok(())
    }

    fn drop_former(&mut self, segment: &mut Segment, key: &Key) -> Result<(), redb::Error> {
        if let Some(row) = self.before.remove(&former_key(*segment, key))? {
            segment.rows = segment.rows.saturating_sub(1);
            segment.bytes = segment.bytes.saturating_sub(weight(row.value()));
        }
        Ok(())
    }

    /// Takes a whole segment out.
    fn take(&mut self, segment: Segment) -> Result<Vec<Taken>, redb::Error> {
        let mut taken = Vec::new();
        let (first, last) = (first(segment), last(segment));
        self.before
            .retain_in::<&Former, _>(&first..=&last, |former, row| {
                taken.push((key_of(former), row.into()));
                false
            })?;
        Ok(taken)
    }
}

fn former_key(segment: Segment, key: &Key) -> Former {
    let mut former = [0; FORMER_BYTES];
    let (number, rest) = former.split_at_mut(8);
    number.copy_from_slice(&segment.number.to_be_bytes());
    rest.copy_from_slice(key);
    former
}

fn first(segment: Segment) -> Former {
    former_key(segment, &[0; KEY_BYTES])
}

fn last(segment: Segment) -> Former {
    former_key(segment, &[u8::MAX; KEY_BYTES])
}

fn key_of(former: &Former) -> Key {
    let mut key = [0; KEY_BYTES];
    key.iter_mut()
        .zip(former.iter().skip(8))
        .for_each(|(to, from)| *to = *from);
    key
}

/// What a former row takes.
fn weight(row: &[u8]) -> u64 {
    FORMER_BYTES as u64 + row.len() as u64
}
