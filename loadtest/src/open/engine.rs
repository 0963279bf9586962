//! The loop of the generator: one thread, edge-triggered epoll, one request at a time on a connection.

use std::collections::VecDeque;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use hdrhistogram::Histogram;
use rustix::event::epoll;
use rustix::event::epoll::EventFlags;
use rustls::pki_types::ServerName;

use super::Connections;
use super::Load;
use super::Note;
use super::Outcome;
use super::answer::Answer;
use super::answer::ID_DIGITS;
use super::answer::Progress;
use super::tally;
use super::tally::End;
use super::tally::Moments;
use super::tally::Tally;
use super::tls;
use super::wire::Wire;
use crate::net;
use crate::slab::Slab;

/// Requests that may wait for a connection.
const WAITING_MAX: usize = 200_000;
/// Arrivals looked at before answers are read again; more than come due while a turn's events are handled.
const ARRIVALS_A_TURN: usize = 1024;
/// Events taken at a time.
const EVENTS: usize = 256;
/// How often overdue requests are looked for.
const SWEEP: Duration = Duration::from_millis(20);
/// The longest sleep, so that a stop is noticed.
const SLEEP_MAX: Duration = Duration::from_millis(10);

/// A request that is due.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    stream: usize,
    request: usize,
    due: Duration,
}

/// A request on its way.
#[derive(Clone, Copy, Debug)]
struct Job {
    arrival: Arrival,
    sent: Duration,
    number: [u8; ID_DIGITS],
    /// The request itself has been handed to the socket.
    written: bool,
}

struct Connection {
    wire: Wire,
    answer: Answer,
    job: Option<Job>,
    connected: bool,
    /// Tells it from another one at the same place.
    stamp: u64,
}

struct Engine<'a> {
    load: &'a Load,
    began: Instant,
    /// The same moment since the Unix epoch.
    epoch: Duration,
    notes: Vec<Note>,
    epoll: OwnedFd,
    name: ServerName<'static>,
    connections: Slab<Connection>,
    /// Connections without a job, by place and stamp; those that have gone since are passed over.
    free: Vec<(usize, u64)>,
    waiting: VecDeque<Arrival>,
    open: usize,
    busy: usize,
    stamp: u64,
    number: u32,
    /// Of each stream: the request that is next, and how much of the arrivals is owed to it.
    next: Vec<usize>,
    credit: Vec<i64>,
    tallies: Vec<Tally>,
    lateness: Histogram<u64>,
    seen: Connections,
    swept: Duration,
    space: Vec<u8>,
    request: Vec<u8>,
}

/// Runs a load until its schedule is over, or until it is stopped.
pub(super) fn run(load: &Load, stop: &AtomicBool) -> io::Result<Outcome> {
    if !load.address.ip().is_loopback() {
        return Err(io::Error::other(
            "the generator speaks to loopback addresses only",
        ));
    }
    let mut engine = Engine::new(load)?;
    let cpu = thread_cpu();
    let mut arrivals = load.schedule.arrivals().peekable();
    let mut stopped = false;
    while arrivals.peek().is_some() {
        stopped = stop.load(Ordering::Relaxed);
        if stopped {
            break;
        }
        for _ in 0..ARRIVALS_A_TURN {
            let now = engine.now();
            let Some(due) = arrivals.next_if(|due| *due <= now) else {
                break;
            };
            engine.lateness.saturating_record(tally::micros(now - due));
            engine.arrive(due)?;
        }
        engine.turn(arrivals.peek().copied())?;
    }
    let took = if stopped {
        engine.now()
    } else {
        load.schedule.time()
    };
    engine.see_off()?;
    let elapsed = engine.began.elapsed().as_secs_f64().max(1e-9);
    let names = load.streams.iter().map(|stream| stream.name.clone());
    let wanted = if stopped {
        engine
            .tallies
            .iter()
            .map(|tally| tally.counts.offered)
            .sum()
    } else {
        load.schedule.arrivals().count() as u64
    };
    Ok(Outcome {
        began: engine.began,
        wanted,
        took,
        streams: names.zip(engine.tallies).collect(),
        lateness: engine.lateness,
        connections: engine.seen,
        busy: thread_cpu().saturating_sub(cpu).as_secs_f64() / elapsed,
        stopped,
        notes: engine.notes,
    })
}

