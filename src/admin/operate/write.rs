//! Tasks that write.

use uuid::Uuid;

use super::Done;
use super::Outcome;
use super::Task;
use super::id_of;
use super::locate;
use super::reference;
use crate::admin::backend::Written;
use crate::admin::forms;
use crate::admin::table::Place;
use crate::admin::table::Relation;
use crate::admin::table::Verb;
use crate::entity::Change;
use crate::entity::Document;
use crate::entity::Entities;
use crate::entity::Env;
use crate::entity::Error;
use crate::entity::Kind;
use crate::entity::PluginSchemas;

/// Writes. What Kong answers with an error is an outcome like any other, since nothing has changed then.
pub(in crate::admin) fn write(
    entities: &mut Entities,
    env: &mut Env<'_>,
    plugins: &dyn PluginSchemas,
    task: Task,
) -> Written<Done> {
    let kind = task.place.kind();
    let mut writer = Writer {
        entities,
        env,
        plugins,
        changes: Vec::new(),
        id: None,
    };
    let outcome = match writer.run(task) {
        Ok(outcome) => outcome,
        Err(error) => {
            let changes = std::mem::take(&mut writer.changes);
            writer.entities.undo(&changes);
            Outcome::Failed(error)
        }
    };
    let done = Done {
        outcome,
        kind,
        id: writer.id,
    };
    Ok((done, writer.changes))
}

struct Writer<'a, 'e> {
    entities: &'a mut Entities,
    env: &'a mut Env<'e>,
    plugins: &'a dyn PluginSchemas,
    changes: Vec<Change>,
    /// Which entity it is about, once that is known.
    id: Option<Uuid>,
}

impl Writer<'_, '_> {
    fn run(&mut self, task: Task) -> Result<Outcome, Error> {
        let mut keys = task.keys.clone().into_iter();
        let mut key = || keys.next().unwrap_or_default();
        match (task.place, task.verb) {
            (_, Verb::Get) => Ok(Outcome::NotFound),
            (Place::All(kind), _) => self.create(kind, None, task),
            (Place::AllOf(relation), _) => match self.find(relation.parent, &key())? {
                Some((parent, _)) => self.create(relation.child, Some((relation, parent)), task),
                None => Ok(Outcome::NotFound),
            },
            (Place::One(kind), verb) => {
                let key = key();
                let current = self.find(kind, &key)?;
                match (verb, current) {
                    (Verb::Put, current) => self.put(kind, &key, current, task),
                    (Verb::Patch, None) => Err(missing(kind, &key)),
                    (Verb::Delete, None) => Ok(Outcome::Gone),
                    (_, Some(current)) => self.alter(kind, current, task),
                    (Verb::Get | Verb::Post, None) => Ok(Outcome::NotFound),
                }
            }
            (Place::OneOf(relation), verb) => {
                let Some((parent, _)) = self.find(relation.parent, &key())? else {
                    return Ok(Outcome::NotFound);
                };
                let key = key();
                let current = self
                    .entities
                    .find_in(relation.child, (relation.field, parent), &key);
                self.id = current.as_ref().map(|(id, _)| *id);
                match (verb, current) {
                    (Verb::Put, current) => self.put_in((relation, parent), &key, current, task),
                    (_, Some(current)) => self.alter(relation.child, current, task),
                    (_, None) => Ok(Outcome::NotFound),
                }
            }
            (Place::Parent(relation), verb) => {
                let Some((child, document)) = self.find(relation.child, &key())? else {
                    return Ok(Outcome::NotFound);
                };
                let parent = reference(&document, relation.field);
                let current =
                    parent.and_then(|id| Some((id, self.entities.get(relation.parent, id)?)));
                self.id = parent;
                match (verb, current) {
                    (Verb::Put, Some((id, document))) => {
                        let key = id.to_string();
                        self.put(relation.parent, &key, Some((id, document)), task)
                    }
                    (Verb::Put, None) => self.put_parent(relation, child, task),
                    (_, Some(current)) => self.alter(relation.parent, current, task),
                    (_, None) => Ok(Outcome::NotFound),
                }
            }
        }
    }

    fn find(&mut self, kind: Kind, key: &str) -> Result<Option<(Uuid, Document)>, Error> {
        let found = locate(self.entities, kind, key)?;
        self.id = found.as_ref().map(|(id, _)| *id);
        Ok(found)
    }

