//! The judgements, one function each: from facts to a finding and its remedy.

use super::Check;
use super::Facts;
use super::Needs;
use super::Status;

/// The kernel's age: io_uring works since 5.6 in the extent needed, and well since 6.1.
pub(super) fn kernel(facts: &Facts) -> Check {
    let found = format!("Linux {}", facts.kernel_release);
    let check = Check {
        name: "kernel",
        status: Status::Ok,
        found,
        remedy: String::new(),
    };
    match version(&facts.kernel_release) {
        Some(version) if version >= (6, 1) => check,
        Some(version) if version >= (5, 6) => check
            .warn("6.1 or later lets a request cost about 30 % less CPU time; Debian 12 has it"),
        Some(_) => {
            check.warn("io_uring needs 5.6 or later; until then the slower epoll driver serves")
        }
        None => check.warn("the version could not be read; 6.1 or later is recommended"),
    }
}

/// Whether a ring can be made, and how good a one.
pub(super) fn io_uring(facts: &Facts) -> Check {
    let check = Check::ok("io_uring", String::new());
    let ring = match &facts.ring {
        Ok(ring) => ring,
        Err(error) => return ring_refused(check.found(format!("not available: {error}")), facts),
    };
    if !ring.missing.is_empty() {
        let check = check.found(format!("operations missing: {}", ring.missing.join(", ")));
        return check.warn("a newer kernel has them; until then the slower epoll driver serves");
    }
    match (ring.deferred, ring.cooperative) {
        (true, _) => check.found("available, with SINGLE_ISSUER and DEFER_TASKRUN"),
        (false, true) => check
            .found("available, with COOP_TASKRUN alone")
            .warn("Linux 6.1 or later has DEFER_TASKRUN, the best mode"),
        (false, false) => check
            .found("available, without DEFER_TASKRUN and COOP_TASKRUN")
            .warn("Linux 6.1 or later has both; a request costs about 40 % more without them"),
    }
}

fn ring_refused(check: Check, facts: &Facts) -> Check {
    match facts.io_uring_disabled {
        Some(2) => check.warn("sysctl -w kernel.io_uring_disabled=0; until then epoll serves"),
        Some(1) => check.warn(
            "sysctl -w kernel.io_uring_disabled=0, or put the user into the group of \
             kernel.io_uring_group; until then epoll serves",
        ),
        _ => check.warn(
            "a container's seccomp profile often forbids io_uring_setup, io_uring_enter and \
             io_uring_register: allow them; until then epoll serves",
        ),
    }
}

/// Before 5.12 a ring's memory counts against RLIMIT_MEMLOCK, 64 KiB by default; later kernels
/// charge the cgroup.
pub(super) fn locked_memory(facts: &Facts) -> Check {
    let check = Check::ok("locked memory", limit(facts.memlock_bytes, " bytes"));
    let counts = version(&facts.kernel_release).is_some_and(|version| version < (5, 12));
    let small = facts
        .memlock_bytes
        .is_some_and(|bytes| bytes < MEMLOCK_BYTES_MIN);
    if counts && small {
        return check.warn(
            "this kernel counts rings: ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit",
        );
    }
    check
}

/// Each connection of a client may hold one to an origin.
pub(super) fn open_files(facts: &Facts, needs: &Needs) -> Check {
    let (soft, hard) = facts.open_files;
    let wanted = (needs.connections as u64)
        .saturating_mul(2)
        .saturating_add(FILES_BESIDE);
    let found = format!("{} (at most {})", limit(soft, ""), limit(hard, ""));
    let check = Check::ok("nofile", found);
    // `run` raises the one to the other.
    let Some(hard) = hard.filter(|hard| *hard < wanted) else {
        return check;
    };
    let remedy = format!(
        "limits.connections = {} wants {wanted}: ulimit -Hn {wanted}, or \
         LimitNOFILE={wanted} in the unit",
        needs.connections
    );
    if hard < FILES_BESIDE * 2 {
        check.fail(remedy)
    } else {
        check.warn(remedy)
    }
}

/// The kernel cuts every listener's queue to somaxconn.
pub(super) fn backlog(facts: &Facts) -> Check {
    let check = Check::known("somaxconn", facts.somaxconn.map(|value| value.to_string()));
    if facts.somaxconn.is_some_and(|value| value < SOMAXCONN_MIN) {
        return check.warn(format!(
            "bursts of new connections overflow a short queue: \
             sysctl -w net.core.somaxconn={SOMAXCONN_MIN}"
        ));
    }
    check
}

