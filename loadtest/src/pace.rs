//! An open-loop load: requests leave when their time has come, whether or not earlier ones were
//! answered, and latency counts from that time. A proxy that stalls cannot hide it.
//!
//! One thread, epoll, GETs without pipelining over a fixed number of connections. When all of
//! them wait, the request waits too, and its latency goes on counting.

use std::collections::VecDeque;
use std::io;
use std::io::Read;
use std::io::Write;
use std::mem::MaybeUninit;
use std::net::SocketAddrV4;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use hdrhistogram::Histogram;
use rustix::event::Timespec;
use rustix::event::epoll;

/// Connections of the load.
const CONNECTIONS: usize = 64;
/// Longest latency recorded, in microseconds.
const LATENCY_US_MAX: u64 = 60_000_000;

/// What a stretch of load saw.
pub(crate) struct Stretch {
    /// Microseconds from intended start to the last byte of the answer.
    pub(crate) latency: Histogram<u64>,
    pub(crate) failed: u64,
    /// Each answer, if they are noted.
    pub(crate) notes: Vec<Note>,
}

/// One answer; times are microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    /// Which line of the list it answers.
    pub(crate) line: usize,
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    pub(crate) status: u16,
}

struct Connection {
    stream: TcpStream,
    /// When the request in flight should have started.
    intended: Option<Instant>,
    /// What is noted of it.
    note: Note,
    /// Bytes of the answer still to come; `None` before its head was read.
    left: Option<usize>,
}

/// A running load.
pub(crate) struct Pace {
    address: SocketAddrV4,
    connections: Vec<Connection>,
    free: Vec<usize>,
    epoll: std::os::fd::OwnedFd,
    requests: Vec<Vec<u8>>,
    next: usize,
    interval: Duration,
    due: Instant,
    waiting: VecDeque<Instant>,
    latency: Histogram<u64>,
    failed: u64,
    /// Answers of this status are no failures either, and each answer is noted.
    refusal: Option<u16>,
    notes: Vec<Note>,
}

impl Pace {
    /// Connects; `lines` are `HOST PATH` or `HOST PATH KEY`.
    pub(crate) fn new(address: SocketAddrV4, lines: &str, per_second: f64) -> io::Result<Self> {
        let requests = lines.lines().filter_map(request).collect();
        let mut pace = Self {
            address,
            connections: Vec::new(),
            free: (0..CONNECTIONS).collect(),
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            requests,
            next: 0,
            interval: Duration::from_secs_f64(1.0 / per_second.max(1.0)),
            due: Instant::now(),
            waiting: VecDeque::new(),
            latency: histogram()?,
            failed: 0,
            refusal: None,
            notes: Vec::new(),
        };
        for index in 0..CONNECTIONS {
            let stream = pace.connect(index)?;
            pace.connections.push(Connection {
                stream,
                intended: None,
                note: Note::NONE,
                left: None,
            });
        }
        Ok(pace)
    }

    /// Takes answers of this status for good ones, and notes each answer.
    pub(crate) fn noting(mut self, refusal: u16) -> Self {
        self.refusal = Some(refusal);
        self
    }

    /// Runs until `over` says so, then returns what happened since the last call.
    pub(crate) fn run(&mut self, mut over: impl FnMut() -> bool) -> io::Result<Stretch> {
        self.due = self.due.max(Instant::now());
        while !over() {
            self.turn()?;
        }
        // What is still in flight belongs to this stretch.
        let patience = Instant::now() + Duration::from_secs(10);
        while self.free.len() < CONNECTIONS && Instant::now() < patience {
            self.due = Instant::now() + self.interval;
            self.turn()?;
        }
        self.failed += (CONNECTIONS - self.free.len()) as u64;
        let latency = std::mem::replace(&mut self.latency, histogram()?);
        Ok(Stretch {
            latency,
            failed: std::mem::take(&mut self.failed),
            notes: std::mem::take(&mut self.notes),
        })
    }

