//! How old a stored answer is, and what may be done with it at that age (RFC 9111 section 4.2, RFC 5861).
//!
//! Pure: times are arguments. They are the monotonic clock's, so that an answer's age does not jump with the wall clock.

use super::Secs;
use super::Wishes;

/// A moment on the machine's monotonic clock, in microseconds; comparable between threads.
pub type Micros = u64;

const SECOND: Micros = 1_000_000;

/// The times of a stored answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When it was stored or last found to be still right.
    pub stored: Micros,
    /// How old it was then.
    pub age_before: Secs,
    /// Up to which age it is fresh.
    pub lifetime: Secs,
    /// How long past its freshness it may be given while it is refreshed.
    pub while_revalidate: Secs,
    /// How long past its freshness it may be given if the origin fails.
    pub if_error: Secs,
    /// Once stale it is given to nobody without asking the origin.
    pub strict: bool,
    /// How long it is kept, from [`stored`](Self::stored).
    pub kept: Secs,
}

/// What may be done with a stored answer for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Give it.
    Give,
    /// Give it, stale as it is, and have it refreshed.
    GiveAndRefresh,
    /// Ask the origin first.
    Ask,
    /// Forget it.
    Forget,
}

impl Times {
    /// How old it is, in whole seconds.
    pub fn age(&self, now: Micros) -> Secs {
        Secs::try_from(self.age_micros(now) / SECOND).unwrap_or(Secs::MAX)
    }

    fn age_micros(&self, now: Micros) -> Micros {
        now.saturating_sub(self.stored) + micros(self.age_before)
    }

    /// Whether nothing may be done with it any more.
    pub fn is_over(&self, now: Micros) -> bool {
        now.saturating_sub(self.stored) >= micros(self.kept)
    }

    /// What may be done with it.
    pub fn judge(&self, now: Micros, wishes: &Wishes) -> Use {
        if self.is_over(now) {
            return Use::Forget;
        }
        let age = self.age_micros(now);
        if wishes.max_age.is_some_and(|most| age > micros(most)) {
            return Use::Ask;
        }
        let lifetime = micros(self.lifetime);
        if let Some(left) = lifetime.checked_sub(age).filter(|&left| left > 0) {
            return match wishes.min_fresh {
                Some(least) if left < micros(least) => Use::Ask,
                Some(_) | None => Use::Give,
            };
        }
        let staleness = age - lifetime;
        if self.strict || wishes.min_fresh.is_some() {
            return Use::Ask;
        }
        if wishes
            .max_stale
            .is_some_and(|most| staleness <= micros(most))
        {
            return Use::Give;
        }
        if staleness < micros(self.while_revalidate) {
            return Use::GiveAndRefresh;
        }
        Use::Ask
    }

    /// Whether it may be given in place of the origin's failure.
    pub fn stands_in(&self, now: Micros) -> bool {
        let oldest = micros(self.lifetime) + micros(self.if_error);
        !self.strict && self.if_error > 0 && self.age_micros(now) < oldest && !self.is_over(now)
    }
}

fn micros(secs: Secs) -> Micros {
    Micros::from(secs) * SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times = Times {
        stored: 1_000 * SECOND,
        age_before: 10,
        lifetime: 60,
        while_revalidate: 30,
        if_error: 100,
        strict: false,
        kept: 500,
    };

    fn at(secs: u64) -> Micros {
        (1_000 + secs) * SECOND
    }

    #[test]
    fn an_answer_grows_old() {
        let none = Wishes::default();
        assert_eq!(TIMES.age(at(5)), 15);
        assert_eq!(
            TIMES.age(0),
            10,
            "a clock that went back makes nothing younger"
        );
        assert_eq!(TIMES.judge(at(0), &none), Use::Give);
        assert_eq!(TIMES.judge(at(50) - 1, &none), Use::Give);
        assert_eq!(TIMES.judge(at(50), &none), Use::GiveAndRefresh);
        assert_eq!(TIMES.judge(at(80), &none), Use::Ask);
        assert_eq!(TIMES.judge(at(500), &none), Use::Forget);
        assert!(TIMES.stands_in(at(149)) && !TIMES.stands_in(at(150)));
    }

    #[test]
    fn a_request_may_be_stricter_or_more_lenient() {
        let wishes = |text: &str| Wishes::of([text.as_bytes()].into_iter());
        assert_eq!(TIMES.judge(at(0), &wishes("max-age=10")), Use::Give);
        assert_eq!(TIMES.judge(at(1), &wishes("max-age=10")), Use::Ask);
        assert_eq!(TIMES.judge(at(20), &wishes("min-fresh=30")), Use::Give);
        assert_eq!(TIMES.judge(at(21), &wishes("min-fresh=30")), Use::Ask);
        assert_eq!(TIMES.judge(at(60), &wishes("min-fresh=0")), Use::Ask);
        assert_eq!(TIMES.judge(at(90), &wishes("max-stale=40")), Use::Give);
        assert_eq!(TIMES.judge(at(91), &wishes("max-stale=40")), Use::Ask);
        assert_eq!(TIMES.judge(at(400), &wishes("max-stale")), Use::Give);
    }

    #[test]
    fn a_strict_answer_is_never_given_stale() {
        let strict = Times {
            strict: true,
            ..TIMES
        };
        let lenient = Wishes::of([&b"max-stale"[..]].into_iter());
        assert_eq!(strict.judge(at(0), &lenient), Use::Give);
        assert_eq!(strict.judge(at(50), &lenient), Use::Ask);
        assert_eq!(strict.judge(at(50), &Wishes::default()), Use::Ask);
        assert!(!strict.stands_in(at(60)));
    }
}
