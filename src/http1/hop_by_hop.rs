//! Fields that concern one hop only (RFC 9110 section 7.6.1).

use crate::http::Field;
use crate::http::Fields;
use crate::http::Name;
use crate::http::RequestHead;
use crate::http::ResponseHead;
use crate::http::Version;
use crate::http1::framing::elements;

/// The fields that Connection nominates, looked up on demand.
#[derive(Clone, Copy, Debug)]
pub struct Nominated<'a>(Option<(&'a Fields, &'a [u8])>);

impl<'a> Nominated<'a> {
    /// What the Connection fields of a request nominate.
    #[inline]
    pub fn of_request(head: &'a RequestHead, bytes: &'a [u8]) -> Self {
        Self(head.nominates.then_some((&head.fields, bytes)))
    }

    /// What the Connection fields of a response nominate.
    #[inline]
    pub fn of_response(head: &'a ResponseHead, bytes: &'a [u8]) -> Self {
        Self(head.nominates.then_some((&head.fields, bytes)))
    }

    /// Whether a request's field is not forwarded.
    #[inline]
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
    #[inline]
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

    #[inline]
    fn names(&self, field: &Field, bytes: &[u8]) -> bool {
        self.0
            .is_some_and(|(fields, head)| lists(fields, head, field.name.of(bytes)))
    }
}

/// Whether Connection has an option of this name.
fn lists(fields: &Fields, head: &[u8], name: &[u8]) -> bool {
    elements(fields.all(Name::Connection, head)).any(|option| option.eq_ignore_ascii_case(name))
}

/// The protocols that a request asks to switch to: Upgrade, nominated by Connection, in HTTP/1.1, and not
/// h2c, which would carry requests past the gateway.
pub fn wants_upgrade<'a>(head: &'a RequestHead, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let protocols = head.fields.get(Name::Upgrade, bytes)?;
    let nominated = lists(&head.fields, bytes, b"upgrade");
    let h2c = protocols
        .windows(3)
        .any(|window| window.eq_ignore_ascii_case(b"h2c"));
    (nominated && !h2c && head.version == Version::Http11).then_some(protocols)
}
