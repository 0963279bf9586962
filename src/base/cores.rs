//! How many cores this process may use: its affinity (within which the kernel keeps the cpuset) and
//! its cgroup's CPU quota. The number of workers and `silverback doctor` both go by it.
//!
//! Read at start; a quota that changes later is noticed at the next start. Workers beyond a quota
//! would be throttled all together, in the middle of requests, so a quota counts even where more
//! cores are visible.

use std::fs;
use std::path::Component;
use std::path::Path;

#[cfg(test)]
mod tests;

/// What limits the use of cores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cores {
    /// The numbers of the cores that this process may run on, ascending.
    pub allowed: Vec<usize>,
    /// The tightest CPU quota of the process's cgroup and those above it, in thousandths of a core.
    pub quota_millicores: Option<u64>,
}

impl Cores {
    /// Asks the kernel. Where something cannot be read it does not limit; there is at least one
    /// core.
    pub fn read() -> Self {
        let allowed = match rustix::thread::sched_getaffinity(None) {
            Ok(set) => (0..rustix::thread::CpuSet::MAX_CPU)
                .filter(|&core| set.is_set(core))
                .collect(),
            Err(_) => vec![0],
        };
        let memberships = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let quota_millicores = quota_millicores(Path::new("/sys/fs/cgroup"), &memberships);
        Self {
            allowed,
            quota_millicores,
        }
    }

    /// The number of workers that can run at once: allowed cores, or the quota rounded up, at least
    /// one.
    pub fn usable(&self) -> usize {
        let quota = self
            .quota_millicores
            .map_or(u64::MAX, |quota| quota.div_ceil(1_000));
        let quota = usize::try_from(quota).unwrap_or(usize::MAX);
        self.allowed.len().min(quota).max(1)
    }
}

/// The number of workers that can run at once on this machine; see [`Cores::usable`].
pub fn usable_cores() -> usize {
    Cores::read().usable()
}

/// The tightest quota of the cgroups in `memberships` (the text of `/proc/self/cgroup`), read below
/// `mounts` (`/sys/fs/cgroup`). Version 2 and version 1 are both looked at: hybrid machines have
/// both.
fn quota_millicores(mounts: &Path, memberships: &str) -> Option<u64> {
    let mut tightest: Option<u64> = None;
    for line in memberships.lines() {
        // `hierarchy:controllers:path`; version 2 has no controllers listed.
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let quotas = if controllers.is_empty() {
            [tightest_above(mounts, path, quota_v2), None]
        } else if controllers.split(',').any(|controller| controller == "cpu") {
            let own = tightest_above(&mounts.join(controllers), path, quota_v1);
            // `cpu,cpuacct` is usually mounted under that name, with a link under each part's.
            [own, tightest_above(&mounts.join("cpu"), path, quota_v1)]
        } else {
            continue;
        };
        tightest = quotas.into_iter().flatten().chain(tightest).min();
    }
    tightest
}

/// The smallest of `read`'s answers for the group `path` and every group above it. A path that the
/// process's view of the tree does not have (a container without a cgroup namespace) falls back to
/// the root.
fn tightest_above(mount: &Path, path: &str, read: fn(&Path) -> Option<u64>) -> Option<u64> {
    let relative: &Path = Path::new(path.trim_start_matches('/'));
    let plain = relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let relative = if plain { relative } else { Path::new("") };
    let groups = relative.ancestors().map(|group| mount.join(group));
    groups.filter_map(|group| read(&group)).min()
}

/// `cpu.max`: quota and period in microseconds, or `max` for no quota.
fn quota_v2(group: &Path) -> Option<u64> {
    let text = fs::read_to_string(group.join("cpu.max")).ok()?;
    let (quota, period) = text.trim().split_once(' ')?;
    millicores(quota.parse().ok()?, period.parse().ok()?)
}

/// `cpu.cfs_quota_us`, -1 for none, and `cpu.cfs_period_us`.
fn quota_v1(group: &Path) -> Option<u64> {
    let number = |name: &str| {
        fs::read_to_string(group.join(name))
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    millicores(number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?)
}

fn millicores(quota: u64, period: u64) -> Option<u64> {
    quota
        .saturating_mul(1_000)
        .checked_div(period)
        .filter(|quota| *quota > 0)
}
