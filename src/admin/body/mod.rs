//! What a client sent, as a document: JSON, a form, or the parts of a multipart message.
//!
//! Only JSON knows types. A form's values are texts until their schema has been seen (`entity::infer`), and that may
//! need the stored entity (the plugin whose `config` is meant), so it is done where the operation runs.

mod arrive;
mod form;
mod multipart;
mod nest;

use serde_json::Value;

use crate::entity::Document;

pub(super) use arrive::Lost;
pub(super) use arrive::whole;
pub(super) use form::pairs;

/// A request's body.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Input {
    /// Its fields.
    pub(super) document: Document,
    /// The values are texts, whatever they are meant to be.
    pub(super) untyped: bool,
}

/// Why a body is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is of a type that nobody reads here.
    MediaType,
    /// It is not what its type says.
    Malformed(String),
}

/// What Kong says of JSON that it cannot read.
const NO_JSON: &str = "Cannot parse JSON body";

/// Reads a body of the type that `Content-Type` names.
pub(super) async fn decode(content_type: Option<&str>, bytes: &[u8]) -> Result<Input, Refused> {
    let Some(content_type) = content_type else {
        return match bytes {
            [] => Ok(Input::default()),
            _ => Err(Refused::MediaType),
        };
    };
    match essence(content_type).as_str() {
        "application/json" => json(bytes),
        "application/x-www-form-urlencoded" => {
            let pairs = pairs(bytes).map_err(Refused::Malformed)?;
            untyped(pairs)
        }
        "multipart/form-data" => {
            let parts = multipart::parts(content_type, bytes).await;
            untyped(parts.map_err(Refused::Malformed)?)
        }
        _ => Err(Refused::MediaType),
    }
}

/// A type without its parameters.
pub(super) fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// An object; whatever else JSON can be is no entity.
fn json(bytes: &[u8]) -> Result<Input, Refused> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(document)) => Ok(Input {
            document,
            untyped: false,
        }),
        Ok(_) | Err(_) => Err(Refused::Malformed(NO_JSON.to_owned())),
    }
}

fn untyped(pairs: Vec<(String, Value)>) -> Result<Input, Refused> {
    let document = nest::nest(pairs).map_err(Refused::Malformed)?;
    Ok(Input {
        document,
        untyped: true,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Refused;
    use super::decode;

    fn read(content_type: Option<&str>, bytes: &str) -> Result<serde_json::Value, Refused> {
        let decoded = futures_util::FutureExt::now_or_never(decode(content_type, bytes.as_bytes()));
        decoded.unwrap().map(|input| input.document.into())
    }

    #[test]
    fn type_decides_how_a_body_is_read() {
        let json = Some("application/json; charset=utf-8");
        assert_eq!(read(json, r#"{"a":{"b":1}}"#), Ok(json!({"a": {"b": 1}})));
        let form = Some("Application/X-WWW-Form-URLencoded");
        assert_eq!(read(form, "a.b=1"), Ok(json!({"a": {"b": "1"}})));
        let parts = "--x\r\nContent-Disposition: form-data; name=\"a.b\"\r\n\r\n1\r\n--x--\r\n";
        let multipart = Some("multipart/form-data; boundary=x");
        assert_eq!(read(multipart, parts), Ok(json!({"a": {"b": "1"}})));
    }

    #[test]
    fn other_types_are_refused_and_no_body_is_an_empty_one() {
        assert_eq!(read(None, ""), Ok(json!({})));
        for (content_type, bytes) in [
            (None, "x"),
            (Some("text/plain"), "x"),
            (Some("text/plain"), ""),
        ] {
            assert_eq!(read(content_type, bytes), Err(Refused::MediaType));
        }
    }

    #[test]
    fn malformed_json_is_told_in_kongs_words() {
        for bytes in ["{bad", "", "[1,2]", "1", "{\"a\":1}x", "\u{feff}{}"] {
            let refused = Refused::Malformed("Cannot parse JSON body".to_owned());
            assert_eq!(
                read(Some("application/json"), bytes),
                Err(refused),
                "{bytes}"
            );
        }
    }
}
