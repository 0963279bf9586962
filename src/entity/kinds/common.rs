//! Fields that most kinds have.

use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Kind;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Type;
use crate::entity::rules;

pub(super) const ID: Field = Field::text("id", "the UUID of the entity")
    .preset(Preset::Uuid)
    .rules(&[Rule::Uuid]);

pub(super) const CREATED_AT: Field = Field::integer(
    "created_at",
    "when it was made, in seconds since the Unix epoch",
)
.preset(Preset::Now)
.rules(&[Rule::Timestamp]);

pub(super) const UPDATED_AT: Field = Field::integer(
    "updated_at",
    "when it was last changed, in seconds since the Unix epoch",
)
.preset(Preset::Now)
.rules(&[Rule::Timestamp]);

pub(super) const TAGS: Field = Field::new(
    "tags",
    Type::Set(&Element::texts(&[Rule::Custom(rules::tag)])),
    "words to find it by",
);

/// A name that no other entity of the kind has.
pub(super) const NAME: Field = Field::text("name", "its name, unique among its kind")
    .unique()
    .rules(&[Rule::Custom(rules::utf8_name)]);

/// The owner of a credential.
pub(super) const CONSUMER: Field = Field::foreign("consumer", Kind::Consumers, "whose it is")
    .required()
    .cascade();

/// The seconds that a credential lives.
pub(super) const TTL: Field = Field::number("ttl", "seconds until it is deleted, if it ever is")
    .rules(&[Rule::Between(0, 100_000_000)]);
