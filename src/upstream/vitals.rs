//! What one core knows of the health of targets, kept by upstream and address over reloads and changes of names.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use uuid::Uuid;

use crate::base::clock::Instant;
use crate::base::ids::CoreId;
use crate::base::limits;
use crate::resilience::Breaker;
use crate::resilience::Counters;
use crate::resilience::Reason;
use crate::snapshot::Marks;
use crate::snapshot::News;
use crate::snapshot::Notice;
use crate::snapshot::TargetKey;
use crate::upstream::queue::Queue;

/// One target's health on one core.
#[derive(Debug)]
pub(super) struct Vitals {
    target: TargetKey,
    /// Why it is out, if it is.
    mark: Cell<Option<Reason>>,
    /// The number of this core's last notice about it.
    told: Cell<u64>,
    /// When it came back.
    returned: Cell<Option<Instant>>,
    under_way: Cell<u32>,
    pub(super) counters: Cell<Counters>,
    pub(super) breaker: Cell<Breaker>,
    /// When nobody referred to it any more, as the last look found.
    unused: Cell<Option<Instant>>,
}

impl Vitals {
    fn new(target: TargetKey, mark: Option<Reason>) -> Self {
        Self {
            target,
            mark: Cell::new(mark),
            told: Cell::new(0),
            returned: Cell::new(None),
            under_way: Cell::new(0),
            counters: Cell::new(Counters::of(mark.is_none())),
            breaker: Cell::default(),
            unused: Cell::new(None),
        }
    }

    /// Why it is out, if it is.
    pub(super) fn mark(&self) -> Option<Reason> {
        self.mark.get()
    }

    /// When it came back, if it ever was out.
    pub(super) fn returned(&self) -> Option<Instant> {
        self.returned.get()
    }

    /// It is back since now.
    pub(super) fn returns(&self, now: Instant) {
        self.returned.set(Some(now));
    }

    /// Whether nothing that waits should be sent to it.
    pub(super) fn is_out(&self) -> bool {
        self.mark.get().is_some() || !self.breaker.get().is_closed()
    }

    /// Requests under way to it from this upstream on this core.
    pub(super) fn under_way(&self) -> u32 {
        self.under_way.get()
    }

    /// One more is under way.
    pub(super) fn enter(&self) {
        self.under_way.set(self.under_way.get() + 1);
    }

    /// One less is.
    pub(super) fn leave(&self) {
        self.under_way.set(self.under_way.get() - 1);
    }

    /// Takes a state over.
    fn set(&self, mark: Option<Reason>, now: Instant) {
        let before = self.mark.replace(mark);
        if before.is_some() == mark.is_some() {
            return;
        }
        self.counters.set(Counters::of(mark.is_none()));
        if mark.is_none() {
            self.returns(now);
        }
    }
}

/// The health of all targets that one core looks after.
#[derive(Debug)]
pub struct Wards {
    core: CoreId,
    known: RefCell<HashMap<TargetKey, Rc<Vitals>>>,
    queues: RefCell<HashMap<Uuid, Rc<Queue>>>,
    marks: RefCell<Arc<Marks>>,
    notices: RefCell<Vec<Notice>>,
    numbered: Cell<u64>,
}

impl Wards {
    /// Nothing known.
    pub fn new(core: CoreId) -> Self {
        Self {
            core,
            known: RefCell::default(),
            queues: RefCell::default(),
            marks: RefCell::default(),
            notices: RefCell::default(),
            numbered: Cell::new(0),
        }
    }

    /// Which core this is.
    pub(super) fn core(&self) -> CoreId {
        self.core
    }

    pub(super) fn at(&self, target: TargetKey) -> Rc<Vitals> {
        let mut known = self.known.borrow_mut();
        let vitals = known.entry(target).or_insert_with(|| {
            let mark = self.marks.borrow().out.get(&target).copied();
            Rc::new(Vitals::new(target, mark))
        });
        Rc::clone(vitals)
    }

    pub(super) fn queue(&self, upstream: Uuid) -> Rc<Queue> {
        let mut queues = self.queues.borrow_mut();
        Rc::clone(queues.entry(upstream).or_default())
    }

    /// Takes over what control says, except of targets that this core has told more about than control knew.
    pub fn hear(&self, marks: Arc<Marks>, now: Instant) {
        let heard = marks.heard(self.core);
        for (target, vitals) in self.known.borrow().iter() {
            if vitals.told.get() <= heard {
                vitals.set(marks.out.get(target).copied(), now);
            }
        }
        self.marks.replace(marks);
    }

