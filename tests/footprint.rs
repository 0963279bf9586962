//! What 15,000 APIs cost in memory and in allocations, counted where they are made, so that a debug build on a busy machine
//! tells the same as a release on a quiet one.

#![expect(
    unsafe_code,
    reason = "an allocator that counts is an allocator, whose trait is unsafe"
)]

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use silverback::base::ids::Generation;
use silverback::config::Loader;
use silverback::config::marketplace;
use silverback::snapshot;

/// The system's allocator, with the bytes in use and the number of blocks handed out.
struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static BLOCKS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it is; the counts are beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = BYTES.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        BLOCKS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the block came from the system's allocator, with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Megabytes in use.
fn held() -> f64 {
    BYTES.load(Ordering::Relaxed) as f64 / 1e6
}

const APIS: usize = 15_000;

/// One test, because the counts are the process's.
#[test]
fn fifteen_thousand_apis_fit() {
    let text = marketplace::generate(APIS);
    let empty = held();
    let mut loader = Loader::default();
    let (before, blocks) = (held(), BLOCKS.load(Ordering::Relaxed));
    PEAK.store(BYTES.load(Ordering::Relaxed), Ordering::Relaxed);
    let model = loader.parse_str("m.toml", &text).unwrap().model;
    let read = held();
    println!(
        "read: {:.1} MB held, {:.1} at the peak, {} blocks",
        read - before,
        PEAK.load(Ordering::Relaxed) as f64 / 1e6 - before,
        BLOCKS.load(Ordering::Relaxed) - blocks
    );
    let blocks = BLOCKS.load(Ordering::Relaxed);
    PEAK.store(BYTES.load(Ordering::Relaxed), Ordering::Relaxed);
    let snapshot = snapshot::compile(&model, Generation(1), 2).unwrap();
    let compiled = held();
    println!(
        "compiled: {:.1} MB held, {:.1} at the peak, {} blocks; router {:.1} MB",
        compiled - read,
        PEAK.load(Ordering::Relaxed) as f64 / 1e6 - read,
        BLOCKS.load(Ordering::Relaxed) - blocks,
        snapshot.router.memory() as f64 / 1e6,
    );
    drop(loader);
    let without_loader = held();
    println!("the loader's own: {:.1} MB", compiled - without_loader);
    assert!(compiled - empty < 30.0, "{:.1} MB", compiled - empty);
}
