//! Request counts by (service name, route name): a bounded set of series that outlives every reload,
//! because it is kept by name and not by an index of some snapshot.

use std::collections::HashMap;

use crate::base::ids::Generation;
use crate::base::ids::RouteIndex;
use crate::base::limits::METRIC_SERIES;

use super::local::RouteCount;
use super::local::Section;
use super::local::route_of;
use super::totals::RouteName;

/// Label of both names where the bound is reached or a name is no longer known.
pub(super) const OTHER: &str = "_other";
/// Label of both names where no route matched.
pub(super) const UNMATCHED: &str = "_unmatched";

/// One series: its names and its counts by status class.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) service: Box<str>,
    pub(super) route: Box<str>,
    pub(super) classes: [u64; 6],
}

/// All series. The first two are "other" and "unmatched"; they count towards the bound.
#[derive(Debug)]
pub(super) struct Series {
    lines: Vec<Line>,
    /// Route name, then service name, to a place in `lines`; two steps so that a lookup borrows.
    by_name: HashMap<Box<str>, HashMap<Box<str>, u32>>,
    /// Where the routes of the generation seen last stand in `lines`: spares hashing two names per route
    /// and delta, which at 15,000 busy routes would cost more than all else here.
    known: Vec<Option<u32>>,
    known_generation: Generation,
    bound: usize,
}

const OTHER_LINE: u32 = 0;
const UNMATCHED_LINE: u32 = 1;

impl Series {
    pub(super) fn new() -> Self {
        Self::bounded(METRIC_SERIES)
    }

    pub(super) fn bounded(bound: usize) -> Self {
        // Both are found by name too, so that an entity of that name makes no second series.
        let reserved = [(OTHER, OTHER_LINE), (UNMATCHED, UNMATCHED_LINE)];
        let by_name = reserved.map(|(name, line)| {
            let services = HashMap::from([(Box::from(name), line)]);
            (Box::from(name), services)
        });
        Self {
            lines: reserved.map(|(name, _)| Line::named(name, name)).into(),
            by_name: HashMap::from(by_name),
            known: Vec::new(),
            known_generation: Generation(0),
            bound,
        }
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Adds a section's counts, asking `names` about each route not asked about before.
    pub(super) fn merge<'a>(
        &mut self,
        section: &Section,
        names: impl Fn(Generation, RouteIndex) -> Option<RouteName<'a>>,
    ) {
        if section.generation > self.known_generation {
            self.known.clear();
            self.known_generation = section.generation;
        }
        for count in &section.counts {
            let line = self.line_of(section.generation, count, &names);
            if let Some(line) = self.lines.get_mut(line as usize) {
                line.add(count);
            }
        }
    }

    fn line_of<'a>(
        &mut self,
        generation: Generation,
        count: &RouteCount,
        names: &impl Fn(Generation, RouteIndex) -> Option<RouteName<'a>>,
    ) -> u32 {
        let Some(route) = route_of(count.slot) else {
            return UNMATCHED_LINE;
        };
        let at = route.0 as usize;
        let cached = generation == self.known_generation;
        if cached && let Some(Some(line)) = self.known.get(at) {
            return *line;
        }
        let Some(name) = names(generation, route) else {
            return OTHER_LINE;
        };
        let line = self.named(name);
        if cached {
            if at >= self.known.len() {
                self.known.resize(at + 1, None);
            }
            self.known[at] = Some(line);
        }
        line
    }

    /// The line of a name, made if there is room for it.
    fn named(&mut self, name: RouteName<'_>) -> u32 {
        let services = self.by_name.get(name.route);
        if let Some(line) = services.and_then(|services| services.get(name.service)) {
            return *line;
        }
        if self.lines.len() >= self.bound {
            return OTHER_LINE;
        }
        let line = u32::try_from(self.lines.len()).unwrap_or(OTHER_LINE);
        self.lines.push(Line::named(name.service, name.route));
        let services = self.by_name.entry(name.route.into()).or_default();
        services.insert(name.service.into(), line);
        line
    }

    /// Moves the counts of every series that `present` denies to "other", so that names which left the
    /// configuration for good make room.
    pub(super) fn fold_absent(&mut self, present: impl Fn(RouteName<'_>) -> bool) {
        let old = std::mem::replace(self, Self::bounded(self.bound));
        for (at, line) in old.lines.into_iter().enumerate() {
            let name = line.name();
            let target = match at {
                0 => OTHER_LINE,
                1 => UNMATCHED_LINE,
                _ if present(name) => self.named(name),
                _ => OTHER_LINE,
            };
            let sums = &mut self.lines[target as usize].classes;
            for (sum, more) in sums.iter_mut().zip(line.classes) {
                *sum = sum.wrapping_add(more);
            }
        }
        self.known_generation = old.known_generation;
    }
}

