//! Consumers and credentials as the configuration has them.

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
    /// jwt; boxed, because the others are many and small.
    Jwt(Box<JwtSecret>),
    /// acl: not a credential but a group, which has the same life.
    Group {
        /// The group's name.
        group: Box<str>,
    },
}

/// The parts of a credential of jwt.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct JwtSecret {
    /// What the claim names.
    pub key: Box<str>,
    /// What the token is signed with.
    pub algorithm: Box<str>,
    /// For the HMAC algorithms.
    pub secret: Option<Box<str>>,
    /// For the others, in PEM.
    pub rsa_public_key: Option<Box<str>>,
}

/// A consumer that a directory knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its index in the directory.
    pub index: u32,
    /// Its id.
    pub id: Uuid,
}

/// A credential that a request presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'d> {
    /// Its index in the directory.
    pub credential: u32,
    /// Whose it is.
    pub consumer: Known,
    /// The second since the Unix epoch from which on it is worth nothing.
    pub expires_at: u64,
    /// The fields `X-Consumer-*` and `X-Credential-Identifier`, encoded.
    pub lines: &'d [u8],
}

/// What is looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Table {
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
    pub(super) fn presented(&self) -> Option<(Table, &str)> {
        match self {
            Self::Key { key } => Some((Table::Key, key)),
            Self::Basic { username, .. } => Some((Table::Basic, username)),
            Self::Hmac { username, .. } => Some((Table::Hmac, username)),
            Self::Jwt(jwt) => Some((Table::Jwt, &jwt.key)),
            Self::Group { .. } => None,
        }
    }
}

impl Table {
    /// The one with this number.
    #[inline]
    pub(super) const fn numbered(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Key),
            1 => Some(Self::Basic),
            2 => Some(Self::Hmac),
            3 => Some(Self::Jwt),
            _ => None,
        }
    }
}
