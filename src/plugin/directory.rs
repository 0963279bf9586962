//! Consumers and their credentials, by whatever a request presents.
//!
//! Built once for a configuration and shared by all cores. A look-up hashes what came from the client with a seed of its
//! own and compares it with the one candidate; tables hold numbers, so 60,000 credentials cost little
//! beside themselves.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::HashMap;
use foldhash::quality::RandomState;
use hashbrown::HashTable;
use uuid::Uuid;

/// Whoever uses APIs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Consumer {
    /// Its id.
    pub id: Uuid,
    /// Unique among consumers.
    pub username: Option<Box<str>>,
    /// Its id in somebody else's system; unique among consumers.
    pub custom_id: Option<Box<str>>,
    /// Labels.
    pub tags: Vec<String>,
    /// Seconds since the Unix epoch.
    pub created_at: u64,
}

/// What a consumer authenticates with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Credential {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub consumer: Uuid,
    /// What it is.
    pub secret: Secret,
    /// Labels.
    pub tags: Vec<String>,
    /// Seconds since the Unix epoch.
    pub created_at: u64,
    /// From this second on, since the Unix epoch, it is worth nothing; keys with a `ttl` end.
    pub expires_at: Option<u64>,
}

/// The parts of a credential, by its plugin.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Secret {
    /// key-auth.
    Key {
        /// What is presented.
        key: Box<str>,
    },
    /// basic-auth.
    Basic {
        /// What is presented in the clear.
        username: Box<str>,
        /// A PHC string of argon2id, or Kong's SHA-1 of password and consumer id in hexadecimal.
        password: Box<str>,
    },
    /// hmac-auth.
    Hmac {
        /// What is presented.
        username: Box<str>,
        /// What is signed with.
        secret: Box<str>,
    },
    /// jwt.
    Jwt {
        /// What the claim names.
        key: Box<str>,
        /// What the token is signed with.
        algorithm: Box<str>,
        /// For the HMAC algorithms.
        secret: Option<Box<str>>,
        /// For the others, in PEM.
        rsa_public_key: Option<Box<str>>,
    },
    /// acl: not a credential but a group, which has the same life.
    Group {
        /// The group's name.
        group: Box<str>,
    },
}

/// What is looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Table {
    Key,
    Basic,
    Hmac,
    Jwt,
}

impl std::fmt::Debug for Secret {
    /// Says which kind it is and nothing that is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key { .. } => "Key",
            Self::Basic { .. } => "Basic",
            Self::Hmac { .. } => "Hmac",
            Self::Jwt { .. } => "Jwt",
            Self::Group { .. } => "Group",
        })
    }
}

impl Secret {
    /// What a request presents to find it.
    fn presented(&self) -> Option<(Table, &str)> {
        match self {
            Self::Key { key } => Some((Table::Key, key)),
            Self::Basic { username, .. } => Some((Table::Basic, username)),
            Self::Hmac { username, .. } => Some((Table::Hmac, username)),
            Self::Jwt { key, .. } => Some((Table::Jwt, key)),
            Self::Group { .. } => None,
        }
    }
}

/// All consumers and credentials of a configuration.
#[derive(Default)]
pub struct Directory {
    consumers: Vec<Member>,
    credentials: Vec<Held>,
    by_id: HashMap<Uuid, u32>,
    by_name: HashMap<Box<str>, u32>,
    /// Indices of credentials by table and text.
    presented: HashTable<u32>,
    /// What each credential is found by, and behind it the lines that a request gets which is authenticated by it:
    /// what is read together lies together, so that the one among many that is asked for is two cache misses away.
    texts: Vec<u8>,
    hasher: RandomState,
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
}

struct Held {
    credential: Arc<Credential>,
    table: Table,
    consumer: u32,
    /// Where in `texts` its text begins; its lines follow.
    start: usize,
    text_bytes: u32,
    lines_bytes: u32,
    /// The end of time if it does not expire.
    expires_at: u64,
}

