//! What the proxies do besides forwarding in the plugin cases: key authentication, a rate limit that is never reached,
//! a correlation id. Every lane builds its configuration from the same consumers.

use std::fmt::Write;

use crate::routes::Api;

/// Consumers of the small configuration, one key each.
const CONSUMERS_SMALL: usize = 10_000;
/// Consumers of the large configuration.
const CONSUMERS_MARKET: usize = 15_000;
/// Keys of each of them.
const KEYS_MARKET: usize = 4;
/// Requests in a list.
const REQUESTS: usize = 15_000;

/// Which consumers there are, and what is done to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policies {
    /// Nothing, nobody.
    None,
    /// Plugins for everything, 10,000 consumers with a key each.
    Everything,
    /// Answers are kept.
    Cache,
    /// A set of plugins on each service, 15,000 consumers with four keys each.
    EachService,
    /// A limit for each of so many consumers, who have a key each.
    Limited(Limit),
}

/// What each of some consumers may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) consumers: usize,
    /// Requests in a window.
    pub(crate) requests: u64,
    /// The window, as the plugin calls it.
    pub(crate) period: &'static str,
    /// The same in seconds.
    pub(crate) seconds: u64,
}

impl Policies {
    fn consumers(self) -> usize {
        match self {
            Self::None | Self::Cache => 0,
            Self::Everything => CONSUMERS_SMALL,
            Self::EachService => CONSUMERS_MARKET,
            Self::Limited(limit) => limit.consumers,
        }
    }

    fn keys_each(self) -> usize {
        match self {
            Self::None | Self::Cache => 0,
            Self::Everything | Self::Limited(_) => 1,
            Self::EachService => KEYS_MARKET,
        }
    }

    /// The consumers with their keys.
    pub(crate) fn keys(self) -> impl Iterator<Item = (String, Vec<String>)> {
        let each = self.keys_each();
        (0..self.consumers()).map(move |consumer| {
            let keys = (0..each).map(|number| key(consumer, number)).collect();
            (format!("consumer-{consumer:05}"), keys)
        })
    }

    /// `HOST PATH KEY` lines in an order without pattern, for these APIs or for any path of any host.
    pub(crate) fn requests(self, apis: &[Api]) -> String {
        let mut text = String::new();
        let mut state = 0x9e6c_63d0_876a_3f6b_u64;
        let consumers = self.consumers().max(CONSUMERS_SMALL);
        let each = self.keys_each().max(1);
        for _ in 0..REQUESTS {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let pick = (state >> 33) as usize;
            let key = key(pick % consumers, pick / consumers % each);
            let (host, path) = match apis.get(pick % apis.len().max(1)) {
                Some(api) => (api.host.as_str(), api.path.as_str()),
                None => ("localhost", ""),
            };
            let _ = writeln!(text, "{host} {path}/items/{} {key}", pick % 1000);
        }
        text
    }
}

fn key(consumer: usize, number: usize) -> String {
    format!("key-{consumer:05}-{number}-4f6c9a1e7b2d")
}

#[cfg(test)]
mod tests {
    use super::Policies;

    #[test]
    fn every_request_has_a_key_that_somebody_holds() {
        for policies in [Policies::Everything, Policies::EachService] {
            let keys: std::collections::HashSet<String> =
                policies.keys().flat_map(|(_, keys)| keys).collect();
            for line in policies.requests(&[]).lines() {
                let key = line.rsplit(' ').next().unwrap_or_default();
                assert!(keys.contains(key), "{line}");
            }
        }
    }
}
