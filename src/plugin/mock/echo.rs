//! Answers that show the request, as its origin would have got it.

use std::net::IpAddr;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::super::transform::args::Args;
use super::entry::Sent;
use super::secrets::Secrets;
use super::view::View;
use super::view::text;

/// What is sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    /// The whole request, laid out for people.
    Request,
    /// The same as HAR describes it; what is secret is hidden.
    Har,
    /// The body as it is.
    Body,
    /// The fields alone.
    Headers,
    /// The client's address.
    Ip,
}

impl Echo {
    /// By its configured name.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "request" => Some(Self::Request),
            "har" => Some(Self::Har),
            "body" => Some(Self::Body),
            "headers" => Some(Self::Headers),
            "ip" => Some(Self::Ip),
            _ => None,
        }
    }

    /// Whether it needs the request's body.
    pub(super) fn needs_body(self) -> bool {
        match self {
            Self::Request | Self::Har | Self::Body => true,
            Self::Headers | Self::Ip => false,
        }
    }

    /// The answer's Content-Type and body.
    pub(super) fn answer(self, view: &View<'_>, secrets: &Secrets) -> (String, Vec<u8>) {
        let value = match self {
            Self::Body => {
                let kind = view.field(b"content-type");
                let kind = text(kind.unwrap_or(b"application/octet-stream"));
                return (kind.into_owned(), view.body.unwrap_or_default().to_vec());
            }
            Self::Request => whole(view),
            Self::Har => Sent::of(view, &secrets.hiding(None)).har(),
            Self::Headers => json!({ "headers": fields(view) }),
            Self::Ip => json!({ "ip": address(view.client) }),
        };
        (JSON.to_owned(), format!("{value:#}\n").into_bytes())
    }
}

fn whole(view: &View<'_>) -> Value {
    let query = view.query.map(|query| format!("?{}", text(query)));
    let args = view.query.map(Args::decode).unwrap_or_default();
    let args = args.iter().map(|(name, value)| {
        let value = text(value.unwrap_or_default()).into_owned();
        (text(name).into_owned(), value.into())
    });
    json!({
        "method": text(view.method),
        "url": view.base() + &query.unwrap_or_default(),
        "httpVersion": view.version(),
        "clientIPAddress": address(view.client),
        "queryString": Value::Object(args.collect()),
        "headers": fields(view),
        "body": text(view.body.unwrap_or_default()),
        "bodySize": view.body.map(<[u8]>::len),
    })
}

/// Fields by name in lower case, those of one name joined as a list.
fn fields(view: &View<'_>) -> Value {
    let mut fields: Map<String, Value> = Map::new();
    for (name, value) in &view.fields {
        let name = text(name).to_ascii_lowercase();
        let value = text(value);
        let joined = match fields.get(&name).and_then(Value::as_str) {
            Some(present) => format!("{present}, {value}"),
            None => value.into_owned(),
        };
        fields.insert(name, joined.into());
    }
    Value::Object(fields)
}

fn address(ip: IpAddr) -> String {
    ip.to_canonical().to_string()
}

const JSON: &str = "application/json; charset=utf-8";
