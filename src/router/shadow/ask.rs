//! What a route asks for at the least, and what asks for the same or less.

use std::collections::BTreeSet;

use crate::router::HeaderPattern;
use crate::router::HostPattern;
use crate::router::PathPattern;
use crate::router::RouteCriteria;
use crate::router::host::HostKind;

use super::path::Path;

/// One combination of what a route asks for: all of it must be there, and it is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Ask<'r> {
    host: Option<Host<'r>>,
    method: Option<&'r str>,
    sni: Option<&'r str>,
    /// Each field with one value, sorted.
    headers: Vec<(&'r str, &'r HeaderPattern)>,
    path: Option<Path<'r>>,
}

/// A host pattern, or one that takes more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Host<'r> {
    kind: HostKind,
    name: &'r str,
    port: Option<u16>,
}

/// Which wider asks there can be at all.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Host patterns with a wildcard.
    wildcards: bool,
    /// The lengths of regular expressions that take what a prefix would take.
    literals: BTreeSet<usize>,
    /// The prefix of all paths.
    everything: bool,
}

impl Known {
    /// Takes notice of an ask.
    pub(super) fn see(&mut self, ask: &Ask<'_>) {
        self.wildcards |= ask.host.is_some_and(|host| host.kind != HostKind::Exact);
        match &ask.path {
            Some(Path::Prefix("/")) => self.everything = true,
            Some(Path::Literal(text)) => drop(self.literals.insert(text.len())),
            Some(Path::Prefix(_) | Path::Regex(..)) | None => {}
        }
    }
}

impl<'r> Ask<'r> {
    /// All combinations of a route's criteria but for its paths; none if there are more than `most`.
    pub(super) fn bases(
        criteria: &'r RouteCriteria,
        methods: &[&'r str],
        most: usize,
    ) -> Vec<Self> {
        let lists = [criteria.hosts.len(), methods.len(), criteria.snis.len()];
        let values = criteria.headers.iter().map(|header| header.values.len());
        let counts = lists.into_iter().map(|count| count.max(1)).chain(values);
        let count = counts.fold(1_usize, usize::saturating_mul);
        if count > most {
            return Vec::new();
        }
        let hosts: Vec<Host<'r>> = criteria.hosts.iter().map(Host::of).collect();
        let snis: Vec<&'r str> = criteria.snis.iter().map(AsRef::as_ref).collect();
        let mut asks = vec![Self::default()];
        asks = spread(asks, &hosts, |ask, host| ask.host = Some(host));
        asks = spread(asks, methods, |ask, method| ask.method = Some(method));
        asks = spread(asks, &snis, |ask, sni| ask.sni = Some(sni));
        for header in &criteria.headers {
            if header.values.is_empty() {
                return Vec::new();
            }
            let values: Vec<&'r HeaderPattern> = header.values.iter().collect();
            asks = spread(asks, &values, |ask, value| {
                ask.headers.push((&header.name, value));
            });
        }
        for ask in &mut asks {
            ask.headers
                .sort_by_key(|(name, value)| (*name, text(value)));
        }
        asks
    }

    /// The same with a path.
    pub(super) fn with_path(&self, pattern: Option<&'r PathPattern>) -> Self {
        Self {
            path: pattern.map(Path::of),
            ..self.clone()
        }
    }

    /// Shows every ask that takes all requests of this one and might go before it, itself first, until `visit` says that
    /// it is enough.
    ///
    /// The route with more kinds of criteria goes first. So what asks for less has as many kinds, and asks for less within
    /// them; but a path that all requests have may stand in for a kind. Of as many kinds a route with `plain` hosts goes
    /// before one with wildcards.
    pub(super) fn visit_wider(
        &self,
        known: &Known,
        plain: bool,
        visit: &mut impl FnMut(&Self) -> bool,
    ) -> bool {
        if visit(self) {
            return true;
        }
        let mut wider = self.clone();
        for host in self.hosts(known.wildcards && !plain) {
            wider.host = host;
            for path in self.paths(known) {
                wider.path = path;
                if visit(&wider) {
                    return true;
                }
            }
        }
        self.path.is_none() && self.visit_everything(known, visit)
    }

    /// Those that ask for any path, and for one kind less.
    fn visit_everything(&self, known: &Known, visit: &mut impl FnMut(&Self) -> bool) -> bool {
        let all = [
            known.everything.then_some(Path::Prefix("/")),
            known
                .literals
                .contains(&1)
                .then_some(Path::Literal("/".into())),
        ];
        for path in all.into_iter().flatten() {
            for host in self.hosts(known.wildcards) {
                let with_path = Self {
                    host,
                    path: Some(path.clone()),
                    ..self.clone()
                };
                let less = [
                    with_path.clone(),
                    Self {
                        host: None,
                        ..with_path.clone()
                    },
                    Self {
                        method: None,
                        ..with_path.clone()
                    },
                    Self {
                        sni: None,
                        ..with_path.clone()
                    },
                    Self {
                        headers: Vec::new(),
                        ..with_path
                    },
                ];
                if less.iter().any(&mut *visit) {
                    return true;
                }
            }
        }
        false
    }

    /// Host patterns that take this ask's hosts, those with `wildcards` among them or not.
    fn hosts(&self, wildcards: bool) -> Vec<Option<Host<'r>>> {
        let Some(host) = self.host else {
            return vec![None];
        };
        let mut names = vec![(host.kind, host.name)];
        if wildcards {
            let dots = host.name.match_indices('.').map(|(at, _)| at);
            for at in dots {
                if host.kind != HostKind::Prefix {
                    names.push((HostKind::Suffix, &host.name[at..]));
                }
                if host.kind != HostKind::Suffix {
                    names.push((HostKind::Prefix, &host.name[..=at]));
                }
            }
        }
        let ports = [Some(host.port), host.port.map(|_| None)];
        let each = names.into_iter().flat_map(|(kind, name)| {
            let ports = ports.into_iter().flatten();
            ports.map(move |port| Some(Host { kind, name, port }))
        });
        each.collect()
    }

    /// Paths that take this ask's paths and might go before them.
    fn paths(&self, known: &Known) -> Vec<Option<Path<'r>>> {
        let Some(path) = &self.path else {
            return vec![None];
        };
        let beginning = path.beginning();
        let lengths = known.literals.range(..=beginning.len().max(1));
        let literals = lengths.filter_map(|&length| match length {
            // Every path begins so.
            1 => Some(Path::Literal("/".into())),
            _ => {
                let text = beginning.get(..length)?;
                Some(Path::Literal(text.to_owned().into()))
            }
        });
        let mut paths: Vec<_> = literals.map(Some).collect();
        paths.push(Some(path.clone()));
        paths
    }
}

impl<'r> Host<'r> {
    fn of(pattern: &'r HostPattern) -> Self {
        Self {
            kind: pattern.kind,
            name: &pattern.name,
            port: pattern.port,
        }
    }
}

/// Every ask with every value; as they are without any.
fn spread<'r, T: Copy>(
    asks: Vec<Ask<'r>>,
    values: &[T],
    put: impl Fn(&mut Ask<'r>, T),
) -> Vec<Ask<'r>> {
    if values.is_empty() {
        return asks;
    }
    let each = asks.iter().flat_map(|ask| {
        values.iter().map(|&value| {
            let mut ask = ask.clone();
            put(&mut ask, value);
            ask
        })
    });
    each.collect()
}

fn text(pattern: &HeaderPattern) -> &str {
    match pattern {
        HeaderPattern::Exact(text) | HeaderPattern::Regex(text) => text,
    }
}
