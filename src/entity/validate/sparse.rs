//! Entities without what goes without saying: what is null by default is not kept, nor what is its default.

use serde_json::Value;
use serde_json::json;

use super::Shape;
use super::complete;
use super::protocols_of;
use super::record_of;
use crate::entity::Check;
use crate::entity::Document;
use crate::entity::Field;
use crate::entity::PluginSchema;
use crate::entity::Preset;
use crate::entity::Type;
use crate::entity::schema::Fields;

/// For whom an entity is filled up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::entity) enum Show {
    /// A reader: with old names of fields, and without fields of our own that were not given.
    Reader,
    /// A merge: as an input could say it in full.
    Merge,
    /// The data plane: with the defaults of our own fields too.
    All,
}

impl Shape {
    /// Takes out what [`Self::fill`] puts back.
    pub(in crate::entity) fn strip(&self, document: &mut Document) {
        strip(self.fields(), document, self.plugin);
    }

    /// Puts back what [`Self::strip`] took out.
    pub(in crate::entity) fn fill(&self, document: &mut Document, show: Show) {
        fill(self.fields(), document, self.plugin, show);
    }

    /// Takes out fields of our own that are what they are when they are absent.
    pub(in crate::entity) fn leave_out_ours(&self, document: &mut Document) {
        leave_out_ours(self.fields(), document, self.plugin);
    }
}

fn strip(fields: Fields, record: &mut Document, plugin: Option<PluginSchema>) {
    for field in fields.iter() {
        let Some(value) = record.get_mut(field.name) else {
            continue;
        };
        let default = default_of(field, plugin);
        if let (Value::Object(members), Some((fields, _))) =
            (&mut *value, record_of(&field.kind, plugin))
        {
            strip(fields, members, plugin);
            if members.is_empty() && default.is_some_and(|default| default.is_object()) {
                record.remove(field.name);
            }
            continue;
        }
        let is_given = field.extension && !value.is_null();
        if !is_given && default.as_ref() == Some(value) {
            record.remove(field.name);
        }
    }
}

fn leave_out_ours(fields: Fields, record: &mut Document, plugin: Option<PluginSchema>) {
    record.retain(|name, value| {
        let Some(field) = fields.find(name) else {
            return true;
        };
        if let (Value::Object(members), Some((fields, _))) =
            (&mut *value, record_of(&field.kind, plugin))
        {
            leave_out_ours(fields, members, plugin);
        }
        let is_absence = value.is_null() || default_of(field, plugin).as_ref() == Some(value);
        !(field.extension && is_absence)
    });
}

/// Fills up a record.
pub(super) fn fill(
    fields: Fields,
    record: &mut Document,
    plugin: Option<PluginSchema>,
    show: Show,
) {
    for field in fields.iter().filter(|field| field.alias.is_empty()) {
        match record.get_mut(field.name) {
            Some(Value::Object(members)) => {
                if let Some((fields, _)) = record_of(&field.kind, plugin) {
                    fill(fields, members, plugin, show);
                }
            }
            Some(_) => {}
            None if field.extension && show != Show::All => {}
            None => {
                let default = default_value(field, plugin, show);
                record.extend(default.map(|default| (field.name.to_owned(), default)));
            }
        }
    }
    if show == Show::Reader {
        for field in fields.iter().filter(|field| !field.alias.is_empty()) {
            let value = Check::value(record, &field.alias.join("."));
            let value = value.cloned().unwrap_or_default();
            record.insert(field.name.to_owned(), value);
        }
    }
}

/// What a field is when it is absent; `None` if it may not be, or if it would be made up.
pub(super) fn default_of(field: &Field, plugin: Option<PluginSchema>) -> Option<Value> {
    default_value(field, plugin, Show::Merge)
}

fn default_value(field: &Field, plugin: Option<PluginSchema>, show: Show) -> Option<Value> {
    Some(match field.default {
        Preset::Null => {
            if let (true, Some((fields, _))) = (field.required, record_of(&field.kind, plugin)) {
                let mut record = Document::new();
                fill(fields, &mut record, plugin, show);
                Value::Object(record)
            } else if matches!(field.kind, Type::Protocols) {
                json!(protocols_of(plugin))
            } else if field.required {
                return None;
            } else {
                Value::Null
            }
        }
        Preset::Bool(flag) => Value::Bool(flag),
        Preset::Int(number) => json!(number),
        Preset::Num(number) => complete::whole(number).map_or(json!(number), Value::Number),
        Preset::Text(text) => json!(text),
        Preset::Texts(texts) => json!(texts),
        Preset::Ints(numbers) => json!(numbers),
        Preset::EmptyList => json!([]),
        Preset::EmptyMap => json!({}),
        Preset::Uuid | Preset::Now | Preset::NowMillis | Preset::Key => return None,
    })
}
