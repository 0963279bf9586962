//! The fields of mock's `config`.

use serde_json::Value;

use super::super::rules::is_field_name;
use super::super::transform::list;
use crate::base::limits;
use crate::entity::Check;
use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Type;
use crate::http::Name;

/// All of them.
pub(super) const SCHEMA: Schema = Schema {
    fields: &[
        Field::integer("status", "the status of the answer")
            .required()
            .preset(Preset::Int(200))
            .rules(&[Rule::Between(200, 599)]),
        Field::text("reason", "what the status line says, if not the usual")
            .rules(&[Rule::Custom(is_visible)]),
        Field::new("headers", Type::Map(&NAME, &LINE), "fields of the answer")
            .required()
            .preset(Preset::EmptyMap),
        Field::text("body", "the body of the answer")
            .rules(&[Rule::AllowEmpty, Rule::LengthMax(limits::MOCK_BODY_BYTES)]),
        Field::text("content_type", "what the body is; JSON if nothing is said")
            .rules(&[Rule::Custom(is_visible)]),
        Field::text(
            "echo",
            "instead of a body: what of the request is sent back",
        )
        .rules(&[Rule::OneOf(&["request", "har", "body", "headers", "ip"])]),
        Field::integer("delay", "milliseconds that pass before the answer")
            .required()
            .preset(Preset::Int(0))
            .rules(&[Rule::Between(0, limits::MOCK_DELAY_MS)]),
        Field::flag(
            "passthrough",
            false,
            "the origin answers; what is left is the delay and the log",
        ),
        Field::integer(
            "log_requests",
            "how many of the last requests are kept, on each core",
        )
        .required()
        .preset(Preset::Int(0))
        .rules(&[Rule::Between(0, limits::MOCK_LOG_REQUESTS)]),
        list(
            "mask",
            &Element::TEXT,
            "further names of fields, parameters and members that are secret",
        ),
    ],
    checks: &[Check::OnlyOneOf(&["body", "echo"])],
};

const NAME: Element =
    Element::new(Type::Text).rules(&[Rule::Custom(is_field_name), Rule::Custom(is_free)]);
const LINE: Element = Element::new(Type::Text).rules(&[Rule::AllowEmpty, Rule::Custom(is_visible)]);

/// Whether a text can stand in a head's line.
fn is_visible(value: &Value) -> Result<(), String> {
    let text = value.as_str().unwrap_or_default();
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(());
    }
    Err("only visible ASCII characters and spaces are allowed".to_owned())
}

/// Whether a field is nobody else's business.
fn is_free(value: &Value) -> Result<(), String> {
    let name = value.as_str().unwrap_or_default();
    match Name::of(name.as_bytes()) {
        Name::ContentType => Err("use 'content_type' for this field".to_owned()),
        Name::Connection
        | Name::ContentLength
        | Name::Date
        | Name::KeepAlive
        | Name::Server
        | Name::Trailer
        | Name::TransferEncoding
        | Name::Upgrade => Err(format!("the field '{name}' is written by the gateway")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_head_is_refused() {
        assert_eq!(is_visible(&"a b".into()), Ok(()));
        assert!(is_visible(&"a\r\nb".into()).is_err());
        assert!(is_free(&"content-length".into()).is_err());
        assert!(is_free(&"Content-Type".into()).is_err());
        assert_eq!(is_free(&"X-A".into()), Ok(()));
    }
}
