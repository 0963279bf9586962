//! What is known about each name, when to ask again, and what to say meanwhile: no sockets, no clock.
//!
//! The rules are Kong's: an answer lives for its TTL, bounded at both ends; after that it is asked again and
//! kept, for at most `dns.stale_ttl`, as long as the name servers fail; a failure is asked again after
//! `dns.error_ttl`, a name that does not exist after `dns.not_found_ttl`. Every entry is either due at some time or in
//! flight, never both, so the heap holds at most one element for each name.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::HashMap;
use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::limits::DNS_ADDRESSES;
use crate::snapshot::Address;
use crate::snapshot::DnsFault;
use crate::snapshot::NameKind;
use crate::snapshot::NameQuery;
use crate::snapshot::Resolved;

use super::lookup::Answer;
use super::lookup::Failure;
use super::lookup::RecordKind;

/// Shortest time between two look-ups of a name that resolves; a zone that says 0 does not make us its load.
pub const TTL_MIN: Duration = Duration::from_secs(1);
/// Longest time that an address is believed without asking, whatever its zone says.
pub const TTL_MAX: Duration = Duration::from_secs(600);
/// The configured times.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Overrides the TTL of every good answer.
    pub valid: Option<Duration>,
    /// How long a good answer outlives its TTL while look-ups fail.
    pub stale: Duration,
    /// Wait after an answer that the name does not exist.
    pub not_found: Duration,
    /// Wait after an error or a timeout.
    pub error: Duration,
}

/// All names of the running snapshot, in its order.
#[derive(Debug)]
pub struct Table {
    times: Times,
    entries: Vec<Entry>,
    index: HashMap<NameQuery, usize>,
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    unanswered: usize,
}

#[derive(Debug)]
struct Entry {
    query: NameQuery,
    state: Resolved,
    /// The kind of record that answered last, which is asked for first (Kong's `LAST`).
    last: Option<RecordKind>,
    /// When to ask again; `None` while the look-up is in flight.
    due: Option<Instant>,
    /// Until when a good answer may be served while look-ups fail.
    stale: Instant,
}

impl Table {
    /// No names.
    pub fn new(times: Times) -> Self {
        Self {
            times,
            entries: Vec::new(),
            index: HashMap::new(),
            due: BinaryHeap::new(),
            unanswered: 0,
        }
    }

    /// Takes over the names of another snapshot: what is known of a name that stays is kept, and a look-up
    /// that is in flight for it still counts.
    pub fn adopt(&mut self, times: Times, names: &[NameQuery], now: Instant) {
        let mut old = std::mem::replace(self, Self::new(times));
        for (slot, query) in names.iter().enumerate() {
            let known = old.index.get(query).map(|&at| &mut old.entries[at]);
            let entry = match known {
                Some(known) => Entry {
                    query: query.clone(),
                    state: std::mem::replace(&mut known.state, Resolved::Pending),
                    last: known.last,
                    due: known.due,
                    stale: known.stale,
                },
                None => Entry {
                    query: query.clone(),
                    state: Resolved::Pending,
                    last: None,
                    due: Some(now),
                    stale: now,
                },
            };
            if let Some(at) = entry.due {
                self.due.push(Reverse((at, slot)));
            }
            self.unanswered += usize::from(matches!(entry.state, Resolved::Pending));
            self.index.insert(query.clone(), slot);
            self.entries.push(entry);
        }
    }

    /// What is known of a host name, whichever kind of record it is asked for.
    pub fn known(&self, host: &str) -> Resolved {
        let kinds = [NameKind::Address, NameKind::Service].into_iter();
        let mut slots = kinds.filter_map(|kind| {
            let host = host.into();
            self.index.get(&NameQuery { host, kind }).copied()
        });
        let entry = slots.next().and_then(|slot| self.entries.get(slot));
        entry.map_or(Resolved::Pending, |entry| entry.state.clone())
    }

    /// Whether each name has had its first answer, good or bad.
    pub fn settled(&self) -> bool {
        self.unanswered == 0
    }