impl<'a> Engine<'a> {
    fn new(load: &'a Load) -> io::Result<Self> {
        let streams = load.streams.len();
        if load.streams.iter().any(|stream| stream.requests.is_empty()) || streams == 0 {
            return Err(io::Error::other("a load without requests"));
        }
        let tallies = load.streams.iter().map(|_| Tally::new(load.window));
        Ok(Self {
            load,
            began: Instant::now(),
            epoch: SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default(),
            notes: Vec::new(),
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            name: ServerName::try_from(tls::NAME).map_err(io::Error::other)?,
            connections: Slab::new(),
            free: Vec::new(),
            waiting: VecDeque::new(),
            open: 0,
            busy: 0,
            stamp: 0,
            number: 0,
            next: vec![0; streams],
            credit: vec![0; streams],
            tallies: tallies.collect::<io::Result<_>>()?,
            lateness: tally::histogram(3)?,
            seen: Connections::default(),
            swept: Duration::ZERO,
            space: vec![0; 64 * 1024],
            request: Vec::new(),
        })
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Gives a due request to a connection, or lets it wait for one.
    fn arrive(&mut self, due: Duration) -> io::Result<()> {
        let stream = self.pick();
        let requests = self.load.streams[stream].requests.len();
        let request = self.next[stream];
        self.next[stream] = (request + 1) % requests;
        self.tallies[stream].offer(due)?;
        let arrival = Arrival {
            stream,
            request,
            due,
        };
        if self.waiting.is_empty() && self.place(arrival)? {
            return Ok(());
        }
        self.seen.waited += 1;
        if self.waiting.len() >= WAITING_MAX {
            return self.never_sent(arrival);
        }
        self.waiting.push_back(arrival);
        Ok(())
    }

    /// The stream whose turn it is: each gets its share, evenly spread.
    fn pick(&mut self) -> usize {
        let mut best = 0;
        let mut total = 0;
        for (index, stream) in self.load.streams.iter().enumerate() {
            self.credit[index] += i64::from(stream.share);
            total += i64::from(stream.share);
            if self.credit[index] > self.credit[best] {
                best = index;
            }
        }
        self.credit[best] -= total;
        best
    }

    /// Whether a connection took the request.
    fn place(&mut self, arrival: Arrival) -> io::Result<bool> {
        while let Some((index, stamp)) = self.free.pop() {
            let idle = self.connections.get_mut(index);
            if idle.is_some_and(|found| found.stamp == stamp && found.job.is_none()) {
                self.start(index, arrival)?;
                return Ok(true);
            }
        }
        if self.open >= self.load.connections {
            return Ok(false);
        }
        self.open(arrival)?;
        Ok(true)
    }

    fn open(&mut self, arrival: Arrival) -> io::Result<()> {
        let tls = self.load.tls.as_ref().map(|config| (config, &self.name));
        let wire = match Wire::connect(self.load.address, tls) {
            Ok(wire) => wire,
            Err(_) => {
                let sent = self.now();
                return self.count(&arrival, sent, End::Connect);
            }
        };
        self.stamp += 1;
        let stamp = self.stamp;
        let index = self.connections.insert(Connection {
            wire,
            answer: Answer::new(),
            job: None,
            connected: false,
            stamp,
        });
        self.open += 1;
        self.seen.opened += 1;
        self.seen.most = self.seen.most.max(self.open);
        if let Some(connection) = self.connections.get_mut(index) {
            let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
            let data = epoll::EventData::new_u64(index as u64);
            epoll::add(&self.epoll, &connection.wire.socket, data, flags)?;
        }
        self.start(index, arrival)
    }

    /// Gives a request to a connection, which sends it when it stands.
    fn start(&mut self, index: usize, arrival: Arrival) -> io::Result<()> {
        let sent = self.now();
        self.number = self.number.wrapping_add(1);
        let number = digits(self.number);
        self.busy += 1;
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(());
        };
        connection.answer.reset();
        connection.job = Some(Job {
            arrival,
            sent,
            number,
            written: false,
        });
        if connection.connected && !connection.wire.shaking() {
            self.write(index)?;
        }
        Ok(())
    }

