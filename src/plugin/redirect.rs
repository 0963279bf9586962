//! redirect: sends clients elsewhere.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::http::path::escape_into;
use crate::http::reply::Body;
use crate::http::reply::Reply;

use super::Blueprint;
use super::Definition;
use super::Interrupt;
use super::Needs;
use super::Plugin;
use super::Request;
use super::rules;

/// redirect.
pub const DEFINITION: Definition = Definition {
    name: "redirect",
    priority: 779,
    about: "sends clients elsewhere",
    config: Schema {
        fields: &[
            Field::integer("status_code", "the status of the answer")
                .required()
                .preset(Preset::Int(301))
                .rules(&[
                    Rule::Between(100, 599),
                    Rule::Custom(rules::is_final_status),
                ]),
            Field::text("location", "where to: a URL with scheme and host")
                .required()
                .rules(&[Rule::Custom(is_url)]),
            Field::new(
                "keep_incoming_path",
                crate::entity::Type::Boolean,
                "the request's path and query stand in place of those of `location`",
            )
            .preset(Preset::Bool(false)),
        ],
        checks: &[],
    },
    consumer_scope: true,
    denies: false,
    compile,
};

#[derive(Debug)]
struct Redirect {
    status: u16,
    location: Location,
}

/// Where a client is sent.
#[derive(Debug)]
enum Location {
    /// There.
    Fixed(Box<[u8]>),
    /// To the same path at another host.
    Host {
        /// Scheme and authority.
        before: Box<[u8]>,
        /// The fragment with its `#`, or nothing.
        after: Box<[u8]>,
    },
}

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    #[derive(Deserialize)]
    struct Config {
        status_code: u16,
        location: Box<str>,
        keep_incoming_path: Option<bool>,
    }
    let config: Config = blueprint.parse()?;
    let location = match config.keep_incoming_path {
        Some(true) => Location::host(&config.location)?,
        Some(false) | None => Location::Fixed(config.location.into_boxed_bytes()),
    };
    Ok(Arc::new(Redirect {
        status: config.status_code,
        location,
    }))
}

/// The scheme, the authority, and what is behind it.
fn parts(url: &str) -> Result<(&str, &str, &str), &'static str> {
    let (scheme, rest) = url.split_once("//").ok_or("missing host in url")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    if authority.is_empty() || scheme.contains('/') {
        return Err("missing host in url");
    }
    match scheme.strip_suffix(':') {
        Some(scheme) if !scheme.is_empty() => Ok((scheme, authority, behind)),
        Some(_) | None => Err("missing scheme in url"),
    }
}

fn is_url(value: &Value) -> Result<(), String> {
    let parts = value.as_str().map(parts).transpose();
    parts.map(|_| ()).map_err(str::to_owned)
}

impl Location {
    /// The host of a URL, spelled in its normal form.
    fn host(url: &str) -> Result<Self, String> {
        let (scheme, authority, behind) = parts(url)?;
        let scheme = scheme.to_ascii_lowercase();
        let default = match scheme.as_str() {
            "http" => ":80",
            "https" => ":443",
            _ => "",
        };
        let authority = authority.to_ascii_lowercase();
        let authority = authority.strip_suffix(default).unwrap_or(&authority);
        let fragment = behind.find('#').and_then(|at| behind.get(at..));
        Ok(Self::Host {
            before: format!("{scheme}://{authority}")
                .into_boxed_str()
                .into_boxed_bytes(),
            after: fragment.unwrap_or_default().as_bytes().into(),
        })
    }

    fn of(&self, path: &[u8], query: Option<&[u8]>) -> Vec<u8> {
        match self {
            Self::Fixed(location) => location.to_vec(),
            Self::Host { before, after } => {
                let mut location = before.to_vec();
                escape_into(&mut location, path);
                if let Some(query) = query.filter(|query| !query.is_empty()) {
                    location.push(b'?');
                    escape_into(&mut location, query);
                }
                // Neither a path nor a query of ours may begin the fragment.
                if memchr::memchr(b'#', &location).is_some() {
                    let parts: Vec<&[u8]> = location.split(|&byte| byte == b'#').collect();
                    location = parts.join(&b"%23"[..]);
                }
                location.extend_from_slice(after);
                location
            }
        }
    }
}

