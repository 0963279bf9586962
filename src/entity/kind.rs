//! The kinds of entities and their names.

/// A kind of entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[expect(
    missing_docs,
    reason = "each variant is the kind it spells, as in Kong"
)]
pub enum Kind {
    Services,
    Routes,
    Consumers,
    Plugins,
    Upstreams,
    Targets,
    Certificates,
    Snis,
    CaCertificates,
    KeyauthCredentials,
    BasicauthCredentials,
    HmacauthCredentials,
    JwtSecrets,
    Acls,
    Vaults,
}

impl Kind {
    /// Every kind, in an order in which each comes after those that it may refer to.
    pub const ALL: [Self; 15] = [
        Self::Vaults,
        Self::CaCertificates,
        Self::Certificates,
        Self::Snis,
        Self::Services,
        Self::Routes,
        Self::Consumers,
        Self::Upstreams,
        Self::Targets,
        Self::KeyauthCredentials,
        Self::BasicauthCredentials,
        Self::HmacauthCredentials,
        Self::JwtSecrets,
        Self::Acls,
        Self::Plugins,
    ];

    /// Kong's name of the kind: the key in declarative files, the table, the text of errors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Services => "services",
            Self::Routes => "routes",
            Self::Consumers => "consumers",
            Self::Plugins => "plugins",
            Self::Upstreams => "upstreams",
            Self::Targets => "targets",
            Self::Certificates => "certificates",
            Self::Snis => "snis",
            Self::CaCertificates => "ca_certificates",
            Self::KeyauthCredentials => "keyauth_credentials",
            Self::BasicauthCredentials => "basicauth_credentials",
            Self::HmacauthCredentials => "hmacauth_credentials",
            Self::JwtSecrets => "jwt_secrets",
            Self::Acls => "acls",
            Self::Vaults => "vaults",
        }
    }

    /// The kind with this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}
