//! What the groups of a regex path matched, computed when somebody asks and not when routing.

use regex_automata::util::primitives::NonMaxUsize;

use crate::router::program::Programs;

/// The groups of one match, by number and by name.
#[derive(Clone, Copy, Debug)]
pub struct Captures<'a> {
    pub(crate) path: &'a [u8],
    /// The end of the whole match.
    pub(crate) prefix: usize,
    pub(crate) groups: &'a [Option<NonMaxUsize>],
    pub(crate) programs: &'a Programs,
    pub(crate) program: u32,
}

impl<'a> Captures<'a> {
    /// What group `index` matched; group 0 is the whole match, from the path's beginning.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        if index == 0 {
            return self.path.get(..self.prefix);
        }
        let start = self.groups.get(index * 2).copied().flatten()?;
        let end = self.groups.get(index * 2 + 1).copied().flatten()?;
        self.path.get(start.get()..end.get())
    }

    /// What the group called `name` matched.
    pub fn name(&self, name: &str) -> Option<&'a [u8]> {
        let mut names = self.programs.names(self.program);
        let index = names.position(|group| group == Some(name))?;
        self.get(index)
    }

    /// Every group but the whole match, with its number, its name if it has one, and what it matched.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Option<&'a str>, Option<&'a [u8]>)> {
        let captures = *self;
        let names = self.programs.names(self.program).enumerate().skip(1);
        names.map(move |(index, name)| (index, name, captures.get(index)))
    }
}
