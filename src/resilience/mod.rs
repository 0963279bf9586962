//! How the gateway bears what it cannot change: state machines over time and chance that are passed in.

pub mod adaptive;
pub mod fair;
pub mod gate;
pub mod throttle;

#[cfg(test)]
mod simulation;
