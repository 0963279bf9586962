//! The paths by which a node is told how it is to be: whether clients are to be sent to it, how much its log says, and
//! which targets are healthy.

use super::Verb;
use super::describe::Answer;
use super::describe::Group;
use super::describe::Parameter;
use super::describe::Special;
use super::describe::What;
use super::special::get;
use super::special::message;
use super::special::nothing;

/// The rows, by path.
pub(super) const ALL: &[Special] = &[
    Special {
        verb: Verb::Post,
        writes: true,
        query: &[Parameter {
            name: "status",
            kind: "string",
            required: true,
            example: "draining",
            about: "`draining`; it may also stand in the body.",
        }],
        ..get(
            "/status/ready",
            What::Leave,
            "leave",
            Group::Node,
            "Makes `GET /status/ready` answer 503 until the process ends, so that no new clients are sent here; the \
             gateway goes on serving.",
            &[nothing("It does."), message(400, "It is another status.")],
        )
    },
    log_level(
        "/debug/node/log-level/{log_level}",
        "put-log-level",
        "Makes the log say more or less for a while: `debug`, `info`, `notice`, `warn`, `error`, `crit`. Lines about \
         writes are not left out.",
    ),
    log_level(
        "/debug/cluster/log-level/{log_level}",
        "put-log-level-of-cluster",
        "The same; this node is the cluster.",
    ),
    health(
        "/upstreams/{upstreams}/targets/{targets}/healthy",
        "put-target-healthy",
    ),
    health(
        "/upstreams/{upstreams}/targets/{targets}/unhealthy",
        "put-target-unhealthy",
    ),
    health(
        "/upstreams/{upstreams}/targets/{targets}/{address}/healthy",
        "put-address-healthy",
    ),
    health(
        "/upstreams/{upstreams}/targets/{targets}/{address}/unhealthy",
        "put-address-unhealthy",
    ),
];

const TIMEOUT: &[Parameter] = &[Parameter {
    name: "timeout",
    kind: "integer",
    required: false,
    example: "60",
    about: "Seconds until it is as it was, 60 if absent; 0: until the process ends.",
}];

const LEVEL_SET: &[Answer] = &[
    message(200, "It does, or has done already."),
    message(
        400,
        "There is no such level, or the time is less than none.",
    ),
];

const HEALTH_SET: &[Answer] = &[
    nothing("It is, until checks say otherwise."),
    message(
        400,
        "Nobody checks the upstream's targets, so there is no health to set.",
    ),
    message(
        404,
        "There is no such upstream, or it has no such target, or that has no such address.",
    ),
];

const fn log_level(path: &'static str, id: &'static str, about: &'static str) -> Special {
    Special {
        verb: Verb::Put,
        writes: true,
        query: TIMEOUT,
        ..get(path, What::SetLogLevel, id, Group::Node, about, LEVEL_SET)
    }
}

const fn health(path: &'static str, id: &'static str) -> Special {
    let about = "Sets the health of a target that is checked.";
    Special {
        verb: Verb::Put,
        writes: true,
        ..get(path, What::SetHealth, id, Group::Health, about, HEALTH_SET)
    }
}
