//! A million counters fit, measured as the process sees it: with its allocator, in resident memory; and a known one
//! costs no allocation, window after window. Prints the bytes of each; `cargo test --test counters -- --nocapture`
//! shows them.

#![expect(
    clippy::unwrap_used,
    unsafe_code,
    reason = "a test; and counting allocations takes an allocator"
)]

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::cell::Cell;
use std::net::Ipv4Addr;
use std::sync::Arc;

use mimalloc::MiMalloc;

use silverback::base::limits;
use silverback::ratelimit::Counters;
use silverback::ratelimit::Limiter;
use silverback::ratelimit::Period;
use silverback::ratelimit::Pools;
use silverback::ratelimit::Rule;
use silverback::ratelimit::Spend;
use silverback::ratelimit::Who;
use silverback::ratelimit::Window;

/// The gateway's allocator, counting.
struct Counting;

thread_local! {
    /// Of this thread: that of the harness also allocates now and then.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is left to the allocator; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { MiMalloc.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const NOW: u64 = 1_781_913_600_000_000;
const CORES: u16 = 4;
const MEGABYTES: f64 = 200.0;

/// Bytes of resident memory.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * rustix::param::page_size()
}

/// One test, because memory and allocations are the process's.
#[test]
fn a_million_counters_fit_and_a_known_one_allocates_nothing() {
    known_counters_allocate_nothing();
    a_million_counters_fit();
}

fn known_counters_allocate_nothing() {
    let pools = Arc::new(Pools::default());
    let cores = [Limiter::new(Arc::clone(&pools), 2), Limiter::new(pools, 2)];
    for window in Window::ALL {
        let rules = [
            Rule::new(7, Period::Second, window, 100),
            Rule::new(7, Period::Minute, window, 10_000),
        ];
        let mut now = NOW;
        let mut run = |requests: u64| {
            for n in 0..requests {
                now += 1_003;
                let core = &cores[(n % 2) as usize];
                core.spend(&rules, Who::known((n % 3).into()), now, Spend::Within(1));
                if n % 50 < 2 {
                    core.tick(now);
                }
            }
        };
        run(2_000);
        let before = ALLOCATIONS.get();
        run(10_000);
        let allocations = ALLOCATIONS.get() - before;
        assert_eq!(allocations, 0, "{window:?}");
    }
}

fn a_million_counters_fit() {
    let before = resident();
    let pools = Arc::new(Pools::default());
    let cores: Vec<Limiter> = (0..CORES)
        .map(|_| Limiter::new(Arc::clone(&pools), CORES))
        .collect();
    let rule = Rule::new(7, Period::Day, Window::Sliding, 1_000);
    let known = limits::RATE_KEYS / 10 * 9;
    for n in 0..limits::RATE_KEYS {
        let who = if n < known {
            Who::known(n as u128 * 0x9e37_79b9_7f4a_7c15_f39c_c060)
        } else {
            Who::address(Ipv4Addr::from_bits(n as u32).into())
        };
        let tally = cores[n % cores.len()].spend(&[rule], who, NOW, Spend::Within(1));
        assert_eq!(tally.refused(), None);
    }
    let one_core_each = resident() - before;
    // Then some are met by all cores, until there is no room for more cells.
    for n in (0..known).step_by(4) {
        let who = Who::known(n as u128 * 0x9e37_79b9_7f4a_7c15_f39c_c060);
        for core in &cores {
            core.spend(&[rule], who, NOW, Spend::Within(1));
        }
    }
    let all_cores = resident() - before;
    let counters = pools.len();
    println!(
        "{counters} counters: {} bytes each with one core's cell, {} with all the cells that {CORES} cores may have; \
         {:.0} and {:.0} MB",
        one_core_each / counters,
        all_cores / counters,
        one_core_each as f64 / 1e6,
        all_cores as f64 / 1e6,
    );
    // Shards fill unevenly, so some gave up a few.
    assert!(counters > limits::RATE_KEYS / 100 * 95 && counters <= limits::RATE_KEYS);
    assert!(all_cores as f64 / 1e6 <= MEGABYTES);
}
