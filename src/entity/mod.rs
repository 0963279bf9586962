//! Kong's entities as data: what each is made of, what is wrong with an input, and in which words Kong says so.
//!
//! Pure: documents in, documents or violations out. Who stores them, who serves them over REST and what the
//! data plane makes of them is left to the floors above. Plugins describe their configuration with the same schemas.

mod base64;
pub mod describe;
mod entities;
mod env;
pub mod error;
mod form;
mod kind;
mod kinds;
mod mask;
mod page;
mod plain;
mod pretty;
pub mod rules;
pub mod schema;
mod validate;

pub use entities::Change;
pub use entities::Clash;
pub use entities::Entities;
pub use entities::Origin;
pub use entities::Row;
pub use entities::full;
pub use env::Env;
pub use env::NoPlugins;
pub use env::PluginSchema;
pub use env::PluginSchemas;
pub use env::Ready;
pub use env::Transform;
pub use error::Error;
pub use form::infer;
pub use kind::Kind;
pub use kinds::Entity;
pub use kinds::Shorthand;
pub use mask::MASK;
pub use mask::mask;
pub use page::Filter;
pub use page::PAGE_SIZE;
pub use page::PAGE_SIZE_MAX;
pub use page::Page;
pub use page::Tags;
pub use page::page_size;
pub use plain::plain;
pub use schema::Check;
pub use schema::Document;
pub use schema::Element;
pub use schema::Field;
pub use schema::Misfit;
pub use schema::Preset;
pub use schema::Rule;
pub use schema::Schema;
pub use schema::Then;
pub use schema::Type;
pub use validate::Fault;
pub use validate::complete_config;
