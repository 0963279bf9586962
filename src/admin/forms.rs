//! What the values of a form mean, by the schema of what they are for.

use crate::entity;
use crate::entity::Document;
use crate::entity::Kind;
use crate::entity::PluginSchemas;

/// Gives the values of a form their types. A plugin's `config` has those of the plugin that the form names, or else
/// of the one that is stored.
pub(super) fn infer(
    kind: Kind,
    document: &mut Document,
    current: Option<&Document>,
    plugins: &dyn PluginSchemas,
) {
    let mut form = std::mem::take(document);
    if let Some(name) = current.and_then(|current| current.get("name"))
        && kind == Kind::Plugins
    {
        form.entry("name").or_insert_with(|| name.clone());
    }
    *document = entity::infer(kind, form, plugins);
}
