//! What the gateway would decide about a request, and why: for `silverback route test` and the Admin API.
//!
//! The request is written as a client would send it and goes through the same parser, canonical path and
//! [`decide`] as one from the network, so what is shown is what would happen. The runners-up come from the
//! router's own explanation. Nothing is sent.

mod plugins;
pub mod print;
pub mod question;
#[cfg(test)]
mod tests;

use uuid::Uuid;

use crate::base::ids::RouteIndex;
use crate::config::Model;
use crate::config::model::Route;
use crate::http::Cause;
use crate::http::RequestHead;
use crate::http::path::canonicalize;
use crate::http1::request;
use crate::http1::request::Parsed;
use crate::router::Considered;
use crate::router::Facts;
use crate::router::Match;
use crate::router::Router;
use crate::router::Scheme;
use crate::router::Scratch;
use crate::router::upstream_path;
use crate::snapshot;
use crate::snapshot::Decision;
use crate::snapshot::Snapshot;
use crate::snapshot::decide;
use crate::telemetry::mask::Mask;

pub use question::FieldLine;
pub use question::Question;

/// What would become of a request.
#[derive(Debug)]
pub struct Tried {
    /// The answer.
    pub verdict: Verdict,
    /// The plugins that cover the winner, in the order in which they are asked.
    pub plugins: Vec<Asked>,
    /// Every other route in the order of their closeness: those that match and lost first.
    pub others: Vec<Other>,
    /// What is hidden of the request where it is shown.
    mask: Mask,
}

/// What the request would meet.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes upstream.
    Served(Winner, Upstream),
    /// It has a route, but the gateway answers itself, with this.
    Answered(Winner, u16, &'static str),
    /// It has no route, and is answered with this.
    Refused(Cause),
}

/// The route that won.
#[derive(Debug, PartialEq, Eq)]
pub struct Winner {
    /// Its name or id.
    pub route: String,
    /// The path of it that matched, as configured; none if it asks for no path.
    pub path: Option<String>,
    /// What a regex path's groups matched, by name or number.
    pub captures: Vec<(String, String)>,
}

/// Where the request would go.
#[derive(Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The service's name or id.
    pub service: String,
    /// The whole URL, the host as the service has it.
    pub url: String,
}

/// A plugin that covers the winner, whether it would be asked or not.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked {
    /// Kong's name of its kind.
    pub name: &'static str,
    /// Its id.
    pub id: Uuid,
    /// Its kind's priority; higher is asked first.
    pub priority: i32,
    /// What it is put on, as `route orders`, `service shop, consumer alice`, or `everything`.
    pub on: String,
    /// Why it is asked or not.
    pub part: Part,
}

/// What a plugin has to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is asked, whoever the consumer is.
    Anyone,
    /// It is asked if the request turns out to be its consumer's.
    ItsConsumer,
    /// Another one of its kind is put on something more specific.
    Shadowed,
}

/// A route that did not win.
#[derive(Debug)]
pub struct Other {
    /// Its name or id.
    pub route: String,
    /// Why.
    pub why: crate::router::Verdict,
}

/// Tries a request.
///
/// # Errors
/// Why the configuration does not compile.
pub fn try_request(
    model: &Model,
    request: &Question,
    headers: &[FieldLine],
) -> Result<Tried, String> {
    let snapshot = snapshot::compile(model, crate::base::ids::Generation(1), 1)?;
    let bytes = head_of(request, headers);
    let mut head = RequestHead::default();
    let parsed = request::parse(
        &bytes,
        &snapshot.head_limits,
        &mut request::Progress::default(),
        &mut head,
    );
    let mut canonical = Vec::new();
    let mask = Mask::with(model.carriers());
    let refused = |cause| {
        Ok(Tried {
            verdict: Verdict::Refused(cause),
            plugins: Vec::new(),
            others: Vec::new(),
            mask: mask.clone(),
        })
    };
    match parsed {
        Ok(Parsed::Complete) => {}
        Ok(Parsed::Partial) => return refused(Cause::RequestMalformed),
        Err(fault) => return refused(fault.cause()),
    }
    if let Some(cause) = head.method.refusal(head.method_span.of(&bytes)) {
        return refused(cause);
    }
    let Ok(path) = canonicalize(head.target.path.of(&bytes), &mut canonical) else {
        return refused(Cause::RequestMalformed);
    };
    let host = head.host.of(&bytes);
    let facts = Facts {
        scheme: if request.secure {
            Scheme::Https
        } else {
            Scheme::Http
        },
        method: head.method_span.of(&bytes),
        host,
        port: head.port.unwrap_or(if request.secure { 443 } else { 80 }),
        path,
        fields: &head.fields,
        head: &bytes,
        // A client names no address in the handshake (RFC 6066 section 3).
        sni: (request.secure && !is_address(host)).then_some(host),
    };
    let query = head.target.query.map(|query| query.of(&bytes));
    let case = Case {
        model,
        snapshot: &snapshot,
        routes: snapshot::served(model),
        facts: &facts,
        query,
        mask: &mask,
    };
    let verdict = case.verdict();
    Ok(Tried {
        plugins: case.plugins(),
        verdict,
        others: case.others()?,
        mask,
    })
}

