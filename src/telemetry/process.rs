//! What `/proc/self` says about this process, read at a scrape. What cannot be read is left out of it.

use std::fs;

/// The kernel's account of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// When it started, in seconds since the Unix epoch.
    pub start_seconds: Option<u64>,
    /// User and system time of all its threads, in milliseconds.
    pub cpu_millis: Option<u64>,
    /// Resident memory.
    pub resident_bytes: Option<u64>,
    /// Open descriptors.
    pub open_fds: Option<u64>,
    /// Most open descriptors.
    pub max_fds: Option<u64>,
}

impl Process {
    /// Reads the present values: a handful of system calls.
    pub fn read() -> Self {
        let ticks = rustix::param::clock_ticks_per_second().max(1);
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let boot = fs::read_to_string("/proc/stat").unwrap_or_default();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let started = stat_field(&stat, START).map(|since_boot| since_boot / ticks);
        let cpu = stat_field(&stat, USER).zip(stat_field(&stat, SYSTEM));
        let number = |text: &str, key: &str| labelled(text, key)?.parse().ok();
        Self {
            start_seconds: number(&boot, "btime")
                .zip(started)
                .map(|(b, s): (u64, _)| b + s),
            cpu_millis: cpu.map(|(user, system)| (user + system) * 1_000 / ticks),
            resident_bytes: number(&status, "VmRSS:").map(|kib: u64| kib * 1_024),
            open_fds: open_fds(),
            max_fds: number(&limits, "Max open files"),
        }
    }
}

// Places in /proc/self/stat counted from the one after the command's name, see proc_pid_stat(5).
const USER: usize = 11;
const SYSTEM: usize = 12;
const START: usize = 19;

/// A field of `/proc/self/stat`; the command's name may hold blanks and parentheses, so it is skipped whole.
fn stat_field(stat: &str, place: usize) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split_ascii_whitespace().nth(place)?.parse().ok()
}

/// The first word behind `key` at the start of a line.
fn labelled<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let value = text.lines().find_map(|line| line.strip_prefix(key))?;
    value.split_ascii_whitespace().next()
}

/// Since Linux 6.2 the directory's size is the number of descriptors; before, it is zero and they are counted.
fn open_fds() -> Option<u64> {
    let size = fs::metadata("/proc/self/fd").ok()?.len();
    if size > 0 {
        return Some(size);
    }
    // The one that reads the directory is among them.
    let count = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    Some(count.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::Process;
    use super::START;
    use super::USER;
    use super::labelled;
    use super::stat_field;

    #[test]
    fn this_process_is_described() {
        let process = Process::read();
        assert!(process.start_seconds > Some(1_600_000_000));
        assert!(process.resident_bytes > Some(100_000));
        assert!(process.open_fds >= Some(3));
        assert!(process.max_fds >= process.open_fds);
        assert!(process.cpu_millis.is_some());
    }

    #[test]
    fn fields_stand_behind_a_hostile_command_name() {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21";
        assert_eq!(stat_field(stat, USER), Some(11));
        assert_eq!(stat_field(stat, START), Some(19));
        assert_eq!(stat_field("", START), None);
        assert_eq!(labelled("VmRSS:\t  12 kB\n", "VmRSS:"), Some("12"));
    }
}
