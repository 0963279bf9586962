//! What a load felt, second by second and in whole, for the report's JSON.

use std::io;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::Tally;

const SECOND: Duration = Duration::from_secs(1);

/// Quantiles in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
struct Quantiles {
    count: u64,
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    p9999: f64,
    max: f64,
}

/// One second: of what was due in it, unless it says otherwise.
#[derive(Clone, Copy, Debug, Serialize)]
struct Second {
    due: u64,
    good: u64,
    /// Good answers complete in it, whenever they were due.
    done: u64,
    shed: u64,
    failed: u64,
    p50_ms: f64,
    p99_ms: f64,
}

/// One stream of a load.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Series {
    stream: String,
    /// From when a request was due, and from when it was sent.
    response_ms: Quantiles,
    service_ms: Quantiles,
    seconds: Vec<Second>,
}

impl Series {
    pub(crate) fn of(stream: &str, tally: &Tally) -> io::Result<Self> {
        let time = tally.window * u32::try_from(tally.windows.len()).unwrap_or(u32::MAX);
        let mut seconds = Vec::new();
        let mut from = Duration::ZERO;
        while from < time {
            let (counts, response) = tally.between(from, from + SECOND)?;
            let Quantiles { p50, p99, .. } = quantiles(&response);
            seconds.push(Second {
                due: counts.offered,
                good: counts.good,
                done: tally.goodput(from, from + SECOND) as u64,
                shed: counts.shed,
                failed: counts.failed(),
                p50_ms: p50,
                p99_ms: p99,
            });
            from += SECOND;
        }
        Ok(Self {
            stream: stream.to_owned(),
            response_ms: quantiles(&tally.response),
            service_ms: quantiles(&tally.service),
            seconds,
        })
    }
}

fn quantiles(histogram: &Histogram<u64>) -> Quantiles {
    let ms = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
    Quantiles {
        count: histogram.len(),
        p50: ms(0.5),
        p90: ms(0.9),
        p99: ms(0.99),
        p999: ms(0.999),
        p9999: ms(0.9999),
        max: histogram.max() as f64 / 1e3,
    }
}

#[cfg(test)]
mod tests {
    use super::Series;
    use crate::open::Tally;
    use crate::open::tally::End;
    use crate::open::tally::Moments;
    use std::time::Duration;

    #[test]
    fn seconds_add_up_to_the_whole() {
        let mut tally = Tally::new(Duration::from_millis(100)).expect("bounds");
        for due in (0..2500).step_by(10).map(Duration::from_millis) {
            tally.offer(due).expect("bounds");
            let done = due + Duration::from_millis(3);
            let moments = Moments {
                due,
                sent: due,
                done,
            };
            tally.end(End::Good, moments).expect("bounds");
        }
        let series = Series::of("all", &tally).expect("bounds");
        let due: Vec<u64> = series.seconds.iter().map(|second| second.due).collect();
        assert_eq!(due, [100, 100, 50]);
        assert_eq!(series.response_ms.count, 250);
        assert!((series.seconds[1].p99_ms - 3.0).abs() < 0.1);
    }
}
