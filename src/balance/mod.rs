//! From a view of targets to one target; one file per algorithm.
