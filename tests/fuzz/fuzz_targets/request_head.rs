//! Request heads: the verdict agrees with httparse and the rules, whole and cut anywhere.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../codec/oracle/mod.rs"]
#[allow(dead_code, reason = "each target uses its part")]
mod oracle;

fuzz_target!(|data: &[u8]| {
    let Some((&cut, bytes)) = data.split_first() else {
        return;
    };
    oracle::request::check(bytes);
    let cut = usize::from(cut) * bytes.len() / 256;
    let whole = oracle::request::ours(bytes, &[]);
    assert_eq!(oracle::request::ours(bytes, &[cut]), whole);
});
