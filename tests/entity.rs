//! Replays what the Admin API of a real Kong 3.9.1 was recorded to answer, at the level of the collection of
//! entities: what HTTP adds to it, which is little for most requests, stands here in a few lines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "golden/admin.rs"]
mod admin;

use admin::Case;
use admin::Known;
use serde_json::Value;
use serde_json::json;
use silverback::entity::Document;
use silverback::entity::Entities;
use silverback::entity::Env;
use silverback::entity::Error;
use silverback::entity::Filter;
use silverback::entity::Kind;
use silverback::entity::PAGE_SIZE;
use silverback::entity::PluginSchemas;
use silverback::entity::Tags;
use silverback::entity::describe;
use silverback::entity::infer;
use silverback::entity::page_size;
use silverback::plugin::registry::Registry;
use uuid::Uuid;

/// What is not the collection's business: methods, media types, paths of their own.
const OUTSIDE: &[&str] = &[
    "HEAD ",
    "OPTIONS ",
    "GET /endpoints",
    "GET /status",
    "GET /debug",
    "GET /cache",
    "DELETE /cache",
    "GET /config",
    "POST /config",
    "GET /plugins/enabled",
    "GET /consumer_groups",
    "GET /zzz",
    "POST /zzz",
    "POST / ",
    "GET / ",
    "GET //services",
    "DELETE /services ",
    "PUT /services ",
    "DELETE /routes/r1/service",
    "GET /upstreams/u1/health",
    "GET /upstreams/none/health",
    "PUT /upstreams/u1/targets/127.0.0.1:19002/",
];

/// An answer.
type Answer = (u16, Option<Value>);

