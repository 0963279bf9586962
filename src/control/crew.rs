//! The workers as control sees them: what each was told, what it acknowledged, and a second chance when one
//! ends by itself.
//!
//! Threads are made by a function that the composition root hands in, so that control never names the data
//! plane and a test hires threads of its own. Nothing here waits: a directive that finds its channel full is
//! owed and sent at the next tick, in its newest form.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::Sender;

use crate::base::clock::Instant;
use crate::base::clock::now;
use crate::base::ids::CoreId;
use crate::base::ids::Generation;
use crate::base::limits;
use crate::bus;
use crate::bus::ControlLink;
use crate::bus::Directive;
use crate::bus::Driver;
use crate::bus::Report;
use crate::bus::WorkerLink;
use crate::cache;
use crate::plugin::mock;
use crate::snapshot::Addresses;
use crate::snapshot::Marks;
use crate::snapshot::Snapshot;

/// Starts the thread of a worker. It is called again for a worker that is replaced, and must then hand out
/// the same listening sockets.
pub type Hire = Box<dyn FnMut(CoreId, ControlLink) -> io::Result<JoinHandle<()>>>;

/// A worker that fails twice within this time takes the process down, so that a supervisor sees it.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60);

/// What all workers were last told.
#[derive(Clone, Debug)]
pub(super) struct Orders {
    /// Serve by this.
    pub(super) snapshot: Arc<Snapshot>,
    /// Its names resolve to this.
    pub(super) addresses: Arc<Addresses>,
}

/// All workers.
pub struct Crew {
    hire: Hire,
    reports: Sender<Report>,
    members: Vec<Member>,
    orders: Option<Orders>,
    /// The targets that are out.
    marks: Option<Arc<Marks>>,
    draining: bool,
}

struct Member {
    link: WorkerLink,
    thread: JoinHandle<()>,
    driver: Option<Driver>,
    acknowledged: Generation,
    owed: Option<Owed>,
    /// The targets that are out, which it does not know yet.
    owed_marks: Option<Arc<Marks>>,
    /// Orders about the cache that found no room and must be heard.
    owed_orders: Vec<cache::Order>,
    drained: bool,
    /// What it said when it could not go on.
    complaint: Option<String>,
    failed_at: Option<Instant>,
}

/// A directive that found no room, from the weakest to the strongest; a stronger one includes the weaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owed {
    Resolve,
    Install,
    Drain,
}

/// How a worker's unexpected end was dealt with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// Another thread serves in its place.
    Replaced(CoreId, String),
    /// It cannot be replaced, or was replaced a moment ago: the process should end.
    Fatal(CoreId, String),
}