/// The head that a client would send.
fn head_of(request: &Question, headers: &[FieldLine]) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    if !headers
        .iter()
        .any(|header| header.name.eq_ignore_ascii_case("host"))
    {
        head.push_str(&format!("Host: {}\r\n", request.authority));
    }
    for FieldLine { name, value } in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn is_address(host: &[u8]) -> bool {
    std::str::from_utf8(host).is_ok_and(|host| host.parse::<std::net::IpAddr>().is_ok())
}

/// A request beside a compiled configuration.
struct Case<'a> {
    model: &'a Model,
    snapshot: &'a Snapshot,
    /// By the router's index.
    routes: Vec<&'a Route>,
    facts: &'a Facts<'a>,
    query: Option<&'a [u8]>,
    mask: &'a Mask,
}

impl Case<'_> {
    fn verdict(&self) -> Verdict {
        let mut scratch = Scratch::default();
        let decision = decide(self.snapshot, self.facts, &mut scratch);
        match decision {
            Decision::Serve(matched, _) => {
                let winner = self.winner(&matched, &mut scratch);
                match self.upstream(&matched) {
                    Some(upstream) => Verdict::Served(winner, upstream),
                    None => Verdict::Refused(Cause::ServiceMissing),
                }
            }
            Decision::RequireHttps(matched) => {
                let status = self.snapshot.route(matched.route).https_redirect_status;
                let why = "the route is for HTTPS alone";
                Verdict::Answered(self.winner(&matched, &mut scratch), status, why)
            }
            Decision::NoService(matched) => {
                let row = Cause::ServiceMissing.row();
                let winner = self.winner(&matched, &mut scratch);
                Verdict::Answered(winner, row.status, row.when)
            }
            Decision::NoRoute => Verdict::Refused(Cause::RouteNotFound),
        }
    }

    fn name(&self, route: RouteIndex) -> String {
        self.snapshot.route(route).named.label.to_string()
    }

    fn winner(&self, matched: &Match, scratch: &mut Scratch) -> Winner {
        let route = self.routes.get(matched.route.0 as usize);
        let pattern = matched.pattern.map(usize::from);
        let path = pattern.and_then(|at| route?.paths.get(at).cloned());
        let router = &self.snapshot.router;
        let captures = router.captures(matched, self.facts.path, scratch);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let captures = captures.iter().flat_map(|captures| captures.iter());
        let captures = captures.filter_map(|(number, name, value)| {
            let name = name.map_or_else(|| number.to_string(), ToOwned::to_owned);
            Some((name, text(value?)))
        });
        Winner {
            route: self.name(matched.route),
            path,
            captures: captures.collect(),
        }
    }

    /// Scheme, host and port as the service has them, path as the data plane would write it.
    fn upstream(&self, matched: &Match) -> Option<Upstream> {
        let plan = self.snapshot.route(matched.route);
        let destination = plan.destination.as_ref()?;
        let service = self
            .model
            .service_of(self.routes.get(matched.route.0 as usize)?)?;
        let mut path = Vec::new();
        upstream_path(
            &mut path,
            &destination.path,
            matched,
            self.facts.path,
            plan.strip,
        );
        if let Some(query) = self.query {
            path.push(b'?');
            path.extend_from_slice(&self.mask.query(query));
        }
        let (protocol, host, port) = (service.protocol.as_str(), &service.host, service.port);
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.clone()
        };
        let path = String::from_utf8_lossy(&path);
        Some(Upstream {
            service: self.snapshot.service(destination.service).label.to_string(),
            url: format!("{protocol}://{host}:{port}{path}"),
        })
    }

    fn others(&self) -> Result<Vec<Other>, String> {
        let criteria: Result<Vec<_>, _> = self
            .routes
            .iter()
            .map(|route| snapshot::criteria_of(route))
            .collect();
        let criteria = criteria.map_err(|fault| fault.to_string())?;
        let considered = Router::explain(&criteria, self.facts).into_iter();
        let lost =
            considered.filter(|considered| considered.verdict != crate::router::Verdict::Won);
        let other = |Considered { route, verdict, .. }| Other {
            route: self.name(route),
            why: verdict,
        };
        Ok(lost.map(other).collect())
    }
}
