//! The road between workers: a connection that one has accepted and another has more time for, handed over before a byte
//! of it is read.
//!
//! The kernel spreads connections over the workers by a hash of their addresses, which knows nothing of how much each has
//! to do. So each worker says how many connections it has, in a word that only it writes, and who has accepted one looks at
//! the words of the others. A word may be a moment old: what comes of that is a connection that stays where it is, or one
//! that is handed over in vain. There is no read-modify-write: a worker stores its word, others load it, relaxed.

use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use crossbeam::channel::Receiver;
use crossbeam::channel::Sender;
use crossbeam::channel::TrySendError;
use crossbeam::channel::bounded;

use crate::base::ids::CoreId;
use crate::base::limits;
use crate::net::Permit;

/// A connection on its way to another worker.
#[derive(Debug)]
pub struct Handover {
    /// The accepted socket.
    pub socket: TcpStream,
    /// Who is at the other end.
    pub peer: SocketAddr,
    /// The number of the listener that took it; it is the same on every worker.
    pub listener: usize,
    /// Its place among the connections of its address.
    pub permit: Option<Permit>,
}

/// What a worker says of itself, on a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
struct Load {
    connections: AtomicU32,
    /// The share of the last second that it was busy, in thousandths.
    busy: AtomicU32,
}

/// Thousandths of a second's work from which on a worker is busy.
const BUSY: u32 = 500;
/// It takes nothing more, or nothing yet.
const CLOSED: u32 = u32::MAX;

#[derive(Debug)]
struct End {
    load: Load,
    queue: Sender<Handover>,
    arrivals: Receiver<Handover>,
    wake: UnixStream,
    woken: UnixStream,
}

/// The roads between all workers of the process.
#[derive(Clone, Debug)]
pub struct Crossing {
    ends: Arc<[End]>,
}

impl Crossing {
    /// Roads between so many workers.
    ///
    /// # Errors
    /// When the process has no file descriptor left for a wake-up socket.
    pub fn new(workers: u16) -> std::io::Result<Self> {
        let end = |_| {
            let (queue, arrivals) = bounded(limits::HANDOVERS_QUEUED);
            let (wake, woken) = UnixStream::pair()?;
            wake.set_nonblocking(true)?;
            Ok(End {
                load: Load {
                    connections: AtomicU32::new(CLOSED),
                    busy: AtomicU32::new(0),
                },
                queue,
                arrivals,
                wake,
                woken,
            })
        };
        let ends: std::io::Result<Vec<End>> = (0..workers).map(end).collect();
        Ok(Self { ends: ends?.into() })
    }

    /// A worker's place at them; it takes nothing until it has said something. One that replaces another finds what was on its way to that one.
    pub fn side(&self, core: CoreId) -> Side {
        Side {
            ends: Arc::clone(&self.ends),
            own: usize::from(core.0),
        }
    }
}

/// One worker's place at the roads.
#[derive(Debug)]
pub struct Side {
    ends: Arc<[End]>,
    own: usize,
}

impl Side {
    /// Says how many connections this worker has.
    pub fn say(&self, connections: usize) {
        let connections = u32::try_from(connections)
            .unwrap_or(CLOSED - 1)
            .min(CLOSED - 1);
        self.store(connections);
    }

    /// Says how much of the last second this worker was busy.
    pub fn say_busy(&self, permille: u32) {
        if let Some(end) = self.ends.get(self.own) {
            end.load.busy.store(permille, Ordering::Relaxed);
        }
    }

    /// Says that this worker takes nothing more.
    pub fn close(&self) {
        self.store(CLOSED);
    }

    fn store(&self, connections: u32) {
        if let Some(end) = self.ends.get(self.own) {
            end.load.connections.store(connections, Ordering::Relaxed);
        }
    }

    /// The worker that should have a connection instead of this one, which has `own` with it and may have been told by
    /// chance where to look first. None if nobody has clearly less, or has no room by `share`.
    pub fn better(
        &self,
        own: usize,
        chance: usize,
        share: impl Fn(CoreId) -> usize,
    ) -> Option<CoreId> {
        let workers = self.ends.len();
        let looked = (workers - 1).min(limits::HANDOVER_LOOKS);
        let others =
            (0..looked).map(|step| (self.own + 1 + (chance + step) % (workers - 1)) % workers);
        let (least, at) = others.map(|at| (self.load(at), at)).min()?;
        let core = CoreId(u16::try_from(at).ok()?);
        let fewer = own >= least.saturating_add((own / 8).max(2));
        let clearly = fewer || (least < 2 * own && self.is_busier_than(at));
        (clearly && least < share(core)).then_some(core)
    }

