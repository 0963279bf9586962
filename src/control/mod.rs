//! Process-wide state: reload, DNS, merged totals, lifecycle.
pub mod dns;
pub mod watch;
