//! Kong's entities as data: what each is made of, what is wrong with an input, and in which words Kong says so.
//!
//! Pure: documents in, documents or violations out. Who stores them, who serves them over REST and what the
//! data plane makes of them is left to the floors above. Plugins describe their configuration with the same schemas.

mod kind;
pub mod schema;

pub use kind::Kind;
pub use schema::Check;
pub use schema::Document;
pub use schema::Element;
pub use schema::Field;
pub use schema::Misfit;
pub use schema::Preset;
pub use schema::Rule;
pub use schema::Schema;
pub use schema::Type;
