//! What the machine says about itself. Whatever cannot be read is `None`: a container may hide it.

use std::fs;
use std::io;

use io_uring::IoUring;
use io_uring::Probe;
use io_uring::opcode;
use rustix::process::Resource;

use crate::base::cores::Cores;

/// What the checks go by.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The kernel's release, such as `6.1.0-18-amd64`.
    pub kernel_release: String,
    /// `kernel.io_uring_disabled`, since Linux 6.6.
    pub io_uring_disabled: Option<u64>,
    /// What came of making a ring; the error's text if none could be made.
    pub ring: Result<Ring, String>,
    /// RLIMIT_MEMLOCK in bytes, soft; none for unlimited.
    pub memlock_bytes: Option<u64>,
    /// RLIMIT_NOFILE, soft and hard; none for unlimited.
    pub open_files: (Option<u64>, Option<u64>),
    /// `net.core.somaxconn`.
    pub somaxconn: Option<u64>,
    /// `net.ipv4.ip_local_port_range`.
    pub port_range: Option<(u64, u64)>,
    /// `net.ipv4.tcp_tw_reuse`.
    pub tw_reuse: Option<u64>,
    /// Cores and quota.
    pub cores: Cores,
    /// The mode of transparent huge pages in force.
    pub huge_pages: Option<String>,
    /// The clock source in use.
    pub clock_source: Option<String>,
}

/// What a ring of this kernel can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ring {
    /// `SINGLE_ISSUER` with `DEFER_TASKRUN` (Linux 6.1): a request costs about 30 % less CPU time
    /// with them.
    pub deferred: bool,
    /// `COOP_TASKRUN` (Linux 5.19), the next best.
    pub cooperative: bool,
    /// Operations that the gateway needs and this kernel lacks.
    pub missing: Vec<&'static str>,
}

impl Facts {
    /// Asks the machine. Makes up to three rings of two entries and closes them again.
    pub fn read() -> Self {
        let nofile = rustix::process::getrlimit(Resource::Nofile);
        Self {
            kernel_release: rustix::system::uname()
                .release()
                .to_string_lossy()
                .into_owned(),
            io_uring_disabled: read_number("/proc/sys/kernel/io_uring_disabled"),
            ring: probe_ring().map_err(|error| error.to_string()),
            memlock_bytes: rustix::process::getrlimit(Resource::Memlock).current,
            open_files: (nofile.current, nofile.maximum),
            somaxconn: read_number("/proc/sys/net/core/somaxconn"),
            port_range: read("/proc/sys/net/ipv4/ip_local_port_range").and_then(|text| {
                let mut numbers = text.split_whitespace().map(str::parse);
                Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
            }),
            tw_reuse: read_number("/proc/sys/net/ipv4/tcp_tw_reuse"),
            cores: Cores::read(),
            huge_pages: read("/sys/kernel/mm/transparent_hugepage/enabled")
                .and_then(|text| bracketed(&text)),
            clock_source: read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        }
    }
}

/// Makes rings as the workers do, and asks the kernel which operations it knows.
fn probe_ring() -> io::Result<Ring> {
    let plain = IoUring::new(RING_ENTRIES)?;
    let mut probe = Probe::new();
    plain.submitter().register_probe(&mut probe)?;
    let missing = OPERATIONS
        .iter()
        .filter(|(_, code)| !probe.is_supported(*code));
    let mut best = <IoUring>::builder();
    best.setup_single_issuer().setup_defer_taskrun();
    let mut second = <IoUring>::builder();
    second.setup_coop_taskrun();
    Ok(Ring {
        deferred: best.build(RING_ENTRIES).is_ok(),
        cooperative: second.build(RING_ENTRIES).is_ok(),
        missing: missing.map(|(name, _)| *name).collect(),
    })
}

/// The mode that stands in brackets, as in `always [madvise] never`.
fn bracketed(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

fn read_number(path: &str) -> Option<u64> {
    read(path)?.parse().ok()
}

fn read(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

const RING_ENTRIES: u32 = 2;

/// The operations that the runtime asks for before it uses io_uring at all.
const OPERATIONS: &[(&str, u8)] = &[
    ("accept", opcode::Accept::CODE),
    ("async_cancel", opcode::AsyncCancel::CODE),
    ("close", opcode::Close::CODE),
    ("connect", opcode::Connect::CODE),
    ("fsync", opcode::Fsync::CODE),
    ("openat", opcode::OpenAt::CODE),
    ("poll_add", opcode::PollAdd::CODE),
    ("provide_buffers", opcode::ProvideBuffers::CODE),
    ("read", opcode::Read::CODE),
    ("readv", opcode::Readv::CODE),
    ("recv", opcode::Recv::CODE),
    ("recvmsg", opcode::RecvMsg::CODE),
    ("send", opcode::Send::CODE),
    ("sendmsg", opcode::SendMsg::CODE),
    ("timeout", opcode::Timeout::CODE),
    ("write", opcode::Write::CODE),
    ("writev", opcode::Writev::CODE),
];

#[cfg(test)]
mod tests {
    use super::bracketed;

    #[test]
    fn mode_in_force_is_the_bracketed_one() {
        assert_eq!(
            bracketed("always [madvise] never").as_deref(),
            Some("madvise")
        );
        assert_eq!(bracketed("always"), None);
        assert_eq!(bracketed("[always"), None);
    }
}
