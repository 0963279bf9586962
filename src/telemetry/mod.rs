//! The metrics catalogue, one core's counters and histograms, encoders, log records.
