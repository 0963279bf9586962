//! One core's targets: idle pools, in-flight counts, connecting.
