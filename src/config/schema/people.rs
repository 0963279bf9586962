//! The keys of consumers, their credentials, and plugins: Kong's.

use super::Reload::Yes;
use super::Section;
use super::entities::ID;
use super::key;

/// What tags may be.
const TAGS: super::Key = key(
    "tags",
    "list of strings",
    "[]",
    "no `,` and no `/` in them",
    "[\"team-a\"]",
    Yes,
    "Labels.",
);

/// The `id` of what has no name.
const OWN_ID: super::Key = key(
    "id",
    "string",
    "(from what it is)",
    "a UUID, unique",
    "\"9748f662-7711-4a90-8186-dc02f10eb0f5\"",
    Yes,
    "Identity.",
);

/// Seconds since the Unix epoch.
const CREATED_AT: super::Key = key(
    "created_at",
    "integer",
    "0",
    "seconds since 1970",
    "1700000000",
    Yes,
    "When it was made, for listings.",
);

/// `[[consumers]]`
pub const CONSUMERS: Section = Section {
    title: "[[consumers]]",
    about: "Whoever uses APIs. At least one of `username` and `custom_id` is needed.",
    keys: &[
        key(
            "id",
            "string",
            ID,
            "a UUID, unique",
            "\"b87eb55d-69a1-41d2-8653-8d706eecefc0\"",
            Yes,
            "Identity; if absent, the one that Kong's declarative import gives to the name.",
        ),
        key(
            "username",
            "string",
            "(none)",
            "unique",
            "\"alice\"",
            Yes,
            "What it is called.",
        ),
        key(
            "custom_id",
            "string",
            "(none)",
            "unique",
            "\"4711\"",
            Yes,
            "What another system calls it; origins are told.",
        ),
        TAGS,
        CREATED_AT,
        key(
            "keyauth_credentials",
            "list of tables",
            "[]",
            "`[[consumers.keyauth_credentials]]`",
            "[{ key = \"k-alice\" }]",
            Yes,
            "Its keys.",
        ),
        key(
            "basicauth_credentials",
            "list of tables",
            "[]",
            "`[[consumers.basicauth_credentials]]`",
            "[{ username = \"alice\", password = \"secret\" }]",
            Yes,
            "Its passwords.",
        ),
        key(
            "hmacauth_credentials",
            "list of tables",
            "[]",
            "`[[consumers.hmacauth_credentials]]`",
            "[{ username = \"alice\", secret = \"secret\" }]",
            Yes,
            "Its secrets for signatures.",
        ),
        key(
            "jwt_secrets",
            "list of tables",
            "[]",
            "`[[consumers.jwt_secrets]]`",
            "[{ key = \"issuer\", secret = \"secret\" }]",
            Yes,
            "What its tokens are signed with.",
        ),
        key(
            "acls",
            "list of tables",
            "[]",
            "`[[consumers.acls]]`",
            "[{ group = \"gold\" }]",
            Yes,
            "The groups it is in.",
        ),
        key(
            "plugins",
            "list of tables",
            "[]",
            "`[[consumers.plugins]]`",
            "[{ name = \"rate-limiting\", config = { minute = 5 } }]",
            Yes,
            "Plugins for its requests alone.",
        ),
    ],
};

/// `[[consumers.keyauth_credentials]]`
pub const KEYAUTH: Section = Section {
    title: "[[consumers.keyauth_credentials]]",
    about: "A key of a consumer, for the plugin `key-auth`.",
    keys: &[
        OWN_ID,
        key(
            "key",
            "string",
            "(required)",
            "unique",
            "\"k-alice\"",
            Yes,
            "What is presented.",
        ),
        TAGS,
        CREATED_AT,
    ],
};

/// `[[consumers.basicauth_credentials]]`
pub const BASICAUTH: Section = Section {
    title: "[[consumers.basicauth_credentials]]",
    about: "A password of a consumer, for the plugin `basic-auth`.",
    keys: &[
        OWN_ID,
        key(
            "username",
            "string",
            "(required)",
            "unique",
            "\"alice\"",
            Yes,
            "What is presented with the password.",
        ),
        key(
            "password",
            "string",
            "(required)",
            "a password, or its hash as `$argon2id$…`",
            "\"secret\"",
            Yes,
            "The password; one that is not hashed is hashed when it is read.",
        ),
        TAGS,
        CREATED_AT,
    ],
};

