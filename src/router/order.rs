//! Kong's order of candidates, from best to worst.
//!
//! A route with several paths is several candidates: one for all of its regex paths, one for all of its
//! prefixes of each length, as Kong splits them. Kong packs the first six rules into one 64-bit number;
//! here they are fields compared one after the other, so that no value spills into its neighbour.

use std::cmp::Ordering;

use uuid::Uuid;

use crate::router::PathPattern;
use crate::router::RouteCriteria;

/// The rule that puts one candidate before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// More kinds of criteria.
    CriteriaCount,
    /// Hosts without any wildcard.
    PlainHosts,
    /// More headers, of which at most 255 count.
    HeaderCount,
    /// A regex path before a prefix.
    RegexPath,
    /// A higher `regex_priority`, of regex paths only.
    RegexPriority,
    /// A longer prefix.
    PathLength,
    /// An earlier `created_at`.
    CreatedAt,
    /// The greater id, as Kong's ordered map happens to have it.
    Id,
    /// The earlier of one route's own paths.
    PathPosition,
}

/// One path of a route, or a route without paths, with all that decides about its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The route's index.
    pub(crate) route: u32,
    /// The path's index in its route.
    pub(crate) pattern: Option<u16>,
    kinds: u8,
    plain_hosts: bool,
    headers: u8,
    regex: bool,
    regex_priority: i64,
    path_length: u32,
    created_at: i64,
    id: Uuid,
}

impl Candidate {
    /// All candidates of a route.
    pub(crate) fn of_route(route: u32, criteria: &RouteCriteria) -> Vec<Self> {
        let used = [
            criteria.methods.is_empty(),
            criteria.hosts.is_empty(),
            criteria.headers.is_empty(),
            criteria.snis.is_empty(),
            criteria.paths.is_empty(),
        ];
        let whole = Self {
            route,
            pattern: None,
            kinds: used.iter().filter(|&&empty| !empty).count() as u8,
            plain_hosts: !criteria.hosts.is_empty()
                && criteria.hosts.iter().all(|host| host.is_plain()),
            headers: u8::try_from(criteria.headers.len()).unwrap_or(u8::MAX),
            regex: false,
            regex_priority: 0,
            path_length: 0,
            created_at: criteria.created_at,
            id: criteria.id,
        };
        if criteria.paths.is_empty() {
            return vec![whole];
        }
        let ids = split_ids(criteria);
        let of_path = |(index, (path, id)): (usize, (&PathPattern, Uuid))| {
            let (regex, path_length) = shape(path);
            Self {
                pattern: u16::try_from(index).ok(),
                regex,
                regex_priority: if regex { criteria.regex_priority } else { 0 },
                path_length,
                id,
                ..whole.clone()
            }
        };
        let paths = criteria.paths.iter().zip(ids).enumerate();
        paths.map(of_path).collect()
    }

    /// Whether it asks for hosts without any wildcard.
    pub(crate) fn has_plain_hosts(&self) -> bool {
        self.plain_hosts
    }

    /// Which of two candidates goes first: [`compare`](Self::compare) without the reason, for sorting, where most
    /// pairs are told apart by the first rules. Only a candidate and itself are equal.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let (a, b) = (self, other);
        let better = |candidate: &Self| {
            (
                candidate.kinds,
                candidate.plain_hosts,
                candidate.headers,
                candidate.regex,
                candidate.regex_priority,
                candidate.path_length,
            )
        };
        better(b)
            .cmp(&better(a))
            .then_with(|| a.created_at.cmp(&b.created_at))
            .then_with(|| b.id.cmp(&a.id))
            .then_with(|| (a.route, a.pattern).cmp(&(b.route, b.pattern)))
    }

    /// Which of two candidates goes first, and the rule that says so; none for a candidate and itself.
    pub(crate) fn compare(&self, other: &Self) -> (Ordering, Option<Rule>) {
        let (a, b) = (self, other);
        let rules = [
            (Rule::CriteriaCount, b.kinds.cmp(&a.kinds)),
            (Rule::PlainHosts, b.plain_hosts.cmp(&a.plain_hosts)),
            (Rule::HeaderCount, b.headers.cmp(&a.headers)),
            (Rule::RegexPath, b.regex.cmp(&a.regex)),
            (Rule::RegexPriority, b.regex_priority.cmp(&a.regex_priority)),
            (Rule::PathLength, b.path_length.cmp(&a.path_length)),
            (Rule::CreatedAt, a.created_at.cmp(&b.created_at)),
            (Rule::Id, b.id.cmp(&a.id)),
            (
                Rule::PathPosition,
                (a.route, a.pattern).cmp(&(b.route, b.pattern)),
            ),
        ];
        let deciding = rules.iter().find(|(_, order)| order.is_ne());
        deciding.map_or((Ordering::Equal, None), |&(rule, order)| {
            (order, Some(rule))
        })
    }
}