impl Plugin for Redirect {
    fn needs(&self) -> Needs {
        Needs::REQUEST
    }

    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        let location = self.location.of(request.path, request.query());
        let reply = Reply {
            body: Body::Raw {
                content_type: "".into(),
                bytes: b"redirecting"[..].into(),
            },
            ..Reply::empty(self.status)
        };
        ControlFlow::Break(reply.with("Location", location).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing::Trial;
    use crate::plugin::testing::compile;
    use crate::plugin::testing::field;
    use crate::plugin::testing::rendered;
    use proptest::prelude::*;
    use serde_json::json;

    fn location(config: Value, start: &str) -> String {
        let reply = Trial::new(start, &[]).refused_by(&*compile(&DEFINITION, config));
        field(&reply, "Location").unwrap().to_owned()
    }

    #[test]
    fn answers_are_the_recorded_ones() {
        let config =
            json!({"status_code": 308, "location": "https://x.test/y", "keep_incoming_path": true});
        let reply = Trial::new("GET /red/a?b=1", &[]).refused_by(&*compile(&DEFINITION, config));
        assert_eq!(reply.status, 308);
        assert_eq!(field(&reply, "location"), Some("https://x.test/red/a?b=1"));
        let text = rendered(&reply);
        assert!(text.ends_with("\r\n\r\nredirecting") && text.contains("Content-Length: 11\r\n"));
        assert!(!text.contains("Content-Type"), "{text}");
        let config = json!({"location": "https://x.test/y"});
        assert_eq!(location(config, "GET /redir2/a"), "https://x.test/y");
    }

    #[test]
    fn a_kept_path_stands_at_the_host_in_its_normal_form() {
        let to = |location: &str| json!({"location": location, "keep_incoming_path": true});
        for (url, start, expected) in [
            (
                "HTTPS://X.Test:443/y?z=1#top",
                "GET /a",
                "https://x.test/a#top",
            ),
            ("http://x.test:8080", "GET /a?b", "http://x.test:8080/a?b"),
            ("http://x.test?q", "GET /a%23b?", "http://x.test/a%23b"),
            ("http://[::1]:80/", "GET /", "http://[::1]/"),
        ] {
            assert_eq!(location(to(url), start), expected);
        }
    }

    #[test]
    fn a_location_is_a_whole_url() {
        assert_eq!(is_url(&json!("https://x.test")), Ok(()));
        for (url, said) in [
            ("x.test/y", "missing host in url"),
            ("https:///y", "missing host in url"),
            ("/a//b", "missing host in url"),
            ("//x.test", "missing scheme in url"),
        ] {
            assert_eq!(is_url(&json!(url)), Err(said.to_owned()), "{url}");
        }
    }

    proptest! {
        #[test]
        fn no_request_can_leave_the_host(target in "/[!-~]{0,40}") {
            let config = json!({"location": "https://x.test/y", "keep_incoming_path": true});
            let plugin = compile(&DEFINITION, config);
            let Some(mut trial) = Trial::try_new(format!("GET {target}").as_bytes(), &[], b"") else {
                return Ok(());
            };
            let reply = trial.refused_by(&*plugin);
            let location = field(&reply, "Location").unwrap();
            prop_assert!(location.starts_with("https://x.test/"), "{}", location);
            prop_assert!(!location.contains(['#', ' ', '\r', '\n']), "{}", location);
        }

        #[test]
        fn any_url_is_taken_or_refused(url in "\\PC{0,30}") {
            if is_url(&json!(url)).is_ok() {
                prop_assert!(Location::host(&url).is_ok());
            }
        }
    }
}