impl Directory {
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
            directory.consumers.push(Member {
                consumer: Arc::clone(consumer),
                lines: consumer_lines(consumer),
                groups: Vec::new(),
                groups_line: Box::default(),
            });
        }
        for credential in credentials {
            directory.add(credential);
        }
        directory.texts.shrink_to_fit();
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

    fn add(&mut self, credential: &Arc<Credential>) {
        let Some(&consumer) = self.by_id.get(&credential.consumer) else {
            return;
        };
        let Some((table, text)) = credential.secret.presented() else {
            return;
        };
        let index = u32::try_from(self.credentials.len()).unwrap_or(u32::MAX);
        let identifier = match &credential.secret {
            Secret::Key { .. } | Secret::Group { .. } => credential.id.to_string(),
            Secret::Basic { .. } | Secret::Hmac { .. } | Secret::Jwt { .. } => text.to_owned(),
        };
        let identifier = line(b"X-Credential-Identifier", identifier);
        let start = self.texts.len();
        self.texts.extend_from_slice(text.as_bytes());
        let lines = self.texts.len();
        if let Some(member) = self.consumers.get(consumer as usize) {
            self.texts.extend_from_slice(&member.lines);
        }
        self.texts.extend_from_slice(&identifier);
        self.credentials.push(Held {
            credential: Arc::clone(credential),
            table,
            consumer,
            start,
            text_bytes: u32::try_from(lines - start).unwrap_or(u32::MAX),
            lines_bytes: u32::try_from(self.texts.len() - lines).unwrap_or(u32::MAX),
            expires_at: credential.expires_at.unwrap_or(u64::MAX),
        });
        let (hasher, credentials, texts) = (&self.hasher, &self.credentials, &self.texts);
        let hash_of = |index: &u32| {
            let held = credentials.get(*index as usize);
            held.map_or(0, |held| hasher.hash_one((held.table, held.text(texts))))
        };
        let hash = hasher.hash_one((table, text.as_bytes()));
        self.presented.insert_unique(hash, index, hash_of);
    }

    /// The consumer at an index that this directory has given.
    pub fn consumer(&self, index: u32) -> Option<&Consumer> {
        Some(&self.consumers.get(index as usize)?.consumer)
    }

    /// The credential at an index that this directory has given.
    pub fn credential(&self, index: u32) -> Option<&Arc<Credential>> {
        Some(&self.credentials.get(index as usize)?.credential)
    }

    /// The fields `X-Consumer-*` and `X-Credential-Identifier` of a credential, encoded.
    #[inline]
    pub fn credential_lines(&self, index: u32) -> &[u8] {
        let held = self.credentials.get(index as usize);
        held.map_or(b"", |held| held.lines(&self.texts))
    }

    /// Whether a credential is worth nothing any more.
    #[inline]
    pub fn is_expired(&self, index: u32, unix_secs: u64) -> bool {
        let held = self.credentials.get(index as usize);
        held.is_none_or(|held| held.expires_at <= unix_secs)
    }

    /// The consumer with this id or this username.
    pub fn consumer_called(&self, id_or_name: &str) -> Option<u32> {
        let by_id = Uuid::parse_str(id_or_name).ok();
        let by_id = by_id.and_then(|id| self.by_id.get(&id));
        by_id.or_else(|| self.by_name.get(id_or_name)).copied()
    }

    /// The index of the consumer with this id.
    pub fn consumer_with_id(&self, id: Uuid) -> Option<u32> {
        self.by_id.get(&id).copied()
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
    pub fn by_key(&self, key: &[u8]) -> Option<(u32, u32)> {
        self.find(Table::Key, key)
    }

    /// The credential of basic-auth with this username.
    pub fn by_basic_username(&self, username: &[u8]) -> Option<(u32, u32)> {
        self.find(Table::Basic, username)
    }

    /// The credential of hmac-auth with this username.
    pub fn by_hmac_username(&self, username: &[u8]) -> Option<(u32, u32)> {
        self.find(Table::Hmac, username)
    }

    /// The credential of jwt with this key.
    pub fn by_jwt_key(&self, key: &[u8]) -> Option<(u32, u32)> {
        self.find(Table::Jwt, key)
    }

    #[inline]
    fn find(&self, table: Table, text: &[u8]) -> Option<(u32, u32)> {
        let hash = self.hasher.hash_one((table, text));
        let same = |index: &u32| {
            let held = self.credentials.get(*index as usize);
            held.is_some_and(|held| held.table == table && held.text(&self.texts) == text)
        };
        let index = *self.presented.find(hash, same)?;
        Some((index, self.credentials.get(index as usize)?.consumer))
    }
}

impl Held {
    /// What it is found by.
    #[inline]
    fn text<'a>(&self, texts: &'a [u8]) -> &'a [u8] {
        let range = self.start..self.start + self.text_bytes as usize;
        texts.get(range).unwrap_or_default()
    }

    /// The lines of a request that is authenticated by it.
    #[inline]
    fn lines<'a>(&self, texts: &'a [u8]) -> &'a [u8] {
        let start = self.start + self.text_bytes as usize;
        let range = start..start + self.lines_bytes as usize;
        texts.get(range).unwrap_or_default()
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
        let jwt = Secret::Jwt {
            key: "one".into(),
            algorithm: "HS256".into(),
            secret: None,
            rsa_public_key: None,
        };
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
        assert_eq!(directory.by_key(b"one"), Some((0, 0)));
        assert_eq!(directory.by_jwt_key(b"one"), Some((1, 1)));
        assert_eq!(directory.by_key(b"two"), None);
        assert_eq!(directory.by_key(b"nobody's"), None);
        assert_eq!(directory.groups(1), ["g".into(), "first".into()]);
        let line = b"X-Consumer-Groups: g, first\r\n";
        assert_eq!(directory.groups_line(1), line);
        assert_eq!(directory.groups_line(0), b"");
        assert_eq!(directory.consumer_called("bob"), Some(1));
        let id = Uuid::from_u128(1).to_string();
        assert_eq!(directory.consumer_called(&id), Some(0));
        let lines = String::from_utf8(directory.consumer_lines(0).to_vec()).unwrap();
        assert_eq!(
            lines,
            format!("X-Consumer-ID: {id}\r\nX-Consumer-Username: alice\r\n")
        );
        let with_credential = directory
            .credential_lines(0)
            .strip_prefix(&*lines.into_bytes());
        let id = Uuid::from_u128(10);
        let expected = format!("X-Credential-Identifier: {id}\r\n");
        assert_eq!(with_credential, Some(expected.as_bytes()));
        let of_jwt = directory.credential_lines(1);
        assert!(of_jwt.ends_with(b"X-Credential-Identifier: one\r\n"));
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
            assert_eq!(
                directory.by_key(format!("key-{n}").as_bytes()),
                Some((n, 0))
            );
        }
    }
}
