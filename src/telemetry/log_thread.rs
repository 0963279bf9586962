//! The thread that owns the access log's sink.
//!
//! It sleeps on its own requests with a timeout and never on the workers' queue: 20 ms while there is work,
//! 100 ms when idle. So a worker that sends finds nobody to wake and makes no system call, and the price is
//! that a line appears up to 100 ms late.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::Receiver;
use crossbeam::channel::RecvTimeoutError;
use crossbeam::channel::Sender;
use crossbeam::channel::bounded;
use crossbeam::queue::ArrayQueue;

use crate::base::clock;

use super::format::Format;
use super::log_sender::LogQueue;
use super::log_writer::LogStats;
use super::log_writer::LogWriter;
use super::log_writer::SinkState;
use super::mask::Mask;

/// How long the thread sleeps between two turns while records come.
const BUSY: Duration = Duration::from_millis(20);
/// How long it sleeps when there was nothing to do.
const IDLE: Duration = Duration::from_millis(100);
/// How many requests may wait; control makes one at a time.
const REQUESTS: usize = 16;

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard output.
    Stdout,
    /// A file, appended to, made with mode 0640.
    File(PathBuf),
}

/// What the log thread is started with.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// Where lines go.
    pub target: LogTarget,
    /// How they look.
    pub format: Format,
    /// What is hidden in them.
    pub mask: Mask,
}

#[derive(Debug)]
enum Request {
    Reopen,
    Stop,
}

/// The handle that control keeps. Dropping it ends the thread as [`LogThread::stop`] does, unawaited.
#[derive(Debug)]
pub struct LogThread {
    requests: Sender<Request>,
    /// A mailbox for what is hidden from now on.
    hidden: Arc<ArrayQueue<Mask>>,
    /// A mailbox for the newest counts.
    published: Arc<ArrayQueue<LogStats>>,
    latest: LogStats,
    /// Says the last counts when the thread has drained everything.
    done: Receiver<LogStats>,
}

impl LogThread {
    /// Opens the file anew with the next turn (SIGUSR1).
    pub fn reopen(&self) {
        self.request(Request::Reopen);
    }

    /// Hides other things in all records that are sent after this call; never waits.
    pub fn hide(&self, mask: Mask) {
        self.hidden.force_push(mask);
    }

    /// The newest counts; never waits.
    pub fn stats(&mut self) -> LogStats {
        if let Some(stats) = self.published.pop() {
            self.latest = stats;
        }
        self.latest
    }

    /// Writes all that was sent before this call and ends the thread. Waits at most `patience`, because a
    /// sink may block for ever; `None` if that was not enough.
    pub fn stop(self, patience: Duration) -> Option<LogStats> {
        self.requests.send_timeout(Request::Stop, patience).ok()?;
        self.done.recv_timeout(patience).ok()
    }

    /// A full queue of requests means that the sink blocks, and that as many are waiting already.
    fn request(&self, request: Request) {
        let _ = self.requests.try_send(request);
    }
}

/// Starts the log thread.
///
/// # Errors
/// When the system has no thread left.
pub fn spawn(config: LogConfig, queue: LogQueue) -> io::Result<LogThread> {
    let target = config.target;
    let open = move || target.open();
    let writer = LogWriter::new(config.format, config.mask, open);
    spawn_writer(writer, queue)
}

fn spawn_writer<O>(writer: LogWriter<O, File>, queue: LogQueue) -> io::Result<LogThread>
where
    O: FnMut() -> io::Result<File> + Send + 'static,
{
    let (requests, requests_out) = bounded(REQUESTS);
    let (done_in, done) = bounded(1);
    let published = Arc::new(ArrayQueue::new(1));
    let hidden = Arc::new(ArrayQueue::new(1));
    let work = LogWork {
        writer,
        queue,
        hidden: Arc::clone(&hidden),
        published: Arc::clone(&published),
    };
    let thread = std::thread::Builder::new().name("access-log".into());
    thread.spawn(move || {
        let stats = work.run(&requests_out);
        let _ = done_in.try_send(stats);
    })?;
    Ok(LogThread {
        requests,
        hidden,
        published,
        latest: LogStats::default(),
        done,
    })
}

impl LogTarget {
    /// Opens the sink.
    ///
    /// # Errors
    /// As opening a file or duplicating a descriptor fails.
    pub fn open(&self) -> io::Result<File> {
        match self {
            Self::Stdout => io::stdout().as_fd().try_clone_to_owned().map(File::from),
            Self::File(path) => {
                let mut options = OpenOptions::new();
                options.append(true).create(true).mode(0o640).open(path)
            }
        }
    }
}

/// What the thread owns.
struct LogWork<O> {
    writer: LogWriter<O, File>,
    queue: LogQueue,
    hidden: Arc<ArrayQueue<Mask>>,
    published: Arc<ArrayQueue<LogStats>>,
}

impl<O: FnMut() -> io::Result<File>> LogWork<O> {
    /// Turns until asked to stop; returns the last counts.
    fn run(mut self, requests: &Receiver<Request>) -> LogStats {
        let mut sleep = BUSY;
        self.writer.reopen(clock::now());
        loop {
            match requests.recv_timeout(sleep) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Request::Reopen) => {
                    self.drain();
                    self.writer.reopen(clock::now());
                }
                Ok(Request::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            sleep = if self.drain() > 0 { BUSY } else { IDLE };
        }
        self.finish(requests)
    }

    /// Writes all batches that wait, unless the sink blocks; returns how many.
    fn drain(&mut self) -> usize {
        let now = clock::now();
        let mut taken = 0;
        let mut state = self.writer.flush(now);
        // Bounded, so that a steady stream cannot keep a request waiting for ever.
        while state == SinkState::Ready && taken < self.queue.batches.capacity().unwrap_or(1) {
            let Ok(mut batch) = self.queue.batches.try_recv() else {
                break;
            };
            // Looked for behind each batch: what its records need hidden was said before they were made.
            if let Some(mask) = self.hidden.pop() {
                self.writer.hide(mask);
            }
            state = self.writer.accept(&batch, now);
            batch.bytes.clear();
            let _ = self.queue.emptied.try_send(batch.bytes);
            taken += 1;
        }
        if state == SinkState::Ready {
            self.writer.flush(now);
        }
        self.published.force_push(self.writer.stats());
        taken
    }

    /// Writes the rest. A sink that blocks is tried again for as long as somebody waits for the end.
    fn finish(mut self, requests: &Receiver<Request>) -> LogStats {
        loop {
            let taken = self.drain();
            if self.writer.stats().buffered > 0 {
                let waiting = requests.recv_timeout(BUSY);
                if matches!(waiting, Err(RecvTimeoutError::Disconnected)) {
                    self.writer.abandon();
                    break;
                }
            } else if taken == 0 {
                break;
            }
        }
        self.writer.stats()
    }
}

#[cfg(test)]
mod tests;
