//! Latency: of two targets drawn by weight, the one that would answer sooner.
//!
//! Sooner is what its average latency, the requests before this one and its weight make likely. Two
//! choices avoid the herd that a single best target draws, and cost the same for any number of targets
//! but for the draw itself.

use crate::balance::Ask;
use crate::balance::Ewma;
use crate::balance::TargetView;
use crate::base::clock::Instant;
use crate::base::rng::Rng;

pub(crate) fn pick(targets: &[TargetView], ask: &Ask<'_>, rng: &mut Rng) -> Option<usize> {
    let first = draw(targets, ask, None, rng)?;
    let Some(second) = draw(targets, ask, Some(first), rng) else {
        return Some(first);
    };
    let cost = |index: usize| cost(&targets[index], ask.now);
    Some(if cost(second) < cost(first) {
        second
    } else {
        first
    })
}

/// The average with which a target begins of which nothing is known: the mean of its peers, so that it
/// is neither flooded nor starved. `peers` are the targets that have answered already.
pub fn seed_latency(peers: &[TargetView], now: Instant) -> Ewma {
    let sum: f64 = peers.iter().map(|peer| peer.latency.nanos(now)).sum();
    Ewma::seeded(sum / peers.len().max(1) as f64, now)
}

/// A target that may be chosen and is not `but`, with a chance in proportion to its weight.
fn draw(targets: &[TargetView], ask: &Ask<'_>, but: Option<usize>, rng: &mut Rng) -> Option<usize> {
    let others = || {
        ask.eligible(targets)
            .filter(|(index, _)| Some(*index) != but)
    };
    let total: usize = others().map(|(_, target)| usize::from(target.weight)).sum();
    if total == 0 {
        return None;
    }
    let mut left = rng.below(total);
    let mut others = others();
    let drawn = others.find(|(_, target)| {
        let weight = usize::from(target.weight);
        let here = left < weight;
        left = left.saturating_sub(weight);
        here
    });
    drawn.map(|(index, _)| index)
}

/// How long a request is likely to wait for the target, for comparing.
fn cost(target: &TargetView, now: Instant) -> f64 {
    let latency = target.latency.nanos(now).max(1.0);
    latency * (f64::from(target.in_flight) + 1.0) / f64::from(target.weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Instant {
        Instant(count * 1_000_000_000)
    }

    #[test]
    fn the_faster_of_two_wins_until_it_is_loaded() {
        let mut targets = [100, 100].map(TargetView::new);
        targets[0].latency = Ewma::seeded(5e6, seconds(1));
        targets[1].latency = Ewma::seeded(1e6, seconds(1));
        let ask = Ask {
            now: seconds(1),
            ..Ask::default()
        };
        let mut rng = Rng::seeded(3);
        assert!((0..50).all(|_| pick(&targets, &ask, &mut rng) == Some(1)));
        targets[1].in_flight = 9;
        assert!((0..50).all(|_| pick(&targets, &ask, &mut rng) == Some(0)));
    }

    #[test]
    fn a_new_target_begins_at_the_mean_of_its_peers() {
        let mut peers = [1, 1].map(TargetView::new);
        peers[0].latency = Ewma::seeded(4e6, seconds(2));
        peers[1].latency = Ewma::seeded(2e6, seconds(2));
        assert_eq!(
            seed_latency(&peers, seconds(2)),
            Ewma::seeded(3e6, seconds(2))
        );
        assert_eq!(seed_latency(&[], seconds(2)), Ewma::seeded(0.0, seconds(2)));
    }

    #[test]
    fn a_target_that_was_slow_once_is_asked_again() {
        let mut targets = [1, 1].map(TargetView::new);
        targets[0].latency = Ewma::seeded(100e6, seconds(0));
        let mut asked = 0;
        for second in 0..100 {
            let now = seconds(second);
            let ask = Ask {
                now,
                ..Ask::default()
            };
            asked += usize::from(pick(&targets, &ask, &mut Rng::seeded(second)) == Some(0));
            targets[1].latency.observe(1_000_000, now);
        }
        assert!(asked > 0);
    }
}