/// `[[consumers.hmacauth_credentials]]`
pub const HMACAUTH: Section = Section {
    title: "[[consumers.hmacauth_credentials]]",
    about: "A secret of a consumer, for the plugin `hmac-auth`.",
    keys: &[
        OWN_ID,
        key(
            "username",
            "string",
            "(required)",
            "unique",
            "\"alice\"",
            Yes,
            "Whose signature it is.",
        ),
        key(
            "secret",
            "string",
            "(required)",
            "",
            "\"secret\"",
            Yes,
            "What requests are signed with.",
        ),
        TAGS,
        CREATED_AT,
    ],
};

/// `[[consumers.jwt_secrets]]`
pub const JWT: Section = Section {
    title: "[[consumers.jwt_secrets]]",
    about: "What a consumer's tokens are signed with, for the plugin `jwt`.",
    keys: &[
        OWN_ID,
        key(
            "key",
            "string",
            "(required)",
            "unique",
            "\"issuer\"",
            Yes,
            "What the token names in its `iss`, or in the claim that the plugin asks for.",
        ),
        key(
            "algorithm",
            "string",
            "\"HS256\"",
            "`HS256` to `HS512`, `RS256` to `RS512`, `ES256` to `ES512`, `PS256` to `PS512`, `EdDSA`",
            "\"RS256\"",
            Yes,
            "The only algorithm that its tokens may name.",
        ),
        key(
            "secret",
            "string",
            "(none)",
            "for `HS*`",
            "\"secret\"",
            Yes,
            "The shared secret.",
        ),
        key(
            "rsa_public_key",
            "string",
            "(none)",
            "for all others, in PEM",
            "\"-----BEGIN PUBLIC KEY-----\\n…\"",
            Yes,
            "The public key.",
        ),
        TAGS,
        CREATED_AT,
    ],
};

/// `[[consumers.acls]]`
pub const ACLS: Section = Section {
    title: "[[consumers.acls]]",
    about: "A group that a consumer is in, for the plugin `acl`.",
    keys: &[
        OWN_ID,
        key(
            "group",
            "string",
            "(required)",
            "unique for the consumer",
            "\"gold\"",
            Yes,
            "The group's name.",
        ),
        TAGS,
        CREATED_AT,
    ],
};

/// `[[plugins]]`, within other entities too.
pub const PLUGINS: Section = Section {
    title: "[[plugins]]",
    about: "A plugin. At the top it is for everything, or for what `service`, `route` and `consumer` name; within a \
            service, a route or a consumer (`[[services.plugins]]`, `[[services.routes.plugins]]`, \
            `[[consumers.plugins]]`) it is for that. Of each kind a request meets one: the most specific. The \
            pages in `plugins/` list what each takes as `config`.",
    keys: &[
        OWN_ID,
        key(
            "name",
            "string",
            "(required)",
            "a plugin there is",
            "\"rate-limiting\"",
            Yes,
            "Which plugin.",
        ),
        key(
            "instance_name",
            "string",
            "(none)",
            "unique",
            "\"orders-limit\"",
            Yes,
            "What it is called.",
        ),
        key(
            "config",
            "table",
            "{}",
            "by plugin",
            "{ minute = 600 }",
            Yes,
            "What the plugin is told.",
        ),
        key(
            "service",
            "string",
            "(any)",
            "a service's name or id",
            "\"orders\"",
            Yes,
            "For requests to this service.",
        ),
        key(
            "route",
            "string",
            "(any)",
            "a route's name or id",
            "\"orders\"",
            Yes,
            "For requests of this route.",
        ),
        key(
            "consumer",
            "string",
            "(any)",
            "a consumer's username or id",
            "\"alice\"",
            Yes,
            "For requests of this consumer.",
        ),
        key(
            "protocols",
            "list of strings",
            "[\"http\", \"https\"]",
            "`http`, `https`",
            "[\"https\"]",
            Yes,
            "For requests over these.",
        ),
        key(
            "enabled",
            "boolean",
            "true",
            "",
            "false",
            Yes,
            "Whether it is asked at all.",
        ),
        TAGS,
        CREATED_AT,
    ],
};