    /// Follows what the requests of this core say of a target, and will tell it.
    pub(super) fn judge(&self, vitals: &Vitals, healthy: bool, now: Instant) {
        vitals.set((!healthy).then_some(Reason::Passive), now);
        let news = if healthy {
            News::Healthy
        } else {
            News::Unhealthy
        };
        self.tell(vitals, news);
    }

    /// Will tell control something, unless too much waits already; then control's word stands.
    pub(super) fn tell(&self, vitals: &Vitals, news: News) {
        let mut notices = self.notices.borrow_mut();
        if notices.len() >= limits::HEALTH_NOTICES {
            return;
        }
        let number = self.numbered.get() + 1;
        self.numbered.set(number);
        if matches!(news, News::Healthy | News::Unhealthy) {
            vitals.told.set(number);
        }
        notices.push(Notice {
            number,
            target: vitals.target,
            news,
        });
    }

    /// What there is to tell.
    pub fn take_notices(&self) -> Vec<Notice> {
        self.notices.take()
    }

    /// Whether there is something to tell.
    pub fn has_notices(&self) -> bool {
        !self.notices.borrow().is_empty()
    }

    /// Requests that wait, and breakers that are not closed.
    pub fn figures(&self) -> (usize, usize) {
        let waiting = self.queues.borrow().values().map(|queue| queue.len()).sum();
        let known = self.known.borrow();
        let open = known
            .values()
            .filter(|vitals| !vitals.breaker.get().is_closed());
        (waiting, open.count())
    }

    /// Forgets targets that nobody has referred to for long. An install drops every group that refers to them, so
    /// being without one for a while is usual.
    pub fn prune(&self, now: Instant) {
        let long = u64::try_from(limits::HEALTH_KEPT.as_nanos()).unwrap_or(u64::MAX);
        let mut known = self.known.borrow_mut();
        known.retain(|_, vitals| {
            if Rc::strong_count(vitals) > 1 {
                vitals.unused.set(None);
                return true;
            }
            let since = vitals.unused.get().unwrap_or(now);
            vitals.unused.set(Some(since));
            now.nanos_since(since) < long
        });
        let mut queues = self.queues.borrow_mut();
        queues.retain(|_, queue| Rc::strong_count(queue) > 1 || queue.len() > 0);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn key(port: u16) -> TargetKey {
        TargetKey {
            upstream: Uuid::nil(),
            address: ([127, 0, 0, 1], port).into(),
        }
    }

    pub(crate) fn vitals(port: u16) -> Rc<Vitals> {
        Rc::new(Vitals::new(key(port), None))
    }

    fn marks(out: &[u16], heard: u64) -> Arc<Marks> {
        Arc::new(Marks {
            out: out
                .iter()
                .map(|port| (key(*port), Reason::Active))
                .collect(),
            heard: vec![heard],
        })
    }

    #[test]
    fn controls_word_stands_unless_it_is_older_than_what_this_core_has_told() {
        let (wards, now) = (Wards::new(CoreId(0)), Instant(1));
        let [one, two] = [wards.at(key(1)), wards.at(key(2))];
        wards.judge(&one, false, now);
        assert_eq!(one.mark(), Some(Reason::Passive));
        wards.hear(marks(&[2], 0), now);
        assert_eq!(
            one.mark(),
            Some(Reason::Passive),
            "control did not know yet"
        );
        assert_eq!(two.mark(), Some(Reason::Active));
        assert_eq!(wards.take_notices().len(), 1);
        wards.hear(marks(&[3], 1), Instant(5));
        assert_eq!((one.mark(), two.mark()), (None, None));
        assert_eq!(one.returned(), Some(Instant(5)));
        assert_eq!(wards.at(key(3)).mark(), Some(Reason::Active), "a new one");
    }

    #[test]
    fn what_nobody_refers_to_is_forgotten_after_a_while() {
        let wards = Wards::new(CoreId(0));
        let kept = wards.at(key(1));
        drop(wards.at(key(2)));
        let later = Instant(1).plus(limits::HEALTH_KEPT);
        wards.prune(Instant(1));
        wards.prune(Instant(2));
        assert_eq!(wards.known.borrow().len(), 2);
        wards.prune(later);
        assert_eq!(wards.known.borrow().len(), 1);
        drop(kept);
    }
}
