//! The plugin's configuration as its phases use it.

use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::base::limits;
use crate::cache::Dictionary;
use crate::cache::Secs;
use crate::cache::Status;
use crate::http::Method;

use super::media::MediaType;
use crate::plugin::Blueprint;
use crate::plugin::Edits;

/// What one plugin stores, and for how long.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) statuses: Vec<u16>,
    pub(super) methods: Methods,
    pub(super) media: Vec<MediaType>,
    pub(super) lifetime: Secs,
    /// How long answers are kept, if that is said.
    pub(super) kept: Option<Secs>,
    /// Cache-Control counts.
    pub(super) obeys: bool,
    pub(super) folds_case: bool,
    pub(super) dictionary: Dictionary,
    /// The parameters that count; all if there are none.
    pub(super) params: Vec<Box<str>>,
    /// The request's fields that count.
    pub(super) fields: Vec<Box<str>>,
    pub(super) while_revalidate: Secs,
    pub(super) if_error: Secs,
    shows_age: bool,
    shows_status: bool,
    shows_key: bool,
}

/// Methods whose answers may be stored.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Methods(u8);

/// What an answer says about where it comes from.
fn text(status: Status) -> &'static [u8] {
    match status {
        Status::Miss => b"Miss",
        Status::Hit => b"Hit",
        Status::Refresh => b"Refresh",
        Status::Bypass => b"Bypass",
        Status::Stale => b"Stale",
    }
}

impl Methods {
    fn bit(method: Method) -> u8 {
        match method {
            Method::Get => 1,
            Method::Head => 2,
            Method::Post => 4,
            Method::Patch => 8,
            Method::Put => 16,
            Method::Delete | Method::Connect | Method::Options | Method::Trace | Method::Other => 0,
        }
    }

    /// Whether a method is among them.
    pub(super) fn have(self, method: Method) -> bool {
        self.0 & Self::bit(method) != 0
    }

    /// Whether one of them has a body.
    pub(super) fn have_bodies(self) -> bool {
        self.0 & !3 != 0
    }
}

#[derive(Deserialize)]
struct Raw {
    response_code: Vec<u16>,
    request_method: Vec<String>,
    content_type: Vec<String>,
    cache_ttl: Option<Secs>,
    cache_control: bool,
    ignore_uri_case: Option<bool>,
    storage_ttl: Option<i64>,
    memory: Memory,
    vary_query_params: Option<Vec<Box<str>>>,
    vary_headers: Option<Vec<Box<str>>>,
    response_headers: Shown,
    stale_while_revalidate: Option<Secs>,
    stale_if_error: Option<Secs>,
}

#[derive(Deserialize)]
struct Memory {
    dictionary_name: String,
    max_bytes: Option<usize>,
}

#[derive(Deserialize)]
struct Shown {
    age: Option<bool>,
    #[serde(rename = "X-Cache-Status")]
    status: Option<bool>,
    #[serde(rename = "X-Cache-Key")]
    key: Option<bool>,
}

impl Config {
    pub(super) fn of(blueprint: &Blueprint<'_>) -> Result<Self, String> {
        let raw: Raw = blueprint.parse()?;
        let methods = raw.request_method.iter();
        let methods = methods.map(|method| Methods::bit(Method::of(method.as_bytes())));
        let media = raw.content_type.iter();
        Ok(Self {
            statuses: raw.response_code,
            methods: Methods(methods.fold(0, |all, one| all | one)),
            media: media
                .filter_map(|text| MediaType::of(text.as_bytes()))
                .collect(),
            lifetime: raw.cache_ttl.unwrap_or(300),
            kept: raw
                .storage_ttl
                .and_then(|secs| Secs::try_from(secs).ok())
                .filter(|&secs| secs > 0),
            obeys: raw.cache_control,
            folds_case: raw.ignore_uri_case.unwrap_or(false),
            dictionary: Dictionary {
                id: xxh3_64(raw.memory.dictionary_name.as_bytes()),
                bytes_max: raw.memory.max_bytes.unwrap_or(limits::CACHE_BYTES),
            },
            params: raw.vary_query_params.unwrap_or_default(),
            fields: raw.vary_headers.unwrap_or_default(),
            while_revalidate: raw.stale_while_revalidate.unwrap_or(0),
            if_error: raw.stale_if_error.unwrap_or(0),
            shows_age: raw.response_headers.age.unwrap_or(true),
            shows_status: raw.response_headers.status.unwrap_or(true),
            shows_key: raw.response_headers.key.unwrap_or(true),
        })
    }

    /// Longest body that is stored.
    pub(super) fn body_bytes_max(&self) -> usize {
        limits::CACHE_BODY_BYTES.min(self.dictionary.bytes_max / limits::CACHE_BODY_SHARE)
    }

    /// Says where the answer comes from.
    pub(super) fn show_status(&self, edits: &mut Edits, status: Status) {
        if self.shows_status {
            edits.set(b"X-Cache-Status", text(status));
        }
    }

    /// Says what the answer is called.
    pub(super) fn show_key(&self, edits: &mut Edits, digest: &[u8]) {
        if self.shows_key {
            edits.set(b"X-Cache-Key", digest);
        }
    }

    /// Says all of a stored answer, whose own lines have none of these fields.
    pub(super) fn show(&self, edits: &mut Edits, status: Status, digest: &[u8], age: Secs) {
        if self.shows_age {
            let mut digits = itoa::Buffer::new();
            put(edits, b"Age", digits.format(age).as_bytes());
        }
        if self.shows_status {
            put(edits, b"X-Cache-Status", text(status));
        }
        if self.shows_key {
            put(edits, b"X-Cache-Key", digest);
        }
    }
}

/// Makes this the only line with the name; nothing is taken away where there is none, so that the stored lines need
/// not be looked through.
fn put(edits: &mut Edits, name: &[u8], value: &[u8]) {
    if edits.added(name).is_some() {
        edits.remove(name);
    }
    edits.add(name, value);
}
