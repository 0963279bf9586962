//! From a model to an immutable snapshot, and the pure decision over it.
