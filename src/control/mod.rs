//! Process-wide state: reload, DNS, merged totals, lifecycle.