    fn create(
        &mut self,
        kind: Kind,
        parent: Option<(Relation, Uuid)>,
        mut task: Task,
    ) -> Result<Outcome, Error> {
        self.id = None;
        self.complete(kind, None, &mut task);
        if let Some((relation, id)) = parent {
            refer(&mut task.input.document, relation, id);
        }
        let made = self.entities.insert(kind, task.input.document, self.env);
        self.keep(made).map(Outcome::Created)
    }

    /// A target is replaced and never made by PUT, as in Kong.
    fn put_in(
        &mut self,
        (relation, parent): (Relation, Uuid),
        key: &str,
        current: Option<(Uuid, Document)>,
        mut task: Task,
    ) -> Result<Outcome, Error> {
        if relation.child == Kind::Targets && current.is_none() {
            return Ok(Outcome::NotFound);
        }
        refer(&mut task.input.document, relation, parent);
        // Of a unique key there is one entity, whoever's it has been so far.
        let current = current.or_else(|| self.entities.find(relation.child, key));
        self.put(relation.child, key, current, task)
    }

    fn put(
        &mut self,
        kind: Kind,
        key: &str,
        current: Option<(Uuid, Document)>,
        mut task: Task,
    ) -> Result<Outcome, Error> {
        let document = current.as_ref().map(|(_, document)| document);
        if !task.condition.permits(document) {
            return Ok(Outcome::Unexpected);
        }
        self.complete(kind, document, &mut task);
        let mut input = task.input.document;
        let made = match current {
            // A certificate that one of its server names stands for.
            Some((id, _)) if kind == Kind::Certificates => {
                self.entities.upsert(kind, &id.to_string(), input, self.env)
            }
            None if kind == Kind::Certificates && Uuid::parse_str(key).is_err() => {
                let names = input.entry("snis");
                names.or_insert_with(|| serde_json::json!([key]));
                self.entities.insert(kind, input, self.env)
            }
            Some(_) | None => self.entities.upsert(kind, key, input, self.env),
        };
        self.keep(made).map(Outcome::Shown)
    }

    /// A new parent, to which the child then refers.
    fn put_parent(
        &mut self,
        relation: Relation,
        child: Uuid,
        mut task: Task,
    ) -> Result<Outcome, Error> {
        if !task.condition.permits(None) {
            return Ok(Outcome::Unexpected);
        }
        self.complete(relation.parent, None, &mut task);
        let input = task.input.document;
        let made = self.entities.insert(relation.parent, input, self.env);
        let parent = self.keep(made)?;
        let id = self.id;
        let mut link = Document::new();
        if let Some(id) = id {
            refer(&mut link, relation, id);
        }
        let linked = self.entities.update(relation.child, child, link, self.env);
        self.keep(linked)?;
        self.id = id;
        Ok(Outcome::Shown(parent))
    }

    /// PATCH or DELETE of an entity that is there.
    fn alter(
        &mut self,
        kind: Kind,
        (id, document): (Uuid, Document),
        mut task: Task,
    ) -> Result<Outcome, Error> {
        self.id = Some(id);
        if !task.condition.permits(Some(&document)) {
            return Ok(Outcome::Unexpected);
        }
        if task.verb == Verb::Delete {
            let mut gone = self.entities.delete(kind, id)?;
            self.changes.append(&mut gone);
            return Ok(Outcome::Gone);
        }
        self.complete(kind, Some(&document), &mut task);
        let input = task.input.document;
        let made = self.entities.update(kind, id, input, self.env);
        self.keep(made).map(Outcome::Shown)
    }

    /// Gives the values of a form their types.
    fn complete(&self, kind: Kind, current: Option<&Document>, task: &mut Task) {
        if std::mem::take(&mut task.input.untyped) {
            forms::infer(kind, &mut task.input.document, current, self.plugins);
        }
    }

    fn keep(&mut self, made: Result<(Document, Vec<Change>), Error>) -> Result<Document, Error> {
        let (document, mut changes) = made?;
        self.changes.append(&mut changes);
        self.id = id_of(&document);
        Ok(document)
    }
}

fn refer(document: &mut Document, relation: Relation, id: Uuid) {
    let reference = serde_json::json!({ "id": id.to_string() });
    document.insert(relation.field.to_owned(), reference);
}

/// Kong says of PATCH alone what it did not find.
fn missing(kind: Kind, key: &str) -> Error {
    let field = match Uuid::parse_str(key) {
        Ok(_) => "id",
        Err(_) => kind.endpoint_key().unwrap_or("id"),
    };
    Error::not_found(field, key)
}
