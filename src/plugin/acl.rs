//! acl: lets consumers through by their groups.

use std::ops::ControlFlow;
use std::sync::Arc;

use foldhash::HashSet;
use serde::Deserialize;

use crate::entity::Check;
use crate::entity::Field;
use crate::entity::Schema;
use crate::http::Reply;

use super::Blueprint;
use super::Definition;
use super::Interrupt;
use super::Needs;
use super::Plugin;
use super::Request;
use super::auth;

#[cfg(test)]
mod tests;

/// The plugin's definition.
pub(super) const DEFINITION: Definition = Definition {
    name: "acl",
    priority: 950,
    about: "lets consumers through by their groups",
    config: Schema {
        fields: FIELDS,
        checks: &[
            Check::ExactlyOneOf(&["allow", "deny"]),
            Check::AtLeastOneOf(&["allow", "deny"]),
        ],
    },
    consumer_scope: false,
    denies: true,
    compile,
};

const FIELDS: &[Field] = &[
    Field::texts("allow", "the groups that are let through, and no others"),
    Field::texts("deny", "the groups that are not let through"),
    Field::flag(
        "hide_groups_header",
        false,
        "keep the groups from the origin",
    ),
    Field::flag(
        "always_use_authenticated_groups",
        false,
        "groups that an authentication plugin has found count for consumers with a credential too, in place of their own",
    ),
];

#[derive(Deserialize)]
struct Config {
    allow: Option<HashSet<Box<str>>>,
    deny: Option<HashSet<Box<str>>>,
    hide_groups_header: bool,
    always_use_authenticated_groups: bool,
}

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    let config: Config = blueprint.parse()?;
    let deny = config.deny.filter(|groups| !groups.is_empty());
    let denies = deny.is_some();
    Ok(Arc::new(Acl {
        denies,
        groups: deny.or(config.allow).unwrap_or_default(),
        hide: config.hide_groups_header,
        prefer_authenticated: config.always_use_authenticated_groups,
    }))
}

#[derive(Debug)]
struct Acl {
    /// The groups are those that are denied, else those that are allowed.
    denies: bool,
    groups: HashSet<Box<str>>,
    hide: bool,
    prefer_authenticated: bool,
}

impl Plugin for Acl {
    fn needs(&self) -> Needs {
        Needs::REQUEST
    }

    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        let identity = &*request.identity;
        let is_authenticated = identity.is_authenticated();
        let counts = identity.consumer.is_none() || !is_authenticated || self.prefer_authenticated;
        if counts && !identity.groups.is_empty() {
            if !self.admits(&identity.groups) {
                return forbidden();
            }
            if !self.hide {
                let groups = identity.groups.join(", ");
                let upstream = &mut *request.upstream;
                upstream.set(b"X-Authenticated-Groups", groups.as_bytes());
            }
            return ControlFlow::Continue(());
        }
        let Some(consumer) = identity.consumer_index() else {
            return unknown(is_authenticated);
        };
        let groups = request.directory.groups(consumer);
        if groups.is_empty() && !self.denies {
            return unknown(is_authenticated);
        }
        if !self.admits(groups) {
            return forbidden();
        }
        if !self.hide {
            let line = request.directory.groups_line(consumer);
            request.upstream.add_lines(line);
        }
        ControlFlow::Continue(())
    }
}

impl Acl {
    fn admits(&self, groups: &[Box<str>]) -> bool {
        groups.iter().any(|group| self.groups.contains(group)) != self.denies
    }
}

fn forbidden() -> ControlFlow<Interrupt> {
    let reply = Reply::error(403, "You cannot consume this service");
    ControlFlow::Break(auth::denied(reply).into())
}

/// The answer to somebody without groups: who has no credential either may come back with one.
fn unknown(is_authenticated: bool) -> ControlFlow<Interrupt> {
    if is_authenticated {
        return forbidden();
    }
    let reply = Reply::error(401, "Unauthorized");
    ControlFlow::Break(auth::denied(reply).into())
}
