//! The chunked coding: the message agrees with httparse and the rules, whole and cut anywhere.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../codec/oracle/mod.rs"]
#[allow(dead_code, reason = "each target uses its part")]
mod oracle;

fuzz_target!(|data: &[u8]| {
    let Some((&cut, wire)) = data.split_first() else {
        return;
    };
    oracle::chunked::check(wire);
    let cut = usize::from(cut) * wire.len() / 256;
    assert_eq!(
        oracle::chunked::ours(wire, &[cut]),
        oracle::chunked::ours(wire, &[])
    );
});
