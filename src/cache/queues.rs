//! Which of the things that do not all fit should stay: S3-FIFO (Yang et al., SOSP 2023), counted in bytes.
//!
//! What is new waits in a small queue; only what is asked for again meanwhile gets into the main one, so a
//! scan through many things that are wanted once pushes nothing out. Nodes are linked by numbers in one vector, so any of
//! them can be taken out at once, and a hit changes two bits and moves nothing. Of what fell out of the small
//! queue a few bits are remembered: if it comes back, it goes to the main queue at once. Those bits
//! are kept in a table in which newer ones write over older ones, which is close to the queue of the paper.

/// A node's number.
pub(super) type Place = u32;

/// Where a list ends.
const NOWHERE: Place = Place::MAX;
/// The small queue's part of the bound.
const SMALL_PART: usize = 10;
/// How often a thing can have been asked for, as far as anybody counts.
const ASKED_MAX: u8 = 3;
/// How many things are remembered that fell out.
const REMEMBERED: usize = 8_192;

/// Things in two queues, with a bound on what they weigh together.
#[derive(Debug)]
pub(super) struct Queues<T> {
    nodes: Vec<Node<T>>,
    free: Vec<Place>,
    small: List,
    main: List,
    fell: Vec<u32>,
}

#[derive(Debug)]
struct Node<T> {
    /// None while the node is free.
    thing: Option<T>,
    hash: u64,
    weight: usize,
    previous: Place,
    next: Place,
    in_main: bool,
    asked: u8,
}

/// A list from the oldest to the newest.
#[derive(Debug)]
struct List {
    oldest: Place,
    newest: Place,
    weight: usize,
    length: usize,
}

impl List {
    const EMPTY: Self = Self {
        oldest: NOWHERE,
        newest: NOWHERE,
        weight: 0,
        length: 0,
    };
}

impl<T> Default for Queues<T> {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            free: Vec::new(),
            small: List::EMPTY,
            main: List::EMPTY,
            fell: Vec::new(),
        }
    }
}

impl<T> Queues<T> {
    /// What all of them weigh.
    pub(super) fn weight(&self) -> usize {
        self.small.weight + self.main.weight
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.small.length + self.main.length
    }

    /// How many places there are, used or not.
    pub(super) fn places(&self) -> usize {
        self.nodes.len()
    }

    /// What is at a place.
    pub(super) fn at(&self, place: Place) -> Option<&T> {
        self.node(place)?.thing.as_ref()
    }

    /// The hash of what is at a place.
    pub(super) fn hash_at(&self, place: Place) -> u64 {
        self.node(place).map_or(0, |node| node.hash)
    }

    /// Notes that what is at a place was asked for.
    #[inline]
    pub(super) fn touch(&mut self, place: Place) {
        if let Some(node) = self.nodes.get_mut(place as usize) {
            node.asked = (node.asked + 1).min(ASKED_MAX);
        }
    }

    /// Adds a thing.
    pub(super) fn insert(&mut self, thing: T, hash: u64, weight: usize) -> Place {
        let in_main = self.recall(hash);
        let node = Node {
            thing: Some(thing),
            hash,
            weight,
            previous: NOWHERE,
            next: NOWHERE,
            in_main,
            asked: 0,
        };
        let place = match self.free.pop() {
            Some(place) => {
                self.nodes[place as usize] = node;
                place
            }
            None => {
                self.nodes.push(node);
                Place::try_from(self.nodes.len() - 1).unwrap_or(NOWHERE)
            }
        };
        self.link(place);
        place
    }

    /// Puts a thing in the place of another, which keeps its standing.
    pub(super) fn replace(&mut self, place: Place, thing: T, weight: usize) -> Option<T> {
        self.node(place)?.thing.as_ref()?;
        let node = &mut self.nodes[place as usize];
        let old = node.thing.replace(thing);
        let before = std::mem::replace(&mut node.weight, weight);
        let list = self.list(place);
        list.weight = list.weight - before + weight;
        old
    }