impl Crew {
    /// Hires `count` workers. They accept nothing before the first install.
    ///
    /// # Errors
    /// When a thread or its link cannot be made.
    pub fn hire(count: u16, reports: Sender<Report>, mut hire: Hire) -> io::Result<Self> {
        let mut members = Vec::with_capacity(count.into());
        for core in (0..count).map(CoreId) {
            members.push(Member::hire(core, &reports, &mut hire)?);
        }
        Ok(Self {
            hire,
            reports,
            members,
            orders: None,
            marks: None,
            draining: false,
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Tells all workers to serve by a snapshot.
    pub(super) fn install(&mut self, orders: Orders) {
        self.orders = Some(orders);
        self.tell(Owed::Install);
    }

    /// What all workers serve by.
    pub(super) fn orders(&self) -> Option<&Orders> {
        self.orders.as_ref()
    }

    /// Tells all workers what names resolve to now; ignored if that is said of another snapshot.
    pub(super) fn resolve(&mut self, addresses: &Arc<Addresses>) {
        let Some(orders) = &mut self.orders else {
            return;
        };
        if orders.snapshot.generation != addresses.generation {
            return;
        }
        orders.addresses = Arc::clone(addresses);
        self.tell(Owed::Resolve);
    }

    /// Tells all workers which targets are out.
    pub(super) fn mark(&mut self, marks: &Arc<Marks>) {
        self.marks = Some(Arc::clone(marks));
        for member in &mut self.members {
            member.owed_marks = Some(Arc::clone(marks));
        }
        self.pay();
    }

    /// Tells all workers to accept nothing more and to end.
    pub(super) fn drain(&mut self) {
        self.draining = true;
        self.tell(Owed::Drain);
    }

    /// Tells all workers but the one that it comes from what that one has in its cache.
    pub(super) fn spread(&mut self, from: CoreId, messages: &Arc<[cache::Message]>) {
        let others = |member: &&mut Member| member.link.core != from;
        for member in self.members.iter_mut().filter(others) {
            member.order(cache::Order::Learn(Arc::clone(messages)));
        }
    }

    /// Tells all workers to do something with their caches.
    pub(super) fn order(&mut self, order: &cache::Order) {
        for member in &mut self.members {
            member.order(order.clone());
        }
    }

    /// Tells all workers something about the logs of mock plugins. One that has no room for it goes without: it is
    /// missing in what is shown, or keeps what it need not.
    pub(super) fn tell_mocks(&mut self, order: &mock::Order) {
        for member in &mut self.members {
            let _ = member.link.send(Directive::Mock(order.clone()));
        }
    }

    fn tell(&mut self, what: Owed) {
        for member in &mut self.members {
            member.owed = member.owed.max(Some(what));
        }
        self.pay();
    }

    /// Sends what is owed, as far as there is room.
    pub(super) fn pay(&mut self) {
        for member in &mut self.members {
            member.pay(self.orders.as_ref());
        }
    }

    /// Whether a directive still waits for room.
    pub(super) fn owes(&self) -> bool {
        let owed = |member: &Member| {
            member.owed.is_some() || member.owed_marks.is_some() || !member.owed_orders.is_empty()
        };
        self.members.iter().any(owed)
    }

    /// Takes what a worker says of itself. Counts are not its business.
    pub(super) fn hear(&mut self, report: &Report) {
        match report {
            Report::Started(core, driver) => {
                if let Some(member) = self.member(*core) {
                    member.driver = Some(*driver);
                }
            }
            Report::Installed(core, generation) => {
                if let Some(member) = self.member(*core) {
                    member.acknowledged = member.acknowledged.max(*generation);
                }
            }
            Report::Drained(core) => {
                if let Some(member) = self.member(*core) {
                    member.drained = true;
                }
            }
            Report::Failed(core, why) => {
                if let Some(member) = self.member(*core) {
                    member.complaint = Some(why.clone());
                }
            }
            Report::Counted(..) | Report::Cached(..) | Report::Noticed(..) => {}
        }
    }

    fn member(&mut self, core: CoreId) -> Option<&mut Member> {
        self.members.get_mut(usize::from(core.0))
    }

    /// The newest generation by which every worker serves, zero before the first.
    pub(super) fn acknowledged(&self) -> Generation {
        let all = self.members.iter().map(|member| member.acknowledged);
        all.min().unwrap_or_default()
    }

    /// The workers that have not acknowledged a generation.
    pub(super) fn behind(&self, generation: Generation) -> Vec<CoreId> {
        let behind = self
            .members
            .iter()
            .filter(|member| member.acknowledged < generation);
        behind.map(|member| member.link.core).collect()
    }

    /// Each worker's I/O, once it runs.
    pub(super) fn drivers(&self) -> impl Iterator<Item = (CoreId, Option<Driver>)> {
        self.members
            .iter()
            .map(|member| (member.link.core, member.driver))
    }

    /// How many workers run on each driver.
    pub(super) fn tally_drivers(&self) -> Vec<(Driver, usize)> {
        let mut tally: Vec<(Driver, usize)> = Vec::new();
        for driver in self.members.iter().filter_map(|member| member.driver) {
            match tally.iter_mut().find(|(known, _)| *known == driver) {
                Some((_, workers)) => *workers += 1,
                None => tally.push((driver, 1)),
            }
        }
        tally
    }

    /// Whether every worker has ended, after [`drain`](Self::drain).
    pub(super) fn drained(&self) -> bool {
        self.members
            .iter()
            .all(|member| member.drained || member.thread.is_finished())
    }

    /// Looks for workers that ended without being told to, and replaces them.
    pub(super) fn replace_lost(&mut self, now: Instant) -> Vec<Loss> {
        if self.draining {
            return Vec::new();
        }
        let mut losses = Vec::new();
        for place in 0..self.members.len() {
            if self.members[place].thread.is_finished() {
                losses.push(self.replace(place, now));
            }
        }
        losses
    }

    fn replace(&mut self, place: usize, now: Instant) -> Loss {
        let lost = &mut self.members[place];
        let core = lost.link.core;
        let why = lost
            .complaint
            .take()
            .unwrap_or_else(|| "its thread panicked".to_owned());
        let window = u64::try_from(FORGIVEN_AFTER.as_nanos()).unwrap_or(u64::MAX);
        if lost
            .failed_at
            .is_some_and(|before| now.nanos_since(before) < window)
        {
            return Loss::Fatal(core, format!("{why}, for the second time within a minute"));
        }
        match Member::hire(core, &self.reports, &mut self.hire) {
            Ok(mut new) => {
                new.failed_at = Some(now);
                new.owed = self.orders.is_some().then_some(Owed::Install);
                new.owed_marks.clone_from(&self.marks);
                new.pay(self.orders.as_ref());
                self.members[place] = new;
                Loss::Replaced(core, why)
            }
            Err(error) => Loss::Fatal(core, format!("{why}, and cannot be replaced: {error}")),
        }
    }
}

impl std::fmt::Debug for Crew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crew")
            .field("workers", &self.members.len())
            .finish_non_exhaustive()
    }
}

impl Member {
    fn hire(core: CoreId, reports: &Sender<Report>, hire: &mut Hire) -> io::Result<Self> {
        let (link, ends) = bus::connect(core, reports.clone())?;
        let thread = hire(core, ends)?;
        Ok(Self {
            link,
            thread,
            driver: None,
            acknowledged: Generation::default(),
            owed: None,
            owed_marks: None,
            owed_orders: Vec::new(),
            drained: false,
            complaint: None,
            failed_at: None,
        })
    }

