//! Requests that plugins refuse, by the plugin's name. The names are the program's own, so they are few.

/// What plugins of one kind have refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The plugin's name.
    pub plugin: &'static str,
    /// Requests that were refused.
    pub enforced: u64,
    /// Requests that would have been, were the plugin not told to look on.
    pub observed: u64,
}

/// The refusals of all plugins, in the order in which they refused first.
#[derive(Debug, Default)]
pub(super) struct Refusals(Vec<Refused>);

impl Refusals {
    pub(super) fn count(&mut self, plugin: &'static str, observed: bool) {
        let row = self.row(plugin);
        if observed {
            row.observed += 1;
        } else {
            row.enforced += 1;
        }
    }

    /// What was counted since the last call; the memory for the names stays.
    pub(super) fn take(&mut self) -> Vec<Refused> {
        let counted = |row: &&Refused| row.enforced + row.observed > 0;
        let taken = self.0.iter().filter(counted).copied().collect();
        for row in &mut self.0 {
            (row.enforced, row.observed) = (0, 0);
        }
        taken
    }

    pub(super) fn merge(&mut self, more: &[Refused]) {
        for other in more {
            let row = self.row(other.plugin);
            row.enforced = row.enforced.wrapping_add(other.enforced);
            row.observed = row.observed.wrapping_add(other.observed);
        }
    }

    /// All of them by name.
    pub(super) fn sorted(&self) -> Vec<Refused> {
        let mut rows = self.0.clone();
        rows.sort_unstable_by_key(|row| row.plugin);
        rows
    }

    fn row(&mut self, plugin: &'static str) -> &mut Refused {
        let at = self.0.iter().position(|row| row.plugin == plugin);
        let at = at.unwrap_or_else(|| {
            self.0.push(Refused {
                plugin,
                enforced: 0,
                observed: 0,
            });
            self.0.len() - 1
        });
        &mut self.0[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_counted_once() {
        let mut core = Refusals::default();
        for (plugin, observed) in [("jwt", true), ("acl", false), ("jwt", true), ("acl", true)] {
            core.count(plugin, observed);
        }
        let mut sum = Refusals::default();
        sum.merge(&core.take());
        assert!(core.take().is_empty());
        core.count("acl", false);
        sum.merge(&core.take());
        let row = |plugin, enforced, observed| Refused {
            plugin,
            enforced,
            observed,
        };
        assert_eq!(sum.sorted(), [row("acl", 2, 1), row("jwt", 0, 2)]);
    }
}
