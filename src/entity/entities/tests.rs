//! The collection as a whole: what refers to what, what is kept, what is taken back.

mod certificates;
mod configurations;
mod credentials;
mod files;
mod properties;
mod references;
mod rows;

use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use super::Change;
use super::Entities;
use super::Origin;
use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Env;
use crate::entity::Error;
use crate::entity::Field;
use crate::entity::Filter;
use crate::entity::Kind;
use crate::entity::Misfit;
use crate::entity::PluginSchema;
use crate::entity::PluginSchemas;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Tags;
use crate::entity::Transform;
use crate::entity::Type;

/// One plugin, which has something of everything.
#[derive(Debug)]
struct Plugins;

impl PluginSchemas for Plugins {
    fn schema(&self, name: &str) -> Option<PluginSchema> {
        (name == "limit").then_some(PluginSchema {
            config: &LIMIT,
            consumer_scope: true,
            denies: true,
            protocols: PluginSchema::HTTP,
        })
    }

    fn names(&self) -> Vec<&'static str> {
        vec!["limit"]
    }

    fn transform(&self, kind: Kind) -> Option<Transform> {
        (kind == Kind::BasicauthCredentials).then_some(Transform {
            field: "password",
            apply: |password, stored| match stored {
                Some(stored) if stored == password => stored.to_owned(),
                Some(_) | None => format!("hashed {password}"),
            },
        })
    }
}

const LIMIT: Schema = Schema {
    fields: &[
        Field::number("minute", "").rules(&[Rule::GreaterThan(0.0)]),
        Field::number("hour", "").rules(&[Rule::GreaterThan(0.0)]),
        Field::record(
            "redis",
            &[
                Field::text("host", ""),
                Field::integer("port", "").preset(Preset::Int(6_379)),
            ],
            "",
        )
        .required(),
        Field::text("redis_host", "").alias(&["redis", "host"]),
        Field::text("window", "")
            .preset(Preset::Text("fixed"))
            .extension(),
        Field::new("names", Type::Set(&crate::entity::Element::TEXT), ""),
    ],
    checks: &[
        Check::Custom(|config| {
            let limit = |name| config.get(name).and_then(Value::as_f64);
            match (limit("minute"), limit("hour")) {
                (Some(minute), Some(hour)) if hour < minute => {
                    Err(Misfit::whole("an hour is longer than a minute"))
                }
                _ => Ok(()),
            }
        }),
        Check::AtLeastOneOf(&["minute", "hour"]),
    ],
};

/// A collection with a clock and a source of ids.
struct World {
    entities: Entities,
    ids: u128,
    now_ms: u64,
}

impl World {
    fn new() -> Self {
        Self {
            entities: Entities::new(&Plugins),
            ids: 0,
            now_ms: 1_700_000_000_000,
        }
    }

    fn write<T>(&mut self, operation: impl FnOnce(&mut Entities, &mut Env<'_>) -> T) -> T {
        let ids = &mut self.ids;
        let mut new_id = || {
            *ids += 1;
            Uuid::from_u128(*ids)
        };
        operation(&mut self.entities, &mut Env::new(self.now_ms, &mut new_id))
    }

    fn insert(&mut self, kind: Kind, input: Value) -> Result<(Document, Vec<Change>), Error> {
        self.write(|entities, env| entities.insert(kind, object(input), env))
    }

    /// The id of a new entity.
    fn add(&mut self, kind: Kind, input: Value) -> Uuid {
        let (document, _) = self.insert(kind, input).unwrap();
        id_of(&document)
    }

    fn patch(&mut self, kind: Kind, id: Uuid, input: Value) -> Result<Document, Error> {
        let result = self.write(|entities, env| entities.update(kind, id, object(input), env));
        result.map(|(document, _)| document)
    }

    fn put(&mut self, kind: Kind, key: &str, input: Value) -> Result<Document, Error> {
        let result = self.write(|entities, env| entities.upsert(kind, key, object(input), env));
        result.map(|(document, _)| document)
    }

    /// Everything that is there.
    fn all(&self) -> Vec<(Kind, Uuid, Vec<u8>)> {
        let rows = Kind::ALL
            .into_iter()
            .flat_map(|kind| self.entities.iter(kind));
        rows.map(|row| (row.kind, row.id, row.raw.to_vec()))
            .collect()
    }
}

fn object(value: Value) -> Document {
    value.as_object().cloned().unwrap()
}

fn id_of(document: &Document) -> Uuid {
    document["id"].as_str().unwrap().parse().unwrap()
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().message
}
