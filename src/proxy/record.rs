//! The one place where an exchange is recorded, whatever became of it: metrics, then the access log.

use crate::proxy::exchange::Exchange;
use crate::snapshot::RoutePlan;
use crate::telemetry::AccessRecord;
use crate::telemetry::Outcome;

/// Records the exchange.
pub(super) fn record(exchange: &mut Exchange<'_>) {
    let shard = &exchange.cx.shard;
    let (moments, tally) = (&exchange.moments, &exchange.tally);
    let ended = shard.now();
    let total_ns = ended.nanos_since(moments.received);
    // While a long body is relayed the gateway waits for others, so its own part ends before.
    let served = moments.delivered.unwrap_or(ended);
    let served_ns = served.nanos_since(moments.received);
    let upstream_ns = moments
        .sent
        .map(|sent| moments.answered.unwrap_or(ended).nanos_since(sent));
    let outcome = Outcome {
        generation: exchange.instance.snapshot.generation,
        route: tally.route,
        status: tally.status,
        cause: tally.cause,
        overhead_ns: served_ns.saturating_sub(upstream_ns.unwrap_or(0)),
        upstream_ns,
        total_ns,
        bytes_in: tally.bytes_in,
        bytes_out: tally.bytes_out,
        upstream_bytes_in: tally.upstream_bytes_in,
        upstream_bytes_out: tally.upstream_bytes_out,
        reused: tally.reused,
        retries: tally.retries,
    };
    shard.metrics.record(&outcome);
    exchange.tell_plugins(total_ns);
    if let Some(log) = &shard.log {
        log.push(&access_record(exchange, &outcome));
    }
}

fn access_record<'a>(exchange: &'a Exchange<'_>, outcome: &Outcome) -> AccessRecord<'a> {
    let understood = exchange.body.understood;
    let head = &exchange.scratch.request;
    let bytes: &[u8] = if understood { exchange.input } else { b"" };
    let field = |name| {
        if understood {
            head.fields.get(name, bytes)
        } else {
            None
        }
    };
    let snapshot = &exchange.instance.snapshot;
    let route = exchange.tally.route.map(|route| snapshot.route(route));
    let service = route
        .and_then(RoutePlan::service)
        .map(|service| snapshot.service(service));
    AccessRecord {
        unix_micros: exchange.cx.shard.unix_micros_at(exchange.moments.received),
        client_ip: exchange.client.address.ip(),
        client_port: exchange.client.address.port(),
        secure: exchange.client.listening.tls.is_some(),
        version: head.version,
        status: outcome.status,
        cause: outcome.cause,
        bytes_received: outcome.bytes_in,
        bytes_sent: outcome.bytes_out,
        total_ns: outcome.total_ns,
        upstream_ns: outcome.upstream_ns,
        gateway_ns: outcome.overhead_ns,
        upstream_addr: exchange.tally.upstream,
        retries: outcome.retries,
        connection_requests: exchange.client.requests,
        core: exchange.cx.shard.core,
        truncated: false,
        method: head.method_span.of(bytes),
        host: head.host.of(bytes),
        path: if understood { exchange.raw_path() } else { b"" },
        query: if understood {
            head.target.query.map(|query| query.of(bytes))
        } else {
            None
        },
        service: service.map_or(b"", |service| service.label.as_bytes()),
        route: route.map_or(b"", |route| route.named.label.as_bytes()),
        request_id: &exchange.request_id,
        user_agent: field(crate::http::Name::UserAgent).unwrap_or_default(),
        referer: field(crate::http::Name::Referer).unwrap_or_default(),
        would_deny: exchange.scratch.verdicts.would_deny.names(),
    }
}