    fn turn(&mut self) -> io::Result<()> {
        let now = Instant::now();
        while self.due <= now {
            self.waiting.push_back(self.due);
            self.due += self.interval;
        }
        while let Some(index) = self.free.pop() {
            let Some(intended) = self.waiting.pop_front() else {
                self.free.push(index);
                break;
            };
            self.start(index, intended)?;
        }
        let wait = self
            .due
            .saturating_duration_since(Instant::now())
            .min(Duration::from_millis(5));
        let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
        let mut space = [const { MaybeUninit::<epoll::Event>::uninit() }; CONNECTIONS];
        let (ready, _) = match epoll::wait(&self.epoll, &mut space, Some(&wait)) {
            Ok(split) => split,
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for event in ready.iter() {
            self.ready(event.data.u64() as usize)?;
        }
        Ok(())
    }

    fn connect(&self, index: usize) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&self.epoll, &stream, data, epoll::EventFlags::IN)?;
        Ok(stream)
    }

    fn start(&mut self, index: usize, intended: Instant) -> io::Result<()> {
        let line = self.next % self.requests.len();
        let request = &self.requests[line];
        self.next += 1;
        let connection = &mut self.connections[index];
        connection.intended = Some(intended);
        connection.note = Note {
            line,
            sent: unix_micros(),
            ..Note::NONE
        };
        connection.left = None;
        // A small request always fits an idle socket's buffer, or the socket is broken.
        match connection.stream.write(request) {
            Ok(bytes) if bytes == request.len() => Ok(()),
            _ => self.fail(index),
        }
    }

    fn ready(&mut self, index: usize) -> io::Result<()> {
        let mut space = [0u8; 16 * 1024];
        let connection = &mut self.connections[index];
        let bytes = match connection.stream.read(&mut space) {
            Ok(0) => return self.fail(index),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(_) => return self.fail(index),
        };
        let left = match connection.left {
            Some(left) => left.saturating_sub(bytes),
            None => match rest_of(&space[..bytes]) {
                Some((status, left)) if status == 200 || Some(status) == self.refusal => {
                    connection.note.status = status;
                    left
                }
                _ => return self.fail(index),
            },
        };
        connection.left = Some(left);
        if left > 0 {
            return Ok(());
        }
        if let Some(intended) = connection.intended.take() {
            let micros = u64::try_from(intended.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.latency
                .saturating_record(micros.clamp(1, LATENCY_US_MAX));
            if self.refusal.is_some() {
                connection.note.answered = unix_micros();
                self.notes.push(connection.note);
            }
            self.free.push(index);
        }
        Ok(())
    }

    /// Counts a failure and replaces the connection; an idle one that was closed is no failure.
    fn fail(&mut self, index: usize) -> io::Result<()> {
        let stream = self.connect(index)?;
        let connection = &mut self.connections[index];
        connection.stream = stream;
        if connection.intended.take().is_some() {
            self.failed += 1;
            self.free.push(index);
        }
        Ok(())
    }
}

fn histogram() -> io::Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).map_err(io::Error::other)
}

impl Note {
    const NONE: Self = Self {
        line: 0,
        sent: 0,
        answered: 0,
        status: 0,
    };
}

fn unix_micros() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_micros()).unwrap_or(u64::MAX))
}

fn request(line: &str) -> Option<Vec<u8>> {
    let mut words = line.split(' ');
    let (host, path) = (words.next()?, words.next()?);
    let key = words.next().map(|key| format!("apikey: {key}\r\n"));
    let key = key.unwrap_or_default();
    Some(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{key}\r\n").into_bytes())
}

/// The status of the answer whose head starts `bytes`, and the bytes still missing of it; `None` when it has no length
/// (heads here are far shorter than a segment).
fn rest_of(bytes: &[u8]) -> Option<(u16, usize)> {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    })?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, (end + length).saturating_sub(bytes.len())))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_rest_of_an_answer_is_counted() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab";
        assert_eq!(super::rest_of(head), Some((200, 3)));
        let refused = b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(super::rest_of(refused), Some((503, 0)));
        assert_eq!(super::rest_of(b"HTTP/1.1 200 OK\r\n\r\n"), None);
    }
}
