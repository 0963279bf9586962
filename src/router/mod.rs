//! From a request head to a route, in Kong's order; compiled once, immutable.
