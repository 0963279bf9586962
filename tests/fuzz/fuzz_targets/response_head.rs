//! Response heads: the verdict agrees with httparse and the rules, whole and cut anywhere.

#![no_main]

use libfuzzer_sys::fuzz_target;
use silverback::http::Method;

#[path = "../../codec/oracle/mod.rs"]
#[allow(dead_code, reason = "each target uses its part")]
mod oracle;

fuzz_target!(|data: &[u8]| {
    let Some((&cut, bytes)) = data.split_first() else {
        return;
    };
    let method = if cut % 2 == 0 {
        Method::Get
    } else {
        Method::Head
    };
    oracle::response::check(bytes, method);
    oracle::response::check_cut(bytes, method, usize::from(cut) * bytes.len() / 256);
});