#[test]
fn the_collection_answers_as_kong_does() {
    let mut replay = Replay::new();
    let (mut same, mut outside, mut faults) = (0, Vec::new(), Vec::new());
    for case in admin::read().cases {
        if is_outside(&case) {
            outside.push(case.id);
            continue;
        }
        let answer = replay.ask(&case);
        match replay.judge(&case, &answer) {
            Ok(()) => same += 1,
            Err(fault) => faults.push(format!("{} {}: {fault}", case.id, case.label)),
        }
    }
    println!("{same} cases are the same");
    println!("{} are not for the collection: {outside:?}", outside.len());
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

fn is_outside(case: &Case) -> bool {
    let request = format!("{} {} ", case.method, case.path);
    let is_text = case.body.is_string();
    let is_form = case.sent.get("Content-Type").map(String::as_str)
        == Some("application/x-www-form-urlencoded");
    OUTSIDE.iter().any(|start| request.starts_with(start)) || (is_text && !is_form)
}

/// A collection that is asked one request after the other.
struct Replay {
    entities: Entities,
    known: Known,
    ids: u128,
}

impl Replay {
    fn new() -> Self {
        Self {
            entities: Entities::new(&Registry),
            known: Known::default(),
            ids: 0x2000_0000_0000_4000_8000_0000_0000_0000,
        }
    }

    fn judge(&mut self, case: &Case, (status, body): &Answer) -> Result<(), String> {
        if *status != case.status {
            return Err(format!("wanted {}, got {status} {body:?}", case.status));
        }
        let answer = body.as_ref().unwrap_or(&Value::Null);
        // Our ids are not Kong's, so neither is their order.
        let unordered = case.answer.get("data").is_some();
        self.known.compare(case, answer, unordered)
    }

    fn ask(&mut self, case: &Case) -> Answer {
        let method = case.method.as_str();
        let target = self.known.fill_all(&case.path);
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let path: Vec<String> = path.split('/').skip(1).map(decoded).collect();
        let path: Vec<&str> = path
            .iter()
            .map(String::as_str)
            .filter(|part| !part.is_empty())
            .collect();
        let input = match &case.body {
            Value::Object(_) => {
                let text = self.known.fill_all(&case.body.to_string());
                serde_json::from_str(&text).unwrap()
            }
            Value::String(form) => self.form(form, &path),
            _ => Document::new(),
        };
        let result = self.route(method, &path, query, input);
        result.unwrap_or_else(|error| (error.status(), Some(error.body())))
    }

    /// A form as a decoder leaves it, with the types of its schema.
    fn form(&self, form: &str, path: &[&str]) -> Document {
        let mut input = json!({});
        for pair in form.split('&') {
            let (name, value) = pair.split_once('=').unwrap();
            let (name, is_list) = match name.strip_suffix("[]") {
                Some(name) => (name, true),
                None => (name, false),
            };
            let place = name.split('.').fold(&mut input, |at, name| &mut at[name]);
            match (is_list, &mut *place) {
                (true, Value::Array(values)) => values.push(json!(value)),
                (true, place) => *place = json!([value]),
                (false, place) => *place = json!(value),
            }
        }
        let kind = path.iter().rev().find_map(|name| collection(name)).unwrap();
        infer(kind, input.as_object().cloned().unwrap(), &Registry)
    }

    fn route(
        &mut self,
        method: &str,
        path: &[&str],
        query: &str,
        input: Document,
    ) -> Result<Answer, Error> {
        match *path {
            ["schemas", ref rest @ ..] => self.schemas(method, rest, input),
            ["tags", ref tag @ ..] => Ok(self.tags(tag.first().copied())),
            [name] => {
                let kind = collection(name).unwrap();
                self.all(method, kind, None, query, input)
            }
            [name, key] => {
                let kind = collection(name).unwrap();
                let found = self.entities.find(kind, key).map(|(id, _)| id);
                self.one(method, kind, (key, found), None, input)
            }
            [parent, key, reference @ ("service" | "consumer")] => {
                let found = self.entities.find(collection(parent).unwrap(), key);
                let id =
                    found.and_then(|(_, child)| child[reference]["id"].as_str().map(str::to_owned));
                let Some(id) = id else { return Ok(not_found()) };
                let kind = if reference == "service" {
                    Kind::Services
                } else {
                    Kind::Consumers
                };
                let found = Uuid::parse_str(&id).ok();
                self.one(method, kind, (&id, found), None, input)
            }
            [parent, key, name, ref rest @ ..] => {
                let parent = collection(parent).unwrap();
                let Some((id, _)) = self.entities.find(parent, key) else {
                    return Ok(not_found());
                };
                let (kind, field) = nested(parent, name);
                match *rest {
                    [] | ["all"] => self.all(method, kind, Some((field, id)), query, input),
                    [key, ..] => {
                        let found = self
                            .entities
                            .find_in(kind, (field, id), key)
                            .map(|(id, _)| id);
                        self.one(method, kind, (key, found), Some((field, id)), input)
                    }
                }
            }
            [] => unreachable!("the root is outside"),
        }
    }

    fn all(
        &mut self,
        method: &str,
        kind: Kind,
        parent: Option<(&'static str, Uuid)>,
        query: &str,
        mut input: Document,
    ) -> Result<Answer, Error> {
        if method == "POST" {
            if let Some((field, id)) = parent {
                input.insert(field.to_owned(), json!({ "id": id }));
            }
            let (document, _) = self.write(|entities, env| entities.insert(kind, input, env))?;
            return Ok((201, Some(Value::Object(document))));
        }
        let arguments = query.split('&').filter_map(|pair| pair.split_once('='));
        let (mut size, mut offset, mut filter) = (PAGE_SIZE, None, Filter::default());
        filter.foreign = parent;
        for (name, value) in arguments {
            match name {
                "size" => size = page_size(value)?,
                "offset" => offset = Some(value),
                "tags" => filter.tags = Tags::parse(value)?,
                "custom_id" => {
                    let found = self.entities.find_by(kind, "custom_id", value);
                    let data: Vec<Document> = found.into_iter().map(|(_, found)| found).collect();
                    return Ok((200, Some(json!({ "data": data, "next": null }))));
                }
                _ => {}
            }
        }
        let page = self.entities.list(kind, &filter, size, offset)?;
        let mut body = json!({ "data": page.data, "next": null });
        if let Some(offset) = page.offset {
            body["next"] = json!(format!("?offset={offset}"));
            body["offset"] = json!(offset);
        }
        Ok((200, Some(body)))
    }

    fn one(
        &mut self,
        method: &str,
        kind: Kind,
        (key, found): (&str, Option<Uuid>),
        parent: Option<(&'static str, Uuid)>,
        mut input: Document,
    ) -> Result<Answer, Error> {
        match (method, found) {
            ("GET", Some(id)) => {
                let document = self.entities.get(kind, id).unwrap();
                Ok((200, Some(Value::Object(document))))
            }
            ("PUT", _) => {
                if let Some((field, id)) = parent {
                    input.insert(field.to_owned(), json!({ "id": id }));
                }
                let result = self.write(|entities, env| entities.upsert(kind, key, input, env));
                match result {
                    Ok((document, _)) => Ok((200, Some(Value::Object(document)))),
                    Err(error) if error.status() == 404 => Ok(not_found()),
                    Err(error) => Err(error),
                }
            }
            ("PATCH", Some(id)) => {
                let (document, _) =
                    self.write(|entities, env| entities.update(kind, id, input, env))?;
                Ok((200, Some(Value::Object(document))))
            }
            ("PATCH", None) => {
                let field = match Uuid::parse_str(key) {
                    Ok(_) => "id",
                    Err(_) => kind.endpoint_key().unwrap(),
                };
                Err(Error::not_found(field, key))
            }
            ("DELETE", Some(id)) => self.entities.delete(kind, id).map(|_| (204, None)),
            ("DELETE", None) if parent.is_none() => Ok((204, None)),
            _ => Ok(not_found()),
        }
    }

    fn write<T>(&mut self, operation: impl FnOnce(&mut Entities, &mut Env<'_>) -> T) -> T {
        let ids = &mut self.ids;
        let mut new_id = || {
            *ids += 1;
            Uuid::from_u128(*ids)
        };
        let mut env = Env::new(1_700_000_000_123, &mut new_id);
        operation(&mut self.entities, &mut env)
    }

    fn schemas(&mut self, method: &str, path: &[&str], input: Document) -> Result<Answer, Error> {
        let unknown = |what: &str, name: &str| {
            let message = format!("No {what} named '{name}'");
            Ok((404, Some(json!({ "message": message }))))
        };
        match (method, path) {
            ("POST", [name, "validate"]) => {
                let kind = Kind::of(name).unwrap();
                self.write(|entities, env| entities.check(kind, input, env))?;
                let message = "schema validation successful";
                Ok((200, Some(json!({ "message": message }))))
            }
            (_, ["plugins", name]) => match Registry.schema(name) {
                Some(plugin) => Ok((200, Some(describe::plugin(name, &plugin)))),
                None => unknown("plugin", name),
            },
            (_, [name]) => match Kind::of(name) {
                Some(kind) => Ok((200, Some(describe::entity(kind)))),
                None => unknown("entity", name),
            },
            _ => Ok(not_found()),
        }
    }

    fn tags(&self, tag: Option<&str>) -> Answer {
        let tagged = self.entities.tagged(tag);
        let data = tagged.map(
            |(kind, id, tag)| json!({ "entity_name": kind.as_str(), "entity_id": id, "tag": tag }),
        );
        let data: Vec<Value> = data.collect();
        (200, Some(json!({ "data": data, "next": null })))
    }
}

fn not_found() -> Answer {
    (404, Some(json!({ "message": "Not found" })))
}

fn collection(name: &str) -> Option<Kind> {
    match name {
        "key-auths" => Some(Kind::KeyauthCredentials),
        "basic-auths" => Some(Kind::BasicauthCredentials),
        "hmac-auths" => Some(Kind::HmacauthCredentials),
        "jwts" => Some(Kind::JwtSecrets),
        name => Kind::of(name),
    }
}

/// The kind below a parent, and its field that leads there.
fn nested(parent: Kind, name: &str) -> (Kind, &'static str) {
    let field = match parent {
        Kind::Services => "service",
        Kind::Routes => "route",
        Kind::Consumers => "consumer",
        Kind::Upstreams => "upstream",
        _ => "certificate",
    };
    let kind = match name {
        "key-auth" => Kind::KeyauthCredentials,
        "basic-auth" => Kind::BasicauthCredentials,
        "hmac-auth" => Kind::HmacauthCredentials,
        "jwt" => Kind::JwtSecrets,
        name => Kind::of(name).unwrap(),
    };
    (kind, field)
}

fn decoded(part: &str) -> String {
    part.replace("%20", " ")
}
