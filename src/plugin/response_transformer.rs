//! response-transformer: changes an answer's fields and the top level of its JSON body on the way to the client.
//!
//! Order of work as in Kong: remove, rename, replace, add, append. For the fields, what is there is what the origin has
//! sent, whatever the rules before have done to it; for the body, each rule sees what those before it have left.

mod rules;
mod schema;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::Arc;

use super::Blueprint;
use super::BodyWish;
use super::Definition;
use super::Edits;
use super::Interrupt;
use super::Needs;
use super::Plugin;
use super::Response;
use super::ResponseBody;
use super::transform::is_json;
use super::transform::object::Object;
use crate::base::limits;
use crate::http::Name;
use crate::http::ResponseHead;

use rules::Config;
use rules::Rules;

/// The plugin.
pub const DEFINITION: Definition = Definition {
    name: "response-transformer",
    priority: 800,
    about: "changes answers on their way to the client",
    config: schema::SCHEMA,
    consumer_scope: true,
    denies: false,
    compile,
};

/// A configuration of it.
#[derive(Debug)]
struct ResponseTransformer {
    headers: Rules,
    json: Rules,
}

/// The fields as they were before this plugin.
struct Before<'a> {
    origin: Option<(&'a ResponseHead, &'a [u8])>,
    edits: Edits,
}

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    let config: Config = blueprint.parse()?;
    Ok(Arc::new(ResponseTransformer {
        headers: config.headers(),
        json: config.json(),
    }))
}

impl Plugin for ResponseTransformer {
    fn needs(&self) -> Needs {
        if self.json.is_empty() {
            Needs::RESPONSE
        } else {
            Needs::RESPONSE.and(Needs::RESPONSE_BODY)
        }
    }

    fn on_response(&self, response: &mut Response<'_>) -> ControlFlow<Interrupt> {
        if !self.headers.is_empty() {
            self.change_fields(response);
        }
        if !self.json.is_empty() && has_json(|name| response.field(name)) {
            response.body = BodyWish::Whole(limits::TRANSFORM_RESPONSE_BYTES);
        }
        ControlFlow::Continue(())
    }

    fn on_response_body(&self, body: &mut ResponseBody<'_>) {
        let before = Before {
            origin: Some(body.origin),
            edits: body.edits.clone(),
        };
        if !self.json.is_empty()
            && has_json(|name| before.values(name).first().copied())
            && let Some(changed) = changed(&self.json, body.bytes)
        {
            *body.bytes = changed;
        }
    }
}

impl ResponseTransformer {
    fn change_fields(&self, response: &mut Response<'_>) {
        let before = Before {
            origin: response.origin,
            edits: response.edits.clone(),
        };
        let edits = &mut *response.edits;
        for name in &self.headers.remove {
            edits.remove(name.as_bytes());
        }
        for (old, new) in &self.headers.rename {
            let values = before.values(old.as_bytes());
            if !values.is_empty() {
                edits.remove(new.as_bytes());
                for value in values {
                    edits.add(new.as_bytes(), value);
                }
                edits.remove(old.as_bytes());
            }
        }
        for (name, value) in &self.headers.replace {
            if before.has(name.as_bytes()) {
                edits.set(name.as_bytes(), value.as_bytes());
            }
        }
        for (name, value) in &self.headers.add {
            if before.is_free(name.as_bytes()) {
                edits.set(name.as_bytes(), value.as_bytes());
            }
        }
        for (name, value) in &self.headers.append {
            if before.may_have_more(name.as_bytes()) {
                edits.add(name.as_bytes(), value.as_bytes());
            }
        }
    }
}

impl<'a> Before<'a> {
    /// All values that the client would see.
    fn values(&self, name: &[u8]) -> Vec<&[u8]> {
        let received = self
            .origin
            .filter(|_| !self.edits.removes(Name::of(name), name))
            .into_iter()
            .flat_map(|(head, bytes)| head.fields.all_named(name, bytes));
        received.chain(self.edits.all_added(name)).collect()
    }

    fn has(&self, name: &[u8]) -> bool {
        !self.values(name).is_empty()
    }

    /// Whether a field is not there and may be.
    fn is_free(&self, name: &[u8]) -> bool {
        !self.has(name) && self.may_have_more(name)
    }

    /// Whether more lines may have this name: an answer of the gateway itself says already what its body is.
    fn may_have_more(&self, name: &[u8]) -> bool {
        self.origin.is_some() || Name::of(name) != Name::ContentType
    }
}

/// Whether there is a JSON body that can be read.
fn has_json<'f>(field: impl Fn(&[u8]) -> Option<&'f [u8]>) -> bool {
    let coding = field(b"content-encoding").unwrap_or(b"identity");
    field(b"content-type").is_some_and(is_json) && coding.eq_ignore_ascii_case(b"identity")
}

/// A JSON object as the rules make it; none if it stays as it is, as all that is no object does.
fn changed(rules: &Rules, body: &[u8]) -> Option<Vec<u8>> {
    let before = Object::parse(body).ok()?;
    let mut object = before.clone();
    for name in &rules.remove {
        object.remove(name);
    }
    for (old, new) in &rules.rename {
        object.rename(old, new);
    }
    for (name, value) in &rules.replace {
        if object.holds(name) {
            object.set(name, value.to_string());
        }
    }
    for (name, value) in &rules.add {
        if !object.holds(name) {
            object.set(name, value.to_string());
        }
    }
    for (name, value) in &rules.append {
        object.append(name, value);
    }
    (object != before).then(|| object.write())
}
