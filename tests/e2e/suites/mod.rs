//! The suites, by topic.

mod adversity;
mod balancing;
mod bodiless;
mod body_limits;
mod bounds;
mod caching;
mod caching_together;
mod cli;
mod clients;
mod credentials;
mod crowds;
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
mod overload;
mod packages;
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
mod succession;
mod tls;
mod upgrade;

use crate::support::Case;

/// Every case of every suite.
pub(crate) fn cases() -> Vec<Case> {
    [
        adversity::cases(),
        balancing::cases(),
        body_limits::cases(),
        bounds::cases(),
        bodiless::cases(),
        caching::cases(),
        caching_together::cases(),
        cli::cases(),
        clients::cases(),
        credentials::cases(),
        crowds::cases(),
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
        overload::cases(),
        packages::cases(),
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
        succession::cases(),
        upgrade::cases(),
    ]
    .concat()
}
