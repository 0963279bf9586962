//! What an entity's references have to say about it.

use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use super::Entities;
use super::read::as_id;
use super::table::reference;
use crate::entity::Document;
use crate::entity::Error;
use crate::entity::Kind;

impl Entities {
    /// Makes ids of the names in references: `{"name": "x"}` and what else is unique among the entities that it
    /// leads to.
    ///
    /// # Errors
    /// Code 13.
    pub(super) fn resolve(&self, kind: Kind, input: &mut Document) -> Result<(), Error> {
        let mut unresolved = Document::new();
        for (field, parent) in kind.entity().references() {
            let Some(Value::Object(given)) = input.get(field.name) else {
                continue;
            };
            let id = given.get("id").and_then(Value::as_str);
            if id.and_then(as_id).is_some() {
                continue;
            }
            match self.resolve_one(parent, given) {
                Ok(Some(id)) => _ = input.insert(field.name.to_owned(), json!({ "id": id })),
                Ok(None) => {}
                Err(texts) => _ = unresolved.insert(field.name.to_owned(), Value::Object(texts)),
            }
        }
        if unresolved.is_empty() {
            return Ok(());
        }
        Err(Error::unresolved_references(unresolved))
    }

    /// The entity that a reference names; `Err` says for each name that there is none.
    fn resolve_one(&self, parent: Kind, given: &Document) -> Result<Option<Uuid>, Document> {
        let mut texts = Document::new();
        let fields = parent.entity().schema.fields.iter();
        for field in fields.filter(|field| field.unique) {
            let Some(value @ Value::String(_)) = given.get(field.name) else {
                continue;
            };
            let values = Document::from_iter([(field.name.to_owned(), value.clone())]);
            if let Some(id) = self.table(parent).holder(&values) {
                return Ok(Some(id));
            }
            let text = Error::unresolved(field.name, value, parent);
            texts.insert(field.name.to_owned(), Value::String(text));
        }
        if texts.is_empty() {
            Ok(None)
        } else {
            Err(texts)
        }
    }

    /// A plugin has a protocol in common with what it is put on.
    ///
    /// # Errors
    /// Code 2.
    pub(super) fn check_protocols(&self, plugin: &Document) -> Result<(), Error> {
        let own: Vec<&Value> = protocols(plugin).collect();
        let shares = |route: Uuid| {
            let route = self.get(Kind::Routes, route);
            route.is_none_or(|route| protocols(&route).any(|protocol| own.contains(&protocol)))
        };
        let text = if let Some(route) = reference(plugin, "route") {
            (!shares(route)).then_some("must match the associated route's protocols")
        } else if let Some(service) = reference(plugin, "service") {
            let table = self.table(Kind::Routes);
            let mut routes = table.children("service", service, None).peekable();
            let fits = routes.peek().is_none() || routes.any(shares);
            (!fits).then_some(
                "must match the protocols of at least one route pointing to this Plugin's service",
            )
        } else {
            None
        };
        text.map_or(Ok(()), |text| {
            let blame = ("protocols".to_owned(), text.into());
            Err(Error::schema_violation(Document::from_iter([blame])))
        })
    }
}

fn protocols(document: &Document) -> impl Iterator<Item = &Value> {
    let protocols = document.get("protocols").and_then(Value::as_array);
    protocols.into_iter().flatten()
}
