//! bot-detection: keeps crawlers out by what they say they are.
//!
//! Looking through a `User-Agent` for all crawlers that are known takes some 700 ns, remembering the verdict some 40,
//! so each core remembers the verdicts of the last few thousand.

mod crawlers;
mod seen;

use std::hash::BuildHasher;
use std::ops::ControlFlow;
use std::sync::Arc;

use foldhash::quality::FixedState;
use serde::Deserialize;

use crate::entity::Element;
use crate::entity::Field;
use crate::entity::Preset;
use crate::entity::Rule;
use crate::entity::Schema;
use crate::entity::Type;
use crate::http::Name;

use super::Blueprint;
use super::Definition;
use super::Interrupt;
use super::Needs;
use super::Plugin;
use super::Request;
use super::patterns::Pattern;
use super::rules;

pub use seen::Seen;

/// bot-detection.
pub const DEFINITION: Definition = Definition {
    name: "bot-detection",
    priority: 2500,
    about: "keeps crawlers out by what they say they are",
    config: Schema {
        fields: &[
            Field::new(
                "allow",
                REGEXES,
                "user agents that are let in, crawlers or not",
            )
            .preset(Preset::EmptyList),
            Field::new(
                "deny",
                REGEXES,
                "user agents that are not, besides the crawlers that are known",
            )
            .preset(Preset::EmptyList),
        ],
        checks: &[],
    },
    consumer_scope: false,
    denies: true,
    compile,
};

const REGEXES: Type = Type::Array(&Element::TEXT.rules(&[Rule::Custom(rules::is_regex)]));

#[derive(Debug)]
struct BotDetection {
    allow: Vec<Pattern>,
    deny: Vec<Pattern>,
    /// Tells verdicts by these lists from others.
    lists: u64,
}

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    #[derive(Deserialize, Hash)]
    struct Config {
        allow: Option<Vec<Box<str>>>,
        deny: Option<Vec<Box<str>>>,
    }
    let config: Config = blueprint.parse()?;
    let patterns = |regexes: &Option<Vec<Box<str>>>| {
        let regexes = regexes.iter().flatten();
        regexes
            .map(|regex| Pattern::within(regex))
            .collect::<Result<Vec<_>, _>>()
    };
    // Made now, so that no request has to wait for it.
    crawlers::prepare();
    Ok(Arc::new(BotDetection {
        allow: patterns(&config.allow)?,
        deny: patterns(&config.deny)?,
        lists: FixedState::default().hash_one(&config),
    }))
}

impl BotDetection {
    fn refuses(&self, agent: &[u8]) -> bool {
        let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(agent));
        !any(&self.allow) && (any(&self.deny) || crawlers::include(agent))
    }
}

impl Plugin for BotDetection {
    fn needs(&self) -> Needs {
        Needs::REQUEST
    }

    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        let fields = &request.head.fields;
        let Some(agent) = fields.get(Name::UserAgent, request.bytes) else {
            return ControlFlow::Continue(());
        };
        if fields.repeats(Name::UserAgent) {
            let text = "Only one User-Agent header allowed";
            return ControlFlow::Break(DEFINITION.refuse(400, text).into());
        }
        let mut seen = request.core.agents.borrow_mut();
        if seen.verdict(self.lists, agent, || self.refuses(agent)) {
            return ControlFlow::Break(DEFINITION.refuse(403, "Forbidden").into());
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
    use crate::plugin::testing::try_compile;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn answers_are_the_recorded_ones() {
        let plugin = compile(&DEFINITION, json!({"deny": ["evil.*"]}));
        for bad in ["evilbot/1", "evil", "Scrapy/1.0"] {
            let reply = Trial::new("GET /", &[&format!("User-Agent: {bad}")]).refused_by(&*plugin);
            assert_eq!((reply.status, said(&reply)), (403, "Forbidden"));
        }
        assert!(Trial::new("GET /", &["User-Agent: curl/8"]).passes(&*plugin));
        assert!(Trial::new("GET /", &[]).passes(&*plugin));
        let reply = Trial::new("GET /", &["User-Agent: a", "User-Agent: b"]).refused_by(&*plugin);
        assert_eq!(
            (reply.status, said(&reply)),
            (400, "Only one User-Agent header allowed")
        );
    }

    #[test]
    fn verdicts_are_remembered_for_each_configuration() {
        let mut trial = Trial::new("GET /", &["User-Agent: evil Googlebot/2.1"]);
        for _ in 0..2 {
            let allowing = json!({"allow": ["Google"], "deny": ["evil"]});
            assert!(trial.passes(&*compile(&DEFINITION, allowing)));
            assert!(!trial.passes(&*compile(&DEFINITION, json!({"deny": ["evil"]}))));
            assert!(!trial.passes(&*compile(&DEFINITION, json!({"allow": ["evi1"]}))));
        }
    }

    #[test]
    fn what_is_no_regex_is_not_compiled() {
        assert!(try_compile(&DEFINITION, json!({"deny": ["(evil"]})).is_err());
    }

    proptest! {
        #[test]
        fn remembering_changes_no_verdict(agents in prop::collection::vec("[a-c /]{0,3}(bot|curl)?[ /1]{0,2}", 1..50)) {
            let plugin = compile(&DEFINITION, json!({"deny": ["a.c"], "allow": ["^b"]}));
            let mut seen = Trial::new("GET /", &[]);
            for agent in agents {
                let line = format!("User-Agent: {agent}");
                let fresh = Trial::new("GET /", &[&line]).passes(&*plugin);
                let other = Trial::new("GET /", &[&line]);
                (seen.head, seen.bytes) = (other.head, other.bytes);
                prop_assert_eq!(seen.passes(&*plugin), fresh);
                prop_assert_eq!(seen.passes(&*plugin), fresh);
            }
        }
    }
}
