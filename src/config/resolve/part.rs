//! What one block of text says by itself: entities and sections, resolved as far as they can be alone.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use toml::de::DeTable;

use crate::config::code::Code;
use crate::config::fault::Draft;
use crate::config::fault::Sink;
use crate::config::model::AccessLog;
use crate::config::model::Admin;
use crate::config::model::Dns;
use crate::config::model::ExchangeTimeouts;
use crate::config::model::Gateway;
use crate::config::model::Limits;
use crate::config::model::Listener;
use crate::config::model::Overload;
use crate::config::model::Route;
use crate::config::model::Service;
use crate::config::model::Timeouts;
use crate::config::model::Upstream;
use crate::config::raw::Table;
use crate::config::raw::text::Text;
use crate::config::schema;
use crate::config::source::Place;
use crate::plugin::Compiler;
use crate::plugin::Consumer;
use crate::plugin::Credential;

use super::consumers;
use super::plugins;
use super::plugins::PluginEntry;
use super::routes;
use super::sections;
use super::services;
use super::upstreams;

/// Places count from the start of the block.
#[derive(Debug, Default)]
pub(in crate::config) struct Part {
    pub(in crate::config) includes: Vec<(Place, String)>,
    /// Boxed, because a loader keeps thousands of parts and only the first has any.
    pub(super) sections: Option<Box<Sections>>,
    pub(super) services: Vec<Entry<Service>>,
    /// Boxed, because most parts have none.
    pub(super) service_files: Option<Box<ServiceFiles>>,
    pub(super) routes: Vec<RouteEntry>,
    pub(super) upstreams: Vec<Entry<Upstream>>,
    pub(super) consumers: Vec<Entry<Consumer>>,
    pub(super) credentials: Vec<Entry<Credential>>,
    pub(super) plugins: Vec<PluginEntry>,
    pub(in crate::config) drafts: Vec<Draft>,
    /// Whether the text is TOML at all.
    pub(in crate::config) is_toml: bool,
    /// Whether it says anything about entities, in whatever form.
    pub(in crate::config) has_entities: bool,
}

/// The files that the TLS of services names, with the service's index.
#[derive(Debug, Default)]
pub(super) struct ServiceFiles(pub(super) Vec<(usize, Vec<Place>)>);

/// What is not an entity.
#[derive(Debug, Default)]
pub(super) struct Sections {
    pub(super) gateway: Option<(Place, Gateway)>,
    pub(super) limits: Option<(Place, Limits)>,
    pub(super) overload: Option<(Place, Overload)>,
    pub(super) timeouts: Option<(Place, Timeouts)>,
    pub(super) admin: Option<(Place, Admin)>,
    pub(super) access_log: Option<(Place, AccessLog)>,
    pub(super) dns: Option<(Place, Dns)>,
    pub(super) store: Option<(Place, PathBuf)>,
    pub(super) listeners: Vec<ListenerEntry>,
}

/// A listener with the places that faults about it show.
#[derive(Debug)]
pub(super) struct ListenerEntry {
    /// Its address.
    pub(super) at: Place,
    /// The files that its TLS names.
    pub(super) files: Vec<Place>,
    pub(super) value: Listener,
}

/// An entity with the places that faults about it show.
#[derive(Debug)]
pub(super) struct Entry<T> {
    /// Its name, or its header if it has none.
    pub(super) at: Place,
    /// Its id, if one is given.
    pub(super) id_at: Option<Place>,
    pub(super) value: Arc<T>,
}

/// A route, whose service may stand elsewhere.
#[derive(Debug)]
pub(super) struct RouteEntry {
    pub(super) entry: Entry<Route>,
    pub(super) owner: Owner,
    pub(super) own: OwnTimeouts,
}

/// Which service a route belongs to.
#[derive(Debug)]
pub(super) enum Owner {
    /// None.
    None,
    /// The part's service with this index.
    Within(usize),
    /// The one with this name or id, wherever it stands.
    Named(String, Place),
}

