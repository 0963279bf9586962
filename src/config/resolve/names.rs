//! What entities have in common: ids, names, tags.

use uuid::Uuid;

use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::raw::Table;
use crate::config::raw::text::Text;
use crate::config::source::Place;

/// The `id` of an entity, if one is given.
pub(super) fn id(table: &Table<'_>, sink: &mut Sink) -> Option<(Uuid, Place)> {
    let text = table.text("id", sink)?;
    match Uuid::try_parse(text.value) {
        Ok(id) => Some((id, text.place)),
        Err(_) => {
            text.fault(Code::BadId, "expected a valid UUID", sink);
            None
        }
    }
}

/// The `name` of an entity, if it has one.
pub(super) fn name<'t>(table: &Table<'t>, sink: &mut Sink) -> Option<Text<'t>> {
    let text = table.text("name", sink)?;
    if text.value.is_empty() {
        text.fault(Code::BadName, "length must be at least 1", sink);
        return None;
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_~".contains(c) || !c.is_ascii();
    if let Some((at, bad)) = text.value.char_indices().find(|(_, c)| !fits(*c)) {
        let message = format!(
            "invalid value '{}': the only accepted ascii characters are alphanumerics or ., -, _, and ~",
            text.value
        );
        sink.add(Code::BadName, text.part(at, bad.len_utf8()), message);
    }
    Some(text)
}

/// The `tags` of an entity.
pub(super) fn tags(table: &Table<'_>, sink: &mut Sink) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for text in table.texts("tags", sink) {
        let bad = |c: char| c == ',' || c == '/' || c.is_control();
        if text.value.is_empty() || text.value.contains(bad) {
            let message = format!(
                "invalid tag '{}': expected printable ascii (except `,` and `/`) or valid utf-8 sequences",
                text.value
            );
            text.fault(Code::BadTag, message, sink);
        }
        if !tags.iter().any(|tag| tag == text.value) {
            tags.push(text.value.to_owned());
        }
    }
    tags
}
