//! The upper bounds of histograms.

/// Buckets of what a proxy adds, from 10 µs.
pub(super) const FINE: Buckets<16> = Buckets {
    nanos: [
        10_000,
        20_000,
        30_000,
        50_000,
        75_000,
        100_000,
        150_000,
        250_000,
        500_000,
        1_000_000,
        2_500_000,
        5_000_000,
        10_000_000,
        50_000_000,
        100_000_000,
        1_000_000_000,
    ],
    seconds: [
        "0.00001", "0.00002", "0.00003", "0.00005", "0.000075", "0.0001", "0.00015", "0.00025",
        "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.05", "0.1", "1",
    ],
};

/// OpenTelemetry's advice for request durations, which begins at 5 ms, and finer ones before it.
pub(super) const COARSE: Buckets<18> = Buckets {
    nanos: [
        100_000,
        250_000,
        500_000,
        1_000_000,
        5_000_000,
        10_000_000,
        25_000_000,
        50_000_000,
        75_000_000,
        100_000_000,
        250_000_000,
        500_000_000,
        750_000_000,
        1_000_000_000,
        2_500_000_000,
        5_000_000_000,
        7_500_000_000,
        10_000_000_000,
    ],
    seconds: [
        "0.0001", "0.00025", "0.0005", "0.001", "0.005", "0.01", "0.025", "0.05", "0.075", "0.1",
        "0.25", "0.5", "0.75", "1", "2.5", "5", "7.5", "10",
    ],
};

/// Upper bounds of a histogram's buckets, as numbers and as labels.
pub(super) struct Buckets<const N: usize> {
    pub(super) nanos: [u64; N],
    pub(super) seconds: [&'static str; N],
}
