//! Faults on demand, for tests of what nothing but a bug can cause. Built into debug builds alone, and there
//! dead unless the process was started with `SILVERBACK_FAULTS` in its environment.

use crate::proxy::exchange::Exchange;

/// Whether this process obeys requests for faults.
pub(super) fn wanted() -> bool {
    std::env::var_os("SILVERBACK_FAULTS").is_some()
}

/// Panics if the request asks for it by `X-Silverback-Fault: panic`.
#[expect(clippy::panic, reason = "the fault that is asked for")]
pub(super) fn strike(exchange: &Exchange<'_>) {
    if !exchange.cx.faults {
        return;
    }
    let fields = &exchange.scratch.request.fields;
    let mut faults = fields.all_named(b"X-Silverback-Fault", exchange.input);
    if faults.any(|fault| fault == b"panic") {
        panic!("a fault was asked for");
    }
}
