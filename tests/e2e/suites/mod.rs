//! The suites, by topic.

mod balancing;
mod bodiless;
mod body_limits;
mod bounds;
mod caching;
mod caching_together;
mod cli;
mod clients;
mod credentials;
mod drain;
mod errors;
mod expect;
mod faults;
mod forwarding;
mod framing;
mod health;
mod importing;
mod kit;
mod limits;
mod lint;
mod lives;
mod logs;
mod machine;
mod mock;
mod observing;
mod origin_tls;
mod peers;
mod persistence;
mod plugin_recordings;
mod proxy_protocol;
mod recordings;
mod refreshing;
mod reload;
mod resilience;
mod responses;
mod retries;
mod routing;
mod secrets;
mod smuggling;
mod status;
mod tls;
mod upgrade;

use crate::support::Case;

/// Every case of every suite.
pub(crate) fn cases() -> Vec<Case> {
    [
        balancing::cases(),
        body_limits::cases(),
        bounds::cases(),
        bodiless::cases(),
        caching::cases(),
        caching_together::cases(),
        cli::cases(),
        clients::cases(),
        credentials::cases(),
        drain::cases(),
        errors::cases(),
        expect::cases(),
        faults::cases(),
        forwarding::cases(),
        framing::cases(),
        health::cases(),
        importing::cases(),
        kit::cases(),
        limits::cases(),
        lint::cases(),
        lives::cases(),
        logs::cases(),
        machine::cases(),
        mock::cases(),
        observing::cases(),
        origin_tls::cases(),
        peers::cases(),
        persistence::cases(),
        plugin_recordings::cases(),
        proxy_protocol::cases(),
        tls::cases(),
        recordings::cases(),
        refreshing::cases(),
        reload::cases(),
        resilience::cases(),
        responses::cases(),
        retries::cases(),
        routing::cases(),
        secrets::cases(),
        smuggling::cases(),
        status::cases(),
        upgrade::cases(),
    ]
    .concat()
}
