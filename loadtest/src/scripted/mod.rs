//! The origin that misbehaves on purpose: it plays the fault that a request names, or one for all; it echoes the number
//! of a request in its answer and keeps account of every POST. It can also be slow: so many requests at a time, each
//! for so long, the others waiting in line, as an origin's workers do.
//!
//! One thread, epoll. `GET /_set?mode=hang&delay_us=500&slots=8` changes it while it runs; `GET /_stats` tells.

mod request;
pub(crate) mod script;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::VecDeque;
use std::io;
use std::io::Read;
use std::io::Write;
use std::mem::MaybeUninit;
use std::net::SocketAddrV4;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::Duration;
use std::time::Instant;

use clap::Args;
use clap::ValueEnum;
use memchr::memmem;
use rustix::event::epoll;
use rustix::event::epoll::EventFlags;
use rustix::net::sockopt;

use self::request::Asked;
use self::script::Step;
use crate::net;
use crate::origin::Ledger;
use crate::slab::Slab;

/// Input of a connection that is kept while it is busy.
const INPUT_BYTES_MAX: usize = 256 * 1024;
const EVENTS: usize = 256;
/// The event that is the listener's.
const LISTENER: u64 = u64::MAX;
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// A request that comes so soon behind an answer that nobody asked for crossed it on the way: nobody could have known, and
/// what it is answered is no proxy's fault. Long enough for a proxy that a busy machine lets wait between its last look at a
/// connection and its sending.
const SPOILED: Duration = Duration::from_secs(1);

/// What is done with requests that name no fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    #[default]
    Good,
    /// 500.
    Error,
    /// No answer.
    Hang,
    /// The connection is reset.
    Reset,
}

/// How it behaves at first.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Address to listen on; loopback only.
    #[arg(long, default_value = "127.0.0.1:9001")]
    listen: SocketAddrV4,
    /// How long a request takes, in microseconds.
    #[arg(long, default_value_t = 0)]
    delay_us: u64,
    /// Requests worked on at a time (0 = all).
    #[arg(long, default_value_t = 0)]
    slots: usize,
    /// Close connections that were idle for this many milliseconds (0 = never).
    #[arg(long, default_value_t = 0)]
    idle_close_ms: u64,
    /// What is done with requests that name no fault.
    #[arg(long, default_value = "good")]
    mode: Mode,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Reading,
    /// In line, or worked on.
    Working,
    Answering,
    /// Between two steps.
    Waiting,
    Hanging,
    Echoing,
    /// Since then it carries an answer that nobody asked for.
    Spoiled(Instant),
}

struct Connection {
    socket: TcpStream,
    input: Vec<u8>,
    phase: Phase,
    asked: Option<Asked>,
    /// Bytes of the request's body still to come.
    body_left: u64,
    steps: VecDeque<Step>,
    /// Bytes of the first step that were sent.
    sent: usize,
    /// The other side has sent its last.
    ended: bool,
    served: u64,
    stamp: u64,
}

/// Something that is due at a time, for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Instant,
    index: usize,
    stamp: u64,
    what: What,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// The work is done.
    Worked,
    /// A pause is over.
    Paused,
    /// A connection that has answered that often has been idle for long enough.
    Idle(u64),
}

struct Scripted {
    epoll: OwnedFd,
    listener: TcpListener,
    connections: Slab<Connection>,
    ledger: Ledger,
    finder: memmem::Finder<'static>,
    delay: Duration,
    slots: usize,
    idle: Duration,
    mode: Mode,
    due: BinaryHeap<Reverse<Due>>,
    line: VecDeque<(usize, u64)>,
    working: usize,
    stamp: u64,
    space: Vec<u8>,
}

/// Runs until the process is ended.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let listener = net::listen(options.listen)?;
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(
        &epoll,
        &listener,
        epoll::EventData::new_u64(LISTENER),
        EventFlags::IN,
    )?;
    let mut scripted = Scripted {
        epoll,
        listener,
        connections: Slab::new(),
        ledger: Ledger::default(),
        finder: memmem::Finder::new(b"\r\n\r\n"),
        delay: Duration::from_micros(options.delay_us),
        slots: options.slots,
        idle: Duration::from_millis(options.idle_close_ms),
        mode: options.mode,
        due: BinaryHeap::new(),
        line: VecDeque::new(),
        working: 0,
        stamp: 0,
        space: vec![0; 64 * 1024],
    };
    loop {
        scripted.turn()?;
    }
}

