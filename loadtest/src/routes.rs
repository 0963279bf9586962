//! The marketplace of the routing cases: 15,000 services with one route each, and the requests
//! that find them. Every lane builds its configuration from the same list.

use std::fmt::Write;

/// Services of the large configuration.
pub(crate) const ROUTES: usize = 15_000;
/// The one service of the small configuration, by its number in the large one.
const ONE: usize = 4_242;

/// Which services a configuration holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Catalogue {
    /// No host, every path: the plain cases.
    Plain,
    /// One service with a host and a path.
    One,
    /// All of them.
    Market,
}

/// One API: its host and the path under which it answers.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) host: String,
    pub(crate) path: String,
}

impl Catalogue {
    /// The APIs by number.
    pub(crate) fn apis(self) -> Vec<Api> {
        match self {
            Self::Plain => Vec::new(),
            Self::One => vec![api(ONE)],
            Self::Market => (0..ROUTES).map(api).collect(),
        }
    }

    /// `HOST PATH` lines, as many as there are routes, in an order without pattern.
    pub(crate) fn requests(self) -> String {
        let apis = self.apis();
        let mut text = String::new();
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..ROUTES {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let pick = (state >> 33) as usize;
            if let Some(api) = apis.get(pick % apis.len().max(1)) {
                let _ = writeln!(text, "{} {}/items/{}", api.host, api.path, pick % 1000);
            }
        }
        text
    }
}

fn api(number: usize) -> Api {
    const WORDS: [&str; 8] = [
        "weather",
        "orders",
        "maps",
        "translate",
        "finance",
        "sports",
        "search",
        "mail",
    ];
    let word = WORDS[number % WORDS.len()];
    Api {
        host: format!("{word}-{number:05}.market.example"),
        path: format!("/v{}/{word}-{number:05}", 1 + number % 9),
    }
}

#[cfg(test)]
mod tests {
    use super::Catalogue;
    use super::ROUTES;

    #[test]
    fn requests_reach_most_routes() {
        let text = Catalogue::Market.requests();
        assert_eq!(text.lines().count(), ROUTES);
        let mut hosts: Vec<&str> = text.lines().filter_map(|l| l.split(' ').next()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        assert!(hosts.len() > ROUTES / 2);
    }

    #[test]
    fn one_route_gets_every_request() {
        let text = Catalogue::One.requests();
        assert!(
            text.lines()
                .all(|line| line.starts_with("maps-04242.market.example "))
        );
    }
}