/// An entity that a plugin is put on.
#[derive(Debug)]
pub(super) enum Reference {
    /// The one that it stands in.
    Within(Target),
    /// The one with this name or id, wherever it stands.
    Named(Box<(String, Place)>),
}

/// An entity of the same part, by its index there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Service(usize),
    Route(usize),
    Consumer(usize),
}

impl Target {
    /// The key that a plugin would name it by.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Service(_) => "service",
            Self::Route(_) => "route",
            Self::Consumer(_) => "consumer",
        }
    }
}

/// The timeouts that a route sets itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OwnTimeouts {
    pub(super) connect: Option<Duration>,
    pub(super) write: Option<Duration>,
    pub(super) read: Option<Duration>,
    pub(super) idle: Option<Duration>,
    pub(super) total: Option<Duration>,
}

impl OwnTimeouts {
    /// These, and `inherited` where there are none.
    pub(super) fn over(self, inherited: ExchangeTimeouts) -> ExchangeTimeouts {
        ExchangeTimeouts {
            connect: self.connect.unwrap_or(inherited.connect),
            write: self.write.unwrap_or(inherited.write),
            read: self.read.unwrap_or(inherited.read),
            idle: self.idle.unwrap_or(inherited.idle),
            total: self.total.or(inherited.total),
        }
    }
}

impl Part {
    /// Reads a block of a file.
    pub(in crate::config) fn read(text: &str, compiler: &mut Compiler) -> Self {
        let mut sink = Sink::default();
        let (document, errors) = DeTable::parse_recoverable(text);
        let mut is_toml = true;
        for error in errors {
            let duplicate = error.message() == "duplicate key";
            is_toml &= duplicate;
            let code = if duplicate {
                Code::DuplicateKey
            } else {
                Code::Syntax
            };
            let end = text.trim_end().len();
            let place = Place::of(error.span().unwrap_or(end..end));
            sink.add(code, place, error.message());
        }
        let mut part = Self {
            is_toml,
            ..Self::default()
        };
        if is_toml {
            part.resolve(document.get_ref(), text, compiler, &mut sink);
        }
        part.drafts = sink.drafts;
        part.shrink();
        part
    }

    /// A loader keeps thousands of parts with one entity of a kind, where a list would have room for four.
    fn shrink(&mut self) {
        self.services.shrink_to_fit();
        self.routes.shrink_to_fit();
        self.upstreams.shrink_to_fit();
        self.consumers.shrink_to_fit();
        self.credentials.shrink_to_fit();
        self.plugins.shrink_to_fit();
    }

    fn resolve<'t>(
        &mut self,
        document: &'t DeTable<'t>,
        text: &'t str,
        compiler: &mut Compiler,
        sink: &mut Sink,
    ) {
        let root = Table::root(&schema::ROOT, document, text, sink);
        let includes = root.texts("include", sink);
        let owned = |text: &Text<'_>| (text.place, text.value.to_owned());
        self.includes = includes.iter().map(owned).collect();
        self.sections = sections::read(&root, sink);
        for table in root.tables("services", &schema::SERVICES, sink) {
            services::read(&table, self, compiler, sink);
        }
        for table in root.tables("routes", &schema::ROUTES, sink) {
            routes::read(&table, None, self, compiler, sink);
        }
        for table in root.tables("upstreams", &schema::UPSTREAMS, sink) {
            upstreams::read(&table, self, sink);
        }
        for table in root.tables("consumers", &schema::CONSUMERS, sink) {
            consumers::read(&table, self, compiler, sink);
        }
        for table in root.tables("plugins", &schema::PLUGINS, sink) {
            plugins::read(&table, None, self, compiler, sink);
        }
        let entities = ["services", "routes", "upstreams", "consumers", "plugins"];
        self.has_entities = entities.iter().any(|key| root.get(key).is_some());
    }
}
