//! A worker's end of the access log: records are encoded into a batch, and the batch is moved to the log
//! thread when it is full or when the worker's tick comes.
//!
//! Nothing here waits. A full queue first delays the batch; when the batch itself is full its records are
//! dropped and counted. The log thread does not sleep on this queue (see `log_thread`), so sending never
//! wakes a thread: no system call on the worker's side.

use std::cell::Cell;
use std::cell::RefCell;

use crossbeam::channel::Receiver;
use crossbeam::channel::Sender;
use crossbeam::channel::bounded;

use crate::base::ids::CoreId;
use crate::base::limits::LOG_BATCH_BYTES;
use crate::base::limits::LOG_QUEUE_BATCHES;

use super::record::AccessRecord;
use super::record::RECORD_BYTES_MAX;

/// Encoded records on their way to the log thread.
#[derive(Debug)]
pub struct LogBatch {
    /// The worker they come from.
    pub core: CoreId,
    /// How many.
    pub records: u32,
    /// What [`super::record::decode`] reads.
    pub bytes: Vec<u8>,
}

/// The log thread's ends of both queues.
#[derive(Debug)]
pub struct LogQueue {
    /// Full batches, from every worker.
    pub batches: Receiver<LogBatch>,
    /// Emptied memory, to whichever worker takes it.
    pub emptied: Sender<Vec<u8>>,
}

/// The workers' ends, one clone each.
#[derive(Clone, Debug)]
pub struct LogRoad {
    batches: Sender<LogBatch>,
    emptied: Receiver<Vec<u8>>,
}

/// The two bounded queues between the workers and the log thread.
pub fn road() -> (LogRoad, LogQueue) {
    road_of(LOG_QUEUE_BATCHES)
}

/// As [`road`], with a bound of the caller's.
pub fn road_of(batches_max: usize) -> (LogRoad, LogQueue) {
    let (batches, batches_out) = bounded(batches_max);
    let (emptied_in, emptied) = bounded(batches_max);
    let queue = LogQueue {
        batches: batches_out,
        emptied: emptied_in,
    };
    (LogRoad { batches, emptied }, queue)
}

/// What a sender counted since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogCounts {
    /// Records made.
    pub produced: u64,
    /// Records dropped before they left the core.
    pub dropped: u64,
}

/// One worker's sender.
#[derive(Debug)]
pub struct AccessLogSender {
    core: CoreId,
    road: LogRoad,
    batch: RefCell<Batch>,
    produced: Cell<u64>,
    dropped: Cell<u64>,
}

#[derive(Debug)]
struct Batch {
    records: u32,
    bytes: Vec<u8>,
}

impl AccessLogSender {
    /// The sender of `core`.
    pub fn new(core: CoreId, road: LogRoad) -> Self {
        Self {
            core,
            road,
            batch: RefCell::new(Batch {
                records: 0,
                bytes: Vec::with_capacity(BATCH_CAPACITY),
            }),
            produced: Cell::new(0),
            dropped: Cell::new(0),
        }
    }

    /// Appends a record to the batch; a full batch leaves at once.
    pub fn push(&self, record: &AccessRecord<'_>) {
        let full = {
            let mut batch = self.batch.borrow_mut();
            record.encode(&mut batch.bytes);
            batch.records += 1;
            batch.bytes.len() >= LOG_BATCH_BYTES
        };
        self.produced.set(self.produced.get() + 1);
        if full {
            self.flush();
        }
    }

    /// Sends what is there. With the queue full, a batch that has room left waits for the next flush, and
    /// one that has none is dropped.
    pub fn flush(&self) {
        let mut batch = self.batch.borrow_mut();
        if batch.records == 0 {
            return;
        }
        let sent = LogBatch {
            core: self.core,
            records: std::mem::take(&mut batch.records),
            bytes: std::mem::take(&mut batch.bytes),
        };
        let Err(refused) = self.road.batches.try_send(sent) else {
            let emptied = self.road.emptied.try_recv();
            batch.bytes = emptied.unwrap_or_else(|_| Vec::with_capacity(BATCH_CAPACITY));
            return;
        };
        let LogBatch { records, bytes, .. } = refused.into_inner();
        batch.bytes = bytes;
        if batch.bytes.len() < LOG_BATCH_BYTES {
            batch.records = records;
        } else {
            batch.bytes.clear();
            self.dropped.set(self.dropped.get() + u64::from(records));
        }
    }

    /// The counts since the last call, for the core's metrics.
    pub fn take_counts(&self) -> LogCounts {
        LogCounts {
            produced: self.produced.take(),
            dropped: self.dropped.take(),
        }
    }
}

/// Room for the record that makes a batch full, so that a batch is allocated once.
const BATCH_CAPACITY: usize = LOG_BATCH_BYTES + RECORD_BYTES_MAX;

#[cfg(test)]
mod tests {
    use super::AccessLogSender;
    use super::LogCounts;
    use super::road_of;
    use crate::base::ids::CoreId;
    use crate::base::limits::LOG_BATCH_BYTES;
    use crate::telemetry::record::decode;
    use crate::telemetry::record::tests::sample;

    #[test]
    fn a_full_queue_delays_a_batch_and_drops_it_only_when_it_is_full() {
        let (road, queue) = road_of(1);
        let sender = AccessLogSender::new(CoreId(3), road);
        sender.push(&sample());
        sender.flush();
        sender.push(&sample());
        sender.flush();
        assert_eq!(
            sender.take_counts(),
            LogCounts {
                produced: 2,
                dropped: 0
            }
        );

        let first = queue.batches.try_recv().unwrap();
        assert_eq!((first.core, first.records), (CoreId(3), 1));
        assert_eq!(decode(&first.bytes).count(), 1);
        sender.flush();
        assert_eq!(queue.batches.try_recv().unwrap().records, 1);

        sender.push(&sample());
        sender.flush();
        let mut size = Vec::new();
        sample().encode(&mut size);
        let whole = LOG_BATCH_BYTES.div_ceil(size.len()) as u64;
        for _ in 0..whole {
            sender.push(&sample());
        }
        let counts = sender.take_counts();
        assert_eq!((counts.produced, counts.dropped), (whole + 1, whole));
        assert_eq!(queue.batches.len(), 1);
    }

    #[test]
    fn memory_comes_back() {
        let (road, queue) = road_of(2);
        let sender = AccessLogSender::new(CoreId(0), road);
        let mut mine = Vec::with_capacity(5_000_000);
        mine.clear();
        queue.emptied.try_send(mine).unwrap();
        sender.push(&sample());
        sender.flush();
        assert!(sender.batch.borrow().bytes.capacity() >= 5_000_000);
    }
}
