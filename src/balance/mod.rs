//! From a view of targets to one target; one file per algorithm.
//!
//! [`Algorithm`] is compiled once per upstream and shared between cores; each core makes a [`Balancer`]
//! from it and asks that. What is known of the targets is passed in as a slice of [`TargetView`], whose
//! owner counts requests in flight, notes latencies and judges health; nothing here keeps time or does I/O.
//! What a request is hashed by is named in [`HashOn`] and extracted elsewhere.

mod algorithm;
mod consistent_hashing;
mod ewma;
mod hash_on;
mod latency;
mod least_connections;
mod round_robin;
mod target;

pub use algorithm::Algorithm;
pub use algorithm::Balancer;
pub use algorithm::Policy;
pub use consistent_hashing::Ring;
pub use ewma::Ewma;
pub use hash_on::HashInput;
pub use hash_on::HashKey;
pub use hash_on::HashOn;
pub use latency::seed_latency;
pub use target::Ask;
pub use target::TargetView;

#[cfg(test)]
mod tests;
