//! A defect on demand, for tests of what a defect costs: with `SILVERBACK_FAULTS=1` in the environment a request
//! that carries `X-Silverback-Fault: panic` panics where a broken plugin would.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::base::ids::CoreId;
use crate::http::Reply;
use crate::plugin::Filter;
use crate::plugin::RequestContext;
use crate::plugin::Spec;

/// The environment variable that admits it.
const VARIABLE: &str = "SILVERBACK_FAULTS";
/// The field that asks for it.
const FIELD: &[u8] = b"x-silverback-fault";

/// The plugins that the environment asks for; usually none.
pub(super) fn plugins() -> Vec<Arc<dyn Spec>> {
    if std::env::var_os(VARIABLE).is_none_or(|value| value != "1") {
        return Vec::new();
    }
    tracing::warn!("{VARIABLE} is set: clients may ask for defects");
    vec![Arc::new(OnDemand)]
}

#[derive(Clone, Copy, Debug)]
struct OnDemand;

impl Spec for OnDemand {
    fn priority(&self) -> i32 {
        0
    }

    fn instantiate(&self, _core: CoreId) -> Box<dyn Filter> {
        Box::new(*self)
    }
}

impl Filter for OnDemand {
    #[expect(clippy::panic, reason = "it is what was asked for")]
    fn on_request(&self, request: &RequestContext<'_>) -> ControlFlow<Reply> {
        let mut asked = request.head.fields.all_named(FIELD, request.bytes);
        if asked.any(|value| value == b"panic") {
            panic!("a panic was asked for by a request");
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::OnDemand;
    use super::Spec;
    use crate::base::ids::CoreId;
    use crate::http::RequestHead;
    use crate::plugin::RequestContext;

    #[test]
    fn requests_that_ask_for_nothing_pass() {
        let head = RequestHead::default();
        let request = RequestContext {
            head: &head,
            bytes: b"",
            path: b"/",
        };
        let filter = OnDemand.instantiate(CoreId(0));
        assert!(filter.on_request(&request).is_continue());
    }
}