    /// Takes a thing out.
    pub(super) fn remove(&mut self, place: Place) -> Option<T> {
        self.node(place)?.thing.as_ref()?;
        self.unlink(place);
        self.free.push(place);
        self.nodes[place as usize].thing.take()
    }

    /// Takes out what should go first, until all together weigh no more than `most`; each is handed to `gone` with
    /// its hash and its former place.
    pub(super) fn shrink(&mut self, most: usize, mut gone: impl FnMut(T, u64, Place)) {
        let small_most = most / SMALL_PART;
        while self.weight() > most {
            let from_small = self.small.weight > small_most || self.main.length == 0;
            let evicted = if from_small {
                self.evict_small()
            } else {
                self.evict_main()
            };
            if let Some((thing, hash, place)) = evicted {
                gone(thing, hash, place);
            }
        }
    }

    /// One step of the small queue: its oldest falls out, or moves on if it was asked for.
    fn evict_small(&mut self) -> Option<(T, u64, Place)> {
        let place = self.small.oldest;
        let asked = std::mem::take(&mut self.nodes[place as usize].asked);
        if asked > 0 {
            self.unlink(place);
            self.nodes[place as usize].in_main = true;
            self.link(place);
            return None;
        }
        let hash = self.hash_at(place);
        self.remember(hash);
        self.remove(place).map(|thing| (thing, hash, place))
    }

    /// One step of the main queue: its oldest falls out, or gets another round for having been asked for.
    fn evict_main(&mut self) -> Option<(T, u64, Place)> {
        let place = self.main.oldest;
        let node = &mut self.nodes[place as usize];
        if node.asked > 0 {
            node.asked -= 1;
            self.unlink(place);
            self.link(place);
            return None;
        }
        let hash = node.hash;
        self.remove(place).map(|thing| (thing, hash, place))
    }

    fn node(&self, place: Place) -> Option<&Node<T>> {
        self.nodes.get(place as usize)
    }

    fn list(&mut self, place: Place) -> &mut List {
        if self.nodes[place as usize].in_main {
            &mut self.main
        } else {
            &mut self.small
        }
    }

    /// Appends a node to its list.
    fn link(&mut self, place: Place) {
        let weight = self.nodes[place as usize].weight;
        let list = self.list(place);
        let before = std::mem::replace(&mut list.newest, place);
        if before == NOWHERE {
            list.oldest = place;
        }
        list.weight += weight;
        list.length += 1;
        if before != NOWHERE {
            self.nodes[before as usize].next = place;
        }
        let node = &mut self.nodes[place as usize];
        node.previous = before;
        node.next = NOWHERE;
    }

    /// Takes a node out of its list.
    fn unlink(&mut self, place: Place) {
        let Node {
            previous,
            next,
            weight,
            ..
        } = self.nodes[place as usize];
        let list = self.list(place);
        if previous == NOWHERE {
            list.oldest = next;
        }
        if next == NOWHERE {
            list.newest = previous;
        }
        list.weight -= weight;
        list.length -= 1;
        if previous != NOWHERE {
            self.nodes[previous as usize].next = next;
        }
        if next != NOWHERE {
            self.nodes[next as usize].previous = previous;
        }
    }

    fn remember(&mut self, hash: u64) {
        if self.fell.is_empty() {
            self.fell = vec![0; REMEMBERED];
        }
        let (at, bits) = trace(hash);
        self.fell[at] = bits;
    }

    /// Whether something with this hash fell out lately; asking forgets it.
    fn recall(&mut self, hash: u64) -> bool {
        let (at, bits) = trace(hash);
        match self.fell.get_mut(at) {
            Some(known) if *known == bits => {
                *known = 0;
                true
            }
            Some(_) | None => false,
        }
    }
}

/// Where a hash is remembered, and what of it; never zero.
fn trace(hash: u64) -> (usize, u32) {
    ((hash as usize) % REMEMBERED, (hash >> 32) as u32 | 1)
}

#[cfg(test)]
mod tests;
