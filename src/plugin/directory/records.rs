//! What a request needs of a credential, one record after the other in one piece of memory.
//!
//! Of many credentials the one that is asked for is in no cache. Whatever a request reads of it therefore lies
//! together: when it ends, whose it is, what it is found by, and the lines that tell an origin.

use uuid::Uuid;

use super::people::Known;
use super::people::Table;

/// Records, which are found by where they start.
#[derive(Default)]
pub(super) struct Records {
    bytes: Vec<u8>,
}

/// Where a record starts, in units of [`ALIGN`].
pub(super) type Start = u32;

/// A record.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    /// The second since the Unix epoch from which on it is worth nothing; the end of time if there is none.
    pub(super) expires_at: u64,
    /// The credential's index.
    pub(super) credential: u32,
    /// Whose it is.
    pub(super) consumer: Known,
    pub(super) table: Table,
    /// What it is found by.
    pub(super) text: &'a [u8],
    /// The lines of a request that is authenticated by it, encoded.
    pub(super) lines: &'a [u8],
}

/// A cache line, which holds the header and most keys.
const ALIGN: usize = 64;
/// The end of its life, an id, two indices, two lengths, and the table.
const HEADER: usize = 8 + 16 + 4 * 4 + 1;

impl Records {
    /// Appends a record; where it starts.
    pub(super) fn push(&mut self, record: &Record<'_>) -> Start {
        self.bytes
            .resize(self.bytes.len().next_multiple_of(ALIGN), 0);
        let start = self.bytes.len() / ALIGN;
        let length = |part: &[u8]| u32::try_from(part.len()).unwrap_or(u32::MAX);
        self.bytes
            .extend_from_slice(&record.expires_at.to_le_bytes());
        self.bytes.extend_from_slice(record.consumer.id.as_bytes());
        for number in [
            record.credential,
            record.consumer.index,
            length(record.text),
            length(record.lines),
        ] {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        self.bytes.push(record.table as u8);
        self.bytes.extend_from_slice(record.text);
        self.bytes.extend_from_slice(record.lines);
        Start::try_from(start).unwrap_or(Start::MAX)
    }

    /// Gives back what was reserved for more.
    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// The record that starts there.
    #[inline]
    pub(super) fn at(&self, start: Start) -> Option<Record<'_>> {
        let bytes = self.bytes.get(start as usize * ALIGN..)?;
        let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
        let (expires_at, rest_of_header) = header.split_first_chunk::<8>()?;
        let (id, numbers) = rest_of_header.split_first_chunk::<16>()?;
        let number = |at: usize| {
            let bytes = numbers.get(4 * at..)?.first_chunk()?;
            Some(u32::from_le_bytes(*bytes))
        };
        let (text, rest) = rest.split_at_checked(number(2)? as usize)?;
        Some(Record {
            expires_at: u64::from_le_bytes(*expires_at),
            credential: number(0)?,
            consumer: Known {
                index: number(1)?,
                id: Uuid::from_bytes(*id),
            },
            table: Table::numbered(header[HEADER - 1])?,
            text,
            lines: rest.get(..number(3)? as usize)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_were() {
        let mut records = Records::default();
        let texts: Vec<Vec<u8>> = (0..40).map(|length| vec![b'x'; length]).collect();
        let record = |at: usize| Record {
            expires_at: u64::MAX - at as u64,
            credential: at as u32,
            consumer: Known {
                index: 7,
                id: Uuid::from_u128(at as u128),
            },
            table: [Table::Key, Table::Basic, Table::Hmac, Table::Jwt][at % 4],
            text: &texts[at],
            lines: &texts[texts.len() - 1 - at],
        };
        let starts: Vec<Start> = (0..texts.len())
            .map(|at| records.push(&record(at)))
            .collect();
        records.shrink();
        for (at, start) in starts.into_iter().enumerate() {
            let (found, expected) = (records.at(start).unwrap(), record(at));
            assert_eq!(found.expires_at, expected.expires_at);
            assert_eq!(
                (found.credential, found.consumer, found.table),
                (expected.credential, expected.consumer, expected.table)
            );
            assert_eq!((found.text, found.lines), (expected.text, expected.lines));
        }
        assert!(records.at(1_000).is_none());
    }
}
