//! What 15,000 APIs cost in memory and in allocations, counted where they are made, so that a debug build on a busy machine
//! tells the same as a release on a quiet one.

#[path = "footprint/counting.rs"]
mod counting;

use std::sync::atomic::Ordering;

use counting::BLOCKS;
use counting::BYTES;
use counting::PEAK;
use counting::held;
use silverback::base::ids::Generation;
use silverback::config::Loader;
use silverback::config::marketplace;
use silverback::snapshot;

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
    // A route has room for three kinds of plugins, used or not; a service for TLS, an upstream for rules and limits.
    assert!(compiled - empty < 32.0, "{:.1} MB", compiled - empty);
}
