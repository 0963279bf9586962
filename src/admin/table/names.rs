//! What the kinds of entities are called in paths and in sentences.

use crate::entity::Kind;

/// The word of a kind's own paths: `/key-auths`.
pub(in crate::admin) const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::KeyauthCredentials => "key-auths",
        Kind::BasicauthCredentials => "basic-auths",
        Kind::HmacauthCredentials => "hmac-auths",
        Kind::JwtSecrets => "jwts",
        Kind::Services
        | Kind::Routes
        | Kind::Consumers
        | Kind::Plugins
        | Kind::Upstreams
        | Kind::Targets
        | Kind::Certificates
        | Kind::Snis
        | Kind::CaCertificates
        | Kind::Acls
        | Kind::Vaults => kind.as_str(),
    }
}

/// The word below what it belongs to: `/consumers/{consumers}/key-auth`.
pub(in crate::admin) const fn nested_word(kind: Kind) -> &'static str {
    match kind {
        Kind::KeyauthCredentials => "key-auth",
        Kind::BasicauthCredentials => "basic-auth",
        Kind::HmacauthCredentials => "hmac-auth",
        Kind::JwtSecrets => "jwt",
        Kind::Services
        | Kind::Routes
        | Kind::Consumers
        | Kind::Plugins
        | Kind::Upstreams
        | Kind::Targets
        | Kind::Certificates
        | Kind::Snis
        | Kind::CaCertificates
        | Kind::Acls
        | Kind::Vaults => word(kind),
    }
}

/// One of the kind, with its article.
pub(in crate::admin) const fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Services => "a service",
        Kind::Routes => "a route",
        Kind::Consumers => "a consumer",
        Kind::Plugins => "a plugin",
        Kind::Upstreams => "an upstream",
        Kind::Targets => "a target",
        Kind::Certificates => "a certificate",
        Kind::Snis => "an SNI",
        Kind::CaCertificates => "a CA certificate",
        Kind::KeyauthCredentials => "a key of key-auth",
        Kind::BasicauthCredentials => "a credential of basic-auth",
        Kind::HmacauthCredentials => "a credential of hmac-auth",
        Kind::JwtSecrets => "a credential of jwt",
        Kind::Acls => "a group of acl",
        Kind::Vaults => "a vault",
    }
}

/// Several of the kind.
pub(in crate::admin) const fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Services => "services",
        Kind::Routes => "routes",
        Kind::Consumers => "consumers",
        Kind::Plugins => "plugins",
        Kind::Upstreams => "upstreams",
        Kind::Targets => "targets",
        Kind::Certificates => "certificates",
        Kind::Snis => "SNIs",
        Kind::CaCertificates => "CA certificates",
        Kind::KeyauthCredentials => "keys of key-auth",
        Kind::BasicauthCredentials => "credentials of basic-auth",
        Kind::HmacauthCredentials => "credentials of hmac-auth",
        Kind::JwtSecrets => "credentials of jwt",
        Kind::Acls => "groups of acl",
        Kind::Vaults => "vaults",
    }
}
