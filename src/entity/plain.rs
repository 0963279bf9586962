//! Entities for Kong: without fields of our own, where they say what goes without saying there.

use super::Document;
use super::Kind;
use super::PluginSchemas;
use super::validate::Shape;

/// Takes out every field that Kong has not and that says no more than its absence; Kong refuses fields that it does not
/// know. What says something else stays, since without it the entity would mean something else.
pub fn plain(kind: Kind, document: &mut Document, plugins: &dyn PluginSchemas) {
    Shape::of(kind, document, plugins).leave_out_ours(document);
}