    /// Whether this worker has been busy, and twice as much as another one: its connections are few and do much.
    fn is_busier_than(&self, other: usize) -> bool {
        let busy = |at: usize| {
            self.ends
                .get(at)
                .map(|end| end.load.busy.load(Ordering::Relaxed))
        };
        let (own, other) = (busy(self.own), busy(other));
        own >= Some(BUSY) && own >= other.map(|other| other.saturating_mul(2))
    }

    /// What a worker has, and what is on its way to it.
    fn load(&self, at: usize) -> usize {
        let Some(end) = self.ends.get(at) else {
            return usize::MAX;
        };
        match end.load.connections.load(Ordering::Relaxed) {
            CLOSED => usize::MAX,
            connections => connections as usize + end.queue.len(),
        }
    }

    /// Hands a connection over, and wakes who is to serve it.
    ///
    /// # Errors
    /// The connection, if too many are on their way already.
    pub fn hand(&self, to: CoreId, handover: Handover) -> Result<(), Handover> {
        let Some(end) = self.ends.get(usize::from(to.0)) else {
            return Err(handover);
        };
        end.queue
            .try_send(handover)
            .map_err(TrySendError::into_inner)?;
        // A full socket means that the wake-up is on its way already.
        let _ = (&end.wake).write(&[1]);
        Ok(())
    }

    /// A connection that others have handed over, if there is one.
    pub fn next(&self) -> Option<Handover> {
        self.ends.get(self.own)?.arrivals.try_recv().ok()
    }

    /// Whether none is on its way.
    pub fn is_empty(&self) -> bool {
        self.ends
            .get(self.own)
            .is_none_or(|end| end.arrivals.is_empty())
    }

    /// What becomes readable when there is one.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn woken(&self) -> std::io::Result<UnixStream> {
        let end = self
            .ends
            .get(self.own)
            .ok_or(std::io::ErrorKind::NotFound)?;
        end.woken.try_clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Handover {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        Handover {
            socket: TcpStream::connect(address).unwrap(),
            peer: address,
            listener: 0,
            permit: None,
        }
    }

    #[test]
    fn who_has_clearly_less_takes_it() {
        let crossing = Crossing::new(3).unwrap();
        let sides = [0, 1, 2].map(|core| crossing.side(CoreId(core)));
        assert_eq!(sides[0].better(9, 1, |_| 100), None, "nobody has begun");
        let better = |own: usize| sides[0].better(own, 1, |_| 100).map(|core| core.0);
        sides[1].say(5);
        sides[2].say(4);
        assert_eq!(better(5), None, "one less is not clearly less");
        assert_eq!(better(6), Some(2));
        sides[2].say(50);
        assert_eq!(better(7), Some(1));
        sides[1].close();
        assert_eq!(better(7), None);
        assert_eq!(better(55), None, "an eighth more is not clearly more");
        assert_eq!(better(60), Some(2));
        assert_eq!(sides[0].better(60, 1, |_| 50), None, "it has no room");
    }

    #[test]
    fn few_connections_that_do_much_weigh_more() {
        let crossing = Crossing::new(2).unwrap();
        let sides = [0, 1].map(|core| crossing.side(CoreId(core)));
        sides[1].say(15);
        assert_eq!(sides[0].better(10, 0, |_| 100), None);
        sides[0].say_busy(900);
        sides[1].say_busy(300);
        assert_eq!(sides[0].better(10, 0, |_| 100), Some(CoreId(1)));
        assert_eq!(
            sides[0].better(7, 0, |_| 100),
            None,
            "it has more than twice as many"
        );
        sides[1].say_busy(600);
        assert_eq!(sides[0].better(10, 0, |_| 100), None);
    }

    #[test]
    fn what_is_on_its_way_counts_and_is_bounded() {
        let crossing = Crossing::new(2).unwrap();
        let sides = [0, 1].map(|core| crossing.side(CoreId(core)));
        sides[1].say(0);
        assert_eq!(sides[0].better(2, 0, |_| 100), Some(CoreId(1)));
        sides[0].hand(CoreId(1), connection()).unwrap();
        assert_eq!(sides[0].better(2, 0, |_| 100), None);
        let refused = (0..limits::HANDOVERS_QUEUED)
            .filter(|_| sides[0].hand(CoreId(1), connection()).is_err());
        assert_eq!(refused.count(), 1);
        assert!(!sides[1].is_empty());
        assert_eq!(
            std::iter::from_fn(|| sides[1].next()).count(),
            limits::HANDOVERS_QUEUED
        );
        assert!(sides[1].is_empty() && sides[0].next().is_none());
    }

    #[test]
    fn one_worker_has_nobody_to_give_to() {
        let crossing = Crossing::new(1).unwrap();
        assert_eq!(crossing.side(CoreId(0)).better(9, 0, |_| 100), None);
    }
}