    /// Sends an order about the cache. What finds no room and must be heard is owed; too much of that becomes
    /// an order to forget everything.
    fn order(&mut self, order: cache::Order) {
        let refused = match self.link.send(Directive::Cache(order)) {
            Err(Directive::Cache(order)) if order.must_be_heard() => order,
            Ok(()) | Err(_) => return,
        };
        if self.owed_orders.len() < limits::DIRECTIVES_QUEUED {
            self.owed_orders.push(refused);
        } else {
            self.owed_orders.clear();
            self.owed_orders
                .push(cache::Order::forget_all(now().micros()));
        }
    }

    fn pay_orders(&mut self) {
        while let Some(order) = self.owed_orders.pop() {
            if let Err(Directive::Cache(order)) = self.link.send(Directive::Cache(order)) {
                self.owed_orders.push(order);
                return;
            }
        }
    }

    fn pay(&mut self, orders: Option<&Orders>) {
        self.pay_orders();
        let directive = match (self.owed, orders) {
            (None, _) => return self.pay_marks(),
            (Some(Owed::Drain), _) => Directive::Drain,
            (Some(_), None) => return,
            (Some(Owed::Resolve), Some(orders)) => {
                Directive::Resolve(Arc::clone(&orders.addresses))
            }
            (Some(Owed::Install), Some(orders)) => {
                Directive::Install(Arc::clone(&orders.snapshot), Arc::clone(&orders.addresses))
            }
        };
        if self.link.send(directive).is_ok() {
            self.owed = None;
            self.pay_marks();
        }
    }

    /// After the install: a worker hears nothing else before its first.
    fn pay_marks(&mut self) {
        if self.acknowledged == Generation::default() {
            // What it was sent before may have been passed over, so this goes again once it serves.
            return;
        }
        if let Some(marks) = self.owed_marks.take()
            && let Err(Directive::Mark(marks)) = self.link.send(Directive::Mark(marks))
        {
            self.owed_marks = Some(marks);
        }
    }
}
