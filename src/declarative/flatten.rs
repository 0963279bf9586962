//! From a nested document to a list of entities.

use std::collections::HashMap;
use std::collections::HashSet;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::base::ids::kong_id;
use crate::entity::Document;
use crate::entity::Kind;

use super::Declaration;
use super::Declared;
use super::Misplaced;
use super::version::Version;

/// Lists that stand within entities: the outer kind, the inner one, and the field by which the inner one refers out.
pub const NESTED: [(Kind, Kind, &str); 11] = [
    (Kind::Services, Kind::Routes, "service"),
    (Kind::Services, Kind::Plugins, "service"),
    (Kind::Routes, Kind::Plugins, "route"),
    (Kind::Consumers, Kind::KeyauthCredentials, "consumer"),
    (Kind::Consumers, Kind::BasicauthCredentials, "consumer"),
    (Kind::Consumers, Kind::HmacauthCredentials, "consumer"),
    (Kind::Consumers, Kind::JwtSecrets, "consumer"),
    (Kind::Consumers, Kind::Acls, "consumer"),
    (Kind::Consumers, Kind::Plugins, "consumer"),
    (Kind::Upstreams, Kind::Targets, "upstream"),
    (Kind::Certificates, Kind::Snis, "certificate"),
];

/// Fields that refer to an entity, by the kind that they are in.
fn references(kind: Kind) -> &'static [(&'static str, Kind)] {
    match kind {
        Kind::Routes => &[("service", Kind::Services)],
        Kind::Plugins => &[
            ("service", Kind::Services),
            ("route", Kind::Routes),
            ("consumer", Kind::Consumers),
        ],
        Kind::Targets => &[("upstream", Kind::Upstreams)],
        Kind::Snis => &[("certificate", Kind::Certificates)],
        Kind::Services | Kind::Upstreams => &[("client_certificate", Kind::Certificates)],
        Kind::KeyauthCredentials
        | Kind::BasicauthCredentials
        | Kind::HmacauthCredentials
        | Kind::JwtSecrets
        | Kind::Acls => &[("consumer", Kind::Consumers)],
        Kind::Consumers | Kind::Certificates | Kind::CaCertificates | Kind::Vaults => &[],
    }
}

/// The field that an entity is known by besides its id.
fn name_field(kind: Kind) -> &'static str {
    match kind {
        Kind::Consumers | Kind::BasicauthCredentials | Kind::HmacauthCredentials => "username",
        Kind::KeyauthCredentials | Kind::JwtSecrets => "key",
        Kind::Targets => "target",
        Kind::Acls => "group",
        Kind::Vaults => "prefix",
        Kind::CaCertificates | Kind::Certificates => "cert",
        Kind::Services | Kind::Routes | Kind::Plugins | Kind::Upstreams | Kind::Snis => "name",
    }
}

/// What a document's entities are; parents come before what refers to them.
///
/// # Errors
/// Everything that keeps it from being a configuration at all: its format, lists that are none, references to nothing.
pub fn flatten(document: Value) -> Result<Declaration, Vec<Misplaced>> {
    let (declaration, faults) = survey(document)?;
    match faults.is_empty() {
        true => Ok(declaration),
        false => Err(faults),
    }
}

/// The same with all that is wrong of single entities beside what could be read, for whoever wants to tell what else
/// is. A reference to nothing is one to [`Uuid::nil`] then, and what was declared before is left out.
///
/// # Errors
/// What keeps a document from being looked into.
pub fn survey(document: Value) -> Result<(Declaration, Vec<Misplaced>), Vec<Misplaced>> {
    let Value::Object(mut document) = document else {
        return Err(vec![misplaced("(document)", "expected a record")]);
    };
    let version = Version::of(document.get("_format_version"))
        .map_err(|message| vec![misplaced("_format_version", &message)])?;
    let transform = document.get("_transform") != Some(&Value::Bool(false));
    let mut reader = Reader {
        version,
        entities: Vec::new(),
        unsupported: Vec::new(),
        faults: Vec::new(),
    };
    for kind in Kind::ALL {
        if let Some(list) = document.remove(kind.as_str()) {
            reader.list(kind, list, kind.as_str(), None);
        }
    }
    for (key, value) in document {
        let empty = value.as_array().is_some_and(Vec::is_empty) || value.is_null();
        if !key.starts_with('_') && !empty {
            let message = "entities of this kind are not supported";
            reader.unsupported.push(misplaced(&key, message));
        }
    }
    reader.resolve();
    reader.leave_out_doubles();
    let mut entities = reader.entities;
    let order = |kind: Kind| Kind::ALL.iter().position(|known| *known == kind);
    entities.sort_by_key(|entity| order(entity.kind));
    let declaration = Declaration {
        version,
        transform,
        entities,
        unsupported: reader.unsupported,
    };
    Ok((declaration, reader.faults))
}

