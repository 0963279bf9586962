//! What is valid in a configuration and most likely not meant: routes, services and plugins that no request ever meets.
//!
//! A pure function of a [`Model`], whether it came from files or from the store. It says nothing that is not certain, so
//! whoever wants to may treat a finding as a fault; what stands in TOML and is wrong by itself is `config`'s to say.
//! It costs one pass over all entities and is done where configurations are read, never where requests are served.

mod plugins;
mod routes;
#[cfg(test)]
mod tests;

use std::fmt;

use foldhash::HashSet;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::config::Model;
use crate::config::Places;
use crate::config::model::Plugin;
use crate::config::model::Route;
use crate::config::model::Service;
use crate::config::model::Unserved;
use crate::config::model::Upstream;

/// A kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lint {
    /// A route whose requests other routes take, all of them.
    RouteUnreachable,
    /// A route that asks for exactly the same as an older one.
    RouteTwin,
    /// A route for methods that no route is asked for.
    RouteRefused,
    /// A route of a disabled service.
    RouteDisabled,
    /// A service without a route.
    ServiceUnrouted,
    /// A plugin where others are more specific on every route.
    PluginShadowed,
    /// A plugin on a service and on a route of another one.
    PluginMisplaced,
    /// A route that wants a field to have one of no values.
    RouteUnmatched,
    /// Something in the store that the gateway does not serve.
    Unserved,
    /// An upstream whose targets are checked while nothing of it counts.
    ChecksIdle,
}

impl Lint {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::RouteUnreachable,
        Self::RouteTwin,
        Self::RouteRefused,
        Self::RouteDisabled,
        Self::ServiceUnrouted,
        Self::PluginShadowed,
        Self::PluginMisplaced,
        Self::RouteUnmatched,
        Self::Unserved,
        Self::ChecksIdle,
    ];

    /// The number that stands for the kind everywhere.
    pub fn number(self) -> &'static str {
        match self {
            Self::RouteUnreachable => "SB0401",
            Self::RouteTwin => "SB0402",
            Self::RouteRefused => "SB0403",
            Self::RouteDisabled => "SB0404",
            Self::ServiceUnrouted => "SB0405",
            Self::PluginShadowed => "SB0406",
            Self::PluginMisplaced => "SB0407",
            Self::RouteUnmatched => "SB0408",
            Self::Unserved => "SB0409",
            Self::ChecksIdle => "SB0410",
        }
    }
}

/// Something that is most likely not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub lint: Lint,
    /// The kind of the entity, as in paths of the Admin API.
    pub kind: &'static str,
    /// The entity.
    pub id: Uuid,
    /// What it is called; of a plugin, which one it is.
    pub name: Option<String>,
    /// Where it stands: `file:line`, or its path in the Admin API if it was written over REST.
    pub place: Box<str>,
    /// What is the matter.
    pub message: String,
    /// Where the other entity stands that it is about.
    pub other: Option<Box<str>>,
}

impl Finding {
    /// As data: `code`, `severity`, `kind`, `id`, `name`, `place`, `message`, `other`; and `file` and `line` if it stands in
    /// a file, as faults have them.
    pub fn value(&self) -> Value {
        let spot = self.place.rsplit_once(':');
        let spot = spot.and_then(|(file, line)| Some((file, line.parse::<u64>().ok()?)));
        json!({
            "code": self.lint.number(),
            "severity": "warning",
            "file": spot.map(|(file, _)| file),
            "line": spot.map(|(_, line)| line),
            "kind": self.kind,
            "id": self.id,
            "name": self.name,
            "place": self.place,
            "message": self.message,
            "other": self.other,
        })
    }
}

impl fmt::Display for Finding {
    /// One line: `file:line: number: message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lint,
            place,
            message,
            other,
            ..
        } = self;
        write!(f, "{place}: {}: {message}", lint.number())?;
        match other {
            Some(other) => write!(f, " ({other})"),
            None => Ok(()),
        }
    }
}

