//! Consumers and their credentials, by whatever a request presents.
//!
//! Built once for a configuration and shared by all cores. A look-up hashes what came from the client with a seed of its
//! own and compares it with the one candidate; tables hold numbers, so 60,000 credentials cost little
//! beside themselves.

mod index;
mod people;
mod records;

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::HashMap;
use foldhash::quality::RandomState;
use uuid::Uuid;

use crate::base::tier::Tier;

use index::Index;
pub use people::Consumer;
pub use people::Credential;
pub use people::Found;
pub use people::JwtSecret;
pub use people::Known;
pub use people::Secret;
use people::Table;
use records::Record;
use records::Records;

/// All consumers and credentials of a configuration.
#[derive(Default)]
pub struct Directory {
    consumers: Vec<Member>,
    /// All that there are, groups too.
    credentials: Vec<Arc<Credential>>,
    by_id: HashMap<Uuid, u32>,
    by_name: HashMap<Box<str>, u32>,
    records: Records,
    /// Where a credential's record starts, by table and text.
    presented: Index,
    hasher: RandomState,
    /// The highest tier that any consumer has.
    highest: Option<Tier>,
}

impl std::fmt::Debug for Directory {
    /// Says how much it holds and nothing of what: keys are secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory")
            .field("consumers", &self.consumers.len())
            .field("credentials", &self.credentials.len())
            .finish_non_exhaustive()
    }
}

struct Member {
    consumer: Arc<Consumer>,
    /// The fields that tell an origin who it is, encoded.
    lines: Box<[u8]>,
    /// In the order of the ids of the entities that put it there.
    groups: Vec<Box<str>>,
    /// The field that tells an origin the groups, encoded.
    groups_line: Box<[u8]>,
    /// How much its requests matter under overload, if that is said.
    tier: Option<Tier>,
}

impl Directory {
    /// The directory of these consumers, credentials and groups: the one that was `before` if it is of the same ones,
    /// because routes and plugins change more often than people.
    pub fn renewed(
        before: Option<&Arc<Self>>,
        consumers: &[Arc<Consumer>],
        credentials: &[Arc<Credential>],
    ) -> Arc<Self> {
        let before = before.filter(|before| before.is_of(consumers, credentials));
        before.map_or_else(|| Arc::new(Self::new(consumers, credentials)), Arc::clone)
    }