    /// The next name to ask for and the kind to begin with, if one is due. It counts as in flight from now
    /// on, until [`answer`](Self::answer).
    pub fn take_due(&mut self, now: Instant) -> Option<(NameQuery, Option<RecordKind>)> {
        let &Reverse((at, slot)) = self.due.peek()?;
        if at > now {
            return None;
        }
        self.due.pop();
        let entry = &mut self.entries[slot];
        entry.due = None;
        Some((entry.query.clone(), entry.last))
    }

    /// When the next name is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the end of a look-up; whether anything changed for those who connect. An answer for a name that
    /// is gone is ignored.
    pub fn answer(
        &mut self,
        query: &NameQuery,
        now: Instant,
        result: Result<Answer, Failure>,
    ) -> bool {
        let Some(&slot) = self.index.get(query) else {
            return false;
        };
        let entry = &mut self.entries[slot];
        if entry.due.is_some() {
            return false;
        }
        let first = matches!(entry.state, Resolved::Pending);
        let changed = entry.take(&self.times, now, result);
        let again = entry.due.unwrap_or(now);
        self.due.push(Reverse((again, slot)));
        self.unanswered -= usize::from(first);
        changed
    }

    /// What is known of each name now, in the snapshot's order.
    pub fn resolved(&self) -> Vec<Resolved> {
        self.entries
            .iter()
            .map(|entry| entry.state.clone())
            .collect()
    }

    /// How many names have addresses, and how many do not.
    pub fn tally(&self) -> (usize, usize) {
        let good = |entry: &&Entry| matches!(entry.state, Resolved::Addresses(_));
        let good = self.entries.iter().filter(good).count();
        (good, self.entries.len() - good)
    }
}

impl Entry {
    fn take(&mut self, times: &Times, now: Instant, result: Result<Answer, Failure>) -> bool {
        match result {
            Ok(answer) => {
                let ttl = times.valid.unwrap_or(answer.ttl.min(TTL_MAX)).max(TTL_MIN);
                self.due = Some(now.plus(ttl));
                self.stale = now.plus(ttl).plus(times.stale);
                self.last = Some(answer.kind);
                let new = canonical(answer.addresses);
                if matches!(&self.state, Resolved::Addresses(old) if *old == new) {
                    return false;
                }
                self.state = Resolved::Addresses(new);
                true
            }
            Err(failure) => {
                let (wait, fault) = match failure {
                    Failure::NotFound => (times.not_found, DnsFault::NotFound),
                    Failure::Error => (times.error, DnsFault::NotFound),
                    Failure::Timeout => (times.error, DnsFault::Timeout),
                };
                self.due = Some(now.plus(wait.max(TTL_MIN)));
                match &self.state {
                    Resolved::Addresses(_) if now < self.stale => return false,
                    Resolved::Failed(old) if *old == fault => return false,
                    Resolved::Addresses(_) | Resolved::Failed(_) | Resolved::Pending => {}
                }
                self.state = Resolved::Failed(fault);
                true
            }
        }
    }
}

