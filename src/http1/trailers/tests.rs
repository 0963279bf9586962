//! Trailers: taken, refused, and bounded.
