//! Every path of the Admin API, once: requests are dispatched by this table, `/endpoints` lists it, and the OpenAPI
//! document and `docs/admin-api.md` are printed from it.
//!
//! Paths of entities follow from their kinds and from what refers to what, as in Kong; everything else is a row
//! of its own in [`special`].

mod describe;
mod entities;
mod names;
mod remembered;
mod special;
mod told;

pub(super) use describe::Answer;
pub(super) use describe::Body;
pub(super) use describe::Group;
pub(super) use describe::Parameter;
pub(super) use describe::Shape;
pub(super) use describe::Special;
pub(super) use describe::What;
pub(super) use entities::Place;
pub(super) use entities::Relation;
pub(super) use names::nested_word;
pub(super) use names::noun;
pub(super) use names::plural;
pub(super) use names::word;

use std::sync::LazyLock;

/// The table.
pub(super) static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

/// What may be done. HEAD is GET, and OPTIONS is answered from the table itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    Delete,
    Get,
    Patch,
    Post,
    Put,
}

/// What is done.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    /// Something with entities; which follows from the verb.
    Entity(Place),
    /// Anything else.
    Special(&'static Special),
}

/// One path.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// As `/endpoints` shows it, with parameters in braces.
    pub(super) path: String,
    segments: Vec<Segment>,
    /// What may be done there, in the order of the verbs.
    pub(super) actions: Vec<(Verb, Action)>,
}

#[derive(Debug)]
enum Segment {
    Word(String),
    Parameter(String),
}

/// All paths, in the order of their segments.
#[derive(Debug)]
pub(super) struct Table {
    endpoints: Vec<Endpoint>,
}

/// What a path leads to.
#[derive(Debug)]
pub(super) struct Found<'t, 'p> {
    /// The row.
    pub(super) endpoint: &'t Endpoint,
    /// The values of its parameters, in their order, still encoded.
    pub(super) values: Vec<&'p str>,
}

impl Verb {
    /// The method of HTTP.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }

    /// The verb of a method.
    pub(super) fn of(method: &str) -> Option<Self> {
        match method {
            "DELETE" => Some(Self::Delete),
            "GET" | "HEAD" => Some(Self::Get),
            "PATCH" => Some(Self::Patch),
            "POST" => Some(Self::Post),
            "PUT" => Some(Self::Put),
            _ => None,
        }
    }

    /// Whether a body is read.
    pub(super) const fn has_body(self) -> bool {
        matches!(self, Self::Patch | Self::Post | Self::Put)
    }
}

impl Table {
    fn new() -> Self {
        let mut endpoints: Vec<Endpoint> = Vec::new();
        let mut add = |path: &str, verb, action| {
            let endpoint = endpoints.iter_mut().find(|endpoint| endpoint.path == path);
            match endpoint {
                Some(endpoint) => endpoint.actions.push((verb, action)),
                None => endpoints.push(Endpoint::new(path, verb, action)),
            }
        };
        for place in entities::places() {
            for verb in place.verbs() {
                add(&place.path(), *verb, Action::Entity(place));
            }
        }
        for special in special::ALL.iter().chain(remembered::ALL).chain(told::ALL) {
            add(special.path, special.verb, Action::Special(special));
        }
        for endpoint in &mut endpoints {
            endpoint.actions.sort_by_key(|(verb, _)| *verb);
        }
        // By segments, so that a path comes right before the paths below it.
        endpoints.sort_by_cached_key(|endpoint| endpoint.path.replace('/', "\0"));
        Self { endpoints }
    }

    /// All rows.
    pub(super) fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The row of a path; where several fit, the one with a word where the others have a parameter. One slash
    /// at the end does not matter.
    pub(super) fn find<'p>(&self, path: &'p str) -> Option<Found<'_, 'p>> {
        let path = path.strip_prefix('/')?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let segments: Vec<&str> = match path {
            "" => Vec::new(),
            _ => path.split('/').collect(),
        };
        let fitting = self.endpoints.iter().filter(|row| row.fits(&segments));
        let endpoint = fitting.min_by_key(|row| row.parameters())?;
        let pairs = endpoint.segments.iter().zip(segments);
        let values = pairs.filter_map(|(segment, value)| match segment {
            Segment::Word(_) => None,
            Segment::Parameter(_) => Some(value),
        });
        Some(Found {
            endpoint,
            values: values.collect(),
        })
    }
}

