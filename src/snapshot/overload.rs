//! What a snapshot says about too much at a time.

use std::time::Duration;

use crate::base::ids::CoreId;
use crate::config::model as config;
use crate::snapshot::ConnectionShares;

/// The bounds of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverloadPlan {
    /// Most requests in flight; none: no bound.
    pub requests: Option<ConnectionShares>,
    /// How long requests may wait for their core; none: however long.
    pub queue_delay: Option<Duration>,
    /// How long requests may wait for their turn at a full upstream.
    pub upstream_wait: Duration,
    /// Most connections of one client address; none: no bound.
    pub connections_per_address: Option<u32>,
}

/// The bound of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// By what it is known across reloads.
    pub key: Box<str>,
    /// Most requests in flight; none: no fixed bound.
    pub requests: Option<ConnectionShares>,
    /// Whether the bound follows what the upstream can take.
    pub adaptive: bool,
}

impl Admission {
    /// Most requests in flight from one worker.
    pub fn of(&self, core: CoreId) -> u32 {
        let share = |shares: ConnectionShares| u32::try_from(shares.of(core)).unwrap_or(u32::MAX);
        self.requests.map_or(u32::MAX, share)
    }
}

/// From the configuration of so many workers.
pub(super) fn plan(overload: &config::Overload, workers: usize) -> OverloadPlan {
    OverloadPlan {
        requests: shares(overload.requests, workers),
        queue_delay: overload.queue_delay,
        upstream_wait: overload.upstream_wait,
        connections_per_address: overload.connections_per_address,
    }
}

/// The bound of an upstream, or of a service that names none, by the general settings and its own tags; none if
/// there is none.
pub(super) fn admission(
    key: impl FnOnce() -> Box<str>,
    tags: &[String],
    overload: &config::Overload,
    workers: usize,
) -> Option<Box<Admission>> {
    let mut requests = overload.upstream_requests;
    let mut adaptive = overload.upstream_adaptive;
    for word in tags.iter().filter_map(|tag| tag.strip_prefix(LIMIT)) {
        match word {
            "none" => (requests, adaptive) = (None, false),
            "adaptive" => adaptive = true,
            number => match number.parse() {
                Ok(0) => requests = None,
                Ok(most) => requests = Some(most),
                // Whoever checks tags says so; a misspelt bound bounds nothing.
                Err(_) => {}
            },
        }
    }
    (requests.is_some() || adaptive).then(|| {
        Box::new(Admission {
            key: key(),
            requests: shares(requests, workers),
            adaptive,
        })
    })
}

/// The first tag that wants to bound an upstream and does not.
pub fn misspelt_limit(tags: &[String]) -> Option<&str> {
    let mut limits = tags.iter().filter(|tag| tag.starts_with(LIMIT));
    let wrong = limits.find(|tag| {
        let word = tag.get(LIMIT.len()..).unwrap_or_default();
        !matches!(word, "none" | "adaptive") && word.parse::<u32>().is_err()
    });
    wrong.map(String::as_str)
}

/// What a tag that bounds an upstream begins with.
const LIMIT: &str = "limit:";

fn shares(limit: Option<u32>, workers: usize) -> Option<ConnectionShares> {
    limit.map(|limit| ConnectionShares {
        limit: limit as usize,
        workers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(tags: &[&str], general: config::Overload) -> Option<(Option<usize>, bool)> {
        let tags: Vec<String> = tags.iter().map(|&tag| tag.to_owned()).collect();
        let admission = admission(|| "a".into(), &tags, &general, 2)?;
        Some((
            admission.requests.map(|shares| shares.limit),
            admission.adaptive,
        ))
    }

    #[test]
    fn tags_say_it_for_one_upstream() {
        let none = config::Overload::default();
        let all = config::Overload {
            upstream_requests: Some(100),
            upstream_adaptive: true,
            ..none
        };
        assert_eq!(bound(&["x"], none), None);
        assert_eq!(bound(&["limit:20"], none), Some((Some(20), false)));
        assert_eq!(
            bound(&["limit:adaptive", "limit:20"], none),
            Some((Some(20), true))
        );
        assert_eq!(bound(&["limit:twenty"], none), None);
        assert_eq!(bound(&[], all), Some((Some(100), true)));
        assert_eq!(bound(&["limit:none"], all), None);
        assert_eq!(bound(&["limit:0"], all), Some((None, true)));
        assert_eq!(
            bound(&["limit:none", "limit:7"], all),
            Some((Some(7), false))
        );
    }
}
