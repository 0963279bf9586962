//! The admin listener: status, metrics, reload.
