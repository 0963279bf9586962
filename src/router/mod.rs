//! From a request head to a route, in Kong's `traditional_compatible` order; compiled once, immutable.
//!
//! Each path of each route is a candidate, and `order` numbers all candidates from best to worst once.
//! A request then meets few of them: its host selects tables (`hosts`), its path selects a chain of
//! nodes in each table's tree (`tree`), and the candidates of those nodes are tested best first.
//! `protocols` is no criterion, as in Kong: a route matches whatever the scheme, and the proxy answers
//! 426 where the scheme does not fit. Parsing a head, canonical paths and replies are others' work.

mod caches;
mod captures;
mod compile;
mod criteria;
mod explain;
mod facts;
mod find;
mod guard;
mod header;
mod host;
mod hosts;
mod literal;
mod order;
mod path;
mod program;
mod shadow;
mod tree;
mod upstream_path;

pub use captures::Captures;
pub use compile::CompileFault;
pub use compile::FaultPlace;
pub use compile::Router;
pub use criteria::HeaderCriterion;
pub use criteria::RouteCriteria;
pub use explain::Considered;
pub use explain::Criterion;
pub use explain::Verdict;
pub use facts::Facts;
pub use facts::Match;
pub use facts::Scheme;
pub use find::Scratch;
pub use header::HeaderPattern;
pub use host::HostPattern;
pub use order::Rule;
pub use path::PathPattern;
pub use path::PatternFault;
pub use shadow::Shadow;
pub use shadow::shadows;
pub use upstream_path::StripPath;
pub use upstream_path::forwarded_prefix;
pub use upstream_path::upstream_path;

#[cfg(test)]
mod tests;