/// Servers rotate their answers: sorted, the same set is the same list, and a set too large is cut at the
/// same place each time.
fn canonical(mut addresses: Vec<Address>) -> Vec<Address> {
    addresses.sort_unstable_by_key(|address| (address.ip, address.port, address.weight));
    addresses.dedup();
    addresses.truncate(DNS_ADDRESSES);
    addresses
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::net::Ipv4Addr;

    use super::*;
    use crate::snapshot::NameKind;

    const KONG: Times = Times {
        valid: None,
        stale: Duration::from_secs(3_600),
        not_found: Duration::from_secs(30),
        error: Duration::from_secs(1),
    };

    const START: Instant = Instant(1_000_000_000);

    fn name(host: &str) -> NameQuery {
        NameQuery {
            host: host.into(),
            kind: NameKind::Address,
        }
    }

    fn good(last: &[u8], ttl: u64) -> Result<Answer, Failure> {
        let address = |&end: &u8| Address {
            ip: IpAddr::V4(Ipv4Addr::new(10, 0, 0, end)),
            port: None,
            weight: None,
        };
        Ok(Answer {
            addresses: last.iter().map(address).collect(),
            ttl: Duration::from_secs(ttl),
            kind: RecordKind::A,
        })
    }

    fn after(seconds: u64) -> Instant {
        START.plus(Duration::from_secs(seconds))
    }

    fn asked(table: &mut Table, now: Instant) -> Vec<NameQuery> {
        std::iter::from_fn(|| table.take_due(now).map(|(query, _)| query)).collect()
    }

    #[test]
    fn an_answer_lives_for_its_ttl_and_a_rotated_one_changes_nothing() {
        let mut table = Table::new(KONG);
        table.adopt(KONG, &[name("a")], START);
        assert!(!table.settled());
        assert_eq!(asked(&mut table, START), [name("a")]);
        assert!(asked(&mut table, after(100)).is_empty(), "in flight once");
        assert!(table.answer(&name("a"), START, good(&[1, 2], 5)));
        assert!(table.settled());
        assert!(asked(&mut table, after(4)).is_empty());
        assert_eq!(asked(&mut table, after(5)), [name("a")]);
        assert!(!table.answer(&name("a"), after(5), good(&[2, 1], 5)));
        asked(&mut table, after(10));
        assert!(table.answer(&name("a"), after(10), good(&[2, 3], 5)));
    }

    #[test]
    fn ttl_has_a_floor_and_a_ceiling() {
        let mut table = Table::new(KONG);
        table.adopt(KONG, &[name("zero"), name("week")], START);
        assert_eq!(asked(&mut table, START).len(), 2);
        table.answer(&name("zero"), START, good(&[1], 0));
        table.answer(&name("week"), START, good(&[1], 604_800));
        assert_eq!(table.next_due(), Some(START.plus(TTL_MIN)));
        asked(&mut table, START.plus(TTL_MIN));
        assert_eq!(table.next_due(), Some(START.plus(TTL_MAX)));
    }

    #[test]
    fn the_last_good_answer_serves_until_the_stale_limit() {
        let mut table = Table::new(KONG);
        table.adopt(KONG, &[name("a")], START);
        asked(&mut table, START);
        table.answer(&name("a"), START, good(&[1], 10));
        asked(&mut table, after(10));
        assert!(!table.answer(&name("a"), after(10), Err(Failure::Timeout)));
        assert_eq!(
            table.next_due(),
            Some(after(11)),
            "an error is asked again soon"
        );
        asked(&mut table, after(11));
        assert!(!table.answer(&name("a"), after(11), Err(Failure::NotFound)));
        assert_eq!(table.next_due(), Some(after(41)));
        assert!(matches!(table.resolved()[0], Resolved::Addresses(_)));
        asked(&mut table, after(3_610));
        assert!(table.answer(&name("a"), after(3_610), Err(Failure::Timeout)));
        assert!(matches!(
            table.resolved()[0],
            Resolved::Failed(DnsFault::Timeout)
        ));
    }

    #[test]
    fn a_reload_keeps_what_is_known_and_what_is_in_flight() {
        let mut table = Table::new(KONG);
        table.adopt(KONG, &[name("a"), name("b"), name("c")], START);
        assert_eq!(asked(&mut table, START).len(), 3);
        table.answer(&name("a"), START, good(&[1], 60));
        table.adopt(KONG, &[name("d"), name("b"), name("a")], after(1));
        assert!(matches!(table.resolved()[2], Resolved::Addresses(_)));
        assert_eq!(
            asked(&mut table, after(1)),
            [name("d")],
            "b is still in flight"
        );
        assert!(table.answer(&name("b"), after(1), good(&[2], 60)));
        assert!(
            !table.answer(&name("c"), after(1), good(&[3], 60)),
            "c is gone"
        );
        assert!(
            !table.answer(&name("b"), after(1), good(&[9], 60)),
            "b was answered"
        );
        assert_eq!(table.tally(), (2, 1));
    }

    #[test]
    fn a_thousand_addresses_are_cut_to_the_same_few() {
        let mut table = Table::new(KONG);
        table.adopt(KONG, &[name("a")], START);
        asked(&mut table, START);
        let all: Vec<u8> = (0..=255).collect();
        let reversed: Vec<u8> = (0..=255).rev().collect();
        assert!(table.answer(&name("a"), START, good(&all, 1)));
        asked(&mut table, after(1));
        assert!(!table.answer(&name("a"), after(1), good(&reversed, 1)));
        let Resolved::Addresses(kept) = &table.resolved()[0] else {
            panic!("has addresses")
        };
        assert_eq!(kept.len(), DNS_ADDRESSES);
    }
}
