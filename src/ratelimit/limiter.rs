//! One core's side of all limits: it holds leases, and spends them without asking anybody.
//!
//! A counter's cell is found by one look-up. While its frame lasts and its lease is not used up, a request is a
//! comparison and two subtractions. The tick gives back what will hardly be used before the next one, so that a core
//! that has little to do does not keep from others what they need.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::limits;

use super::Counters;
use super::Spend;
use super::Tally;
use super::cell::Cell;
use super::pool::Taken;
use super::pool::Wish;
use super::pools::Leftover;
use super::pools::Pools;
use super::rule::Fingerprint;
use super::rule::Rule;
use super::rule::Who;
use super::table::Cells;
use super::table::Place;
use super::window::Period;

/// One core's counters.
#[derive(Debug)]
pub struct Limiter {
    pub(super) pools: Arc<Pools>,
    /// Twice the number of cores.
    divisor: u64,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    cells: Cells,
    /// Cells that hold a lease.
    holders: VecDeque<Place>,
    /// The latest moment seen, in microseconds since the Unix epoch. A request may come with an earlier one: the
    /// moment when it was received.
    clock: u64,
    /// How many ticks there have been.
    ticks: usize,
}

/// The moment of a request.
#[derive(Clone, Copy)]
struct Moment {
    now: u64,
    /// The number of the last tick, its low bits.
    tick: u16,
}

/// A clock that is set back by less goes on as if it stood still.
const SET_BACK_MICROS: u64 = 1_000_000;
/// How often a frame may change under a request before it is refused; more than once takes clocks that jump.
const ATTEMPTS: usize = 4;

impl State {
    fn moment(&self) -> Moment {
        Moment {
            now: self.clock,
            tick: self.ticks as u16,
        }
    }
}

impl Limiter {
    /// The limiter of one of so many cores.
    pub fn new(pools: Arc<Pools>, cores: u16) -> Self {
        let cores = usize::from(cores.max(1));
        let share = |cells: usize| (cells / cores).max(limits::RATE_CELLS_MIN);
        let cells = Cells::new(
            share(limits::RATE_CELLS_KNOWN),
            share(limits::RATE_CELLS_INVENTED),
        );
        Self {
            pools,
            divisor: 2 * cores as u64,
            state: RefCell::new(State {
                cells,
                holders: VecDeque::new(),
                clock: 0,
                ticks: 0,
            }),
        }
    }

    /// How many counters have a cell on this core.
    pub fn len(&self) -> usize {
        self.state.borrow().cells.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives back what will hardly be used before the next tick, and gives up what was idle.
    pub fn tick(&self, now: u64) {
        let mut state = self.state.borrow_mut();
        if now.saturating_add(SET_BACK_MICROS) < state.clock {
            self.give_back_all(&mut state);
            state.cells.clear();
            state.clock = now;
        }
        state.clock = state.clock.max(now);
        let moment = state.moment();
        for _ in 0..state.holders.len().min(limits::RATE_RETURNS) {
            if let Some(place) = state.holders.pop_front()
                && self.give_back(&mut state.cells, place, moment)
            {
                state.holders.push_back(place);
            }
        }
        let turn = state.ticks;
        state.ticks = turn.wrapping_add(1);
        state.cells.sweep(turn, |key| self.pools.hash(key));
        self.pools.sweep(turn, moment.now);
    }

    /// Gives back all that is held, before the core ends.
    pub fn close(&self) {
        self.give_back_all(&mut self.state.borrow_mut());
    }

    fn give_back_all(&self, state: &mut State) {
        while let Some(place) = state.holders.pop_front() {
            if let Some(cell) = state.cells.get_mut(place) {
                cell.listed = false;
                self.settle(cell, 0);
            }
        }
    }

    /// Gives back what a cell holds beyond what it has used since the last tick; whether it still holds something.
    fn give_back(&self, cells: &mut Cells, place: Place, moment: Moment) -> bool {
        let Some(cell) = cells.get_mut(place) else {
            return false;
        };
        let keep = if moment.now < cell.until {
            cell.spent_since(moment.tick)
        } else {
            0
        };
        self.settle(cell, keep);
        cell.listed = cell.left > 0;
        cell.listed
    }

    fn settle(&self, cell: &mut Cell, keep: u32) {
        if let Some(leftover) = cell.leave(keep) {
            self.pools.settle(&cell.pool, leftover);
        }
    }
}

impl Counters for Limiter {
    #[inline]
    fn spend(&self, rules: &[Rule], who: Who, now: u64, spend: Spend) -> Tally {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        state.clock = state.clock.max(now);
        let moment = state.moment();
        let rules = rules.get(..Period::ALL.len()).unwrap_or(rules);
        let mut places = [None; Period::ALL.len()];
        let mut tally = Tally::default();
        for (index, rule) in rules.iter().enumerate() {
            let seat = self.seat(&mut state.cells, rule, who, moment.now, &places);
            places[index] = seat;
            let enough = seat
                .and_then(|place| state.cells.get_mut(place))
                .is_some_and(|cell| self.provide(cell, rule, moment, spend));
            tally.refuse(index, !enough);
        }
        let admitted = tally.refused().is_none();
        let cost = spend.amount();
        for (index, rule) in rules.iter().enumerate() {
            let place = places[index];
            let Some(cell) = place.and_then(|place| state.cells.get_mut(place)) else {
                tally.push(super::Standing::default());
                continue;
            };
            if admitted && cost > 0 {
                self.pay(cell, moment.tick, cost);
            }
            if cell.left > 0 && !cell.listed {
                cell.listed = true;
                state.holders.extend(place);
            }
            let lacked = tally.lacks(index).then_some(cost.max(1));
            tally.push(cell.standing(rule, moment.now, lacked));
        }
        tally
    }