/// All candidates of all routes, best first.
pub(crate) fn ranked(routes: &[RouteCriteria]) -> Vec<Candidate> {
    let numbered = routes.iter().enumerate();
    let mut candidates: Vec<Candidate> = numbered
        .flat_map(|(index, criteria)| Candidate::of_route(index as u32, criteria))
        .collect();
    candidates.sort_unstable_by(Candidate::order);
    candidates
}

/// What the order sees of a path: regex or not, and a prefix's length.
fn shape(path: &PathPattern) -> (bool, u32) {
    match path {
        PathPattern::Prefix(prefix) => (false, prefix.len() as u32),
        PathPattern::Regex(_) => (true, 0),
    }
}

/// The id under which Kong sorts each path. Where a route's paths differ in shape Kong makes one route
/// of each shape, and derives its id from the route's and the shape's number in order of appearance.
fn split_ids(criteria: &RouteCriteria) -> Vec<Uuid> {
    const SPLIT_ROUTES: Uuid = Uuid::from_u128(0x7f14_5bf9_0dce_4f91_98eb_debb_ce4b_9f6b);
    let mut shapes = Vec::new();
    let mut group_of = |path: &PathPattern| {
        let shape = shape(path);
        let known = shapes.iter().position(|&other| other == shape);
        known.unwrap_or_else(|| {
            shapes.push(shape);
            shapes.len() - 1
        })
    };
    let groups: Vec<usize> = criteria.paths.iter().map(&mut group_of).collect();
    if shapes.len() == 1 {
        return vec![criteria.id; groups.len()];
    }
    let id_of = |group: &usize| {
        let name = format!("{}#{}", criteria.id, group + 1);
        Uuid::new_v5(&SPLIT_ROUTES, name.as_bytes())
    };
    groups.iter().map(id_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::HeaderCriterion;
    use crate::router::HostPattern;

    fn route(paths: &[&str]) -> RouteCriteria {
        let paths = paths.iter().map(|path| PathPattern::parse(path).unwrap());
        RouteCriteria {
            paths: paths.collect(),
            ..RouteCriteria::default()
        }
    }

    fn rule(better: &RouteCriteria, worse: &RouteCriteria) -> Rule {
        let (better, worse) = (
            Candidate::of_route(0, better),
            Candidate::of_route(1, worse),
        );
        let (order, rule) = better[0].compare(&worse[0]);
        assert_eq!(order, Ordering::Less);
        assert_eq!(better[0].order(&worse[0]), Ordering::Less);
        assert_eq!(worse[0].order(&better[0]), Ordering::Greater);
        rule.unwrap()
    }

    #[test]
    fn each_rule_decides_when_those_before_it_do_not() {
        let plain = route(&["/a"]);
        let with = |change: &dyn Fn(&mut RouteCriteria)| {
            let mut changed = plain.clone();
            change(&mut changed);
            changed
        };
        let host =
            |name: &str| with(&|route| route.hosts = vec![HostPattern::parse(name).unwrap()]);
        let headers = |count: usize| {
            let header = HeaderCriterion {
                name: "x".into(),
                values: Vec::new(),
            };
            with(&|route| route.headers = vec![header.clone(); count])
        };
        let priority = |priority| RouteCriteria {
            regex_priority: priority,
            ..route(&["~/a"])
        };
        let born = |at| with(&|route| route.created_at = at);
        let named = |id| with(&|route| route.id = Uuid::from_u128(id));
        let methods = with(&|route| route.methods = vec!["GET".into()]);
        assert_eq!(
            rule(&methods, &route(&["/a/much/longer"])),
            Rule::CriteriaCount
        );
        assert_eq!(rule(&host("a.b"), &host("*.b")), Rule::PlainHosts);
        assert_eq!(rule(&host("a.b"), &headers(9)), Rule::PlainHosts);
        assert_eq!(rule(&headers(2), &headers(1)), Rule::HeaderCount);
        assert_eq!(rule(&route(&["~/a"]), &route(&["/a/b"])), Rule::RegexPath);
        assert_eq!(rule(&priority(2), &priority(-1)), Rule::RegexPriority);
        assert_eq!(rule(&route(&["/ab"]), &plain), Rule::PathLength);
        assert_eq!(rule(&born(1), &born(2)), Rule::CreatedAt);
        assert_eq!(rule(&named(2), &named(1)), Rule::Id);
        assert_eq!(rule(&plain, &plain), Rule::PathPosition);
    }

    #[test]
    fn paths_of_one_shape_share_their_routes_id() {
        let same = route(&["/aa", "/bb"]);
        assert!(split_ids(&same).iter().all(|id| *id == same.id));
        let ids = split_ids(&route(&["/aa", "~/x", "/bb", "/c"]));
        assert_eq!(ids[0], ids[2]);
        assert!(ids[0] != ids[1] && ids[1] != ids[3] && ids[0] != ids[3]);
    }
}
