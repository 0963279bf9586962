//! The target with the fewest requests under way for its weight: least `(in flight + 1) / weight`.

use crate::balance::Ask;
use crate::balance::TargetView;

/// One core's place among equals.
#[derive(Debug, Default)]
pub(crate) struct LeastConnections {
    /// Where the next search begins, so that equals take turns.
    next: usize,
}

impl LeastConnections {
    pub(crate) fn pick(&mut self, targets: &[TargetView], ask: &Ask<'_>) -> Option<usize> {
        let start = if self.next < targets.len() {
            self.next
        } else {
            0
        };
        let mut least: Option<(usize, &TargetView)> = None;
        for index in (start..targets.len()).chain(0..start) {
            let target = &targets[index];
            if ask.takes(index, target) && least.is_none_or(|(_, other)| is_idler(target, other)) {
                least = Some((index, target));
            }
        }
        let (index, _) = least?;
        self.next = index + 1;
        Some(index)
    }
}

/// Whether `a` has fewer requests under way for its weight than `b`. Compares products, not quotients.
fn is_idler(a: &TargetView, b: &TargetView) -> bool {
    let load = |of: &TargetView, other: &TargetView| {
        (u64::from(of.in_flight) + 1) * u64::from(other.weight)
    };
    load(a, b) < load(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(weight: u16, in_flight: u32) -> TargetView {
        TargetView {
            in_flight,
            ..TargetView::new(weight)
        }
    }

    #[test]
    fn weight_counts_against_requests_under_way() {
        let mut least = LeastConnections::default();
        let targets = [
            target(100, 3),
            target(300, 9),
            target(100, 2),
            target(200, 5),
        ];
        assert_eq!(least.pick(&targets, &Ask::default()), Some(2));
        let ask = Ask {
            tried: &[2],
            ..Ask::default()
        };
        assert_eq!(least.pick(&targets, &ask), Some(3));
    }

    #[test]
    fn equals_take_turns() {
        let mut least = LeastConnections::default();
        let targets = [target(1, 0), target(1, 0), target(1, 0)];
        let mut pick = || least.pick(&targets, &Ask::default()).unwrap();
        let turns: Vec<usize> = (0..6).map(|_| pick()).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
    }
}
