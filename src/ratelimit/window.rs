//! Periods, the three kinds of window over them, and the calendar that they follow.
//!
//! Time is cut into frames: a number that counts up, a beginning, an end. A fixed or sliding window's frames are the
//! calendar's (UTC); a strict window's are tenths of the period's longest length, so that eleven of them cover any
//! stretch of it, wherever it begins.

/// What a limit is per.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Period {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day of UTC.
    Day,
    /// A calendar month of UTC.
    Month,
    /// A calendar year of UTC.
    Year,
}

/// How usage is held against a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Window {
    /// The calendar's window, Kong's: never more than the limit in it, up to twice the limit across a border.
    #[default]
    Fixed,
    /// The calendar's window, and of the window before as much as a period that ends now still covers, taking its
    /// usage for even.
    Sliding,
    /// Never more than the limit in any stretch of the period's length.
    Strict,
}

/// A piece of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its number; the next one's is one more.
    pub id: u64,
    /// Its first microsecond since the Unix epoch.
    pub start: u64,
    /// The first microsecond after it.
    pub end: u64,
}

/// Frames before the present one that a strict window looks at. More would admit closer to the limit (10 give 91 % of it
/// as a lasting rate) and cost eight bytes each for a key.
pub(super) const STRICT_FRAMES: usize = 10;

const SECOND: u64 = 1_000_000;
const DAY: u64 = 86_400 * SECOND;

impl Period {
    /// All, ascending.
    pub const ALL: [Self; 6] = [
        Self::Second,
        Self::Minute,
        Self::Hour,
        Self::Day,
        Self::Month,
        Self::Year,
    ];

    /// Kong's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// The period with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.name() == name)
    }

    /// Its greatest length in microseconds.
    pub const fn longest(self) -> u64 {
        match self {
            Self::Second => SECOND,
            Self::Minute => 60 * SECOND,
            Self::Hour => 3_600 * SECOND,
            Self::Day => DAY,
            Self::Month => 31 * DAY,
            Self::Year => 366 * DAY,
        }
    }

    /// The calendar's frame at a moment.
    fn calendar(self, now: u64) -> Frame {
        match self {
            Self::Second | Self::Minute | Self::Hour | Self::Day => even(self.longest(), now),
            Self::Month => month(month_of(now / DAY)),
            Self::Year => year(month_of(now / DAY) / 12),
        }
    }

    /// The calendar's frame with a number.
    fn calendar_with(self, id: u64) -> Frame {
        match self {
            Self::Second | Self::Minute | Self::Hour | Self::Day => even_with(self.longest(), id),
            Self::Month => month(id),
            Self::Year => year(id),
        }
    }
}

impl Window {
    /// All.
    pub const ALL: [Self; 3] = [Self::Fixed, Self::Sliding, Self::Strict];

    /// What stands in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Sliding => "sliding",
            Self::Strict => "strict",
        }
    }

    /// The window with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.name() == name)
    }

    /// The frame at a moment, in microseconds since the Unix epoch.
    pub fn frame(self, period: Period, now: u64) -> Frame {
        match self {
            Self::Fixed | Self::Sliding => period.calendar(now),
            Self::Strict => even(period.longest() / STRICT_FRAMES as u64, now),
        }
    }

    /// The frame with a number.
    pub fn frame_with(self, period: Period, id: u64) -> Frame {
        match self {
            Self::Fixed | Self::Sliding => period.calendar_with(id),
            Self::Strict => even_with(period.longest() / STRICT_FRAMES as u64, id),
        }
    }

    /// How many frames before the present one still matter.
    pub const fn looks_back(self) -> usize {
        match self {
            Self::Fixed => 0,
            Self::Sliding => 1,
            Self::Strict => STRICT_FRAMES,
        }
    }
}

impl Frame {
    /// Its length in microseconds.
    pub const fn length(&self) -> u64 {
        self.end - self.start
    }
}

fn even(length: u64, now: u64) -> Frame {
    even_with(length, now / length)
}

fn even_with(length: u64, id: u64) -> Frame {
    let start = id.saturating_mul(length);
    Frame {
        id,
        start,
        end: start.saturating_add(length),
    }
}

/// The frame of a month, counted from the beginning of year zero.
fn month(id: u64) -> Frame {
    Frame {
        id,
        start: first_day(id).saturating_mul(DAY),
        end: first_day(id + 1).saturating_mul(DAY),
    }
}

fn year(id: u64) -> Frame {
    Frame {
        id,
        start: first_day(id * 12).saturating_mul(DAY),
        end: first_day(id * 12 + 12).saturating_mul(DAY),
    }
}

/// Days from the beginning of March of year zero to the Unix epoch.
const EPOCH_DAY: u64 = 719_468;
/// Days of 400 years.
const ERA_DAYS: u64 = 146_097;

/// The number of the month that a day since the Unix epoch lies in (Howard Hinnant's algorithm, in years that begin in
/// March).
fn month_of(day: u64) -> u64 {
    let days = day + EPOCH_DAY;
    let (era, of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    (era * 400 + year) * 12 + from_march + 2
}

/// The first day of a month, since the Unix epoch; zero for months before it.
fn first_day(month: u64) -> u64 {
    let from_march = month.saturating_sub(2);
    let (year, of_year) = (from_march / 12, from_march % 12);
    let (era, of_era) = (year / 400, year % 400);
    let days = of_era * 365 + of_era / 4 - of_era / 100 + (153 * of_year + 2) / 5;
    (era * ERA_DAYS + days).saturating_sub(EPOCH_DAY)
}

#[cfg(test)]
mod tests {
    use proptest::prop_assert;
    use proptest::prop_assert_eq;
    use proptest::proptest;
    use proptest::sample::select;

    use super::*;

    /// Seconds since the Unix epoch to microseconds.
    const fn at(seconds: u64) -> u64 {
        seconds * SECOND
    }

    #[test]
    fn months_and_years_are_the_calendars() {
        // 2024-02-29T12:00:00Z, in a leap year.
        let leap_day = at(1_709_208_000);
        let february = Window::Fixed.frame(Period::Month, leap_day);
        assert_eq!(february.start, at(1_706_745_600));
        assert_eq!(february.end, at(1_709_251_200));
        assert_eq!(february.id, 2_024 * 12 + 1);
        let year = Window::Sliding.frame(Period::Year, leap_day);
        assert_eq!(
            (year.start, year.end),
            (at(1_704_067_200), at(1_735_689_600))
        );
        assert_eq!(year.id, 2_024);
        let first = Window::Fixed.frame(Period::Month, 0);
        assert_eq!((first.start, first.end), (0, 31 * DAY));
    }

    #[test]
    fn names_are_found() {
        for period in Period::ALL {
            assert_eq!(Period::named(period.name()), Some(period));
        }
        for window in Window::ALL {
            assert_eq!(Window::named(window.name()), Some(window));
        }
        assert_eq!(Period::named("week"), None);
    }

    proptest! {
        #[test]
        fn frames_follow_each_other(
            now in 0..at(7_000_000_000),
            period in select(&Period::ALL[..]),
            window in select(&Window::ALL[..]),
        ) {
            let frame = window.frame(period, now);
            prop_assert!(frame.start <= now && now < frame.end);
            prop_assert_eq!(window.frame_with(period, frame.id), frame);
            let next = window.frame(period, frame.end);
            prop_assert_eq!((next.id, next.start), (frame.id + 1, frame.end));
            prop_assert!(frame.length() <= period.longest());
            let covered = frame.length() * window.looks_back() as u64;
            if window == Window::Strict {
                prop_assert_eq!(covered, period.longest());
            }
        }
    }
}
