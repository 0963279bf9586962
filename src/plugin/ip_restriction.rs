//! ip-restriction: lets clients in, or keeps them out, by their addresses.
//!
//! Who the client is, is not decided here: it is the connection's other end, or whoever a trusted peer names.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Deserialize;

use crate::entity::Check;
use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Type;
use crate::http::IpSet;
use crate::http::forwarded::ClientText;

use super::Blueprint;
use super::Definition;
use super::Interrupt;
use super::Needs;
use super::Plugin;
use super::Request;
use super::rules;

/// ip-restriction.
pub const DEFINITION: Definition = Definition {
    name: "ip-restriction",
    priority: 990,
    about: "lets clients in, or keeps them out, by their addresses",
    config: Schema {
        fields: &[
            Field::new(
                "allow",
                NETWORKS,
                "addresses and networks that alone may come in",
            ),
            Field::new(
                "deny",
                NETWORKS,
                "addresses and networks that may not, whatever `allow` says",
            ),
            Field::number("status", "the status of a refusal; 403 if it is not set")
                .rules(&[Rule::Between(200, 599)]),
            Field::text(
                "message",
                "what a refusal says; `IP address not allowed: <address>` if it is not set",
            ),
        ],
        checks: &[Check::AtLeastOneOf(&["allow", "deny"])],
    },
    consumer_scope: true,
    denies: true,
    compile,
};

const NETWORKS: Type = Type::Array(&Element::TEXT.rules(&[Rule::Custom(rules::is_network)]));

#[derive(Debug)]
struct IpRestriction {
    allow: IpSet,
    deny: IpSet,
    status: u16,
    message: Option<Box<str>>,
}

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    #[derive(Deserialize)]
    struct Config {
        allow: Option<Vec<String>>,
        deny: Option<Vec<String>>,
        status: Option<f64>,
        message: Option<Box<str>>,
    }
    let config: Config = blueprint.parse()?;
    Ok(Arc::new(IpRestriction {
        allow: set(config.allow)?,
        deny: set(config.deny)?,
        status: config.status.map_or(403, |status| status as u16),
        message: config.message,
    }))
}

fn set(texts: Option<Vec<String>>) -> Result<IpSet, String> {
    let texts = texts.unwrap_or_default();
    let networks: Result<Vec<_>, String> = texts
        .iter()
        .map(|text| rules::network(text).ok_or_else(|| format!("{text} is no network")))
        .collect();
    Ok(IpSet::new(networks?))
}

impl Plugin for IpRestriction {
    fn needs(&self) -> Needs {
        Needs::REQUEST
    }

    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        let client = request.client;
        let welcome = self.allow.is_empty() || self.allow.contains(client);
        if welcome && !self.deny.contains(client) {
            return ControlFlow::Continue(());
        }
        let message = match &self.message {
            Some(message) => String::from(message.clone()),
            None => format!(
                "IP address not allowed: {}",
                ClientText::of(client).as_str()
            ),
        };
        ControlFlow::Break(DEFINITION.refuse(self.status, message).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing::Trial;
    use crate::plugin::testing::compile;
    use crate::plugin::testing::said;
    use crate::plugin::testing::try_compile;
    use serde_json::Value;
    use serde_json::json;

    fn from(client: &str) -> Trial {
        let mut trial = Trial::new("GET /", &["X-Forwarded-For: 10.0.0.1"]);
        trial.client = client.parse().unwrap();
        trial
    }

    fn lets_in(config: Value, client: &str) -> bool {
        from(client).passes(&*compile(&DEFINITION, config))
    }

    #[test]
    fn denied_networks_stay_out_whatever_is_allowed() {
        let config =
            json!({"deny": ["127.0.0.0/8", "2001:db8::/32"], "allow": ["127.0.0.1", "10.0.0.0/8"]});
        assert!(!lets_in(config.clone(), "127.0.0.1"));
        assert!(lets_in(config.clone(), "10.1.2.3"));
        assert!(!lets_in(config.clone(), "11.1.2.3"));
        assert!(lets_in(config, "::ffff:10.1.2.3"));
        assert!(lets_in(json!({"deny": ["10.0.0.1"]}), "10.0.0.2"));
        assert!(lets_in(json!({"deny": [], "allow": []}), "10.0.0.2"));
    }

    #[test]
    fn refusals_are_the_recorded_ones() {
        let deny = compile(&DEFINITION, json!({"deny": ["127.0.0.0/8"]}));
        let reply = from("127.0.0.1").refused_by(&*deny);
        assert_eq!(
            (reply.status, said(&reply)),
            (403, "IP address not allowed: 127.0.0.1")
        );
        let config = json!({"allow": ["10.0.0.0/8"], "status": 401, "message": "go away"});
        let reply = from("127.0.0.1").refused_by(&*compile(&DEFINITION, config));
        assert_eq!((reply.status, said(&reply)), (401, "go away"));
    }

    #[test]
    fn what_is_no_network_is_not_compiled() {
        assert!(try_compile(&DEFINITION, json!({"deny": ["300.1.1.1"]})).is_err());
    }
}