fn misplaced(path: &str, message: &str) -> Misplaced {
    Misplaced {
        path: path.to_owned(),
        message: message.to_owned(),
    }
}

struct Reader {
    version: Version,
    entities: Vec<Declared>,
    unsupported: Vec<Misplaced>,
    faults: Vec<Misplaced>,
}

impl Reader {
    fn list(&mut self, kind: Kind, list: Value, path: &str, parent: Option<(&str, Uuid)>) {
        let items = match list {
            Value::Array(items) => items,
            Value::Null => Vec::new(),
            _ => {
                self.faults.push(misplaced(path, "expected an array"));
                return;
            }
        };
        for (index, item) in items.into_iter().enumerate() {
            let path = format!("{path}[{index}]");
            match item {
                Value::Object(fields) => self.entity(kind, fields, path, parent),
                _ => self.faults.push(misplaced(&path, "expected a record")),
            }
        }
    }

    fn entity(
        &mut self,
        kind: Kind,
        mut fields: Document,
        path: String,
        parent: Option<(&str, Uuid)>,
    ) {
        if let Some((field, id)) = parent {
            fields.insert(field.to_owned(), json!({ "id": id }));
        }
        fields.retain(|key, _| !key.starts_with('_') && key != "ws_id");
        let inner: Vec<(Kind, &str, Value)> = NESTED
            .iter()
            .filter(|(outer, ..)| *outer == kind)
            .filter_map(|(_, inner, field)| Some((*inner, *field, fields.remove(inner.as_str())?)))
            .collect();
        if kind == Kind::Routes {
            self.convert_paths(&mut fields);
        }
        let given = fields.get("id").and_then(Value::as_str);
        let id = match given.map(Uuid::parse_str) {
            Some(Ok(id)) => id,
            Some(Err(_)) => {
                let place = format!("{path}.id");
                self.faults.push(misplaced(&place, "expected a valid UUID"));
                return;
            }
            None => derived_id(kind, &fields, &path),
        };
        fields.insert("id".to_owned(), Value::from(id.to_string()));
        for (kind, field, list) in inner {
            let path = format!("{path}.{}", kind.as_str());
            self.list(kind, list, &path, Some((field, id)));
        }
        self.entities.push(Declared {
            kind,
            id,
            fields,
            path,
        });
    }

    fn convert_paths(&self, route: &mut Document) {
        let paths = route.get_mut("paths").and_then(Value::as_array_mut);
        for path in paths.into_iter().flatten() {
            if let Some(text) = path.as_str() {
                *path = Value::from(self.version.path(text));
            }
        }
    }

    /// Leaves out what has the name or the id of one before it.
    fn leave_out_doubles(&mut self) {
        let mut known: HashSet<(Kind, String)> = HashSet::new();
        let faults = &mut self.faults;
        self.entities.retain(|entity| {
            let kind = entity.kind;
            let all: Vec<String> = marks(entity).collect();
            let double = all
                .iter()
                .find(|mark| known.contains(&(kind, (*mark).clone())));
            if let Some(mark) = double {
                let kind = kind.as_str();
                let message =
                    format!("uniqueness violation: '{kind}' entity with {mark} already declared");
                faults.push(misplaced(&entity.path, &message));
                return false;
            }
            known.extend(all.into_iter().map(|mark| (kind, mark)));
            true
        });
    }

    /// Turns names in references into ids.
    fn resolve(&mut self) {
        let mut names: HashMap<(Kind, String), Uuid> = HashMap::new();
        for entity in &self.entities {
            let name = entity.fields.get(name_field(entity.kind));
            if let Some(name) = name.and_then(Value::as_str) {
                names.insert((entity.kind, name.to_owned()), entity.id);
            }
        }
        for entity in &mut self.entities {
            for (field, kind) in references(entity.kind) {
                let Some(value) = entity
                    .fields
                    .get_mut(*field)
                    .filter(|value| !value.is_null())
                else {
                    continue;
                };
                let Some(text) = referred(value, name_field(*kind)) else {
                    continue;
                };
                let id = match Uuid::parse_str(&text) {
                    Ok(id) => Some(id),
                    Err(_) => names.get(&(*kind, text.clone())).copied(),
                };
                match id {
                    Some(id) => *value = json!({ "id": id }),
                    None => {
                        let kind = kind.as_str();
                        let message = format!(
                            "invalid reference '{field}: {text}' (no such entry in '{kind}')"
                        );
                        let path = format!("{}.{field}", entity.path);
                        self.faults.push(misplaced(&path, &message));
                        *value = json!({ "id": Uuid::nil() });
                    }
                }
            }
        }
    }
}

