//! What came of the requests: counted by outcome, with their latencies, in whole and by windows of time.

use std::io;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longest latency recorded, in microseconds.
const LATENCY_US_MAX: u64 = 120_000_000;
/// Windows kept; what is later falls into the last one.
const WINDOWS_MAX: usize = 100_000;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Answered as expected.
    Good,
    /// Refused by rule: 503 or 429; whether it says when to come back.
    Shed { retry_after: bool },
    /// Another status than 2xx.
    Status(u16),
    /// No connection.
    Connect,
    /// The connection ended before an answer began.
    Unanswered,
    /// The connection ended within an answer.
    Cut,
    /// The answer is none.
    Malformed,
    /// A complete answer of the wrong length.
    Length,
    /// A complete answer to another request.
    Crossed,
    /// Nothing, or not all, in time.
    Timeout,
    /// No connection was free in time: it was never sent.
    Dropped,
}

/// How many ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Requests that were due.
    pub(crate) offered: u64,
    pub(crate) good: u64,
    pub(crate) shed: u64,
    /// Of these, with `Retry-After`.
    pub(crate) retry_after: u64,
    pub(crate) status_4xx: u64,
    pub(crate) status_5xx: u64,
    pub(crate) status_other: u64,
    pub(crate) connect: u64,
    pub(crate) unanswered: u64,
    pub(crate) cut: u64,
    pub(crate) malformed: u64,
    pub(crate) length: u64,
    pub(crate) crossed: u64,
    pub(crate) timeout: u64,
    pub(crate) dropped: u64,
}

/// What was due, and what was done, in a window of time.
pub(crate) struct Window {
    /// Of the requests that were due in it.
    pub(crate) counts: Counts,
    /// Good answers that were complete in it, whenever their requests were due.
    pub(crate) done: u64,
    /// Response times of the good answers to what was due in it.
    pub(crate) response: Histogram<u64>,
}

/// The account of one stream.
pub(crate) struct Tally {
    pub(crate) window: Duration,
    pub(crate) windows: Vec<Window>,
    pub(crate) counts: Counts,
    /// Good answers, from when the request was due.
    pub(crate) response: Histogram<u64>,
    /// Good answers, from when it was sent.
    pub(crate) service: Histogram<u64>,
    /// Refusals, from when the request was sent.
    pub(crate) shed: Histogram<u64>,
}

/// The moments of one request, from the start of the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    pub(crate) due: Duration,
    pub(crate) sent: Duration,
    pub(crate) done: Duration,
}

impl Counts {
    fn add(&mut self, end: End) {
        match end {
            End::Good => self.good += 1,
            End::Shed { retry_after } => {
                self.shed += 1;
                self.retry_after += u64::from(retry_after);
            }
            End::Status(400..=499) => self.status_4xx += 1,
            End::Status(500..=599) => self.status_5xx += 1,
            End::Status(_) => self.status_other += 1,
            End::Connect => self.connect += 1,
            End::Unanswered => self.unanswered += 1,
            End::Cut => self.cut += 1,
            End::Malformed => self.malformed += 1,
            End::Length => self.length += 1,
            End::Crossed => self.crossed += 1,
            End::Timeout => self.timeout += 1,
            End::Dropped => self.dropped += 1,
        }
    }

    /// Requests that were answered neither well nor by rule.
    pub(crate) const fn failed(&self) -> u64 {
        let status = self.status_4xx + self.status_5xx + self.status_other;
        let connection = self.connect + self.unanswered + self.cut + self.timeout + self.dropped;
        status + connection + self.malformed + self.length + self.crossed
    }

    pub(crate) const fn plus(mut self, other: &Self) -> Self {
        self.offered += other.offered;
        self.good += other.good;
        self.shed += other.shed;
        self.retry_after += other.retry_after;
        self.status_4xx += other.status_4xx;
        self.status_5xx += other.status_5xx;
        self.status_other += other.status_other;
        self.connect += other.connect;
        self.unanswered += other.unanswered;
        self.cut += other.cut;
        self.malformed += other.malformed;
        self.length += other.length;
        self.crossed += other.crossed;
        self.timeout += other.timeout;
        self.dropped += other.dropped;
        self
    }

    /// The kinds that occurred, for people.
    pub(crate) fn text(&self) -> String {
        let kinds = [
            (self.good, "good"),
            (self.shed, "shed"),
            (self.status_4xx, "4xx"),
            (self.status_5xx, "5xx"),
            (self.status_other, "other statuses"),
            (self.connect, "not connected"),
            (self.unanswered, "unanswered"),
            (self.cut, "cut"),
            (self.malformed, "malformed"),
            (self.length, "of a wrong length"),
            (self.crossed, "crossed"),
            (self.timeout, "timed out"),
            (self.dropped, "never sent"),
        ];
        let kinds = kinds.iter().filter(|(count, _)| *count > 0);
        let kinds: Vec<String> = kinds
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        format!("{} due: {}", self.offered, kinds.join(", "))
    }
}

impl Tally {
    pub(crate) fn new(window: Duration) -> io::Result<Self> {
        Ok(Self {
            window: window.max(Duration::from_millis(1)),
            windows: Vec::new(),
            counts: Counts::default(),
            response: histogram(3)?,
            service: histogram(3)?,
            shed: histogram(3)?,
        })
    }