    fn is_of(&self, consumers: &[Arc<Consumer>], credentials: &[Arc<Credential>]) -> bool {
        let members = self.consumers.iter().map(|member| &member.consumer);
        self.consumers.len() == consumers.len()
            && self.credentials.len() == credentials.len()
            && members
                .zip(consumers)
                .all(|(one, other)| Arc::ptr_eq(one, other))
            && self
                .credentials
                .iter()
                .zip(credentials)
                .all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// A directory of these consumers, their credentials and groups. A credential of an unknown consumer is
    /// left out.
    pub fn new(consumers: &[Arc<Consumer>], credentials: &[Arc<Credential>]) -> Self {
        let mut directory = Self::default();
        for consumer in consumers {
            let index = u32::try_from(directory.consumers.len()).unwrap_or(u32::MAX);
            directory.by_id.insert(consumer.id, index);
            if let Some(name) = &consumer.username {
                directory.by_name.insert(name.clone(), index);
            }
            let tier = Tier::of_tags(&consumer.tags);
            directory.highest = directory.highest.max(tier);
            directory.consumers.push(Member {
                tier,
                consumer: Arc::clone(consumer),
                lines: consumer_lines(consumer),
                groups: Vec::new(),
                groups_line: Box::default(),
            });
        }
        directory.presented = Index::for_entries(credentials.len());
        directory.credentials = credentials.to_vec();
        for (index, credential) in (0..).zip(credentials) {
            directory.add(index, credential);
        }
        directory.records.shrink();
        directory.add_groups(credentials);
        directory
    }

    /// Puts consumers into their groups, which origins are told in Kong's order, that of ids.
    fn add_groups(&mut self, credentials: &[Arc<Credential>]) {
        let mut groups: Vec<(Uuid, u32, &str)> = Vec::new();
        for credential in credentials {
            let consumer = self.by_id.get(&credential.consumer);
            if let (Secret::Group { group }, Some(&consumer)) = (&credential.secret, consumer) {
                groups.push((credential.id, consumer, group));
            }
        }
        groups.sort_unstable_by_key(|(id, ..)| *id);
        for (_, consumer, group) in groups {
            if let Some(member) = self.consumers.get_mut(consumer as usize) {
                member.groups.push(group.into());
            }
        }
        for member in &mut self.consumers {
            if !member.groups.is_empty() {
                member.groups_line = line(b"X-Consumer-Groups", member.groups.join(", "));
            }
        }
    }

    fn add(&mut self, index: u32, credential: &Credential) {
        let Some(&consumer) = self.by_id.get(&credential.consumer) else {
            return;
        };
        let Some((table, text)) = credential.secret.presented() else {
            return;
        };
        let identifier = match &credential.secret {
            Secret::Key { .. } | Secret::Group { .. } => credential.id.to_string(),
            Secret::Basic { .. } | Secret::Hmac { .. } | Secret::Jwt(_) => text.to_owned(),
        };
        let identifier = line(b"X-Credential-Identifier", identifier);
        let member = self.consumers.get(consumer as usize);
        let lines = member.map_or(&b""[..], |member| &member.lines);
        let start = self.records.push(&Record {
            expires_at: credential.expires_at.unwrap_or(u64::MAX),
            credential: index,
            consumer: Known {
                index: consumer,
                id: credential.consumer,
            },
            table,
            text: text.as_bytes(),
            lines: &[lines, &identifier].concat(),
        });
        let hash = self.hasher.hash_one((table, text.as_bytes()));
        self.presented.insert(hash, start);
    }

    /// The consumer at an index that this directory has given.
    pub fn consumer(&self, index: u32) -> Option<&Consumer> {
        Some(&self.consumers.get(index as usize)?.consumer)
    }

    /// The credential at an index that this directory has given.
    pub fn credential(&self, index: u32) -> Option<&Arc<Credential>> {
        self.credentials.get(index as usize)
    }

    /// The consumer with this id or this username.
    pub fn consumer_called(&self, id_or_name: &str) -> Option<Known> {
        let by_id = Uuid::parse_str(id_or_name).ok();
        let by_id = by_id.and_then(|id| self.by_id.get(&id));
        let index = *by_id.or_else(|| self.by_name.get(id_or_name))?;
        let id = self.consumer(index)?.id;
        Some(Known { index, id })
    }

    /// The index of the consumer with this id.
    pub fn consumer_with_id(&self, id: Uuid) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    /// How much a consumer's requests matter under overload, if that is said of it.
    pub fn tier(&self, consumer: u32) -> Option<Tier> {
        self.consumers.get(consumer as usize)?.tier
    }

    /// The highest tier of a consumer, if any has one.
    pub fn highest_tier(&self) -> Option<Tier> {
        self.highest
    }

    /// The groups of a consumer, in the order of the ids of the entities that put it there.
    pub fn groups(&self, consumer: u32) -> &[Box<str>] {
        let member = self.consumers.get(consumer as usize);
        member.map_or(&[], |member| &member.groups)
    }

    /// The field `X-Consumer-Groups` of a consumer, encoded; empty without groups.
    pub fn groups_line(&self, consumer: u32) -> &[u8] {
        let member = self.consumers.get(consumer as usize);
        member.map_or(b"", |member| &member.groups_line)
    }

    /// The fields `X-Consumer-*` of a consumer, encoded.
    pub fn consumer_lines(&self, consumer: u32) -> &[u8] {
        let member = self.consumers.get(consumer as usize);
        member.map_or(b"", |member| &member.lines)
    }

    /// The credential of key-auth with this key: its index and its consumer's.
    pub fn by_key(&self, key: &[u8]) -> Option<Found<'_>> {
        self.find(Table::Key, key)
    }

    /// The credential of basic-auth with this username.
    pub fn by_basic_username(&self, username: &[u8]) -> Option<Found<'_>> {
        self.find(Table::Basic, username)
    }

    /// The credential of hmac-auth with this username.
    pub fn by_hmac_username(&self, username: &[u8]) -> Option<Found<'_>> {
        self.find(Table::Hmac, username)
    }

    /// The credential of jwt with this key.
    pub fn by_jwt_key(&self, key: &[u8]) -> Option<Found<'_>> {
        self.find(Table::Jwt, key)
    }

    #[inline]
    fn find(&self, table: Table, text: &[u8]) -> Option<Found<'_>> {
        let hash = self.hasher.hash_one((table, text));
        self.presented.find(hash, |start| {
            let record = self.records.at(start)?;
            let same = record.table == table && record.text == text;
            same.then_some(Found {
                credential: record.credential,
                consumer: record.consumer,
                expires_at: record.expires_at,
                lines: record.lines,
            })
        })
    }
}

/// `X-Consumer-ID`, and the other two where the consumer has them.
fn consumer_lines(consumer: &Consumer) -> Box<[u8]> {
    let mut edits = super::Edits::default();
    edits.add(b"X-Consumer-ID", consumer.id.to_string().as_bytes());
    if let Some(custom_id) = &consumer.custom_id {
        edits.add(b"X-Consumer-Custom-ID", custom_id.as_bytes());
    }
    if let Some(username) = &consumer.username {
        edits.add(b"X-Consumer-Username", username.as_bytes());
    }
    edits.lines().into()
}

