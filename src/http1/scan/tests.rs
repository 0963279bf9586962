//! The vectorised scans against the plain ones.
