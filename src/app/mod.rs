//! Composition root: command line, doctor, demo, exit codes.

pub mod cli;
pub mod doctor;
