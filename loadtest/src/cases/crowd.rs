//! Crowds of clients beside ordinary ones: 5,000 connections within 100 ms; thousands that send their heads a byte a
//! second; thousands that read a large answer a little at a time. What counts is what the ordinary ones feel.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddrV4;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use rustix::net::sockopt;

use crate::cases::Case;
use crate::cases::bench;
use crate::compare::Run;
use crate::lane::Lane;
use crate::lane::Running;
use crate::machine;
use crate::net;
use crate::open::Load;
use crate::open::Outcome;
use crate::open::fact;
use crate::proc;
use crate::stats::Spread;
use crate::verdict::Figure;
use crate::verdict::Measured;

/// Ordinary requests a second.
const RATE: f64 = 500.0;
/// How long they are watched, without and with the crowd, in turn.
const STRETCH: Duration = Duration::from_secs(4);
/// Descriptors kept for everything else.
const SPARE: u64 = 1500;
/// The storm.
const STORM: usize = 5000;
const STORM_TIME: Duration = Duration::from_millis(100);
/// A slow reader's receive buffer: a phone's, not a server's.
const RECEIVE_BUFFER: usize = 16 * 1024;
/// What one of a crowd does at a time, and how often all have done it.
const BEAT: Duration = Duration::from_secs(1);
/// A proxy that works less than a quarter of this time is at rest.
const SETTLED: Duration = Duration::from_millis(250);
/// How long making a crowd may take.
const GATHER_MAX: Duration = Duration::from_secs(30);

/// How a client is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// It sends a byte of its head each second.
    Sends,
    /// It reads a KiB of its answer each second.
    Reads,
}

pub(super) fn storm(run: &mut Run) -> io::Result<()> {
    let origin = run.origin(&[])?;
    for lane in run.lanes_among(&[Lane::Silverback, Lane::Nginx, Lane::Haproxy]) {
        let running = lane.start(&run.workshop, &run.setup(&origin))?;
        let calm = bench::plain(running.address, RATE, STRETCH).run()?;
        let others = bench::plain(running.address, RATE, STRETCH).spawn();
        thread::sleep(STRETCH / 4);
        let storm = Load {
            connections: STORM,
            ..bench::plain(
                running.address,
                STORM as f64 / STORM_TIME.as_secs_f64(),
                STORM_TIME,
            )
        }
        .run()?;
        let others = others.finish()?;
        let counts = storm.counts();
        let before = bench::p99_ms(&calm.response()?);
        let beside = bench::p99_ms(&others.response()?);
        let facts = vec![
            fact(
                "connections",
                format!("{} opened in {STORM_TIME:?}", storm.connections.opened),
            ),
            fact("their requests", counts.text()),
            fact(
                "the slowest of them",
                format!("{:.1} ms", storm.response()?.max() as f64 / 1e3),
            ),
            fact(
                "p99 of others",
                format!("{beside:.2} ms, {before:.2} ms in quiet times"),
            ),
        ];
        if lane == Lane::Silverback {
            let detail = format!("{beside:.2} ms, {before:.2} ms in quiet times");
            bench::count(
                run,
                Figure::StormLost,
                counts.failed() as f64,
                counts.text(),
            );
            bench::count(run, Figure::StormSlower, beside / before.max(1e-3), detail);
        }
        bench::note(run, Case::Connections5000, lane, facts, &others)?;
    }
    Ok(())
}

pub(super) fn senders(run: &mut Run) -> io::Result<()> {
    for (wanted, figure) in [
        (2000, Figure::SlowlorisSlower),
        (10_000, Figure::SendersSlower),
    ] {
        crowded(run, Case::SlowSenders, Manner::Sends, wanted, figure)?;
    }
    Ok(())
}

pub(super) fn readers(run: &mut Run) -> io::Result<()> {
    crowded(
        run,
        Case::SlowReaders,
        Manner::Reads,
        10_000,
        Figure::ReadersSlower,
    )
}

