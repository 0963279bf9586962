//! Faults on demand, for tests of what nothing but a bug can cause. Built into debug builds alone, and there
//! dead unless the process was started with `SILVERBACK_FAULTS` in its environment.

use std::time::Duration;

use crate::base::clock;
use crate::proxy::exchange::Exchange;

const STALL: Duration = Duration::from_millis(10);

/// Whether this process obeys requests for faults.
pub(super) fn wanted() -> bool {
    std::env::var_os("SILVERBACK_FAULTS").is_some()
}

/// Panics if the request asks for it by `X-Silverback-Fault: panic`; keeps the core busy for 10 ms if it asks for
/// `stall`.
#[expect(clippy::panic, reason = "the fault that is asked for")]
pub(super) fn strike(exchange: &Exchange<'_>) {
    if !exchange.cx.faults {
        return;
    }
    let fields = &exchange.scratch.request.fields;
    for fault in fields.all_named(b"X-Silverback-Fault", exchange.input) {
        if fault == b"panic" {
            panic!("a fault was asked for");
        }
        if fault == b"stall" {
            let until = clock::now().plus(STALL);
            while clock::now() < until {
                std::hint::spin_loop();
            }
        }
    }
}