/// Everything that is odd, by kind of entity and in the model's order. `places` says what stands in files, and where.
pub fn lint(model: &Model, places: &Places) -> Vec<Finding> {
    let mut report = Report {
        places,
        findings: Vec::new(),
    };
    let dead = routes::lint(model, &mut report);
    unrouted(model, &mut report);
    idle_checks(model, &mut report);
    plugins::lint(model, &dead, &mut report);
    for unserved in &model.unserved {
        let unserved = &**unserved;
        let message = format!(
            "{} is stored and not served: {}",
            called(unserved),
            unserved.why
        );
        report.add(Lint::Unserved, unserved, message, None);
    }
    report.findings
}

/// Services that no request can reach, because they have no route.
fn unrouted(model: &Model, report: &mut Report<'_>) {
    let routed: HashSet<u32> = model
        .routes
        .iter()
        .filter_map(|route| route.service.map(|service| service.0))
        .collect();
    for (index, service) in (0..).zip(&model.services) {
        if service.enabled && !routed.contains(&index) {
            let message = format!(
                "{} has no route, so no request reaches it",
                called(&**service)
            );
            report.add(Lint::ServiceUnrouted, &**service, message, None);
        }
    }
}

/// Upstreams that are checked for nothing: Kong's thresholds are zero unless they are set, and zero counts nothing.
fn idle_checks(model: &Model, report: &mut Report<'_>) {
    for upstream in &model.upstreams {
        let Some(rules) = &upstream.resilience else {
            continue;
        };
        let counted = rules.active.thresholds;
        let takes_out = [
            counted.http_failures,
            counted.tcp_failures,
            counted.timeouts,
        ];
        let lost = match (takes_out == [0; 3], counted.successes == 0) {
            (true, true) => "neither takes a target out nor brings one back",
            (true, false) if rules.passive.thresholds.is_off() => "takes no target out",
            (false, true) => "brings no target back",
            (_, _) => continue,
        };
        if rules.active.is_on() {
            let message = format!(
                "{} is checked, and that {lost}: thresholds are 0",
                called(&**upstream)
            );
            report.add(Lint::ChecksIdle, &**upstream, message, None);
        }
    }
}

/// Where findings are gathered.
struct Report<'p> {
    places: &'p Places,
    findings: Vec<Finding>,
}

impl Report<'_> {
    fn add(&mut self, lint: Lint, about: &dyn Entity, message: String, other: Option<&dyn Entity>) {
        self.findings.push(Finding {
            lint,
            kind: about.kind(),
            id: about.id(),
            name: about.name().map(str::to_owned),
            place: self.place(about),
            message,
            other: other.map(|other| self.place(other)),
        });
    }

    fn place(&self, entity: &dyn Entity) -> Box<str> {
        let id = entity.id();
        let stored = || format!("/{}/{id}", entity.kind()).into();
        self.places.get(&id).cloned().unwrap_or_else(stored)
    }
}

/// What a finding says of an entity.
trait Entity {
    /// Its kind, as in paths of the Admin API.
    fn kind(&self) -> &'static str;
    /// Its id.
    fn id(&self) -> Uuid;
    /// What it is called.
    fn name(&self) -> Option<&str>;
}

impl Entity for Service {
    fn kind(&self) -> &'static str {
        "services"
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl Entity for Route {
    fn kind(&self) -> &'static str {
        "routes"
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl Entity for Upstream {
    fn kind(&self) -> &'static str {
        "upstreams"
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }
}

impl Entity for Plugin {
    fn kind(&self) -> &'static str {
        "plugins"
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn name(&self) -> Option<&str> {
        Some(Self::name(self))
    }
}

impl Entity for Unserved {
    fn kind(&self) -> &'static str {
        self.kind.as_str()
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// An entity in a sentence.
fn called(entity: &dyn Entity) -> String {
    let one = entity.kind().trim_end_matches('s');
    match entity.name() {
        Some(name) => format!("{one} `{name}`"),
        None => format!("{one} {}", entity.id()),
    }
}