/// What a second one of cannot be declared, in Kong's words: an entity of this endpoint key, or of this id.
fn marks(entity: &Declared) -> impl Iterator<Item = String> {
    let of = entity.kind.entity();
    let key = entity.kind.endpoint_key().filter(|_| of.has_unique_key());
    // A message shows no secret.
    let field = key.and_then(|key| of.schema.field(key));
    let key = field.filter(|field| !field.secret).map(|field| field.name);
    let value = key.and_then(|key| Some((key, entity.fields.get(key)?.as_str()?)));
    let key = value.map(|(key, value)| format!("{key} set to '{value}'"));
    let id = format!("primary key set to '{}'", entity.id);
    key.into_iter().chain([id])
}

/// The name or id that a reference gives, however it is written.
fn referred(value: &Value, name_field: &str) -> Option<String> {
    let text = match value {
        Value::String(text) => Some(text.as_str()),
        Value::Object(map) => map
            .get("id")
            .or_else(|| map.get(name_field))
            .and_then(Value::as_str),
        _ => None,
    };
    text.map(str::to_owned)
}

/// Kong's id of an entity without one: from its name, or from what it is.
fn derived_id(kind: Kind, fields: &Map<String, Value>, path: &str) -> Uuid {
    let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default();
    let parent = |key: &str| {
        let id = fields.get(key).and_then(|parent| parent.get("id"));
        id.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let name = text(name_field(kind));
    let key = match kind {
        Kind::Plugins => format!(
            "{name}:{}:{}:{}",
            parent("route"),
            parent("service"),
            parent("consumer")
        ),
        Kind::Targets => format!("{name}:{}", parent("upstream")),
        Kind::Acls => format!("{name}:{}", parent("consumer")),
        _ if name.is_empty() => path.to_owned(),
        _ => name.to_owned(),
    };
    kong_id(kind.as_str(), &key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_entities_refer_to_what_they_stand_in() {
        let declaration = flatten(json!({
            "_format_version": "3.0",
            "services": [{ "name": "s", "url": "http://a.test", "routes": [
                { "name": "r", "paths": ["/r"], "plugins": [{ "name": "key-auth" }] },
            ] }],
            "plugins": [{ "name": "cors", "service": "s", "consumer": { "username": "c" } }],
            "consumers": [{ "username": "c", "acls": [{ "group": "g" }] }],
            "keys": [{ "name": "made-up" }],
        }))
        .unwrap();
        let names: Vec<(Kind, &str)> = declaration
            .entities
            .iter()
            .map(|entity| (entity.kind, entity.path.as_str()))
            .collect();
        assert_eq!(
            names,
            [
                (Kind::Services, "services[0]"),
                (Kind::Routes, "services[0].routes[0]"),
                (Kind::Consumers, "consumers[0]"),
                (Kind::Acls, "consumers[0].acls[0]"),
                (Kind::Plugins, "services[0].routes[0].plugins[0]"),
                (Kind::Plugins, "plugins[0]"),
            ]
        );
        let id = |index: usize| json!({ "id": declaration.entities[index].id });
        assert_eq!(declaration.entities[1].fields["service"], id(0));
        assert_eq!(declaration.entities[4].fields["route"], id(1));
        assert_eq!(declaration.entities[5].fields["service"], id(0));
        assert_eq!(declaration.entities[5].fields["consumer"], id(2));
        assert_eq!(declaration.unsupported.len(), 1);
        assert_eq!(declaration.entities[0].id, kong_id("services", "s"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let fault = |document: Value| flatten(document).unwrap_err()[0].to_string();
        assert_eq!(fault(json!([])), "(document): expected a record");
        assert_eq!(
            fault(json!({ "services": [] })),
            "_format_version: required field missing"
        );
        let version = "_format_version";
        assert_eq!(
            fault(json!({ version: "3.0", "services": {} })),
            "services: expected an array"
        );
        assert_eq!(
            fault(json!({ version: "3.0", "routes": [{ "name": "r", "service": "x" }] })),
            "routes[0].service: invalid reference 'service: x' (no such entry in 'services')"
        );
        let z = json!({ "name": "z", "host": "a.test" });
        assert_eq!(
            fault(json!({ version: "3.0", "services": [z, z] })),
            "services[1]: uniqueness violation: 'services' entity with name set to 'z' already declared"
        );
        let id = Uuid::max();
        let key = json!({ "username": "u", "keyauth_credentials": [{ "id": id, "key": "canary" }, { "id": id }] });
        assert_eq!(
            fault(json!({ version: "3.0", "consumers": [key] })),
            format!(
                "consumers[0].keyauth_credentials[1]: uniqueness violation: 'keyauth_credentials' entity with \
                 primary key set to '{id}' already declared"
            )
        );
    }
}
