//! One operation: its parameters, its body, its answers.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::answers;
use super::answers::Said;
use super::components::name;
use super::components::reference;
use super::heading;
use crate::admin::table::Action;
use crate::admin::table::Answer;
use crate::admin::table::Body;
use crate::admin::table::Endpoint;
use crate::admin::table::Parameter;
use crate::admin::table::Place;
use crate::admin::table::Shape;
use crate::admin::table::Special;
use crate::admin::table::Verb;
use crate::entity::Kind;

/// The operation of a verb at a path.
pub(super) fn operation(endpoint: &Endpoint, verb: Verb, action: Action) -> Value {
    let mut parameters: Vec<Value> = endpoint.names().map(in_path).collect();
    let (id, tag, about, body, mut answers) = match action {
        Action::Entity(place) => {
            parameters.extend(entity_parameters(place, verb));
            let said = answers::of_entity(place, verb);
            let body = entity_body(place.kind(), verb);
            let tag = place.kind().as_str();
            (
                place.id(verb),
                tag,
                place.about(verb),
                body,
                said.iter().map(entity_answer).collect(),
            )
        }
        Action::Special(special) => {
            parameters.extend(special.query.iter().map(in_query));
            let tag = heading(special.group);
            let about = special.about.to_owned();
            (
                special.id.to_owned(),
                tag,
                about,
                special_body(special),
                special_answers(special),
            )
        }
    };
    let common = |name: &str| json!({ "$ref": format!("#/components/responses/{name}") });
    answers.insert("401".to_owned(), common("Unauthorized"));
    answers.insert("403".to_owned(), common("Forbidden"));
    if body.is_some() {
        answers.insert("413".to_owned(), common("TooLarge"));
        answers.insert("415".to_owned(), common("MediaType"));
    }
    let mut operation = json!({
        "operationId": id,
        "tags": [tag],
        "summary": about,
        "parameters": parameters,
        "responses": answers,
    });
    if let Some(body) = body {
        operation["requestBody"] = body;
    }
    operation
}

fn in_path(name: &str) -> Value {
    let about = match Kind::of(name) {
        Some(_) => "Its id, or what it is called.",
        None => "Which one.",
    };
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "schema": { "type": "string" },
        "description": about,
    })
}

fn in_query(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "schema": { "type": parameter.kind },
        "description": parameter.about,
        "example": parameter.example,
    })
}

/// What the query of a list may say.
pub(in crate::admin) const LIST_QUERY: &[Parameter] = &[
    Parameter {
        name: "size",
        kind: "integer",
        required: false,
        example: "100",
        about: "Most entities of the page, 1 to 1000; 100 if absent.",
    },
    Parameter {
        name: "offset",
        kind: "string",
        required: false,
        example: "",
        about: "Where the page begins: `offset` of the one before.",
    },
    Parameter {
        name: "tags",
        kind: "string",
        required: false,
        example: "a,b",
        about: "Those with all of the tags `a,b`, or with any of `a/b`.",
    },
];

const CUSTOM_ID: Parameter = Parameter {
    name: "custom_id",
    kind: "string",
    required: false,
    example: "c-1",
    about: "The one with this `custom_id`.",
};

fn entity_parameters(place: Place, verb: Verb) -> Vec<Value> {
    let header = |name: &str, about: &str| {
        json!({
            "name": name,
            "in": "header",
            "required": false,
            "schema": { "type": "string" },
            "description": about,
        })
    };
    match (place, verb) {
        (Place::All(_) | Place::AllOf(_), Verb::Get) => {
            let mut parameters: Vec<Value> = LIST_QUERY.iter().map(in_query).collect();
            if matches!(place, Place::All(Kind::Consumers)) {
                parameters.push(in_query(&CUSTOM_ID));
            }
            parameters
        }
        (_, Verb::Get) => vec![header("If-None-Match", "The ETag that the reader has.")],
        (_, Verb::Post) => Vec::new(),
        (_, Verb::Put | Verb::Patch | Verb::Delete) => vec![
            header(
                "If-Match",
                "The ETag that the entity must have, or `*`: it must be there.",
            ),
            header("If-None-Match", "`*`: it must not be there."),
        ],
    }
}

fn entity_body(kind: Kind, verb: Verb) -> Option<Value> {
    let name = name(kind);
    match verb {
        Verb::Post => Some(body(&format!("{name}-input"), true)),
        // The path may hold all that is needed.
        Verb::Put => Some(body(&format!("{name}-patch"), false)),
        Verb::Patch => Some(body(&format!("{name}-patch"), true)),
        Verb::Get | Verb::Delete => None,
    }
}

fn body(schema: &str, required: bool) -> Value {
    let form = json!({ "schema": { "type": "object" } });
    json!({
        "required": required,
        "content": {
            "application/json": { "schema": reference(schema) },
            "application/x-www-form-urlencoded": form,
            "multipart/form-data": form,
        },
    })
}

fn special_body(special: &Special) -> Option<Value> {
    match special.body {
        Body::None => None,
        Body::Declarative => Some(body("declarative", true)),
        Body::Plugin => Some(body("plugin-input", true)),
        Body::Fields => Some(json!({
            "required": true,
            "content": { "application/json": { "schema": { "type": "object" } } },
        })),
    }
}

fn entity_answer(said: &Said) -> (String, Value) {
    let mut answer = json!({ "description": said.about });
    if let Some(schema) = &said.schema {
        answer["content"] = json!({ "application/json": { "schema": schema } });
    }
    if said.tagged {
        let about = "The entity's tag, for `If-Match` and `If-None-Match`.";
        answer["headers"] =
            json!({ "ETag": { "schema": { "type": "string" }, "description": about } });
    }
    (said.status.to_string(), answer)
}

fn special_answers(special: &Special) -> Map<String, Value> {
    let answers = special.answers.iter();
    answers.map(special_answer).collect()
}

fn special_answer(answer: &Answer) -> (String, Value) {
    let mut said = json!({ "description": answer.about });
    let json = |schema: Value| json!({ "application/json": { "schema": schema } });
    match answer.shape {
        Shape::Nothing => {}
        Shape::Message => said["content"] = json(reference("message")),
        Shape::Error => {
            let either = json!({ "anyOf": [reference("error"), reference("message")] });
            said["content"] = json(either);
        }
        Shape::Object(members) => {
            let properties = members.iter().map(|(name, kind)| {
                let kind = match *name {
                    "next" => json!([kind, "null"]),
                    _ => json!(kind),
                };
                ((*name).to_owned(), json!({ "type": kind }))
            });
            let required: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
            said["content"] = json(json!({
                "type": "object",
                "properties": properties.collect::<Map<_, _>>(),
                "required": required,
            }));
        }
        Shape::Text(kind) => {
            said["content"] = json!({ kind: { "schema": { "type": "string" } } });
        }
    }
    (answer.status.to_string(), said)
}