    #[inline]
    fn fingerprint(&self) -> Fingerprint {
        self.pools.fingerprint()
    }
}

/// The steps of a request.
impl Limiter {
    /// The place of a counter's cell, in the frame of the moment.
    #[inline]
    fn seat(
        &self,
        cells: &mut Cells,
        rule: &Rule,
        who: Who,
        now: u64,
        pinned: &[Option<Place>],
    ) -> Option<Place> {
        let key = rule.key_of(who);
        let hash = self.pools.hash(key);
        let Some(place) = cells.find(hash, who.class, key) else {
            return self.add(cells, rule, who, now, pinned);
        };
        let cell = cells.get_mut(place)?;
        cell.touched = true;
        if now >= cell.until {
            self.reopen(cell, rule, now);
        }
        Some(place)
    }

    #[cold]
    fn add(
        &self,
        cells: &mut Cells,
        rule: &Rule,
        who: Who,
        now: u64,
        pinned: &[Option<Place>],
    ) -> Option<Place> {
        let key = rule.key_of(who);
        let hash = self.pools.hash(key);
        let opened = self.pools.open(hash, key, rule, who.class, now, None)?;
        let hash_of = |key| self.pools.hash(key);
        let cell = Cell::new(key, opened);
        let (place, old) = cells.insert(hash, who.class, cell, pinned, hash_of);
        if let Some(mut old) = old {
            self.settle(&mut old, 0);
        }
        Some(place)
    }

    /// Goes on in the frame of this moment.
    #[cold]
    fn reopen(&self, cell: &mut Cell, rule: &Rule, now: u64) {
        let leftover: Option<Leftover> = cell.leave(0);
        let class = cell.pool.class;
        let hash = self.pools.hash(cell.key);
        let opened = self.pools.open(hash, cell.key, rule, class, now, leftover);
        if let Some(opened) = opened {
            cell.enter(opened);
        }
    }

    /// Sees to it that a cell can pay; whether it can. Nothing is paid yet.
    #[inline]
    fn provide(&self, cell: &mut Cell, rule: &Rule, moment: Moment, spend: Spend) -> bool {
        match spend {
            Spend::Nothing => true,
            Spend::Within(cost) => cell.left >= cost || self.refill(cell, rule, moment, cost),
            // It may go as far over as it will if there is anything at all.
            Spend::Beyond(_) => cell.left > 0 || self.refill(cell, rule, moment, 1),
        }
    }

    #[cold]
    fn refill(&self, cell: &mut Cell, rule: &Rule, moment: Moment, cost: u32) -> bool {
        // The first lease after a tick is for one request, so that a counter that is seldom used leaves nothing to give
        // back; and they grow as fast as they are used up.
        let most = cell.spent_since(moment.tick).saturating_mul(2).max(1);
        for _ in 0..ATTEMPTS {
            let wish = Wish {
                room: cell.room(rule, moment.now),
                cost: cost - cell.left.min(cost),
                most,
                divisor: self.divisor,
            };
            match cell.pool.take(cell.tag, wish) {
                Taken::Lease(lease) => {
                    cell.left = cell.left.saturating_add(lease);
                    return true;
                }
                Taken::Empty => return false,
                Taken::Moved => self.reopen(cell, rule, moment.now),
            }
        }
        false
    }

    /// Pays from the lease; what is beyond it has been seen to be allowed.
    #[inline]
    fn pay(&self, cell: &mut Cell, tick: u16, cost: u32) {
        let beyond = cost - cell.left.min(cost);
        cell.left -= cost - beyond;
        cell.spends(tick, cost);
        if beyond > 0 {
            // A frame that ends in this moment has an amount less.
            cell.pool.overdraw(cell.tag, beyond);
        }
    }
}