/// One field, encoded.
fn line(name: &[u8], value: String) -> Box<[u8]> {
    let mut edits = super::Edits::default();
    edits.add(name, value.as_bytes());
    edits.lines().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consumer(number: u128, name: &str) -> Arc<Consumer> {
        Arc::new(Consumer {
            id: Uuid::from_u128(number),
            username: Some(name.into()),
            custom_id: None,
            tags: Vec::new(),
            created_at: 0,
        })
    }

    fn credential(number: u128, consumer: u128, secret: Secret) -> Arc<Credential> {
        Arc::new(Credential {
            id: Uuid::from_u128(number),
            consumer: Uuid::from_u128(consumer),
            secret,
            tags: Vec::new(),
            created_at: 0,
            expires_at: None,
        })
    }

    #[test]
    fn credentials_are_found_by_their_kind_and_lead_to_their_consumer() {
        let key = |key: &str| Secret::Key { key: key.into() };
        let jwt = Secret::Jwt(Box::new(JwtSecret {
            key: "one".into(),
            algorithm: "HS256".into(),
            secret: None,
            rsa_public_key: None,
        }));
        let group = |group: &str| Secret::Group {
            group: group.into(),
        };
        let directory = Directory::new(
            &[consumer(1, "alice"), consumer(2, "bob")],
            &[
                credential(10, 1, key("one")),
                credential(11, 2, jwt),
                credential(15, 2, group("first")),
                credential(12, 2, group("g")),
                credential(13, 9, key("nobody's")),
            ],
        );
        let one = directory.by_key(b"one").unwrap();
        let alice = directory.consumer_called("alice").unwrap();
        assert_eq!((one.credential, one.consumer), (0, alice));
        assert_eq!(one.expires_at, u64::MAX);
        let bob = directory.consumer_called("bob").unwrap();
        let of_jwt = directory.by_jwt_key(b"one").unwrap();
        assert_eq!((of_jwt.credential, of_jwt.consumer), (1, bob));
        assert_eq!(directory.by_key(b"two"), None);
        assert_eq!(directory.by_key(b"nobody's"), None);
        assert_eq!(directory.groups(1), ["g".into(), "first".into()]);
        let line = b"X-Consumer-Groups: g, first\r\n";
        assert_eq!(directory.groups_line(1), line);
        assert_eq!(directory.groups_line(0), b"");
        assert_eq!((bob.index, bob.id), (1, Uuid::from_u128(2)));
        let id = Uuid::from_u128(1).to_string();
        assert_eq!(directory.consumer_called(&id), Some(alice));
        let lines = String::from_utf8(directory.consumer_lines(0).to_vec()).unwrap();
        assert_eq!(
            lines,
            format!("X-Consumer-ID: {id}\r\nX-Consumer-Username: alice\r\n")
        );
        let with_credential = one.lines.strip_prefix(&*lines.into_bytes());
        let id = Uuid::from_u128(10);
        let expected = format!("X-Credential-Identifier: {id}\r\n");
        assert_eq!(with_credential, Some(expected.as_bytes()));
        assert!(of_jwt.lines.ends_with(b"X-Credential-Identifier: one\r\n"));
    }

    #[test]
    fn it_is_made_anew_for_others_only() {
        let alice = consumer(1, "alice");
        let key = |number: u128| credential(number, 1, Secret::Key { key: "k".into() });
        let (consumers, credentials) = ([alice], [key(10)]);
        let first = Directory::renewed(None, &consumers, &credentials);
        let same = Directory::renewed(Some(&first), &consumers, &credentials);
        assert!(Arc::ptr_eq(&first, &same));
        for (consumers, credentials) in [
            (&consumers[..], &[key(10)][..]),
            (&[consumer(1, "alice")], &credentials),
            (&consumers, &[]),
            (&[], &credentials),
        ] {
            let other = Directory::renewed(Some(&first), consumers, credentials);
            assert!(!Arc::ptr_eq(&first, &other));
        }
    }

    #[test]
    fn no_key_is_shown() {
        let key = Secret::Key { key: "k-1".into() };
        let directory = Directory::new(&[consumer(1, "alice")], &[credential(10, 1, key)]);
        let shown = format!("{directory:?} {:?}", directory.credential(0));
        let bytes = format!("{:?}", b"k-1");
        assert!(!shown.contains("k-1") && !shown.contains(bytes.trim_matches(['[', ']'])));
    }

    #[test]
    fn many_credentials_are_found() {
        let consumers = [consumer(1, "alice")];
        let credentials: Vec<_> = (0..10_000)
            .map(|n| {
                let key = format!("key-{n}").into();
                credential(n + 10, 1, Secret::Key { key })
            })
            .collect();
        let directory = Directory::new(&consumers, &credentials);
        for n in 0..10_000_u32 {
            let found = directory.by_key(format!("key-{n}").as_bytes());
            assert_eq!(found.map(|found| found.credential), Some(n));
        }
    }
}