    /// A request is due.
    pub(crate) fn offer(&mut self, due: Duration) -> io::Result<()> {
        self.counts.offered += 1;
        self.at(due)?.counts.offered += 1;
        Ok(())
    }

    /// A request ended.
    pub(crate) fn end(&mut self, end: End, moments: Moments) -> io::Result<()> {
        self.counts.add(end);
        let Moments { due, sent, done } = moments;
        let response = micros(done.saturating_sub(due));
        let service = micros(done.saturating_sub(sent));
        match end {
            End::Good => {
                self.response.saturating_record(response);
                self.service.saturating_record(service);
                self.at(done)?.done += 1;
                self.at(due)?.response.saturating_record(response);
            }
            End::Shed { .. } => self.shed.saturating_record(service),
            _ => {}
        }
        self.at(due)?.counts.add(end);
        Ok(())
    }

    fn at(&mut self, time: Duration) -> io::Result<&mut Window> {
        let index = (time.as_micros() / self.window.as_micros()) as usize;
        let index = index.min(WINDOWS_MAX - 1);
        while self.windows.len() <= index {
            self.windows.push(Window {
                counts: Counts::default(),
                done: 0,
                response: histogram(2)?,
            });
        }
        Ok(&mut self.windows[index])
    }

    /// Counts and good answers' response times of what was due from one time to another.
    pub(crate) fn between(
        &self,
        from: Duration,
        to: Duration,
    ) -> io::Result<(Counts, Histogram<u64>)> {
        let mut counts = Counts::default();
        let mut response = histogram(2)?;
        for window in self.within(from, to) {
            counts = counts.plus(&window.counts);
            response.add(&window.response).map_err(io::Error::other)?;
        }
        Ok((counts, response))
    }

    /// Good answers per second that were complete from one time to another.
    pub(crate) fn goodput(&self, from: Duration, to: Duration) -> f64 {
        let done: u64 = self.within(from, to).map(|window| window.done).sum();
        done as f64 / to.saturating_sub(from).as_secs_f64().max(1e-9)
    }

    fn within(&self, from: Duration, to: Duration) -> impl Iterator<Item = &Window> {
        let place = |time: Duration| (time.as_micros() / self.window.as_micros()) as usize;
        let to = place(to).min(self.windows.len());
        self.windows[place(from).min(to)..to].iter()
    }
}

pub(crate) fn histogram(digits: u8) -> io::Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, digits).map_err(io::Error::other)
}

/// A duration in whole microseconds, one at least.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::End;
    use super::Moments;
    use super::Tally;
    use std::time::Duration;

    const fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    fn moments(due: u64, sent: u64, done: u64) -> Moments {
        Moments {
            due: ms(due),
            sent: ms(sent),
            done: ms(done),
        }
    }

    #[test]
    fn latency_counts_from_when_a_request_was_due() {
        let mut tally = Tally::new(ms(100)).expect("bounds");
        tally.offer(ms(10)).expect("bounds");
        tally.end(End::Good, moments(10, 60, 70)).expect("bounds");
        let close = |value: u64, wanted: u64| value.abs_diff(wanted) * 100 < wanted;
        assert!(close(tally.response.max(), 60_000));
        assert!(close(tally.service.max(), 10_000));
    }

    #[test]
    fn a_window_holds_what_was_due_in_it_and_what_was_done_in_it() {
        let mut tally = Tally::new(ms(100)).expect("bounds");
        for due in [10, 20, 150] {
            tally.offer(ms(due)).expect("bounds");
        }
        tally.end(End::Good, moments(10, 10, 130)).expect("bounds");
        tally
            .end(End::Timeout, moments(20, 20, 180))
            .expect("bounds");
        tally
            .end(End::Shed { retry_after: true }, moments(150, 150, 151))
            .expect("bounds");
        let (first, response) = tally.between(ms(0), ms(100)).expect("bounds");
        assert_eq!(
            (first.offered, first.good, first.timeout, first.shed),
            (2, 1, 1, 0)
        );
        assert_eq!(response.len(), 1);
        assert!((tally.goodput(ms(0), ms(100)) - 0.0).abs() < 1e-9);
        assert!((tally.goodput(ms(100), ms(200)) - 10.0).abs() < 1e-9);
        let (second, _) = tally.between(ms(100), ms(200)).expect("bounds");
        assert_eq!((second.offered, second.shed, second.retry_after), (1, 1, 1));
    }

    #[test]
    fn every_end_is_counted_once() {
        let mut tally = Tally::new(ms(100)).expect("bounds");
        let ends = [
            End::Good,
            End::Shed { retry_after: false },
            End::Status(404),
            End::Status(502),
            End::Status(302),
            End::Connect,
            End::Unanswered,
            End::Cut,
            End::Malformed,
            End::Length,
            End::Crossed,
            End::Timeout,
            End::Dropped,
        ];
        for end in ends {
            tally.end(end, moments(0, 0, 1)).expect("bounds");
        }
        let counts = tally.counts;
        assert_eq!(counts.good + counts.shed, 2);
        assert_eq!(counts.failed(), ends.len() as u64 - 2);
        assert_eq!(tally.windows[0].counts, counts);
        assert_eq!(counts.plus(&counts).failed(), 2 * counts.failed());
    }
}
