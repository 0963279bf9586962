//! The last requests of each mock plugin on one core, and how the cores' logs become one.
//!
//! Bounded by number for each plugin and by memory for all together. Whoever shows a log asks every core for its part
//! ([`Order::Show`]), and puts them together ([`merge`], [`har`]).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use crossbeam::channel::Sender;
use foldhash::HashMap;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use super::entry::Entry;
use crate::base::limits;

/// What a core is told about its logs.
#[derive(Clone, Debug)]
pub enum Order {
    /// Say here what this plugin's log holds, the oldest entry first.
    Show(Uuid, Sender<Vec<Entry>>),
    /// Forget the logs of all plugins but these.
    Keep(Arc<[Uuid]>),
}

/// One core's logs.
#[derive(Debug, Default)]
pub struct Recorder(RefCell<Logs>);

#[derive(Debug, Default)]
struct Logs {
    next: u64,
    by_plugin: HashMap<Uuid, Log>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Log {
    /// The oldest first, their serials rising.
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Recorder {
    /// Does what control says.
    pub fn obey(&self, order: Order) {
        match order {
            Order::Show(plugin, answer) => {
                // Whoever asked may have gone; the channel has room for every core.
                let _ = answer.try_send(self.snapshot(plugin));
            }
            Order::Keep(plugins) => self.retain(|plugin| plugins.contains(&plugin)),
        }
    }

    /// A copy of a plugin's log, the oldest entry first.
    pub(super) fn snapshot(&self, plugin: Uuid) -> Vec<Entry> {
        let logs = self.0.borrow();
        let log = logs.by_plugin.get(&plugin);
        log.map_or_else(Vec::new, |log| log.entries.iter().cloned().collect())
    }

    fn retain(&self, mut is_alive: impl FnMut(Uuid) -> bool) {
        let mut logs = self.0.borrow_mut();
        logs.by_plugin.retain(|plugin, _| is_alive(*plugin));
        logs.bytes = logs.by_plugin.values().map(|log| log.bytes).sum();
    }

    /// Adds an entry to a plugin's log, of which so many are kept; says by which serial it is found again.
    pub(super) fn begin(&self, plugin: Uuid, most: usize, mut entry: Entry) -> u64 {
        let mut logs = self.0.borrow_mut();
        let serial = logs.next;
        logs.next += 1;
        entry.serial = serial;
        let bytes = entry.bytes();
        let log = logs.by_plugin.entry(plugin).or_default();
        log.entries.push_back(entry);
        log.bytes += bytes;
        logs.bytes += bytes;
        let surplus = logs
            .by_plugin
            .get(&plugin)
            .map_or(0, |log| log.entries.len().saturating_sub(most));
        for _ in 0..surplus {
            logs.forget_oldest_of(plugin);
        }
        logs.forget_beyond_bound();
        serial
    }

    /// Changes an entry, if it is still there.
    pub(super) fn change(&self, plugin: Uuid, serial: u64, change: impl FnOnce(&mut Entry)) {
        let mut logs = self.0.borrow_mut();
        let Some(log) = logs.by_plugin.get_mut(&plugin) else {
            return;
        };
        let at = log.entries.partition_point(|entry| entry.serial < serial);
        let found = log.entries.get_mut(at);
        let Some(entry) = found.filter(|entry| entry.serial == serial) else {
            return;
        };
        let before = entry.bytes();
        change(entry);
        let after = entry.bytes();
        log.bytes = log.bytes + after - before;
        logs.bytes = logs.bytes + after - before;
        logs.forget_beyond_bound();
    }
}

impl Logs {
    fn forget_beyond_bound(&mut self) {
        while self.bytes > limits::MOCK_LOG_BYTES {
            let largest = self.by_plugin.iter().max_by_key(|(_, log)| log.bytes);
            let Some((&plugin, _)) = largest else { return };
            self.forget_oldest_of(plugin);
        }
    }

    fn forget_oldest_of(&mut self, plugin: Uuid) {
        let Some(log) = self.by_plugin.get_mut(&plugin) else {
            return;
        };
        let bytes = log.entries.pop_front().map_or(0, |entry| entry.bytes());
        log.bytes -= bytes;
        self.bytes -= bytes;
        if log.entries.is_empty() {
            self.by_plugin.remove(&plugin);
        }
    }
}

/// The logs of all cores as one: the last `most` requests, the oldest first.
pub fn merge(logs: impl IntoIterator<Item = Vec<Entry>>, most: usize) -> Vec<Entry> {
    let mut entries: Vec<Entry> = logs.into_iter().flatten().collect();
    entries.sort_by_key(Entry::unix_micros);
    let surplus = entries.len().saturating_sub(most);
    entries.drain(..surplus);
    entries
}

/// A log as a HAR 1.2 document.
pub fn har(entries: &[Entry]) -> Value {
    let entries: Vec<Value> = entries.iter().map(Entry::har).collect();
    json!({
        "log": {
            "version": "1.2",
            "creator": { "name": "silverback", "version": env!("CARGO_PKG_VERSION") },
            "entries": entries,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::entry::Sent;
    use super::super::secrets::Secrets;
    use super::super::view::View;
    use super::*;
    use crate::plugin::testing::Trial;

    fn entry(unix_micros: u64, body: usize) -> Entry {
        let mut trial =
            Trial::with_body("POST /", &["Content-Type: text/plain"], &b"x".repeat(body));
        let secrets = Secrets::new(&[]);
        let request = trial.run(|request| Sent::of(&View::of(request), &secrets.hiding(None)));
        Entry {
            serial: 0,
            unix_micros,
            took_ns: None,
            request,
            answer: None,
        }
    }

    fn times(entries: &[Entry]) -> Vec<u64> {
        entries.iter().map(Entry::unix_micros).collect()
    }

    #[test]
    fn each_plugin_keeps_its_last_requests() {
        let recorder = Recorder::default();
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for time in 0..5 {
            recorder.begin(one, 3, entry(time, 1));
        }
        let serial = recorder.begin(two, 3, entry(9, 1));
        assert_eq!(times(&recorder.snapshot(one)), [2, 3, 4]);
        recorder.change(two, serial, |entry| entry.end(204, 1_000_000));
        recorder.change(two, serial + 1, |entry| entry.end(500, 0));
        recorder.change(one, 0, |entry| entry.end(500, 0));
        let har = har(&recorder.snapshot(two));
        assert_eq!(har["log"]["entries"][0]["response"]["status"], 204);
        assert_eq!(har["log"]["entries"][0]["time"], 1.0);
        recorder.obey(Order::Keep([one].into()));
        assert!(recorder.snapshot(two).is_empty());
        recorder.begin(one, 1, entry(6, 1));
        let (answer, answers) = crossbeam::channel::bounded(1);
        recorder.obey(Order::Show(one, answer));
        assert_eq!(times(&answers.recv().unwrap()), [6]);
        recorder.obey(Order::Keep(Arc::default()));
        let logs = recorder.0.borrow();
        assert_eq!((logs.bytes, logs.by_plugin.len()), (0, 0));
    }

    #[test]
    fn memory_is_bounded_and_the_largest_log_pays() {
        let recorder = Recorder::default();
        let (small, large) = (Uuid::from_u128(1), Uuid::from_u128(2));
        recorder.begin(small, 10, entry(0, 1));
        for time in 0..200 {
            let serial = recorder.begin(large, 1_000, entry(time, limits::MOCK_LOG_BODY_BYTES));
            recorder.change(large, serial, |entry| entry.end(200, 1));
        }
        let logs = recorder.0.borrow();
        assert!(logs.bytes <= limits::MOCK_LOG_BYTES);
        let sum: usize = logs.by_plugin.values().map(|log| log.bytes).sum();
        assert_eq!(logs.bytes, sum);
        let counted = |log: &Log| log.entries.iter().map(Entry::bytes).sum::<usize>();
        assert!(logs.by_plugin.values().all(|log| log.bytes == counted(log)));
        drop(logs);
        assert_eq!(recorder.snapshot(small).len(), 1);
        assert_eq!(
            recorder.snapshot(large).last().map(Entry::unix_micros),
            Some(199)
        );
    }

    #[test]
    fn the_cores_logs_become_one_in_order_of_time() {
        let logs = [
            vec![entry(1, 0), entry(4, 0)],
            Vec::new(),
            vec![entry(2, 0), entry(3, 0)],
        ];
        assert_eq!(times(&merge(logs, 3)), [2, 3, 4]);
        assert!(merge([], 3).is_empty());
    }
}
