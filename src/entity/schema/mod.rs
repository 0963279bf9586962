//! What an entity or a plugin's configuration is made of, as constant data.
//!
//! One description serves all: validation with Kong's texts, defaults, `/schemas`, the OpenAPI document and the
//! pages about plugins. Rules that no table can express are plain functions, named in it.

mod check;
mod field;
mod rule;

use serde_json::Map;
use serde_json::Value;

pub use check::Check;
pub use check::Misfit;
pub use check::Then;
pub use field::Element;
pub use field::Field;
pub(super) use field::Fields;
pub use field::Preset;
pub use field::Type;
pub use rule::Form;
pub use rule::How;
pub use rule::Rule;

/// An entity as Kong's Admin API shows it: field names to JSON values.
pub type Document = Map<String, Value>;

/// The fields of an entity or of a plugin's configuration, and what they must satisfy together.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// In the order in which they are shown.
    pub fields: &'static [Field],
    /// Checked after the fields.
    pub checks: &'static [Check],
}

impl Schema {
    /// The field with this name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}
