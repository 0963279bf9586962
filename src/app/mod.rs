//! Composition root: command line, doctor, demo, exit codes.

pub mod cli;
pub mod demo;
pub mod doctor;
pub mod mock_origin;