impl Scripted {
    fn turn(&mut self) -> io::Result<()> {
        let next = self.due.peek().map(|Reverse(due)| due.at);
        let sleep = next.map_or(SLEEP_MAX, |at| at.saturating_duration_since(Instant::now()));
        let mut space = [const { MaybeUninit::<epoll::Event>::uninit() }; EVENTS];
        let ready = net::ready(&self.epoll, &mut space, sleep.min(SLEEP_MAX))?;
        for event in ready.iter() {
            match event.data.u64() {
                LISTENER => self.accept()?,
                index => self.ready(index as usize),
            }
        }
        let now = Instant::now();
        while let Some(Reverse(due)) = self.due.peek().copied().filter(|due| due.0.at <= now) {
            self.due.pop();
            self.over(due);
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        while let Ok((socket, _)) = self.listener.accept() {
            socket.set_nonblocking(true)?;
            self.stamp += 1;
            self.ledger.stats.connections += 1;
            let stamp = self.stamp;
            let index = self.connections.insert(Connection {
                socket,
                input: Vec::new(),
                phase: Phase::Reading,
                asked: None,
                body_left: 0,
                steps: VecDeque::new(),
                sent: 0,
                ended: false,
                served: 0,
                stamp,
            });
            if let Some(connection) = self.connections.get_mut(index) {
                let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
                let data = epoll::EventData::new_u64(index as u64);
                epoll::add(&self.epoll, &connection.socket, data, flags)?;
            }
        }
        Ok(())
    }

    fn ready(&mut self, index: usize) {
        self.read(index);
        self.play(index);
    }

    /// Takes what has come, and begins what is complete.
    fn read(&mut self, index: usize) {
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        while connection.input.len() < INPUT_BYTES_MAX && !connection.ended {
            match connection.socket.read(&mut self.space) {
                Ok(0) => connection.ended = true,
                Ok(bytes) => connection.input.extend_from_slice(&self.space[..bytes]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return self.gone(index),
            }
        }
        if let Phase::Spoiled(since) = connection.phase {
            let stats = &mut self.ledger.stats;
            match (connection.input.is_empty(), since.elapsed() < SPOILED) {
                (true, _) => {}
                (false, true) => stats.excused += 1,
                (false, false) => stats.unnoticed += 1,
            }
            if connection.ended || !connection.input.is_empty() {
                self.gone(index);
            }
            return;
        }
        if connection.phase == Phase::Echoing {
            let back = std::mem::take(&mut connection.input);
            // Small and rare: what does not fit at once ends the tunnel.
            let whole = connection
                .socket
                .write(&back)
                .is_ok_and(|sent| sent == back.len());
            if connection.ended || !back.is_empty() && !whole {
                self.gone(index);
            }
            return;
        }
        let hanging = connection.phase == Phase::Hanging;
        if connection.ended
            && (hanging || connection.phase == Phase::Reading && connection.input.is_empty())
        {
            return self.gone(index);
        }
        if connection.phase == Phase::Reading {
            self.begin(index);
        }
    }

    /// Begins the request at the front of the input, if it is complete.
    fn begin(&mut self, index: usize) {
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        if connection.asked.is_none() {
            let Some((asked, head)) = request::read(&connection.input, &self.finder) else {
                if connection.ended {
                    self.gone(index);
                }
                return;
            };
            connection.input.drain(..head);
            connection.body_left = asked.body;
            connection.asked = Some(asked);
            self.ledger.stats.requests += 1;
        }
        let here = (connection.input.len() as u64).min(connection.body_left);
        connection.input.drain(..here as usize);
        connection.body_left -= here;
        let early = connection
            .asked
            .as_ref()
            .and_then(|asked| asked.fault)
            .is_some_and(script::Fault::is_early);
        if connection.body_left > 0 && !early {
            return;
        }
        let Some(asked) = connection.asked.take() else {
            return;
        };
        self.work(index, asked);
    }

    /// Puts a request in line, or answers it.
    fn work(&mut self, index: usize, asked: Asked) {
        if let Some(number) = asked.number.filter(|_| asked.post) {
            self.ledger.post(number);
        }
        if let Some(query) = &asked.set {
            let query = query.clone();
            self.set(&query);
        }
        let plain = asked.stats || asked.set.is_some();
        let at_once = plain || asked.tunnel || self.delay.is_zero();
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        let stamp = connection.stamp;
        connection.steps = if plain {
            let text = serde_json::to_string(&self.ledger.stats).unwrap_or_default();
            script::good(text.as_bytes()).into()
        } else {
            steps(self.mode, &asked).into()
        };
        connection.sent = 0;
        if at_once {
            connection.phase = Phase::Answering;
            return self.play(index);
        }
        connection.phase = Phase::Working;
        self.ledger.stats.in_flight += 1;
        let stats = &mut self.ledger.stats;
        stats.in_flight_max = stats.in_flight_max.max(stats.in_flight);
        self.line.push_back((index, stamp));
        self.employ();
    }

    /// Gives free slots to those in line. What was read is worked on, also when nobody waits for it any more.
    fn employ(&mut self) {
        while self.slots == 0 || self.working < self.slots {
            let Some((index, stamp)) = self.line.pop_front() else {
                return;
            };
            self.working += 1;
            let at = Instant::now() + self.delay;
            self.due.push(Reverse(Due {
                at,
                index,
                stamp,
                what: What::Worked,
            }));
        }
    }

    fn over(&mut self, due: Due) {
        if due.what == What::Worked {
            self.working -= 1;
            self.ledger.stats.in_flight -= 1;
            self.employ();
        }
        let Some(connection) = self.connections.get_mut(due.index) else {
            return;
        };
        if connection.stamp != due.stamp {
            return;
        }
        if let What::Idle(served) = due.what {
            // It never looks whether a request is on its way.
            if connection.served == served && connection.phase == Phase::Reading {
                self.ledger.stats.idle_closed += 1;
                self.gone(due.index);
            }
            return;
        }
        connection.phase = Phase::Answering;
        self.play(due.index);
    }

    /// Goes on with an answer as far as it goes.
    fn play(&mut self, index: usize) {
        loop {
            let Some(connection) = self.connections.get_mut(index) else {
                return;
            };
            if connection.phase != Phase::Answering {
                return;
            }
            match connection.steps.front() {
                None => return self.rest(index),
                Some(Step::Send(bytes)) => match connection.socket.write(&bytes[connection.sent..])
                {
                    Ok(sent) => {
                        connection.sent += sent;
                        self.ledger.stats.bytes_sent += sent as u64;
                        if connection.sent == bytes.len() {
                            connection.sent = 0;
                            connection.steps.pop_front();
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                    Err(_) => return self.gone(index),
                },
                Some(Step::Wait(time)) => {
                    let at = Instant::now() + *time;
                    let stamp = connection.stamp;
                    connection.steps.pop_front();
                    connection.phase = Phase::Waiting;
                    let what = What::Paused;
                    return self.due.push(Reverse(Due {
                        at,
                        index,
                        stamp,
                        what,
                    }));
                }
                Some(Step::Close) => return self.gone(index),
                Some(Step::Reset) => {
                    let _ = sockopt::set_socket_linger(&connection.socket, Some(Duration::ZERO));
                    return self.gone(index);
                }
                Some(Step::Hang) => {
                    connection.phase = Phase::Hanging;
                    return self.read(index);
                }
                Some(Step::Surplus(bytes)) => {
                    let bytes = bytes.clone();
                    connection.steps.pop_front();
                    return self.spoil(index, &bytes);
                }
                Some(Step::Spoil) => {
                    connection.phase = Phase::Spoiled(Instant::now());
                    return self.read(index);
                }
                Some(Step::Echo) => {
                    connection.phase = Phase::Echoing;
                    return self.read(index);
                }
            }
        }
    }

    /// An answer is over: the connection is idle, until it is not or has been so for too long.
    fn rest(&mut self, index: usize) {
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        connection.phase = Phase::Reading;
        connection.served += 1;
        if !self.idle.is_zero() {
            self.due.push(Reverse(Due {
                at: Instant::now() + self.idle,
                index,
                stamp: connection.stamp,
                what: What::Idle(connection.served),
            }));
        }
        self.read(index);
    }

    /// Sends what nobody asked for, unless somebody has asked meanwhile.
    fn spoil(&mut self, index: usize, bytes: &[u8]) {
        self.read(index);
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        let quiet = connection.input.is_empty();
        // It is small, and the connection was idle, so it fits.
        connection.phase = match quiet && connection.socket.write(bytes).is_ok() {
            true => Phase::Spoiled(Instant::now()),
            false => Phase::Reading,
        };
        self.read(index);
    }

    fn gone(&mut self, index: usize) {
        drop(self.connections.remove(index));
    }

    /// Obeys `name=value&name=value`.
    fn set(&mut self, query: &str) {
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let number = value.parse::<u64>().unwrap_or(0);
            match name {
                "delay_us" => self.delay = Duration::from_micros(number),
                "slots" => self.slots = number as usize,
                "mode" => self.mode = Mode::from_str(value, true).unwrap_or_default(),
                "mark" => self.ledger.stats.in_flight_max = self.ledger.stats.in_flight,
                _ => {}
            }
        }
        self.employ();
    }
}

fn steps(mode: Mode, asked: &Asked) -> Vec<Step> {
    let body = asked.body_of_answer();
    if asked.tunnel {
        return script::tunnel();
    }
    match (asked.fault, mode) {
        (Some(fault), _) => fault.steps(&body),
        (None, Mode::Good) => script::good(&body),
        (None, Mode::Error) => script::error(),
        (None, Mode::Hang) => vec![Step::Hang],
        (None, Mode::Reset) => vec![Step::Reset],
    }
}
