//! What the gateway knows about itself: the metrics catalogue, one core's counters and histograms, the
//! totals they merge into, the Prometheus text, and the access log from record to written line.
//!
//! A core counts in plain cells ([`CoreMetrics`]) and encodes records into its own batch
//! ([`AccessLogSender`]); control merges ([`Totals`]) and encodes ([`prometheus`]); the log thread formats
//! and writes ([`log_thread`]). No state here is shared between threads: deltas and batches are moved.
//! Who carries them is `bus`.

pub mod catalog;
pub mod civil;
pub mod counter;
mod escape;
pub mod facts;
pub mod format;
pub mod latency;
pub mod line;
pub mod local;
pub mod log_sender;
pub mod log_thread;
pub mod log_writer;
pub mod mask;
pub mod process;
pub mod prometheus;
pub mod record;
mod refusals;
mod series;
mod sheds;
pub mod totals;
pub mod variable;

pub use counter::Counter;
pub use counter::Gauge;
pub use facts::Facts;
pub use format::Format;
pub use local::CoreMetrics;
pub use local::Delta;
pub use local::Outcome;
pub use log_sender::AccessLogSender;
pub use log_sender::LogBatch;
pub use log_thread::LogThread;
pub use record::AccessRecord;
pub use refusals::Refused;
pub use sheds::Reason;
pub use totals::RouteName;
pub use totals::Totals;
