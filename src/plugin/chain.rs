//! The filters of a route on one core, in the order of their priority.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::base::ids::CoreId;
use crate::http::Reply;
use crate::plugin::Filter;
use crate::plugin::RequestContext;
use crate::plugin::Spec;

/// Filters in the order in which they are asked.
#[derive(Debug, Default)]
pub struct Chain(Vec<Box<dyn Filter>>);

impl Chain {
    /// One core's copies of `specs`, highest priority first.
    pub fn instantiate(specs: &[Arc<dyn Spec>], core: CoreId) -> Self {
        let mut ordered: Vec<&Arc<dyn Spec>> = specs.iter().collect();
        ordered.sort_by_key(|spec| std::cmp::Reverse(spec.priority()));
        Self(
            ordered
                .into_iter()
                .map(|spec| spec.instantiate(core))
                .collect(),
        )
    }

    /// Asks each filter until one answers.
    #[inline]
    pub fn on_request(&self, request: &RequestContext<'_>) -> ControlFlow<Reply> {
        for filter in &self.0 {
            filter.on_request(request)?;
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::RequestHead;

    #[derive(Clone, Debug)]
    struct Deny(i32, u16);

    impl Spec for Deny {
        fn priority(&self) -> i32 {
            self.0
        }

        fn instantiate(&self, _core: CoreId) -> Box<dyn Filter> {
            Box::new(self.clone())
        }
    }

    impl Filter for Deny {
        fn on_request(&self, _request: &RequestContext<'_>) -> ControlFlow<Reply> {
            match self.1 {
                0 => ControlFlow::Continue(()),
                status => ControlFlow::Break(Reply::empty(status)),
            }
        }
    }

    #[test]
    fn the_highest_priority_that_breaks_answers() {
        let specs: [Arc<dyn Spec>; 3] = [
            Arc::new(Deny(1, 401)),
            Arc::new(Deny(3, 0)),
            Arc::new(Deny(2, 403)),
        ];
        let chain = Chain::instantiate(&specs, CoreId(0));
        let head = RequestHead::default();
        let request = RequestContext {
            head: &head,
            bytes: b"",
            path: b"/",
        };
        let ControlFlow::Break(reply) = chain.on_request(&request) else {
            panic!("two of them refuse");
        };
        assert_eq!(reply.status, 403);
    }
}
