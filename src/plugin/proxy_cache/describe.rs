//! A stored answer as the Admin API shows it: Kong's fields, and what Kong does not know.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::cache::Entry;
use crate::cache::Micros;

use super::key::host_and_path;

/// What a stored answer looks like; `null` for what is no answer.
pub fn describe(entry: &Entry, now: Micros) -> Value {
    let Some(filed) = entry.filed() else {
        return Value::Null;
    };
    let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes));
    let mut headers = Map::new();
    for (name, value) in filed.answer.each() {
        let name = String::from_utf8_lossy(name).into_owned();
        match headers.get_mut(&name) {
            None => drop(headers.insert(name, text(value))),
            Some(Value::Array(values)) => values.push(text(value)),
            Some(first) => *first = json!([first.take(), text(value)]),
        }
    }
    let (host, path) = host_and_path(&entry.key).unwrap_or_default();
    let body = filed.answer.body();
    json!({
        "status": filed.answer.status(),
        "headers": headers,
        "body": text(body),
        "body_len": body.len(),
        "timestamp": filed.unix_secs,
        "ttl": filed.times.lifetime,
        "version": 1,
        "cache_key": text(&entry.digest),
        "plugin": { "id": entry.plugin.to_string() },
        "route": { "id": entry.route.to_string() },
        "host": text(host),
        "path": text(path),
        "age": filed.times.age(now),
        "bytes": entry.bytes(),
        "tags": filed.tags.iter().map(|tag| text(tag)).collect::<Vec<_>>(),
    })
}
