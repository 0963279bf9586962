//! What a TLS client says first: no bytes make the reader panic, and more bytes change no verdict.

#![no_main]

use libfuzzer_sys::fuzz_target;
use silverback::net::tls::client_hello::Step;
use silverback::net::tls::client_hello::parse;

fuzz_target!(|data: &[u8]| {
    let Some((&cut, bytes)) = data.split_first() else {
        return;
    };
    let whole = parse(bytes);
    let part = parse(&bytes[..usize::from(cut) * bytes.len() / 256]);
    if part != Ok(Step::Partial) && !bytes.is_empty() {
        assert_eq!(part, whole);
    }
});
