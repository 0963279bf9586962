//! A tree of path prefixes, compressed, in which a path finds all its prefixes in one descent.
//!
//! A regex stands where its literal beginning ends and is tested when the descent passes there. A node
//! that has entries knows the next such node above it, and the best rank among all of these, so that a
//! search that descends to the longest prefix climbs back only while something better can be there.
//! The trees of all hosts share three vectors; a tree is the number of its root.

use crate::router::Facts;
use crate::router::find::Best;

/// A place in a tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// Where the bytes between this node's parent and this node stand in [`Forest::labels`].
    label: u32,
    label_length: u16,
    /// How many children; they are neighbours, in the order of their first bytes.
    child_count: u16,
    first_child: u32,
    /// Where this node's entries begin in [`Forest::entries`], best first.
    first_entry: u32,
    entry_count: u32,
    /// The next node above that has entries.
    above: u32,
    /// The best rank among this node's entries and those above.
    best: u32,
}

/// A candidate where it stands in a tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Its place in the order, 0 being the best.
    pub(crate) rank: u32,
    /// Its route.
    pub(crate) route: u32,
    /// Its other criteria, or `NO_GUARD`.
    pub(crate) guard: u32,
    /// What remains of its regex, or `NO_PROGRAM`.
    pub(crate) program: u32,
    /// The port that it asks for, or [`ANY_PORT`].
    pub(crate) port: u32,
    /// The length of the literal prefix; the descent compared it.
    pub(crate) prefix: u16,
    /// The path's index in its route, or [`NO_PATTERN`].
    pub(crate) pattern: u16,
}

/// The port of an entry that takes every port.
pub(crate) const ANY_PORT: u32 = u32::MAX;
/// The pattern of an entry whose route asks for no path.
pub(crate) const NO_PATTERN: u16 = u16::MAX;
/// The number of no node.
const NOWHERE: u32 = u32::MAX;
/// Longest literal in one node; longer ones continue in a child.
const LABEL_BYTES: usize = u16::MAX as usize;

/// All trees.
#[derive(Debug, Default)]
pub(crate) struct Forest {
    nodes: Vec<Node>,
    /// The first byte of each node's label, beside `nodes`, so that choosing a child reads one line.
    firsts: Vec<u8>,
    labels: Vec<u8>,
    entries: Vec<Entry>,
}

/// A node that is known to exist and not yet complete: entries that agree in their first `depth` bytes.
struct Seedling<'a> {
    at: u32,
    planted: &'a [(&'a [u8], Entry)],
    depth: usize,
    above: u32,
}

/// The number of a tree's root, and the best rank in the tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tree {
    root: u32,
    /// The best rank in the tree: it is not worth entering for anything worse.
    pub(crate) best: u32,
}

impl Forest {
    /// Plants a tree of entries, each under its literal prefix; `planted` is sorted here.
    pub(crate) fn plant(&mut self, planted: &mut [(&[u8], Entry)]) -> Tree {
        planted.sort_by(|(a, x), (b, y)| a.cmp(b).then(x.rank.cmp(&y.rank)));
        let best = planted.iter().map(|(_, entry)| entry.rank).min();
        let root = self.push(0);
        let mut open = vec![Seedling {
            at: root,
            planted,
            depth: 0,
            above: NOWHERE,
        }];
        while let Some(seedling) = open.pop() {
            self.grow(seedling, &mut open);
        }
        Tree {
            root,
            best: best.unwrap_or(u32::MAX),
        }
    }

    /// Completes one node, and opens its children.
    fn grow<'a>(&mut self, seedling: Seedling<'a>, open: &mut Vec<Seedling<'a>>) {
        let Seedling {
            at,
            planted,
            depth,
            above,
        } = seedling;
        let (Some((first, _)), Some((last, _))) = (planted.first(), planted.last()) else {
            return;
        };
        // They are sorted, so what the first and the last have in common all have.
        let common = first[depth..].iter().zip(&last[depth..]);
        let common = common.take_while(|(a, b)| a == b).count().min(LABEL_BYTES);
        let end = depth + common;
        let here = planted
            .iter()
            .take_while(|(key, _)| key.len() == end)
            .count();
        let (here, below) = planted.split_at(here);
        let best_above = self
            .nodes
            .get(above as usize)
            .map_or(u32::MAX, |node| node.best);
        let best_here = here.first().map_or(u32::MAX, |(_, entry)| entry.rank);
        let mut node = Node {
            label: self.labels.len() as u32,
            label_length: common as u16,
            child_count: 0,
            first_child: self.nodes.len() as u32,
            first_entry: self.entries.len() as u32,
            entry_count: here.len() as u32,
            above,
            best: best_here.min(best_above),
        };
        self.labels.extend_from_slice(&first[depth..end]);
        self.entries.extend(here.iter().map(|(_, entry)| *entry));
        let above = if here.is_empty() { above } else { at };
        for group in below.chunk_by(|(a, _), (b, _)| a[end] == b[end]) {
            let child = self.push(group[0].0[end]);
            node.child_count += 1;
            open.push(Seedling {
                at: child,
                planted: group,
                depth: end,
                above,
            });
        }
        self.nodes[at as usize] = node;
    }

    fn push(&mut self, first: u8) -> u32 {
        self.nodes.push(Node::EMPTY);
        self.firsts.push(first);
        (self.nodes.len() - 1) as u32
    }

    /// Offers to `best` every entry whose literal prefix `path` begins with, the longest prefix first,
    /// and stops where nothing above can be better than what is found.
    #[inline]
    pub(crate) fn search(&self, tree: Tree, facts: &Facts<'_>, best: &mut Best<'_>) {
        let mut above = self.deepest(tree, facts.path);
        while let Some(node) = self.nodes.get(above as usize) {
            if node.best >= best.rank() {
                return;
            }
            let first = node.first_entry as usize;
            let entries = &self.entries[first..first + node.entry_count as usize];
            for entry in entries {
                if entry.rank >= best.rank() || best.offer(entry, facts) {
                    break;
                }
            }
            above = node.above;
        }
    }

    /// The node with entries that stands for the longest prefix of `path`.
    #[inline]
    fn deepest(&self, tree: Tree, path: &[u8]) -> u32 {
        let (mut at, mut rest, mut found) = (tree.root, path, NOWHERE);
        loop {
            let node = &self.nodes[at as usize];
            let label = node.label as usize;
            let label = &self.labels[label..label + usize::from(node.label_length)];
            let Some(tail) = rest.strip_prefix(label) else {
                return found;
            };
            if node.entry_count > 0 {
                found = at;
            }
            let Some(&next) = tail.first() else {
                return found;
            };
            let first = node.first_child as usize;
            let firsts = &self.firsts[first..first + usize::from(node.child_count)];
            let Some(child) = firsts.iter().position(|&byte| byte == next) else {
                return found;
            };
            at = node.first_child + child as u32;
            rest = tail;
        }
    }

    /// Gives back what planting reserved in excess.
    pub(crate) fn shrink(&mut self) {
        self.nodes.shrink_to_fit();
        self.firsts.shrink_to_fit();
        self.labels.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    /// Bytes on the heap.
    pub(crate) fn memory(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
            + self.firsts.capacity()
            + self.labels.capacity()
            + self.entries.capacity() * size_of::<Entry>()
    }
}

impl Node {
    const EMPTY: Self = Self {
        label: 0,
        label_length: 0,
        child_count: 0,
        first_child: 0,
        first_entry: 0,
        entry_count: 0,
        above: NOWHERE,
        best: u32::MAX,
    };
}
