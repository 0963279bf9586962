//! From TOML to a model that cannot be wrong, reporting every fault at once with its place.

pub mod model;

pub use model::Model;
