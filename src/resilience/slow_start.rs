//! Slow start: a target that returns gets its share little by little, so that cold caches and pools are not hit by
//! all of it at once.
//!
//! The share is thinned out rather than the weight scaled: it works for every algorithm, a ring included, and a
//! weight of 1 has nothing to scale.

use std::time::Duration;

/// The share that a target has at once, in percent: with none at all it would warm up nothing.
const FIRST_PERCENT: u64 = 10;

/// Whether a target that returned so many nanoseconds ago takes this request; `roll` is a random number.
pub fn is_admitted(since_nanos: u64, ramp: Duration, roll: u64) -> bool {
    let ramp = u64::try_from(ramp.as_nanos()).unwrap_or(u64::MAX);
    if since_nanos >= ramp {
        return true;
    }
    let percent = u128::from(since_nanos) * 100 / u128::from(ramp);
    roll % 100 < u64::try_from(percent).unwrap_or(100).max(FIRST_PERCENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn the_share_grows_from_a_tenth_to_all() {
        let ramp = Duration::from_secs(10);
        let mut rng = Rng::seeded(3);
        let mut share = |millis: u64| {
            let admitted = |_: &i32| is_admitted(millis * 1_000_000, ramp, rng.next_u64());
            (0..10_000).filter(admitted).count()
        };
        assert!((900..1_100).contains(&share(0)));
        assert!((4_800..5_200).contains(&share(5_000)));
        assert!((8_800..9_200).contains(&share(9_000)));
        assert_eq!(share(10_000), 10_000);
        assert!(is_admitted(0, Duration::ZERO, 99));
    }
}
