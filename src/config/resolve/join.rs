//! Putting the parts together: what only the whole configuration can tell.
//!
//! Names and ids are unique over all files, references find what they name, a section stands once, listeners do
//! not collide. The cost is a few hash look-ups for each entity; an entity of an unchanged part is shared
//! with the model of the load before.

mod people;
mod plugins;
mod routes;
mod unique;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use foldhash::HashMap;
use uuid::Uuid;

use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::model::Listener;
use crate::config::model::Model;
use crate::config::source::Place;
use crate::config::source::Sources;

use super::origin_tls;
use super::part::Part;
use super::part::Sections;
use super::sections;
use super::tls;
use unique::Named;
use unique::Unique;

/// A part and where its block stands.
#[derive(Debug)]
pub(in crate::config) struct Placed {
    pub(in crate::config) base: Place,
    pub(in crate::config) part: Box<Part>,
}

/// Makes the model of all parts. With `complete` unset some text could not be read, so that a reference to
/// something unknown may be right.
pub(in crate::config) fn join(
    placed: &mut [Placed],
    sources: &Sources,
    complete: bool,
    sink: &mut Sink,
) -> (Model, Vec<(Uuid, Place)>) {
    for Placed { base, part } in placed.iter() {
        sink.drafts
            .extend(part.drafts.iter().map(|draft| draft.moved(*base)));
    }
    let mut services = Unique::new("service", placed.len());
    let mut upstreams = Unique::new("upstream", 0);
    for Placed { base, part } in placed.iter_mut() {
        for (index, files) in part.service_files.iter().flat_map(|named| &named.0) {
            let places: Vec<Place> = files.iter().map(|at| at.moved(*base)).collect();
            let service = &mut part.services[*index].value;
            origin_tls::load(service, &places, directory(sources, *base), sink);
        }
        for entry in &mut part.services {
            services.add(entry, *base, sink);
        }
        for entry in &mut part.upstreams {
            upstreams.add(entry, *base, sink);
        }
    }
    let routes = routes::join(placed, &services, complete, sink);
    let people = people::join(placed, sink);
    let scopes = plugins::Scopes {
        services: &services,
        routes: &routes,
        consumers: &people.consumers,
    };
    let plugins = plugins::join(placed, &scopes, complete, sink);
    let mut places = people.places;
    places.extend(services.spots());
    places.extend(routes.spots());
    places.extend(upstreams.spots());
    places.extend(people.consumers.spots());
    let (plugins, of_plugins): (Vec<_>, Vec<_>) = plugins
        .into_iter()
        .map(|(plugin, place)| (Arc::clone(&plugin), (plugin.id, place)))
        .unzip();
    places.extend(of_plugins);
    for (upstream, place) in upstreams.values.iter().zip(&upstreams.places) {
        let targets = upstream.targets.iter();
        places.extend(targets.map(|target| (target.id, *place)));
    }
    let model = Model {
        gateway: once(placed, "gateway", |read| read.gateway.as_ref(), sink).unwrap_or_default(),
        limits: once(placed, "limits", |read| read.limits.as_ref(), sink).unwrap_or_default(),
        overload: once(placed, "overload", |read| read.overload.as_ref(), sink).unwrap_or_default(),
        timeouts: once(placed, "timeouts", |read| read.timeouts.as_ref(), sink).unwrap_or_default(),
        admin: once(placed, "admin", |read| read.admin.as_ref(), sink),
        access_log: once(placed, "access_log", |read| read.access_log.as_ref(), sink),
        store: once(placed, "store", |read| read.store.as_ref(), sink),
        dns: once(placed, "dns", |read| read.dns.as_ref(), sink).unwrap_or_default(),
        listeners: listeners(placed, sources, sink),
        server_names: Vec::new(),
        routes: routes::in_order(routes),
        services: services.values,
        upstreams: upstreams.values,
        consumers: people.consumers.values,
        credentials: people.credentials,
        plugins,
        unserved: Vec::new(),
    };
    let has_errors = sink.drafts.iter().any(|draft| !draft.code.is_warning());
    if complete && !has_errors {
        warn_of_unused_upstreams(&model, &upstreams.places, sink);
    }
    (model, places)
}

