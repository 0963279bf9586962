//! Vocabulary without a domain: ids, clock, seeded randomness, and the bounds of everything.

pub mod clock;
pub mod cores;
pub mod ids;
pub mod limits;
pub mod node;
pub mod rng;
pub mod tier;
