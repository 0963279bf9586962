//! The pure decision: which route and service a request belongs to, or why it belongs to none.
//!
//! The data plane and `silverback route test` ask the same function, so what the one shows is what the other
//! does.

use crate::base::ids::ServiceIndex;
use crate::router::Facts;
use crate::router::Match;
use crate::router::Scheme;
use crate::router::Scratch;
use crate::snapshot::Snapshot;

/// What a snapshot says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It goes to this service.
    Serve(Match, ServiceIndex),
    /// Its route is for HTTPS alone and it came over plain TCP.
    RequireHttps(Match),
    /// Its route has no service.
    NoService(Match),
    /// No route matches.
    NoRoute,
}

impl Decision {
    /// The route, if there is one.
    pub fn matched(&self) -> Option<&Match> {
        match self {
            Self::Serve(matched, _) | Self::RequireHttps(matched) | Self::NoService(matched) => {
                Some(matched)
            }
            Self::NoRoute => None,
        }
    }
}

/// Decides about a request. Costs one look-up in the router and allocates nothing.
#[inline]
pub fn decide(snapshot: &Snapshot, facts: &Facts<'_>, scratch: &mut Scratch) -> Decision {
    let Some(matched) = snapshot.router.find(facts, scratch) else {
        return Decision::NoRoute;
    };
    let plan = snapshot.route(matched.route);
    if facts.scheme == Scheme::Http && !plan.serves_http {
        return Decision::RequireHttps(matched);
    }
    match plan.service() {
        Some(service) => Decision::Serve(matched, service),
        None => Decision::NoService(matched),
    }
}
