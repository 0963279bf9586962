//! Configurations: any text is loaded or refused with faults that can be printed; nothing panics, nothing takes
//! longer than its size allows (libfuzzer watches time and memory).

#![no_main]

use libfuzzer_sys::fuzz_target;
use silverback::config::Secrets;
use silverback::config::effective;
use silverback::config::parse_str;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match parse_str("fuzz.toml", text) {
        Ok(loaded) => {
            let again = effective(&loaded.model, Secrets::Shown);
            assert!(
                parse_str("again.toml", &again).is_ok(),
                "the effective configuration is one itself"
            );
        }
        Err(faults) => assert!(!faults.to_string().is_empty()),
    }
});
