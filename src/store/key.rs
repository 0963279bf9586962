//! How an entity is named in the file: one byte for its kind, sixteen for its id.
//!
//! The bytes of kinds are part of the file's format: they are never given to another kind.

use uuid::Uuid;

use crate::entity::Kind;

/// An entity's key in the file; keys of one kind stand together, in the order of their ids.
pub(super) type Key = [u8; KEY_BYTES];

/// How long a key is.
pub(super) const KEY_BYTES: usize = 17;

/// The key of an entity.
pub(super) fn key(kind: Kind, id: Uuid) -> Key {
    let mut key = [tag(kind); KEY_BYTES];
    if let Some((_, rest)) = key.split_first_mut() {
        rest.copy_from_slice(id.as_bytes());
    }
    key
}

/// The entity that a key names; `None` if it is of no kind that we know.
pub(super) fn entity(key: &Key) -> Option<(Kind, Uuid)> {
    let (first, rest) = key.split_first()?;
    let kind = Kind::ALL.into_iter().find(|kind| tag(*kind) == *first)?;
    Some((kind, Uuid::from_slice(rest).ok()?))
}

/// The first and the last key of a kind.
pub(super) fn range(kind: Kind) -> std::ops::RangeInclusive<Key> {
    key(kind, Uuid::nil())..=key(kind, Uuid::max())
}

/// The byte of a kind.
const fn tag(kind: Kind) -> u8 {
    match kind {
        Kind::Services => 1,
        Kind::Routes => 2,
        Kind::Consumers => 3,
        Kind::Plugins => 4,
        Kind::Upstreams => 5,
        Kind::Targets => 6,
        Kind::Certificates => 7,
        Kind::Snis => 8,
        Kind::CaCertificates => 9,
        Kind::KeyauthCredentials => 10,
        Kind::BasicauthCredentials => 11,
        Kind::HmacauthCredentials => 12,
        Kind::JwtSecrets => 13,
        Kind::Acls => 14,
        Kind::Vaults => 15,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use uuid::Uuid;

    use super::entity;
    use super::key;
    use super::range;
    use super::tag;
    use crate::entity::Kind;

    #[test]
    fn keys_name_entities() {
        let id = Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
        for kind in Kind::ALL {
            assert_eq!(entity(&key(kind, id)), Some((kind, id)));
            assert!(range(kind).contains(&key(kind, id)));
        }
        assert_eq!(entity(&[0; 17]), None);
        let tags: BTreeSet<u8> = Kind::ALL.into_iter().map(tag).collect();
        assert_eq!(tags.len(), Kind::ALL.len());
    }
}
