//! Field lines: names, values, and every byte that may not stand in them.
