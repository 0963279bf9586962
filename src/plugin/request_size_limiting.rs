//! request-size-limiting: refuses requests whose bodies are too large.
//!
//! A length that is announced is looked at here. A body in chunks is measured while it goes by: the plugin leaves the
//! bound in [`Rewrite::body_limit`](super::Rewrite::body_limit), and whoever moves the body answers with [`refusal`].

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Deserialize;

use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::http::Framing;
use crate::http::Name;
use crate::http::Reply;
use crate::http::RequestHead;

use super::Blueprint;
use super::Definition;
use super::Interrupt;
use super::Needs;
use super::Plugin;
use super::Request;

/// request-size-limiting.
pub const DEFINITION: Definition = Definition {
    name: "request-size-limiting",
    priority: 951,
    about: "refuses requests whose bodies are too large",
    config: Schema {
        fields: &[
            Field::integer("allowed_payload_size", "the largest body, in `size_unit`")
                .preset(Preset::Int(128)),
            Field::text("size_unit", "1,048,576 bytes, 1,024 bytes, or 1 byte")
                .required()
                .preset(Preset::Text("megabytes"))
                .rules(&[Rule::OneOf(&["megabytes", "kilobytes", "bytes"])]),
            Field::flag(
                "require_content_length",
                false,
                "a request without a body's length is refused",
            ),
        ],
        checks: &[],
    },
    consumer_scope: true,
    denies: true,
    compile,
};

#[derive(Debug)]
struct RequestSizeLimiting {
    body_bytes_max: u64,
    require_length: bool,
}

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    #[derive(Deserialize)]
    struct Config {
        allowed_payload_size: Option<i64>,
        size_unit: Unit,
        require_content_length: bool,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Unit {
        Megabytes,
        Kilobytes,
        Bytes,
    }
    let config: Config = blueprint.parse()?;
    let unit = match config.size_unit {
        Unit::Megabytes => 1 << 20,
        Unit::Kilobytes => 1 << 10,
        Unit::Bytes => 1,
    };
    let size = config.allowed_payload_size.unwrap_or(128).max(0);
    Ok(Arc::new(RequestSizeLimiting {
        body_bytes_max: size.unsigned_abs().saturating_mul(unit),
        require_length: config.require_content_length,
    }))
}

/// The answer to a body that is larger than a plugin allows.
pub fn refusal(request: &RequestHead) -> Reply {
    let status = if request.expects_continue { 417 } else { 413 };
    DEFINITION.refuse(status, "Request size limit exceeded")
}

/// How long a request's body is, as far as the head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Is(u64),
    /// There is no body, and no length of it either.
    Absent,
    /// It is as long as its chunks.
    Unknown,
}

impl Length {
    fn of(head: &RequestHead) -> Self {
        match head.framing {
            Framing::Length(length) => Self::Is(length),
            Framing::Empty | Framing::UntilClose if head.fields.has(Name::ContentLength) => {
                Self::Is(0)
            }
            Framing::Empty | Framing::UntilClose => Self::Absent,
            Framing::Chunked => Self::Unknown,
        }
    }
}

impl Plugin for RequestSizeLimiting {
    fn needs(&self) -> Needs {
        Needs::REQUEST
    }

    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        let length = match (Length::of(request.head), request.body) {
            (Length::Is(length), _) => length,
            (Length::Unknown, Some(body)) => body.len() as u64,
            (Length::Unknown, None) => {
                request.rewrite.limit_body(self.body_bytes_max);
                return ControlFlow::Continue(());
            }
            (Length::Absent, _) if self.require_length => {
                let text = "A valid Content-Length header is required";
                return ControlFlow::Break(DEFINITION.refuse(411, text).into());
            }
            (Length::Absent, _) => return ControlFlow::Continue(()),
        };
        if length > self.body_bytes_max {
            return ControlFlow::Break(refusal(request.head).into());
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing::Trial;
    use crate::plugin::testing::compile;
    use crate::plugin::testing::said;
    use serde_json::Value;
    use serde_json::json;

    fn kilobyte() -> Value {
        json!({"allowed_payload_size": 1, "size_unit": "kilobytes"})
    }

    fn answer(config: Value, trial: &mut Trial) -> (u16, String) {
        let reply = trial.refused_by(&*compile(&DEFINITION, config));
        (reply.status, said(&reply).to_owned())
    }

    fn sized(length: usize, expects: bool) -> Trial {
        let lines: &[&str] = if expects {
            &["Expect: 100-continue"]
        } else {
            &[]
        };
        Trial::with_body("POST /size", lines, &vec![b'x'; length])
    }

    fn chunked(body: Option<&[u8]>) -> Trial {
        let mut trial = Trial::new("POST /size", &["Transfer-Encoding: chunked"]);
        trial.body = body.map(<[u8]>::to_vec);
        trial
    }

    #[test]
    fn announced_lengths_are_answered_as_recorded() {
        let plugin = compile(&DEFINITION, kilobyte());
        assert!(sized(1000, false).passes(&*plugin) && sized(1024, false).passes(&*plugin));
        assert!(Trial::new("GET /size", &[]).passes(&*plugin));
        let too_large = "Request size limit exceeded".to_owned();
        let answered = answer(kilobyte(), &mut sized(1025, false));
        assert_eq!(answered, (413, too_large.clone()));
        let answered = answer(kilobyte(), &mut sized(2000, true));
        assert_eq!(answered, (417, too_large));
    }

    #[test]
    fn chunks_are_measured_here_or_on_their_way() {
        let plugin = compile(&DEFINITION, kilobyte());
        assert_eq!(answer(kilobyte(), &mut chunked(Some(&[b'y'; 2000]))).0, 413);
        let mut short = chunked(Some(b"a"));
        assert!(short.passes(&*plugin));
        assert_eq!(short.rewrite.body_limit, None);
        let mut long = chunked(None);
        assert!(long.passes(&*plugin));
        assert_eq!(long.rewrite.body_limit, Some(1024));
    }

    #[test]
    fn a_length_can_be_required() {
        let config = json!({"allowed_payload_size": 1, "require_content_length": true});
        let (status, text) = answer(config.clone(), &mut Trial::new("GET /sizereq", &[]));
        assert_eq!(
            (status, &*text),
            (411, "A valid Content-Length header is required")
        );
        let plugin = compile(&DEFINITION, config);
        assert!(Trial::new("POST /", &["Content-Length: 0"]).passes(&*plugin));
        // Recorded: whoever sends chunks need not say how many bytes they are.
        assert!(chunked(Some(b"a")).passes(&*plugin));
    }

    #[test]
    fn units_multiply_and_do_not_overflow() {
        for (size, unit, most) in [
            (2, "megabytes", 2 << 20),
            (3, "bytes", 3),
            (i64::MAX, "megabytes", u64::MAX),
            (-1, "megabytes", 0),
        ] {
            let config = json!({"allowed_payload_size": size, "size_unit": unit});
            let mut trial = chunked(None);
            assert!(trial.passes(&*compile(&DEFINITION, config)));
            assert_eq!(trial.rewrite.body_limit, Some(most));
        }
    }
}
