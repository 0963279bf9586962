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
    oracle::request::check_cut(bytes, usize::from(cut) * bytes.len() / 256);
});