impl Line {
    fn named(service: &str, route: &str) -> Self {
        Self {
            service: service.into(),
            route: route.into(),
            classes: [0; 6],
        }
    }

    fn name(&self) -> RouteName<'_> {
        RouteName {
            service: &self.service,
            route: &self.route,
        }
    }

    fn add(&mut self, count: &RouteCount) {
        for (sum, more) in self.classes.iter_mut().zip(count.classes) {
            *sum = sum.wrapping_add(u64::from(more));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OTHER;
    use super::Series;
    use super::UNMATCHED;
    use crate::base::ids::Generation;
    use crate::base::ids::RouteIndex;
    use crate::telemetry::local::RouteCount;
    use crate::telemetry::local::Section;
    use crate::telemetry::totals::RouteName;

    const NAMES: [&str; 5] = ["a", "b", "c", OTHER, UNMATCHED];

    fn name(_: Generation, route: RouteIndex) -> Option<RouteName<'static>> {
        let name = NAMES.get(route.0 as usize)?;
        Some(RouteName {
            service: name,
            route: name,
        })
    }

    fn section(generation: u64, routes: impl Iterator<Item = u32>) -> Section {
        let count = |route| RouteCount {
            slot: route + 1,
            classes: [0, 0, 1, 0, 0, 0],
        };
        Section {
            generation: Generation(generation),
            counts: routes.map(count).collect(),
        }
    }

    fn counts(series: &Series) -> Vec<(&str, u64)> {
        let lines = series.lines().iter();
        lines.map(|line| (&*line.route, line.classes[2])).collect()
    }

    #[test]
    fn what_has_no_room_is_counted_as_other() {
        let mut series = Series::bounded(4);
        series.merge(&section(1, 0..3), name);
        series.merge(&section(2, 0..3), name);
        let expected = [(OTHER, 2), (UNMATCHED, 0), ("a", 2), ("b", 2)];
        assert_eq!(counts(&series), expected);
    }

    #[test]
    fn a_route_that_is_named_like_a_reserved_one_makes_no_second_series() {
        let mut series = Series::new();
        series.merge(&section(1, 3..6), name);
        assert_eq!(counts(&series), [(OTHER, 2), (UNMATCHED, 1)]);
    }

    #[test]
    fn folding_keeps_the_sum_and_makes_room() {
        let mut series = Series::bounded(4);
        series.merge(&section(1, 0..2), name);
        series.fold_absent(|name| name.route == "b");
        assert_eq!(counts(&series), [(OTHER, 1), (UNMATCHED, 0), ("b", 1)]);
        series.merge(&section(1, 1..3), name);
        let expected = [(OTHER, 1), (UNMATCHED, 0), ("b", 2), ("c", 1)];
        assert_eq!(counts(&series), expected);
    }

    #[test]
    fn names_are_asked_once_per_generation() {
        let asked = std::cell::Cell::new(0);
        let counting = |generation, route| {
            asked.set(asked.get() + 1);
            name(generation, route)
        };
        let mut series = Series::new();
        for _ in 0..3 {
            series.merge(&section(7, 0..2), counting);
        }
        assert_eq!(asked.get(), 2);
        series.merge(&section(8, 0..2), counting);
        assert_eq!(asked.get(), 4);
    }
}
