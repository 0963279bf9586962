//! Request heads that are taken, refused, and cut at every byte.