impl Endpoint {
    fn new(path: &str, verb: Verb, action: Action) -> Self {
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let segments = segments.map(|segment| {
            match segment
                .strip_prefix('{')
                .and_then(|open| open.strip_suffix('}'))
            {
                Some(name) => Segment::Parameter(name.to_owned()),
                None => Segment::Word(segment.to_owned()),
            }
        });
        Self {
            path: path.to_owned(),
            segments: segments.collect(),
            actions: vec![(verb, action)],
        }
    }

    fn fits(&self, segments: &[&str]) -> bool {
        self.segments.len() == segments.len()
            && self
                .segments
                .iter()
                .zip(segments)
                .all(|(own, given)| match own {
                    Segment::Word(word) => word == given,
                    Segment::Parameter(_) => !given.is_empty(),
                })
    }

    /// Where the parameters stand; fewer and later ones are closer. Compared as a list of places from the left.
    fn parameters(&self) -> Vec<bool> {
        let is_parameter = |segment: &Segment| matches!(segment, Segment::Parameter(_));
        self.segments.iter().map(is_parameter).collect()
    }

    /// The names of its parameters.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Word(_) => None,
            Segment::Parameter(name) => Some(name.as_str()),
        })
    }

    /// What a verb does here.
    pub(super) fn action(&self, verb: Verb) -> Option<Action> {
        let found = self.actions.iter().find(|(other, _)| *other == verb);
        found.map(|(_, action)| *action)
    }

    /// The value of `Allow`.
    pub(super) fn allow(&self) -> String {
        let mut methods: Vec<&str> = vec!["OPTIONS"];
        for (verb, _) in &self.actions {
            methods.push(verb.as_str());
            if *verb == Verb::Get {
                methods.push("HEAD");
            }
        }
        methods.sort_unstable();
        methods.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::Action;
    use super::TABLE;
    use super::Verb;

    fn path_of(path: &str) -> Option<(&'static str, Vec<&str>)> {
        let found = TABLE.find(path)?;
        Some((found.endpoint.path.as_str(), found.values))
    }

    #[test]
    fn words_go_before_parameters_and_a_last_slash_is_nothing() {
        assert_eq!(
            path_of("/plugins/enabled"),
            Some(("/plugins/enabled", vec![]))
        );
        assert_eq!(
            path_of("/plugins/x"),
            Some(("/plugins/{plugins}", vec!["x"]))
        );
        assert_eq!(path_of("/services/"), Some(("/services", vec![])));
        assert_eq!(
            path_of("/services/a%2Fb/routes/r"),
            Some(("/services/{services}/routes/{routes}", vec!["a%2Fb", "r"]))
        );
        assert_eq!(path_of("/"), Some(("/", vec![])));
        assert_eq!(
            path_of("/upstreams/u/targets/all"),
            Some(("/upstreams/{upstreams}/targets/all", vec!["u"]))
        );
        for unknown in [
            "//services",
            "/services//routes",
            "/zzz",
            "/services/a/b/c/d",
            "",
            "services",
            "/targets",
        ] {
            assert_eq!(path_of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn allowed_methods_are_listed_as_kong_lists_them() {
        let allow = |path: &str| TABLE.find(path).unwrap().endpoint.allow();
        assert_eq!(allow("/services"), "GET, HEAD, OPTIONS, POST");
        assert_eq!(
            allow("/services/x"),
            "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"
        );
        assert_eq!(allow("/routes/r/service"), "GET, HEAD, OPTIONS, PATCH, PUT");
    }

    #[test]
    fn every_action_stands_once() {
        for endpoint in TABLE.endpoints() {
            for verb in [Verb::Delete, Verb::Get, Verb::Patch, Verb::Post, Verb::Put] {
                let same = endpoint.actions.iter().filter(|(other, _)| *other == verb);
                assert!(same.count() <= 1, "{} {}", verb.as_str(), endpoint.path);
            }
            let names: Vec<_> = endpoint.names().collect();
            for (_, action) in &endpoint.actions {
                if let Action::Special(special) = action {
                    assert!(!special.about.is_empty() && !special.id.is_empty());
                }
            }
            assert!(names.iter().all(|name| !name.is_empty()));
        }
    }
}
