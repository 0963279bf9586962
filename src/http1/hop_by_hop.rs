//! Fields that concern one hop only (RFC 9110 section 7.6.1).

use crate::http::Field;
use crate::http::Fields;
use crate::http::Name;
use crate::http::RequestHead;
use crate::http::Version;

/// The fields that Connection nominates, looked up on demand.
#[derive(Clone, Copy, Debug)]
pub struct Nominated<'a>(Option<(&'a Fields, &'a [u8])>);

impl<'a> Nominated<'a> {
    /// What the Connection fields of a head nominate, connection options aside.
    pub fn of(fields: &'a Fields, bytes: &'a [u8]) -> Self {
        let any = options(fields, bytes).any(|option| {
            !option.eq_ignore_ascii_case(b"keep-alive") && !option.eq_ignore_ascii_case(b"close")
        });
        Self(any.then_some((fields, bytes)))
    }

    /// Whether a request's field is not forwarded.
    pub fn covers_request(&self, field: &Field, bytes: &[u8]) -> bool {
        matches!(
            field.known,
            Name::Connection
                | Name::KeepAlive
                | Name::Proxy
                | Name::ProxyConnection
                | Name::Te
                | Name::Trailer
                | Name::TransferEncoding
                | Name::Upgrade
                | Name::Http2Settings
        ) || self.names(field, bytes)
    }

    /// Whether a response's field is not forwarded.
    pub fn covers_response(&self, field: &Field, bytes: &[u8]) -> bool {
        matches!(
            field.known,
            Name::Connection
                | Name::KeepAlive
                | Name::ProxyConnection
                | Name::Trailer
                | Name::TransferEncoding
                | Name::Upgrade
        ) || self.names(field, bytes)
    }

    fn names(&self, field: &Field, bytes: &[u8]) -> bool {
        let name = field.name.of(bytes);
        self.0.is_some_and(|(fields, head)| {
            options(fields, head).any(|option| option.eq_ignore_ascii_case(name))
        })
    }
}

fn options<'a>(fields: &'a Fields, bytes: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let values = fields.all(Name::Connection, bytes);
    values
        .flat_map(|value| value.split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
}

/// The protocols that a request asks to switch to: Upgrade, nominated by Connection, in HTTP/1.1, and not
/// h2c, which would carry requests past the gateway.
pub fn wants_upgrade<'a>(head: &'a RequestHead, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let protocols = head.fields.get(Name::Upgrade, bytes)?;
    let nominated = options(&head.fields, bytes).any(|o| o.eq_ignore_ascii_case(b"upgrade"));
    let h2c = protocols
        .windows(3)
        .any(|window| window.eq_ignore_ascii_case(b"h2c"));
    (nominated && !h2c && head.version == Version::Http11).then_some(protocols)
}
