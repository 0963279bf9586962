//! Where a body ends, decided from all framing fields together.
