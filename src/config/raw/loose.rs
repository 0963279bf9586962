//! A table whose keys somebody else knows, as JSON, with the place of every value in it.

use serde_json::Map;
use serde_json::Number;
use serde_json::Value;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::source::Place;

use super::Item;

/// JSON of TOML, and where each part of it stands.
#[derive(Clone, Debug, Default)]
pub(in crate::config) struct Loose {
    pub(in crate::config) value: Map<String, Value>,
    /// By path: keys and numbers of elements from 1, joined by dots.
    places: Vec<(Box<str>, Place)>,
}

impl Loose {
    /// Where the value at a path stands, or the nearest one around it.
    pub(in crate::config) fn place(&self, path: &str) -> Option<Place> {
        let mut path = path;
        loop {
            let found = self.places.iter().find(|(known, _)| **known == *path);
            if let Some((_, place)) = found {
                return Some(*place);
            }
            path = path.rsplit_once('.')?.0;
        }
    }
}

impl Item<'_> {
    /// The table that it is, as JSON.
    pub(in crate::config) fn loose(&self, sink: &mut Sink) -> Loose {
        let mut loose = Loose::default();
        match self.value {
            DeValue::Table(table) => loose.value = read(table, "", &mut loose.places, sink),
            _ => {
                self.wrong_type("a table", sink);
            }
        }
        loose
    }
}

type Places = Vec<(Box<str>, Place)>;

fn read(
    table: &DeTable<'_>,
    path: &str,
    places: &mut Places,
    sink: &mut Sink,
) -> Map<String, Value> {
    let mut map = Map::new();
    for (key, value) in table {
        let path = join(path, key.get_ref());
        let place = Place::of(value.span());
        let value = json(value.get_ref(), place, &path, places, sink);
        places.push((path.into(), place));
        map.insert(key.get_ref().to_string(), value);
    }
    map
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        return key.to_owned();
    }
    format!("{path}.{key}")
}

fn json(
    value: &DeValue<'_>,
    place: Place,
    path: &str,
    places: &mut Places,
    sink: &mut Sink,
) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(flag) => Value::from(*flag),
        DeValue::Integer(digits) => {
            let number = i64::from_str_radix(digits.as_str(), digits.radix());
            number.map_or_else(|_| unfit(place, "a 64-bit integer", sink), Value::from)
        }
        DeValue::Float(digits) => {
            let number = digits.as_str().parse().ok().and_then(Number::from_f64);
            number.map_or_else(|| unfit(place, "a finite number", sink), Value::from)
        }
        DeValue::Datetime(_) => unfit(
            place,
            "a string, a number, a boolean, a list or a table",
            sink,
        ),
        DeValue::Array(items) => {
            let items = (1_usize..).zip(items.iter()).map(|(index, item)| {
                let path = join(path, &index.to_string());
                let place = Place::of(item.span());
                let value = json(item.get_ref(), place, &path, places, sink);
                places.push((path.into(), place));
                value
            });
            Value::Array(items.collect())
        }
        DeValue::Table(table) => Value::Object(read(table, path, places, sink)),
    }
}

fn unfit(place: Place, wanted: &str, sink: &mut Sink) -> Value {
    sink.add(Code::WrongType, place, format!("expected {wanted}"));
    Value::Null
}
