//! Entities of one kind, none of which shares its name or its id with another.

use std::sync::Arc;

use foldhash::HashMap;
use foldhash::HashMapExt;
use uuid::Uuid;

use crate::base::ids::kong_id;
use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::model::Route;
use crate::config::model::Service;
use crate::config::model::Upstream;
use crate::config::resolve::part::Entry;
use crate::config::source::Place;
use crate::plugin::Consumer;
use crate::plugin::Credential;

/// What every entity has.
pub(super) trait Named {
    /// Its name; empty if it has none.
    fn name(&self) -> &str;
    /// Its id.
    fn id(&self) -> Uuid;
    /// The same with another id.
    fn with_id(&self, id: Uuid) -> Self;
}

/// The entities so far, by name and by id.
pub(super) struct Unique<T> {
    kind: &'static str,
    pub(super) values: Vec<Arc<T>>,
    pub(super) places: Vec<Place>,
    by_name: HashMap<Box<str>, usize>,
    by_id: HashMap<Uuid, usize>,
}

impl<T: Named> Unique<T> {
    /// None yet, with room for so many.
    pub(super) fn new(kind: &'static str, room: usize) -> Self {
        Self {
            kind,
            values: Vec::with_capacity(room),
            places: Vec::with_capacity(room),
            by_name: HashMap::with_capacity(room),
            by_id: HashMap::with_capacity(room),
        }
    }

    /// Adds one of a part whose block stands at `base`.
    pub(super) fn add(&mut self, entry: &mut Entry<T>, base: Place, sink: &mut Sink) {
        let place = entry.at.moved(base);
        let index = self.values.len();
        let name = entry.value.name();
        if !name.is_empty()
            && let Some(first) = self.by_name.insert(name.into(), index)
        {
            let message = format!("duplicate {} name `{name}`", self.kind);
            let fault = sink.add(Code::DuplicateEntity, place, message);
            fault.first_at(self.places[first]);
        }
        if entry.value.name().is_empty() && entry.id_at.is_none() {
            self.keep_apart(entry);
        }
        let id = entry.value.id();
        if let Some(first) = self.by_id.insert(id, index)
            && (entry.id_at.is_some() || self.values[first].name() != entry.value.name())
        {
            let place = entry.id_at.map_or(place, |at| at.moved(base));
            let message = format!("duplicate {} id `{id}`", self.kind);
            let fault = sink.add(Code::DuplicateEntity, place, message);
            fault.first_at(self.places[first]);
        }
        self.values.push(Arc::clone(&entry.value));
        self.places.push(place);
    }

    /// Gives an entity that has nothing but its contents an id of its own where another has the same.
    fn keep_apart(&self, entry: &mut Entry<T>) {
        let mut id = entry.value.id();
        while self.by_id.contains_key(&id) {
            id = kong_id(self.kind, &id.to_string());
        }
        if id != entry.value.id() {
            entry.value = Arc::new(entry.value.with_id(id));
        }
    }

    /// The entity with this name or id.
    pub(super) fn find(&self, reference: &str) -> Option<usize> {
        let by_id = || self.by_id.get(&Uuid::try_parse(reference).ok()?);
        self.by_name.get(reference).or_else(by_id).copied()
    }

    /// Where each of them stands.
    pub(super) fn spots(&self) -> impl Iterator<Item = (Uuid, Place)> {
        let ids = self.values.iter().map(|value| value.id());
        ids.zip(self.places.iter().copied())
    }

    /// Every name.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|value| value.name())
    }
}

impl Named for Service {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn with_id(&self, id: Uuid) -> Self {
        Self { id, ..self.clone() }
    }
}

impl Named for Route {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn with_id(&self, id: Uuid) -> Self {
        Self { id, ..self.clone() }
    }
}

impl Named for Consumer {
    fn name(&self) -> &str {
        self.username.as_deref().unwrap_or_default()
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn with_id(&self, id: Uuid) -> Self {
        Self { id, ..self.clone() }
    }
}

/// A credential has no name that may be shown, and its id comes from what is presented, so that two of a kind that
/// present the same have the same id.
impl Named for Credential {
    fn name(&self) -> &str {
        ""
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn with_id(&self, id: Uuid) -> Self {
        Self { id, ..self.clone() }
    }
}

impl Named for Upstream {
    fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn with_id(&self, id: Uuid) -> Self {
        Self { id, ..self.clone() }
    }
}
