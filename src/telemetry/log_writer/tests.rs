//! The writer over sinks that fail, block and come back, with time passed in.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use super::LogStats;
use super::LogWriter;
use super::SinkState;
use crate::base::clock::Instant;
use crate::base::ids::CoreId;
use crate::base::limits::LOG_BUFFER_BYTES;
use crate::telemetry::format::Format;
use crate::telemetry::log_sender::LogBatch;
use crate::telemetry::mask::Mask;
use crate::telemetry::record::tests::sample;

const START: Instant = Instant(1_000_000_000);

fn batch(records: u32) -> LogBatch {
    let mut bytes = Vec::new();
    for _ in 0..records {
        sample().encode(&mut bytes);
    }
    LogBatch {
        core: CoreId(0),
        records,
        bytes,
    }
}

fn format() -> Format {
    Format::parse("$host $status").unwrap()
}

const LINE: &str = "api.example.com 200\n";

/// What a scripted sink does with its next write: take so many bytes, or fail.
type Script = Rc<RefCell<VecDeque<Result<usize, io::ErrorKind>>>>;

/// A sink that follows a script and then takes everything.
struct Scripted {
    script: Script,
    written: Rc<RefCell<Vec<u8>>>,
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let step = self.script.borrow_mut().pop_front();
        let taken = step.unwrap_or(Ok(usize::MAX)).map_err(io::Error::from)?;
        let taken = taken.min(bytes.len());
        self.written.borrow_mut().extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a sink holds.
type Written = Rc<RefCell<Vec<u8>>>;

/// Opens a sink; a name for what a writer wants of it.
trait Open: FnMut() -> io::Result<Scripted> {}

impl<F: FnMut() -> io::Result<Scripted>> Open for F {}

/// A writer over one scripted sink, and what the sink holds.
fn scripted(steps: Vec<Result<usize, io::ErrorKind>>) -> (LogWriter<impl Open, Scripted>, Written) {
    let script = Rc::new(RefCell::new(VecDeque::from(steps)));
    let written = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&written);
    let open = move || {
        Ok(Scripted {
            script: Rc::clone(&script),
            written: Rc::clone(&sink),
        })
    };
    (LogWriter::new(format(), Mask::new(), open), written)
}

fn text(written: &Written) -> String {
    String::from_utf8(written.borrow().clone()).unwrap()
}

#[test]
fn short_and_interrupted_writes_lose_nothing() {
    let steps = vec![Ok(1), Err(io::ErrorKind::Interrupted), Ok(25), Ok(3)];
    let (mut writer, written) = scripted(steps);
    writer.accept(&batch(3), START);
    assert_eq!(writer.stats().buffered, 3);
    assert_eq!(writer.flush(START), SinkState::Ready);
    assert_eq!(text(&written), LINE.repeat(3));
    let expected = LogStats {
        delivered: 3,
        ..LogStats::default()
    };
    assert_eq!(writer.stats(), expected);
}

#[test]
fn a_blocked_sink_keeps_the_rest_of_the_line() {
    let (mut writer, written) = scripted(vec![Ok(25), Err(io::ErrorKind::WouldBlock)]);
    writer.accept(&batch(2), START);
    assert_eq!(writer.flush(START), SinkState::Blocked);
    assert_eq!((writer.stats().delivered, writer.stats().buffered), (1, 1));
    assert_eq!(writer.flush(START), SinkState::Ready);
    assert_eq!(text(&written), LINE.repeat(2));
}

#[test]
fn a_full_buffer_is_written_and_a_blocked_sink_bounds_it() {
    let many = (LOG_BUFFER_BYTES / LINE.len() + 1) as u32;
    let (mut writer, written) = scripted(vec![]);
    writer.accept(&batch(many), START);
    assert!(written.borrow().len() >= LOG_BUFFER_BYTES);

    let (mut writer, _) = scripted(vec![Err(io::ErrorKind::WouldBlock)]);
    assert_eq!(writer.accept(&batch(many), START), SinkState::Blocked);
    assert_eq!(writer.stats().buffered, u64::from(many));
    writer.abandon();
    assert_eq!(writer.stats().dropped, u64::from(many));
}

#[test]
fn reopening_leaves_the_half_line_behind_and_begins_with_a_whole_one() {
    let (mut writer, written) = scripted(vec![Ok(5), Err(io::ErrorKind::WouldBlock)]);
    writer.accept(&batch(3), START);
    writer.flush(START);
    written.borrow_mut().clear();
    let script = vec![Err(io::ErrorKind::WouldBlock)];
    let (mut other, other_written) = scripted([vec![Ok(5)], script.clone(), script].concat());
    other.accept(&batch(3), START);
    other.flush(START);
    other_written.borrow_mut().clear();
    other.reopen(START);
    other.flush(START);
    assert_eq!(text(&other_written), LINE.repeat(2));
    assert_eq!((other.stats().delivered, other.stats().dropped), (2, 1));
    writer.flush(START);
    assert_eq!(text(&written), LINE.repeat(3)[5..]);
}

#[test]
fn a_torn_line_is_closed_before_the_next() {
    let (mut writer, written) = scripted(vec![Ok(5), Err(io::ErrorKind::StorageFull)]);
    writer.accept(&batch(2), START);
    writer.flush(START);
    assert_eq!(writer.stats().dropped, 2);
    let later = START.plus(Duration::from_secs(2));
    writer.accept(&batch(1), later);
    writer.flush(later);
    assert_eq!(text(&written), format!("api.e\n{LINE}"));
    assert_eq!((writer.stats().delivered, writer.stats().errors), (1, 1));
}

#[test]
fn a_sink_that_cannot_be_opened_is_tried_once_a_second() {
    let attempts = Rc::new(RefCell::new(0));
    let counted = Rc::clone(&attempts);
    let open = move || -> io::Result<File> {
        *counted.borrow_mut() += 1;
        Err(io::ErrorKind::PermissionDenied.into())
    };
    let mut writer = LogWriter::new(format(), Mask::new(), open);
    for tenth in 0..30 {
        let now = START.plus(Duration::from_millis(100 * tenth));
        writer.accept(&batch(2), now);
        writer.flush(now);
    }
    assert_eq!(*attempts.borrow(), 3);
    let expected = LogStats {
        dropped: 60,
        errors: 3,
        ..LogStats::default()
    };
    assert_eq!(writer.stats(), expected);
}

#[test]
fn a_full_disk_drops_and_counts() {
    let open = || OpenOptions::new().write(true).open("/dev/full");
    let mut writer = LogWriter::new(format(), Mask::new(), open);
    writer.accept(&batch(7), START);
    assert_eq!(writer.flush(START), SinkState::Ready);
    assert_eq!((writer.stats().dropped, writer.stats().errors), (7, 1));
}

#[test]
fn records_that_do_not_decode_are_dropped_and_counted() {
    let (mut writer, written) = scripted(vec![]);
    let mut broken = batch(3);
    broken.bytes.truncate(broken.bytes.len() - 1);
    writer.accept(&broken, START);
    writer.flush(START);
    assert_eq!((writer.stats().delivered, writer.stats().dropped), (2, 1));
    assert_eq!(text(&written), LINE.repeat(2));
}
