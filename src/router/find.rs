//! Finding the route of a request: the best-ranked candidate that the request meets.

use std::sync::Arc;

use crate::base::ids::RouteIndex;
use crate::router::Captures;
use crate::router::Facts;
use crate::router::Match;
use crate::router::Router;
use crate::router::caches::Caches;
use crate::router::guard::NO_GUARD;
use crate::router::program::NO_PROGRAM;
use crate::router::tree::ANY_PORT;
use crate::router::tree::Entry;
use crate::router::tree::NO_PATTERN;

/// One core's memory for routing. It follows the router that it is used with: what it remembers of
/// another one is forgotten.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The identity of the router whose programs the caches belong to.
    router: Option<Arc<()>>,
    caches: Caches,
}

impl Scratch {
    #[inline]
    fn caches_for(&mut self, router: &Arc<()>) -> &mut Caches {
        let same = self
            .router
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, router));
        if !same {
            self.router = Some(Arc::clone(router));
            self.caches = Caches::default();
        }
        &mut self.caches
    }
}

/// The best candidate found so far, and what testing another one takes.
pub(crate) struct Best<'a> {
    router: &'a Router,
    caches: &'a mut Caches,
    found: Option<(Entry, u32)>,
}

impl Best<'_> {
    /// The rank to beat.
    #[inline]
    pub(crate) fn rank(&self) -> u32 {
        self.found.map_or(u32::MAX, |(entry, _)| entry.rank)
    }

    /// Takes an entry with a better rank whose literal prefix matches, if the rest of it does, too.
    #[inline]
    pub(crate) fn offer(&mut self, entry: &Entry, facts: &Facts<'_>) -> bool {
        if entry.port != ANY_PORT && entry.port != u32::from(facts.port) {
            return false;
        }
        let programs = &self.router.programs;
        if entry.guard != NO_GUARD {
            let guard = &self.router.guards[entry.guard as usize];
            if !guard.admits(facts, programs, self.caches) {
                return false;
            }
        }
        let mut end = usize::from(entry.prefix);
        if entry.program != NO_PROGRAM {
            match programs.end(entry.program, facts.path, end, self.caches) {
                Some(found) => end = found,
                None => return false,
            }
        }
        self.found = Some((*entry, end as u32));
        true
    }
}

impl Router {
    /// The route of a request. A path that is not UTF-8 belongs to none, as in Kong.
    ///
    /// Costs a hash of the host, a descent in the path's tree and a test for each candidate met; it
    /// does not allocate once the scratch has seen the expressions that the traffic meets.
    pub fn find(&self, facts: &Facts<'_>, scratch: &mut Scratch) -> Option<Match> {
        if !facts.path.is_ascii() && std::str::from_utf8(facts.path).is_err() {
            return None;
        }
        let caches = scratch.caches_for(&self.identity);
        let mut best = Best {
            router: self,
            caches,
            found: None,
        };
        self.hosts.trees(facts.host, |tree| {
            if tree.best < best.rank() {
                self.forest.search(tree, facts, &mut best);
            }
        });
        let (entry, end) = best.found?;
        let pattern = Some(entry.pattern).filter(|&pattern| pattern != NO_PATTERN);
        Some(Match {
            route: RouteIndex(entry.route),
            pattern,
            prefix: if pattern.is_some() { end } else { 1 },
            program: entry.program,
            literal: entry.prefix,
        })
    }

    /// What the groups of the winning regex matched in `path`, the path that was matched; none if no
    /// regex won or it has no groups.
    pub fn captures<'a>(
        &'a self,
        found: &Match,
        path: &'a [u8],
        scratch: &'a mut Scratch,
    ) -> Option<Captures<'a>> {
        let program = found.program;
        if self.programs.names(program).count() < 2 {
            return None;
        }
        let caches = scratch.caches_for(&self.identity);
        let start = usize::from(found.literal);
        if !self.programs.capture(program, path, start, caches) {
            return None;
        }
        Some(Captures {
            path,
            prefix: found.prefix as usize,
            groups: &caches.groups,
            programs: &self.programs,
            program,
        })
    }
}