/// Each connection to one address of an origin takes a port of this range.
pub(super) fn ports(facts: &Facts) -> Check {
    let text = |(low, high)| format!("{low} to {high}");
    let check = Check::known("port range", facts.port_range.map(text));
    let few = |(low, high): (u64, u64)| high.saturating_sub(low) < PORTS_MIN;
    if facts.port_range.is_some_and(few) {
        return check.warn(
            "few connections to one origin address are possible: \
             sysctl -w net.ipv4.ip_local_port_range='15000 65000'",
        );
    }
    check
}

/// Whether a port in TIME_WAIT may serve a new outgoing connection.
pub(super) fn time_wait(facts: &Facts) -> Check {
    let text = |value| match value {
        0 => "off".to_owned(),
        1 => "on".to_owned(),
        2 => "on for loopback".to_owned(),
        other => other.to_string(),
    };
    let check = Check::known("tcp_tw_reuse", facts.tw_reuse.map(text));
    if facts.tw_reuse == Some(0) {
        return check.warn(
            "origins that close after each answer use up ports for a minute each: \
             sysctl -w net.ipv4.tcp_tw_reuse=1",
        );
    }
    check
}

/// Affinity and quota against the number of workers.
pub(super) fn cores(facts: &Facts, needs: &Needs) -> Check {
    let cores = &facts.cores;
    let mut found = format!("{} allowed", cores.allowed.len());
    if let Some(quota) = cores.quota_millicores {
        found.push_str(&format!(
            ", quota of {}.{:03}",
            quota / 1_000,
            quota % 1_000
        ));
    }
    let workers = needs.workers.unwrap_or_else(|| cores.usable());
    found.push_str(&format!(", {workers} workers"));
    let check = Check::ok("cores", found);
    if workers > cores.usable() {
        return check.warn(format!(
            "more workers than cores share them: set gateway.workers = \"auto\" or {}",
            cores.usable()
        ));
    }
    let workers_millicores = (workers as u64).saturating_mul(1_000);
    match cores.quota_millicores {
        Some(quota) if quota < workers_millicores => check.warn(
            "the quota is not whole cores, so the last worker is stopped for a part of each \
             period: give whole cores, best through a cpuset",
        ),
        _ => check,
    }
}

/// `always` lets the kernel back sparse heaps with 2 MiB pages.
pub(super) fn huge_pages(facts: &Facts) -> Check {
    let check = Check::known("huge pages", facts.huge_pages.clone());
    if facts.huge_pages.as_deref() == Some("always") {
        return check.warn(
            "memory grows in steps of 2 MiB and compaction stalls: \
             echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
        );
    }
    check
}

/// Reading the time is a system call with some sources, twice a request.
pub(super) fn clock(facts: &Facts) -> Check {
    let check = Check::known("clock source", facts.clock_source.clone());
    if facts
        .clock_source
        .as_deref()
        .is_some_and(|source| CLOCKS_SLOW.contains(&source))
    {
        return check.warn(
            "reading this clock enters the kernel: choose tsc or kvm-clock in \
             /sys/devices/system/clocksource/clocksource0/current_clocksource",
        );
    }
    check
}

impl Check {
    fn ok(name: &'static str, found: String) -> Self {
        Self {
            name,
            status: Status::Ok,
            found,
            remedy: String::new(),
        }
    }

    /// A finding that may be hidden, which is no reason to worry anybody.
    fn known(name: &'static str, found: Option<String>) -> Self {
        Self::ok(
            name,
            found.unwrap_or_else(|| "not readable here".to_owned()),
        )
    }

    fn found(mut self, found: impl Into<String>) -> Self {
        self.found = found.into();
        self
    }

    fn warn(self, remedy: impl Into<String>) -> Self {
        Self {
            status: Status::Warn,
            remedy: remedy.into(),
            ..self
        }
    }

    fn fail(self, remedy: impl Into<String>) -> Self {
        Self {
            status: Status::Fail,
            remedy: remedy.into(),
            ..self
        }
    }
}

/// Major and minor of a release such as `6.1.0-18-amd64`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn limit(value: Option<u64>, unit: &str) -> String {
    value.map_or_else(|| "unlimited".to_owned(), |value| format!("{value}{unit}"))
}

/// A worker's ring with its completion queue, several times over.
const MEMLOCK_BYTES_MIN: u64 = 8 * 1024 * 1024;
/// Files beside the connections: rings, eventfds, listeners, logs, libraries.
const FILES_BESIDE: u64 = 256;
/// The kernel's own default since 5.4.
const SOMAXCONN_MIN: u64 = 4_096;
/// The kernel's default range has 28,232.
const PORTS_MIN: u64 = 28_000;
/// Sources without a vDSO reader.
const CLOCKS_SLOW: [&str; 4] = ["hpet", "acpi_pm", "jiffies", "xen"];
