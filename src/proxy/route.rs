//! The first stage: from a head to the route that serves it, or to the answer that needs no upstream.

use std::rc::Rc;

use crate::base::limits;
use crate::http::Cause;
use crate::http::Method;
use crate::http::Name;
use crate::http::TargetForm;
use crate::http::path::canonicalize;
use crate::http::reply::PSEUDONYM;
use crate::http::reply::Reply;
use crate::proxy::exchange::Exchange;
use crate::proxy::failure::Stop;
use crate::router::Facts;
use crate::router::Match;
use crate::router::Scheme;
use crate::snapshot::Decision;
use crate::snapshot::decide;

/// A request with its route.
#[derive(Debug)]
pub(super) struct Routed {
    pub(super) matched: Match,
}

/// Finds the request's route. The canonical path is left in the exchange's scratch: it is what plugins, the
/// upstream's path and the log see.
pub(super) fn route(exchange: &mut Exchange<'_>) -> Result<Routed, Stop> {
    refuse_early(exchange)?;
    let mut canonical = std::mem::take(&mut exchange.scratch.canonical);
    canonical.clear();
    let head = &exchange.scratch.request;
    let bytes: &[u8] = exchange.input;
    let path = canonicalize(exchange.raw_path(), &mut canonical);
    let path = path.map_err(|_| Cause::RequestMalformed)?;
    let instance = Rc::clone(&exchange.instance);
    let snapshot = &instance.snapshot;
    let secured = exchange.client.listening.tls.is_some();
    let facts = Facts {
        scheme: if secured { Scheme::Https } else { Scheme::Http },
        method: head.method_span.of(bytes),
        host: head.host.of(bytes),
        port: head.port.unwrap_or(if secured { 443 } else { 80 }),
        path,
        fields: &head.fields,
        head: bytes,
        sni: exchange
            .client
            .secured
            .and_then(|it| it.sni.as_deref().map(str::as_bytes)),
    };
    let decision = decide(
        snapshot,
        &facts,
        &mut exchange.cx.shard.routing.borrow_mut(),
    );
    exchange.scratch.canonical = canonical;
    exchange.tally.route = decision.matched().map(|matched| matched.route);
    match decision {
        // Without a service only plugins can answer it.
        Decision::Serve(matched, _) | Decision::NoService(matched) => Ok(Routed { matched }),
        Decision::RequireHttps(matched) => {
            let status = snapshot.route(matched.route).https_redirect_status;
            Err(https_required(exchange, status))
        }
        Decision::NoRoute => Err(Cause::RouteNotFound.into()),
    }
}

/// What is answered whatever the routes say: methods that this gateway does not pass on, `OPTIONS *`,
/// and requests that have come round in a circle.
fn refuse_early(exchange: &Exchange<'_>) -> Result<(), Stop> {
    let head = &exchange.scratch.request;
    let bytes: &[u8] = exchange.input;
    if let Some(cause) = head.method.refusal(head.method_span.of(bytes)) {
        return Err(cause.into());
    }
    if head.method == Method::Options {
        let hops = head.fields.get(Name::MaxForwards, bytes);
        if head.target.form == TargetForm::Asterisk || hops == Some(b"0") {
            return Err(Stop::Reply(Box::new(Reply::options_asterisk())));
        }
    }
    if let Some(cause) = exchange.body.broken {
        return Err(cause.into());
    }
    let most = exchange.instance.snapshot.request_body_bytes;
    if exchange
        .body
        .remaining()
        .is_some_and(|rest| rest + exchange.body.first as u64 > most)
        || exchange.body.first as u64 > most
    {
        return Err(Cause::RequestBodyTooLarge.into());
    }
    if head.fields.has(Name::Via) && hops(head.fields.all(Name::Via, bytes)) > limits::LOOP_HOPS {
        return Err(Cause::LoopDetected.into());
    }
    Ok(())
}

/// How often our own pseudonym stands in the Via fields.
fn hops<'b>(vias: impl Iterator<Item = &'b [u8]>) -> usize {
    vias.map(|via| memchr::memmem::find_iter(via, PSEUDONYM).count())
        .sum()
}

/// The answer of a route for HTTPS alone: 426, or the redirect that the route asks for.
fn https_required(exchange: &Exchange<'_>, status: u16) -> Stop {
    if status == 426 {
        return Cause::HttpsRequired.into();
    }
    let head = &exchange.scratch.request;
    let mut location = b"https://".to_vec();
    location.extend_from_slice(head.host.of(exchange.input));
    match head.target.form {
        TargetForm::Origin => location.extend_from_slice(head.target_span.of(exchange.input)),
        TargetForm::Absolute | TargetForm::Authority | TargetForm::Asterisk => {
            location.extend_from_slice(exchange.raw_path());
        }
    }
    Stop::Reply(Box::new(Reply::redirect(status, location)))
}
