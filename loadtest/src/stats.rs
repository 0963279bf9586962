//! Median and spread of a few rounds, and the question whether two spreads can be told apart.

use serde::Serialize;

/// What the rounds of one figure say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// First and third quartile, interpolated.
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) rounds: usize,
}

impl Spread {
    /// `None` without rounds.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values
            .into_iter()
            .filter(|value| value.is_finite())
            .collect();
        values.sort_by(f64::total_cmp);
        Some(Self {
            median: quantile(&values, 0.5)?,
            min: *values.first()?,
            max: *values.last()?,
            low: quantile(&values, 0.25)?,
            high: quantile(&values, 0.75)?,
            rounds: values.len(),
        })
    }

    /// Whether the middle halves share a value: then no order of the two may be claimed.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    Some(sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64))
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn quartiles_ignore_one_outlier() {
        let spread = Spread::of([3.0, 1.0, 2.0, 4.0, 100.0]).expect("rounds");
        assert_eq!((spread.median, spread.min, spread.max), (3.0, 1.0, 100.0));
        assert_eq!((spread.low, spread.high), (2.0, 4.0));
    }

    #[test]
    fn separated_spreads_do_not_overlap() {
        let low = Spread::of([1.0, 1.1, 1.2]).expect("rounds");
        let high = Spread::of([2.0, 2.1, 2.2]).expect("rounds");
        assert!(!low.overlaps(&high) && !high.overlaps(&low) && low.overlaps(&low));
    }

    #[test]
    fn no_rounds_say_nothing() {
        assert_eq!(Spread::of([f64::NAN]), None);
    }
}
