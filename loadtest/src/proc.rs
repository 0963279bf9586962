//! What the kernel says of a process: CPU time in nanoseconds, memory, descriptors, disk writes.

use std::fs;
use std::io;

/// CPU time of all threads of `pid`, from the scheduler's own nanosecond account.
pub(crate) fn cpu_ns(pid: u32) -> io::Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread that ended meanwhile takes its time along; the proxies start none under load.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else {
            continue;
        };
        sum += text
            .split_whitespace()
            .next()
            .and_then(|ns| ns.parse().ok())
            .unwrap_or(0u64);
    }
    Ok(sum)
}

/// Memory of a process in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Resident, shared pages counted in full.
    pub(crate) resident: u64,
    /// Proportional share: what this process costs.
    pub(crate) proportional: u64,
}

/// Reads `/proc/PID/smaps_rollup`.
pub(crate) fn memory(pid: u32) -> io::Result<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        number.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    Ok(Memory {
        resident: kib("Rss:"),
        proportional: kib("Pss:"),
    })
}

/// Bytes this process caused to be written to storage.
pub(crate) fn disk_written(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/io"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes:"));
    Ok(line
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or(0))
}

/// Open descriptors of a process.
pub(crate) fn descriptors(pid: u32) -> io::Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_uses_memory_and_time() {
        let pid = std::process::id();
        assert!(super::memory(pid).expect("rollup").proportional > 0);
        assert!(super::cpu_ns(pid).is_ok());
    }
}
