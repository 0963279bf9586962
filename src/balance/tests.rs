//! Laws that every policy keeps.

use super::*;
use crate::base::rng::Rng;

const SLOTS: u32 = 10_000;

/// Names and views of targets with these weights.
fn targets(weights: &[u16]) -> (Vec<String>, Vec<TargetView>) {
    let names = (0..weights.len()).map(|index| format!("10.0.0.{index}:80"));
    (
        names.collect(),
        weights
            .iter()
            .map(|&weight| TargetView::new(weight))
            .collect(),
    )
}

fn balancer(policy: Policy, names: &[String], views: &[TargetView]) -> Balancer {
    let named = names.iter().zip(views);
    let named: Vec<(&str, u16)> = named.map(|(name, view)| (&**name, view.weight)).collect();
    Algorithm::compile(policy, SLOTS, &named).balancer()
}

/// A request with a key of its own.
fn request(number: u32) -> Ask<'static> {
    Ask {
        key: Some(HashKey::of(&number.to_le_bytes())),
        ..Ask::default()
    }
}

#[test]
fn names_are_distinct_and_read_back() {
    for policy in Policy::ALL {
        assert_eq!(Policy::of_name(policy.name()), Some(policy));
    }
    assert_eq!(Policy::of_name("random"), None);
}

#[test]
fn only_eligible_targets_are_chosen_and_all_of_them_are() {
    for policy in Policy::ALL {
        let mut rng = Rng::seeded(11);
        let (names, mut views) = targets(&[0, 100, 50, 1_000, 100, 80]);
        let mut balancer = balancer(policy, &names, &views);
        views[3].usable = false;
        let mut chosen = [0; 6];
        for number in 0..2_000 {
            let ask = Ask {
                tried: &[4],
                ..request(number)
            };
            let index = balancer.pick(&views, &ask, &mut rng).unwrap();
            chosen[index] += 1;
            views[index].in_flight = rng.below(4) as u32;
        }
        assert_eq!((chosen[0], chosen[3], chosen[4]), (0, 0, 0), "{policy:?}");
        assert!(
            chosen[1] > 0 && chosen[2] > 0 && chosen[5] > 0,
            "{policy:?} {chosen:?}"
        );
    }
}

#[test]
fn weights_are_respected() {
    for policy in Policy::ALL {
        let mut rng = Rng::seeded(5);
        let weights = [100, 200, 50, 400, 250];
        let (names, mut views) = targets(&weights);
        let mut balancer = balancer(policy, &names, &views);
        const REQUESTS: u32 = 20_000;
        for number in 0..REQUESTS {
            // Nothing finishes, so that those who look at load are held to it as well.
            let index = balancer.pick(&views, &request(number), &mut rng).unwrap();
            views[index].in_flight += 1;
        }
        for view in &views {
            let share = f64::from(view.in_flight) / f64::from(REQUESTS);
            let fair = f64::from(view.weight) / 1_000.0;
            assert!(
                (share / fair - 1.0).abs() < 0.25,
                "{policy:?} {share} {fair}"
            );
        }
    }
}

#[test]
fn a_request_meets_every_target_before_none_is_left() {
    for policy in Policy::ALL {
        let mut rng = Rng::seeded(2);
        let (names, views) = targets(&[100, 1, 30, 100]);
        let mut balancer = balancer(policy, &names, &views);
        let mut tried = Vec::new();
        for _ in 0..views.len() {
            let ask = Ask {
                tried: &tried,
                ..request(9)
            };
            let index = balancer.pick(&views, &ask, &mut rng).unwrap();
            assert!(!tried.contains(&(index as u32)), "{policy:?}");
            tried.push(index as u32);
        }
        let ask = Ask {
            tried: &tried,
            ..request(9)
        };
        assert_eq!(balancer.pick(&views, &ask, &mut rng), None, "{policy:?}");
    }
}

#[test]
fn few_or_no_targets_are_no_trouble() {
    for policy in Policy::ALL {
        let mut rng = Rng::seeded(2);
        let (names, mut views) = targets(&[7]);
        let mut alone = balancer(policy, &names, &views);
        assert_eq!(alone.pick(&views, &Ask::default(), &mut rng), Some(0));
        let tried = Ask {
            tried: &[0],
            ..Ask::default()
        };
        assert_eq!(alone.pick(&views, &tried, &mut rng), None);
        views[0].usable = false;
        assert_eq!(alone.pick(&views, &Ask::default(), &mut rng), None);
        let mut empty = balancer(policy, &[], &[]);
        assert_eq!(empty.pick(&[], &Ask::default(), &mut rng), None);
        let (names, views) = targets(&[0, 0, 0]);
        let mut weightless = balancer(policy, &names, &views);
        assert_eq!(weightless.pick(&views, &Ask::default(), &mut rng), None);
    }
}

#[test]
fn the_same_seed_gives_the_same_choices() {
    for policy in Policy::ALL {
        let choices = || {
            let mut rng = Rng::seeded(77);
            let (names, views) = targets(&[3, 1, 2, 9]);
            let mut balancer = balancer(policy, &names, &views);
            let pick = |_| balancer.pick(&views, &Ask::default(), &mut rng);
            (0..100).map(pick).collect::<Vec<_>>()
        };
        assert_eq!(choices(), choices(), "{policy:?}");
    }
}
