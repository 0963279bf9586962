//! Tasks against a collection in memory.
