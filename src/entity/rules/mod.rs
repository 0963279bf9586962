//! What single values must be, beyond what a table can say: names, hosts, paths, tags, certificates.
//!
//! Each function is for [`Rule::Custom`] and answers in Kong's words; the constants are whole lists of rules.
//! Entities and plugins share them. A value of another type passes: its type has been checked before.

mod address;
mod path;
mod pem;
mod text;
mod url;
mod verifying;
mod x509;

use super::schema::Form;
use super::schema::How;
use super::schema::Rule;

pub use address::host;
pub use address::host_with_optional_port;
pub use address::host_with_wildcards;
pub use address::ip;
pub use address::ip_or_cidr;
pub(super) use address::normalize as normalize_address;
pub use address::sni;
pub use address::target;
pub use address::upstream_name;
pub use address::wildcard_host;
pub use path::path;
pub use path::router_path;
pub use pem::public_key;
pub use text::cookie_name;
pub use text::header_name;
pub use text::name;
pub use text::tag;
pub use text::utf8_name;
pub(super) use url::Parts as UrlParts;
pub use url::url;
pub use verifying::is_for_another;
pub use x509::Facts;
pub use x509::belong_together;
pub use x509::certificate;
pub use x509::facts;
pub use x509::private_key;

/// A port.
pub const PORT: &[Rule] = &[Rule::Between(0, 65_535)];
/// Milliseconds that may be none.
pub const TIMEOUT: &[Rule] = &[Rule::Between(0, 2_147_483_646)];
/// The name of a header.
pub const HEADER_NAME: &[Rule] = &[Rule::Custom(header_name)];
/// The path of a URL.
pub const PATH: &[Rule] = &[
    Rule::StartsWith("/"),
    Rule::Form(&NO_EMPTY_SEGMENTS),
    Rule::Custom(path),
];

/// A path without `//`.
pub const NO_EMPTY_SEGMENTS: Form = Form {
    how: How::None,
    patterns: &["//"],
    holds: |text| !text.contains("//"),
    error: "must not have empty segments",
};
