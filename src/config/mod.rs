//! From TOML to a model that cannot be wrong, reporting every fault at once with its place.
