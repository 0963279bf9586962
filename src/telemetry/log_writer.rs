//! The log thread's work without the thread: batches in, lines out, whatever becomes of the sink.
//!
//! Lines gather in a buffer that is written when it is full or when there is nothing else to do. A sink that
//! fails costs the records that it did not take, which are counted; it is opened again at most once a second,
//! and the operator is told at most once a minute. Each record taken ends as delivered, dropped, or
//! still queued. Time is an argument.

use std::io;
use std::io::Write;
use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::limits::LOG_BUFFER_BYTES;

use super::format::Format;
use super::log_sender::LogBatch;
use super::mask::Mask;
use super::record::decode;

/// Least time between two attempts to open a sink that failed.
const REOPEN_INTERVAL: Duration = Duration::from_secs(1);
/// Least time between two notices about it.
const NOTICE_INTERVAL: Duration = Duration::from_secs(60);

/// What became of the records that reached the log thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogStats {
    /// Records written to the sink.
    pub delivered: u64,
    /// Records that the sink refused.
    pub dropped: u64,
    /// Records formatted and not yet written.
    pub buffered: u64,
    /// Times that the sink could not be opened or written.
    pub errors: u64,
}

/// What the sink does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkState {
    /// It takes lines, or fails and they are dropped.
    Ready,
    /// It would block: the buffer waits, and nothing more should be taken for now.
    Blocked,
}

/// Writes batches to whatever `open` opens.
#[derive(Debug)]
pub struct LogWriter<O, W> {
    format: Format,
    mask: Mask,
    open: O,
    sink: Option<W>,
    buffer: Vec<u8>,
    /// The sink's last byte is inside a line, whose rest the buffer begins with.
    mid_line: bool,
    /// The sink's last byte is inside a line whose rest is lost: the next one begins with a newline.
    torn: bool,
    stats: LogStats,
    /// Before this nothing is opened.
    reopen_at: Instant,
    /// Before this nothing is said.
    notice_at: Instant,
}

impl<O, W> LogWriter<O, W>
where
    O: FnMut() -> io::Result<W>,
    W: Write,
{
    /// A writer that opens its sink with the first flush.
    pub fn new(format: Format, mask: Mask, open: O) -> Self {
        Self {
            format,
            mask,
            open,
            sink: None,
            buffer: Vec::with_capacity(LOG_BUFFER_BYTES),
            mid_line: false,
            torn: false,
            stats: LogStats::default(),
            reopen_at: Instant(0),
            notice_at: Instant(0),
        }
    }

    /// Hides other things from the next batch on.
    pub fn hide(&mut self, mask: Mask) {
        self.mask = mask;
    }

    /// Formats a batch, writing whenever the buffer is full. Records that do not decode count as dropped.
    pub fn accept(&mut self, batch: &LogBatch, now: Instant) -> SinkState {
        let mut state = SinkState::Ready;
        let mut records = 0;
        for record in decode(&batch.bytes) {
            let before = self.buffer.len();
            self.format
                .write_line(&record, &self.mask, &mut self.buffer);
            debug_assert_eq!(lines(&self.buffer[before..]), 1, "one record is one line");
            records += 1;
            self.stats.buffered += 1;
            if self.buffer.len() >= LOG_BUFFER_BYTES && state == SinkState::Ready {
                state = self.flush(now);
            }
        }
        let missing = u64::from(batch.records).saturating_sub(records);
        self.stats.dropped += missing;
        state
    }

    /// Writes what is buffered.
    pub fn flush(&mut self, now: Instant) -> SinkState {
        if self.buffer.is_empty() {
            return SinkState::Ready;
        }
        if self.sink.is_none() && !self.open_sink(now) {
            self.drop_buffer();
            return SinkState::Ready;
        }
        match self.write_buffer() {
            Ok(()) => SinkState::Ready,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => SinkState::Blocked,
            Err(error) => {
                self.sink = None;
                self.reopen_at = now.plus(REOPEN_INTERVAL);
                self.complain("cannot write the access log", &error, now);
                self.drop_buffer();
                SinkState::Ready
            }
        }
    }

    /// Flushes to the present sink and opens a new one with the next line: what a log rotation asks for
    /// after it has renamed the file.
    pub fn reopen(&mut self, now: Instant) {
        if self.flush(now) == SinkState::Blocked && self.mid_line {
            self.drop_first_line();
        }
        self.sink = None;
        self.mid_line = false;
        self.torn = false;
        self.reopen_at = Instant(0);
        self.open_sink(now);
    }

    /// Gives up what is still buffered: the thread ends and the sink still blocks.
    pub fn abandon(&mut self) {
        self.drop_buffer();
    }

    /// The counts so far.
    pub fn stats(&self) -> LogStats {
        self.stats
    }

    fn open_sink(&mut self, now: Instant) -> bool {
        if now < self.reopen_at {
            return false;
        }
        match (self.open)() {
            Ok(sink) => self.sink = Some(sink),
            Err(error) => {
                self.reopen_at = now.plus(REOPEN_INTERVAL);
                self.complain("cannot open the access log", &error, now);
            }
        }
        self.sink.is_some()
    }

    /// Writes until the buffer is empty or the sink refuses; what was taken leaves the buffer either way.
    fn write_buffer(&mut self) -> io::Result<()> {
        let Some(sink) = &mut self.sink else {
            return Ok(());
        };
        if self.torn {
            write_some(sink, b"\n")?;
            self.torn = false;
        }
        let mut written = 0;
        let mut result = Ok(());
        while written < self.buffer.len() {
            match write_some(sink, &self.buffer[written..]) {
                Ok(more) => written += more,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        let taken = lines(&self.buffer[..written]);
        self.stats.delivered += taken;
        self.stats.buffered -= taken;
        if let Some(last) = self.buffer[..written].last() {
            self.mid_line = *last != b'\n';
        }
        self.buffer.drain(..written);
        result
    }

    /// Its beginning stands in a sink that is about to be left.
    fn drop_first_line(&mut self) {
        if let Some(end) = memchr::memchr(b'\n', &self.buffer) {
            self.buffer.drain(..=end);
            self.stats.buffered -= 1;
            self.stats.dropped += 1;
        }
    }

    fn drop_buffer(&mut self) {
        self.stats.dropped += self.stats.buffered;
        self.stats.buffered = 0;
        self.buffer.clear();
        self.torn |= std::mem::take(&mut self.mid_line);
    }

    fn complain(&mut self, what: &str, error: &io::Error, now: Instant) {
        self.stats.errors += 1;
        if now < self.notice_at {
            return;
        }
        self.notice_at = now.plus(NOTICE_INTERVAL);
        let dropped = self.stats.dropped;
        tracing::warn!(%error, dropped, "{what}; records are dropped and counted until it works again");
    }
}

/// One write, again if a signal came between; a sink that takes nothing is an error.
fn write_some(sink: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match sink.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// How many lines end in `bytes`.
fn lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(test)]
mod tests;
