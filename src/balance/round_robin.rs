//! Smooth weighted round robin: each target gets its share exactly, and never two turns in a row where
//! another could have one.
//!
//! The algorithm is nginx's: at each turn every target gains its weight, the one with most is chosen and
//! pays the sum of all weights. It looks at every target once and divides nothing.

use crate::balance::Ask;
use crate::balance::TargetView;
use crate::base::rng::Rng;

/// One core's turn in an upstream.
#[derive(Debug, Default)]
pub(crate) struct RoundRobin {
    /// What each target has saved up.
    savings: Vec<i64>,
}

impl RoundRobin {
    pub(crate) fn pick(
        &mut self,
        targets: &[TargetView],
        ask: &Ask<'_>,
        rng: &mut Rng,
    ) -> Option<usize> {
        if self.savings.len() != targets.len() {
            // The targets are others than before. Cores that began at the same place would hit the same
            // target at the same time, so each begins somewhere.
            self.savings.clear();
            self.savings.resize(targets.len(), 0);
            for _ in 0..rng.below(targets.len().max(1)) {
                self.turn(targets, ask);
            }
        }
        self.turn(targets, ask)
    }

    fn turn(&mut self, targets: &[TargetView], ask: &Ask<'_>) -> Option<usize> {
        let mut total = 0;
        let mut richest: Option<(usize, i64)> = None;
        for (index, target) in ask.eligible(targets) {
            let weight = i64::from(target.weight);
            let savings = &mut self.savings[index];
            *savings += weight;
            total += weight;
            if richest.is_none_or(|(_, most)| *savings > most) {
                richest = Some((index, *savings));
            }
        }
        let (index, _) = richest?;
        self.savings[index] -= total;
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_spread_evenly() {
        let targets = [5, 1, 1].map(TargetView::new);
        let mut robin = RoundRobin {
            savings: vec![0; 3],
        };
        let mut rng = Rng::seeded(1);
        let mut pick = || robin.pick(&targets, &Ask::default(), &mut rng).unwrap();
        let turns: Vec<usize> = (0..7).map(|_| pick()).collect();
        assert_eq!(turns, [0, 0, 1, 0, 2, 0, 0]);
    }

    #[test]
    fn cores_begin_at_different_places() {
        let targets = [1; 8].map(TargetView::new);
        let first =
            |seed| RoundRobin::default().pick(&targets, &Ask::default(), &mut Rng::seeded(seed));
        let distinct: std::collections::HashSet<_> = (0..20).map(first).collect();
        assert!(distinct.len() > 3);
    }
}