fn crowded(
    run: &mut Run,
    case: Case,
    manner: Manner,
    wanted: u64,
    figure: Figure,
) -> io::Result<()> {
    let origin = run.origin(&[])?;
    // The proxy inherits our limit, and needs two descriptors for each reader.
    let limit = machine::raise_descriptor_limit().saturating_sub(SPARE);
    let each = if manner == Manner::Reads { 2 } else { 1 };
    let size = wanted.min(limit / each) as usize;
    for lane in run.lanes_among(&[Lane::Silverback, Lane::Nginx, Lane::Haproxy]) {
        let mut setup = run.setup(&origin);
        setup.connections = 32_768;
        let running = lane.start(&run.workshop, &setup)?;
        let id = running.process.id();
        bench::plain(running.address, RATE, STRETCH / 4).run()?;
        let before = proc::memory(id)?;
        let (mut calm, mut beside, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let (mut memory, mut alive, mut last) = (before, 0, None);
        let mut settled = Duration::ZERO;
        for _ in 0..run.pick(3, 1) {
            let quiet = bench::plain(running.address, RATE, STRETCH).run()?;
            let crowd = Crowd::gather(&running, manner, size)?;
            settled = settle(id)?;
            let loud = bench::plain(running.address, RATE, STRETCH).run()?;
            memory = proc::memory(id)?;
            alive = crowd.leave()?;
            let (quiet, slow) = (
                bench::p99_ms(&quiet.response()?),
                bench::p99_ms(&loud.response()?),
            );
            ratios.push(slow / quiet.max(1e-3));
            calm.push(quiet);
            beside.push(slow);
            last = Some(loud);
        }
        let Some(last) = last else { continue };
        let crowd = Seen {
            case,
            lane,
            figure,
            size,
            alive,
            settled,
            grown: memory.resident.saturating_sub(before.resident),
        };
        crowd.add(run, &ratios, &calm, &beside, &last)?;
    }
    Ok(())
}

/// Waits until the proxy has done what the coming of a crowd costs, its buffers above all; how long that took.
fn settle(process: u32) -> io::Result<Duration> {
    let begin = Instant::now();
    while begin.elapsed() < GATHER_MAX {
        let before = proc::cpu_ns(process)?;
        thread::sleep(SETTLED);
        let used = Duration::from_nanos(proc::cpu_ns(process)?.saturating_sub(before));
        if used < SETTLED / 4 {
            break;
        }
    }
    Ok(begin.elapsed())
}

struct Seen {
    case: Case,
    lane: Lane,
    figure: Figure,
    size: usize,
    alive: usize,
    settled: Duration,
    grown: u64,
}

impl Seen {
    fn add(
        &self,
        run: &mut Run,
        ratios: &[f64],
        calm: &[f64],
        beside: &[f64],
        last: &Outcome,
    ) -> io::Result<()> {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        let (Some(ratio), Some(calm), Some(beside)) =
            (spread(ratios), spread(calm), spread(beside))
        else {
            return Ok(());
        };
        let times = format!("{:.2} ms, {:.2} ms without", beside.median, calm.median);
        let kib = self.grown / 1024;
        let each = self.grown / self.size.max(1) as u64;
        let facts = vec![
            fact(
                "the crowd",
                format!(
                    "{} clients, {} of them still there at the end",
                    self.size, self.alive
                ),
            ),
            fact("until its coming was over", format!("{:?}", self.settled)),
            fact("p99 of others", times.clone()),
            fact(
                "resident memory grown by",
                format!("{kib} KiB, {each} bytes for each of the crowd"),
            ),
        ];
        if self.lane == Lane::Silverback {
            run.report.measured.push(Measured {
                figure: self.figure,
                value: ratio.median,
                middle: Some((ratio.low, ratio.high)),
                detail: format!("{} clients; {times}; {kib} KiB grown", self.size),
            });
        }
        bench::note(run, self.case, self.lane, facts, last)
    }
}

/// Slow clients, driven by a thread of their own.
struct Crowd {
    thread: JoinHandle<usize>,
    stop: Arc<AtomicBool>,
}

impl Crowd {
    /// Connects all of them before it returns.
    fn gather(running: &Running, manner: Manner, size: usize) -> io::Result<Self> {
        let begin = Instant::now();
        let mut members = Vec::new();
        while members.len() < size {
            members.push(member(running.address, manner)?);
            if begin.elapsed() > GATHER_MAX {
                let text = format!("only {} of {size} slow clients came in", members.len());
                return Err(io::Error::other(text));
            }
        }
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || drive(members, manner, &told));
        Ok(Self { thread, stop })
    }

    /// Sends them home; how many were still connected.
    fn leave(self) -> io::Result<usize> {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.join();
        ended.map_err(|_| io::Error::other("the crowd panicked"))
    }
}

fn member(address: SocketAddrV4, manner: Manner) -> io::Result<TcpStream> {
    let socket: OwnedFd = net::socket()?;
    if manner == Manner::Reads {
        sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER)?;
    }
    rustix::net::connect(&socket, &address)?;
    let mut stream = TcpStream::from(socket);
    let first: &[u8] = match manner {
        Manner::Sends => b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        Manner::Reads => b"GET /bytes/1048576 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    };
    stream.write_all(first)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Each does a little every beat, spread over it; those whom the proxy has closed are gone.
fn drive(mut members: Vec<TcpStream>, manner: Manner, stop: &AtomicBool) -> usize {
    const PARTS: usize = 50;
    let mut space = [0; 1024];
    let mut part = 0;
    while !stop.load(Ordering::Relaxed) {
        let begin = Instant::now();
        let mut number = 0;
        members.retain_mut(|member| {
            number += 1;
            number % PARTS != part || act(member, manner, &mut space)
        });
        part = (part + 1) % PARTS;
        thread::sleep((BEAT / PARTS as u32).saturating_sub(begin.elapsed()));
    }
    members.retain_mut(|member| act(member, manner, &mut space));
    members.len()
}

/// Whether it goes on.
fn act(member: &mut TcpStream, manner: Manner, space: &mut [u8]) -> bool {
    let would_block = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
    match manner {
        Manner::Sends => {
            member.write(b"x").map_or_else(would_block, |_| true)
                && member.read(space).map_or_else(would_block, |_| false)
        }
        Manner::Reads => member
            .read(space)
            .map_or_else(would_block, |bytes| bytes > 0),
    }
}
