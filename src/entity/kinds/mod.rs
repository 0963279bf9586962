//! One file for each kind of entity: its fields, its rules, and how it is found.

mod acls;
mod basicauth_credentials;
mod ca_certificates;
mod certificates;
mod common;
mod consumers;
mod hmacauth_credentials;
mod jwt_secrets;
mod keyauth_credentials;
mod plugins;
mod routes;
mod services;
mod snis;
mod targets;
mod upstreams;
mod upstreams_health;
mod vaults;

use super::Document;
use super::Field;
use super::Kind;
use super::Misfit;
use super::Schema;
use super::Type;

/// A kind of entity.
#[derive(Debug)]
pub struct Entity {
    /// Its fields.
    pub schema: Schema,
    /// The field that names an entity in paths of the Admin API, besides its id.
    pub endpoint_key: Option<&'static str>,
    /// Fields of which no two entities have the same values together; null equals null.
    pub together: &'static [&'static str],
    /// A field of inputs that stands for several others.
    pub shorthand: Option<Shorthand>,
    /// Sees a new input before defaults are filled in.
    pub prepare: Option<fn(&mut Document)>,
    /// Finds what makes all other checks pointless.
    pub gate: Option<fn(&Document) -> Option<Misfit>>,
    /// Gives an accepted entity its normal form.
    pub canonical: Option<fn(&mut Document)>,
}

/// A field of inputs that stands for several others.
#[derive(Debug)]
pub struct Shorthand {
    /// Its name; its value is a text.
    pub name: &'static str,
    /// What it stands for.
    pub expand: fn(&str) -> Document,
    /// What it is for, in a phrase.
    pub about: &'static str,
}

impl Entity {
    /// An entity of these fields and nothing else.
    const fn new(schema: Schema) -> Self {
        Self {
            schema,
            endpoint_key: None,
            together: &[],
            shorthand: None,
            prepare: None,
            gate: None,
            canonical: None,
        }
    }

    /// Whether it may have a time to live.
    pub(super) fn may_expire(&self) -> bool {
        self.schema.field("ttl").is_some()
    }

    /// Its references and the kinds that they lead to.
    pub(super) fn references(&self) -> impl Iterator<Item = (&'static Field, Kind)> {
        let fields = self.schema.fields.iter();
        fields.filter_map(|field| match field.kind {
            Type::Foreign(parent) => Some((field, parent)),
            _ => None,
        })
    }

    /// Whether its endpoint key tells it from all others of its kind.
    pub fn has_unique_key(&self) -> bool {
        let field = self.endpoint_key.and_then(|key| self.schema.field(key));
        field.is_some_and(|field| field.unique)
    }
}

impl Kind {
    /// What entities of this kind are made of.
    pub const fn entity(self) -> &'static Entity {
        match self {
            Self::Services => &services::ENTITY,
            Self::Routes => &routes::ENTITY,
            Self::Consumers => &consumers::ENTITY,
            Self::Plugins => &plugins::ENTITY,
            Self::Upstreams => &upstreams::ENTITY,
            Self::Targets => &targets::ENTITY,
            Self::Certificates => &certificates::ENTITY,
            Self::Snis => &snis::ENTITY,
            Self::CaCertificates => &ca_certificates::ENTITY,
            Self::KeyauthCredentials => &keyauth_credentials::ENTITY,
            Self::BasicauthCredentials => &basicauth_credentials::ENTITY,
            Self::HmacauthCredentials => &hmacauth_credentials::ENTITY,
            Self::JwtSecrets => &jwt_secrets::ENTITY,
            Self::Acls => &acls::ENTITY,
            Self::Vaults => &vaults::ENTITY,
        }
    }

    /// The field that names an entity of this kind in paths of the Admin API, besides its id.
    pub const fn endpoint_key(self) -> Option<&'static str> {
        self.entity().endpoint_key
    }
}