/// The only one of a section.
fn once<T: Clone>(
    placed: &[Placed],
    name: &str,
    section: impl Fn(&Sections) -> Option<&(Place, T)>,
    sink: &mut Sink,
) -> Option<T> {
    let mut first: Option<(Place, T)> = None;
    for Placed { base, part } in placed {
        let Some((place, value)) = part.sections.as_deref().and_then(&section) else {
            continue;
        };
        let place = place.moved(*base);
        match &first {
            None => first = Some((place, value.clone())),
            Some((first_place, _)) => {
                let message = format!("[{name}] may stand only once");
                sink.add(Code::SectionTwice, place, message)
                    .first_at(*first_place);
            }
        }
    }
    first.map(|(_, value)| value)
}

/// Where the file of a part stands: paths in it are seen from there.
fn directory(sources: &Sources, base: Place) -> &Path {
    let file = sources.files.get(base.file as usize);
    let directory = file.and_then(|file| file.path.parent());
    directory.unwrap_or(Path::new(""))
}

fn listeners(placed: &[Placed], sources: &Sources, sink: &mut Sink) -> Vec<Listener> {
    let mut found: Vec<(Place, Listener)> = Vec::new();
    for Placed { base, part } in placed {
        for entry in part.sections.iter().flat_map(|read| &read.listeners) {
            let place = entry.at.moved(*base);
            let mut listener = entry.value.clone();
            if let Some(tls) = &mut listener.tls {
                let places: Vec<Place> = entry.files.iter().map(|at| at.moved(*base)).collect();
                let directory = directory(sources, *base);
                tls::load(Arc::make_mut(tls), &places, directory, sink);
            }
            let clash = found.iter().find(|(_, other)| collide(&listener, other));
            if let Some((first, other)) = clash {
                let message = format!(
                    "listener {} collides with {}",
                    listener.address, other.address
                );
                sink.add(Code::ListenersConflict, place, message)
                    .first_at(*first);
            }
            found.push((place, listener));
        }
    }
    for Placed { base, part } in placed {
        let admin = part.sections.as_ref().and_then(|read| read.admin.as_ref());
        if let Some((place, admin)) = admin {
            let as_listener = Listener {
                address: admin.address,
                ..sections::default_listener()
            };
            let clash = found.iter().find(|(_, other)| collide(&as_listener, other));
            if let Some((first, other)) = clash {
                let message = format!("the admin listener collides with {}", other.address);
                let place = place.moved(*base);
                sink.add(Code::ListenersConflict, place, message)
                    .first_at(*first);
            }
        }
    }
    if found.is_empty() {
        return vec![sections::default_listener()];
    }
    found.into_iter().map(|(_, listener)| listener).collect()
}

/// Whether a connection could belong to either.
fn collide(a: &Listener, b: &Listener) -> bool {
    let (a, b) = (a.address, b.address);
    let covers =
        |wide: IpAddr, other: IpAddr| wide.is_unspecified() && (wide.is_ipv6() || other.is_ipv4());
    let (x, y) = (a.ip(), b.ip());
    a.port() != 0 && a.port() == b.port() && (x == y || covers(x, y) || covers(y, x))
}

fn warn_of_unused_upstreams(model: &Model, places: &[Place], sink: &mut Sink) {
    let hosts: HashMap<&str, ()> = model
        .services
        .iter()
        .map(|service| (service.host.as_str(), ()))
        .collect();
    for (upstream, place) in model.upstreams.iter().zip(places) {
        if !hosts.contains_key(upstream.name()) {
            let message = format!("no service has the host `{}`", upstream.name);
            sink.add(Code::UpstreamUnused, *place, message);
        }
    }
}
