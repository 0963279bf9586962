//! A request as its origin would get it, after the plugins before this one: what mock sends back and logs.

use std::borrow::Cow;
use std::net::IpAddr;

use super::super::Edits;
use super::super::Request;
use crate::http::Fields;
use crate::http::Version;

/// A request, taken apart.
#[derive(Clone, Debug)]
pub(super) struct View<'r> {
    pub(super) method: &'r [u8],
    pub(super) scheme: &'static str,
    pub(super) host: &'r [u8],
    pub(super) path: &'r [u8],
    pub(super) query: Option<&'r [u8]>,
    pub(super) version: Version,
    pub(super) fields: Lines<'r>,
    pub(super) client: IpAddr,
    pub(super) id: &'r [u8],
    pub(super) head_bytes: usize,
    /// None if it is too long to be here.
    pub(super) body: Option<&'r [u8]>,
}

/// Names and values in order.
pub(super) type Lines<'r> = Vec<(&'r [u8], &'r [u8])>;

impl<'r> View<'r> {
    /// A request as it is now.
    pub(super) fn of(request: &'r Request<'_>) -> Self {
        let rewrite = &*request.rewrite;
        Self {
            method: rewrite.method.as_deref().unwrap_or(request.method()),
            scheme: if request.secure { "https" } else { "http" },
            host: request.head.authority.of(request.bytes),
            path: request.raw_path,
            query: match &rewrite.query {
                Some(query) => query.as_deref(),
                None => request.query(),
            },
            version: request.head.version,
            fields: lines(&request.head.fields, request.bytes, request.upstream),
            client: request.client,
            id: request.id,
            head_bytes: request.head.length,
            body: rewrite.body.as_deref().or(request.body),
        }
    }

    /// The first value under a name.
    pub(super) fn field(&self, name: &[u8]) -> Option<&'r [u8]> {
        let mut lines = self.fields.iter();
        let line = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
        line.map(|(_, value)| *value)
    }

    /// The URL without its query.
    pub(super) fn base(&self) -> String {
        let (host, path) = (text(self.host), text(self.path));
        format!("{}://{host}{path}", self.scheme)
    }

    /// The version as HAR and people write it.
    pub(super) fn version(&self) -> &'static str {
        match self.version {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        }
    }
}

/// A head's lines with what plugins have changed of them.
pub(super) fn lines<'r>(fields: &Fields, bytes: &'r [u8], edits: &'r Edits) -> Lines<'r> {
    let received = fields.lines().iter().filter_map(|field| {
        let name = field.name.of(bytes);
        let stays = !edits.removes(field.known, name);
        stays.then(|| (name, field.value.of(bytes)))
    });
    let added = edits.lines().split(|&byte| byte == b'\n');
    let added = added.filter_map(|line| {
        let at = memchr::memmem::find(line, b": ")?;
        let value = line.get(at + 2..)?;
        Some((line.get(..at)?, value.strip_suffix(b"\r").unwrap_or(value)))
    });
    received.chain(added).collect()
}

/// Bytes as text; what is no UTF-8 is replaced.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