    fn write(&mut self, index: usize) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(());
        };
        let Some(job) = connection.job.as_mut().filter(|job| !job.written) else {
            return Ok(());
        };
        job.written = true;
        let request = &self.load.streams[job.arrival.stream].requests[job.arrival.request];
        self.request.clear();
        self.request.extend_from_slice(&request.bytes);
        if let Some(at) = request.number_at {
            self.request[at..at + ID_DIGITS].copy_from_slice(&job.number);
        }
        if connection.wire.send(&self.request).is_err() {
            // An answer may have come before the end.
            return self.read(index);
        }
        Ok(())
    }

    /// Waits for events until a request is due, and handles them.
    fn turn(&mut self, due: Option<Duration>) -> io::Result<()> {
        self.serve_waiting()?;
        let sleep = due.map_or(SLEEP_MAX, |due| due.saturating_sub(self.now()));
        let mut space = [const { MaybeUninit::<epoll::Event>::uninit() }; EVENTS];
        let ready = net::ready(&self.epoll, &mut space, sleep.min(SLEEP_MAX))?;
        for event in ready.iter() {
            self.ready(event.data.u64() as usize)?;
        }
        if self.now() > self.swept + SWEEP {
            self.sweep()?;
        }
        Ok(())
    }

    fn serve_waiting(&mut self) -> io::Result<()> {
        while let Some(arrival) = self.waiting.front().copied() {
            if !self.place(arrival)? {
                break;
            }
            self.waiting.pop_front();
        }
        Ok(())
    }

    fn ready(&mut self, index: usize) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(());
        };
        if !connection.connected {
            match connection.wire.connected() {
                Ok(true) => connection.connected = true,
                Ok(false) => return Ok(()),
                Err(_) => return self.end(index, End::Connect, false),
            }
        }
        let shaking = connection.wire.shaking();
        if connection.wire.flush().is_err() {
            return self.read(index);
        }
        if !shaking {
            self.write(index)?;
        }
        self.read(index)
    }

    /// Reads what is there.
    fn read(&mut self, index: usize) -> io::Result<()> {
        let mut space = std::mem::take(&mut self.space);
        let result = self.read_into(index, &mut space);
        self.space = space;
        result
    }

    fn read_into(&mut self, index: usize, space: &mut [u8]) -> io::Result<()> {
        loop {
            let Some(connection) = self.connections.get_mut(index) else {
                return Ok(());
            };
            let shaking = connection.wire.shaking();
            let received = connection.wire.receive(space);
            if shaking && !connection.wire.shaking() {
                match connection.wire.resumed() {
                    Some(true) => self.seen.resumed += 1,
                    _ => self.seen.full += 1,
                }
                self.write(index)?;
            }
            match received {
                Ok(None) => return Ok(()),
                Ok(Some(0)) | Err(_) => return self.closed(index, received.is_ok()),
                Ok(Some(bytes)) => {
                    if !self.take(index, &space[..bytes])? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Bytes of an answer; whether the connection is still to be read.
    fn take(&mut self, index: usize, bytes: &[u8]) -> io::Result<bool> {
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(false);
        };
        let Some(job) = connection.job else {
            // Nobody asked.
            self.drop_idle(index);
            return Ok(false);
        };
        let expect = self.load.streams[job.arrival.stream].requests[job.arrival.request].expect;
        let number = expect.echo.then_some(&job.number);
        match connection.answer.take(bytes, number) {
            Progress::More => Ok(true),
            Progress::Malformed => self.end(index, End::Malformed, false).map(|()| false),
            Progress::Done => {
                let end = connection.answer.end(expect);
                if self.load.noted {
                    let at = |time| tally::micros(self.epoch + time);
                    self.notes.push(Note {
                        request: job.arrival.request,
                        sent: at(job.sent),
                        answered: at(self.began.elapsed()),
                        status: connection.answer.status(),
                    });
                }
                // What was answered before it was sent whole leaves a broken connection.
                let keep = self.load.keep && connection.answer.keeps();
                self.end(index, end, keep).map(|()| keep)
            }
        }
    }

    /// The other side closed, in order or by a reset.
    fn closed(&mut self, index: usize, orderly: bool) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(());
        };
        let Some(job) = connection.job else {
            self.drop_idle(index);
            return Ok(());
        };
        let answer = &connection.answer;
        let end = if orderly && answer.finished_by_close() {
            answer.end(self.load.streams[job.arrival.stream].requests[job.arrival.request].expect)
        } else if answer.began() {
            End::Cut
        } else if connection.connected && !connection.wire.shaking() {
            End::Unanswered
        } else {
            End::Connect
        };
        self.end(index, end, false)
    }

    fn drop_idle(&mut self, index: usize) {
        if self.connections.remove(index).is_some() {
            self.open -= 1;
            self.seen.closed_idle += 1;
        }
    }

    /// A request is over; its connection goes on or is closed.
    fn end(&mut self, index: usize, end: End, keep: bool) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(());
        };
        let Some(job) = connection.job.take() else {
            return Ok(());
        };
        self.busy -= 1;
        if keep {
            self.free.push((index, connection.stamp));
        } else if let Some(connection) = self.connections.remove(index) {
            self.open -= 1;
            if end == End::Timeout {
                connection.wire.reset();
            } else {
                connection.wire.close();
            }
        }
        self.count(&job.arrival, job.sent, end)
    }

    fn count(&mut self, arrival: &Arrival, sent: Duration, end: End) -> io::Result<()> {
        let moments = Moments {
            due: arrival.due,
            sent,
            done: self.now(),
        };
        self.tallies[arrival.stream].end(end, moments)
    }

    /// What waits, and then what is in flight, has its patience; what is left then has run out of it.
    fn see_off(&mut self) -> io::Result<()> {
        let end = self.now() + 2 * (self.load.patience + SWEEP);
        while (self.busy > 0 || !self.waiting.is_empty()) && self.now() < end {
            self.turn(None)?;
        }
        while let Some(arrival) = self.waiting.pop_front() {
            self.never_sent(arrival)?;
        }
        self.give_up(|_| true)
    }

    fn never_sent(&mut self, arrival: Arrival) -> io::Result<()> {
        let now = self.now();
        self.count(&arrival, now, End::Dropped)
    }

    /// Ends what has lost its patience.
    fn sweep(&mut self) -> io::Result<()> {
        self.swept = self.now();
        let limit = self.swept.saturating_sub(self.load.patience);
        while let Some(arrival) = self.waiting.pop_front_if(|arrival| arrival.due < limit) {
            self.never_sent(arrival)?;
        }
        self.give_up(|job| job.sent < limit)
    }

    fn give_up(&mut self, overdue: impl Fn(&Job) -> bool) -> io::Result<()> {
        let all = self.connections.iter_mut();
        let overdue = all.filter(|(_, connection)| connection.job.as_ref().is_some_and(&overdue));
        for index in overdue.map(|(index, _)| index).collect::<Vec<_>>() {
            self.end(index, End::Timeout, false)?;
        }
        Ok(())
    }
}

fn digits(number: u32) -> [u8; ID_DIGITS] {
    let mut digits = [b'0'; ID_DIGITS];
    let mut rest = number;
    for place in digits.iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    digits
}

/// CPU time of this thread.
fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
