//! Who may be sent requests: the one rule that bounds ejection.
//!
//! 1. What an active check or a person has marked unhealthy gets nothing, even if that leaves nobody.
//! 2. What the requests themselves have marked unhealthy gets nothing, unless that would leave less than
//!    `panic_threshold` percent of the weight: then these marks are ignored, because it is likelier that the requests
//!    or the gateway are at fault than all of the targets, and because the rest could not carry the load.
//! 3. If healthy weight is less than `threshold` percent of all weight, the upstream as a whole counts as
//!    unhealthy and nobody gets anything (Kong's rule).

/// Why a target is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Active checks failed.
    Active,
    /// Requests failed.
    Passive,
    /// Somebody said so.
    Manual,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Active, Self::Passive, Self::Manual];

    /// Its name in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::Manual => "manual",
        }
    }
}

/// What may be done with the targets of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Only those without a mark are sent requests.
    Usual,
    /// Those that requests have marked are sent requests as well.
    Panic,
    /// None is sent anything.
    Closed,
}

impl Verdict {
    /// Whether a target with this mark, or none, is sent requests.
    pub fn takes(self, mark: Option<Reason>) -> bool {
        match (self, mark) {
            (Self::Closed, _) => false,
            (Self::Usual | Self::Panic, None) => true,
            (Self::Panic, Some(reason)) => reason == Reason::Passive,
            (Self::Usual, Some(_)) => false,
        }
    }
}

/// The weights of an upstream's targets, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    healthy: u64,
    passive: u64,
    total: u64,
}

impl Standing {
    /// Takes a target in.
    pub fn add(&mut self, weight: u16, mark: Option<Reason>) {
        let weight = u64::from(weight);
        self.total += weight;
        match mark {
            None => self.healthy += weight,
            Some(Reason::Passive) => self.passive += weight,
            Some(Reason::Active | Reason::Manual) => {}
        }
    }

    /// What follows, by both thresholds in percent.
    pub fn verdict(&self, threshold: u8, panic_threshold: u8) -> Verdict {
        if !reaches(self.healthy, self.total, threshold) {
            Verdict::Closed
        } else if self.passive > 0 && !reaches(self.healthy, self.total, panic_threshold) {
            Verdict::Panic
        } else {
            Verdict::Usual
        }
    }
}

/// Whether a part is at least so many percent of the whole.
fn reaches(part: u64, whole: u64, percent: u8) -> bool {
    part * 100 >= whole * u64::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    fn verdict(marks: &[Option<Reason>], threshold: u8, panic: u8) -> Verdict {
        let mut standing = Standing::default();
        marks.iter().for_each(|mark| standing.add(100, *mark));
        standing.verdict(threshold, panic)
    }

    #[test]
    fn passive_marks_are_ignored_when_too_few_would_remain() {
        use Reason::Active;
        use Reason::Passive;
        let half = [None, None, Some(Passive), Some(Passive)];
        assert_eq!(verdict(&half, 0, 50), Verdict::Usual);
        let most = [None, Some(Passive), Some(Passive), Some(Passive)];
        assert_eq!(verdict(&most, 0, 50), Verdict::Panic);
        assert_eq!(verdict(&most, 0, 0), Verdict::Usual);
        assert_eq!(verdict(&most, 50, 50), Verdict::Closed);
        let checked = [None, Some(Active), Some(Active), Some(Active)];
        assert_eq!(verdict(&checked, 0, 50), Verdict::Usual);
        assert!(!Verdict::Panic.takes(Some(Active)) && Verdict::Panic.takes(Some(Passive)));
    }

    #[test]
    fn requests_alone_never_eject_all() {
        let mut rng = Rng::seeded(11);
        for _ in 0..20_000 {
            let panic = 1 + u8::try_from(rng.below(100)).unwrap();
            let mut standing = Standing::default();
            let marks: Vec<(u16, Option<Reason>)> = (0..=rng.below(8))
                .map(|_| {
                    let weight = 1 + u16::try_from(rng.below(1_000)).unwrap();
                    (weight, (rng.below(3) > 0).then_some(Reason::Passive))
                })
                .collect();
            marks
                .iter()
                .for_each(|(weight, mark)| standing.add(*weight, *mark));
            let verdict = standing.verdict(0, panic);
            assert!(marks.iter().any(|(_, mark)| verdict.takes(*mark)));
            let kept = marks.iter().filter(|(_, mark)| verdict.takes(*mark));
            let kept: u64 = kept.map(|(weight, _)| u64::from(*weight)).sum();
            let all: u64 = marks.iter().map(|(weight, _)| u64::from(*weight)).sum();
            assert!(kept * 100 >= all * u64::from(panic), "{marks:?} {panic}");
        }
    }
}
