//! One OS thread: pin, runtime, accept, housekeeping, drain.
