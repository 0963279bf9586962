//! Everything one core owns.
