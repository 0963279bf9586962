//! From a host to the trees whose routes it can match: its own, those of wildcards, and that of any host.
//!
//! Keys are in lower case, and a host is brought into lower case on the stack. The tables are fixed when
//! a client's host meets them, so a client cannot make their chains longer, whatever it sends.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::router::tree::Tree;

/// Longest host that can match by name: no DNS name is longer.
const HOST_BYTES: usize = 255;

type Table = HashMap<Box<[u8]>, Tree, FixedState>;

/// All trees by the hosts that lead to them.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    pub(crate) exact: Table,
    /// By the host's end, beginning with a dot.
    pub(crate) suffixes: Table,
    /// By the host's beginning, ending with a dot.
    pub(crate) prefixes: Table,
    /// Routes that ask for no host.
    pub(crate) any: Option<Tree>,
}

impl Hosts {
    /// Calls `visit` with each tree that `host` leads to, the most specific first.
    #[inline]
    pub(crate) fn trees(&self, host: &[u8], mut visit: impl FnMut(Tree)) {
        let mut buffer = [0; HOST_BYTES];
        if let Some(name) = buffer.get_mut(..host.len()) {
            name.copy_from_slice(host);
            name.make_ascii_lowercase();
            let name = &*name;
            if let Some(&tree) = self.exact.get(name) {
                visit(tree);
            }
            if !self.suffixes.is_empty() || !self.prefixes.is_empty() {
                self.wildcards(name, &mut visit);
            }
        }
        if let Some(tree) = self.any {
            visit(tree);
        }
    }

    /// Two lookups for each dot; a name has at most 127.
    fn wildcards(&self, name: &[u8], visit: &mut impl FnMut(Tree)) {
        for dot in memchr::memchr_iter(b'.', name) {
            if let Some(&tree) = self.suffixes.get(&name[dot..]) {
                visit(tree);
            }
            if let Some(&tree) = self.prefixes.get(&name[..=dot]) {
                visit(tree);
            }
        }
    }

    /// Bytes on the heap, about.
    pub(crate) fn memory(&self) -> usize {
        let of_table = |table: &Table| {
            let keys: usize = table.keys().map(|key| key.len()).sum();
            table.capacity() * (size_of::<(Box<[u8]>, Tree)>() + 1) * 8 / 7 + keys
        };
        of_table(&self.exact) + of_table(&self.suffixes) + of_table(&self.prefixes)
    }
}
