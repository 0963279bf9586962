//! The plugin trait, phase contexts, the chain.
