//! The `Date` field's value, formatted once a second and not once a request.
//!
//! A core owns one [`DateCache`]; control threads format with [`imf_fixdate`] directly. [`parse`] reads what others
//! have written.

/// An IMF-fixdate (RFC 9110 section 5.6.7), always this long.
pub type DateText = [u8; 29];

/// The last formatted second.
#[derive(Clone, Debug)]
pub struct DateCache {
    unix_secs: u64,
    text: DateText,
}

impl Default for DateCache {
    fn default() -> Self {
        Self {
            unix_secs: 0,
            text: imf_fixdate(0),
        }
    }
}

impl DateCache {
    /// The date at `unix_secs`, formatted anew only if the second changed.
    #[inline]
    pub fn at(&mut self, unix_secs: u64) -> &DateText {
        if unix_secs != self.unix_secs {
            self.unix_secs = unix_secs;
            self.text = imf_fixdate(unix_secs);
        }
        &self.text
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`; seconds past the year 9999 are shown as its last one.
pub fn imf_fixdate(unix_secs: u64) -> DateText {
    let secs = unix_secs.min(YEAR_9999_END);
    let (days, second) = (secs / 86_400, secs % 86_400);
    let (year, month, day) = civil(days);
    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    // 1 January 1970 was a Thursday.
    text[..3].copy_from_slice(WEEKDAYS[((days + 4) % 7) as usize]);
    put_pair(&mut text, 5, day);
    text[8..11].copy_from_slice(MONTHS[month as usize]);
    put_pair(&mut text, 12, year / 100);
    put_pair(&mut text, 14, year % 100);
    put_pair(&mut text, 17, second / 3600);
    put_pair(&mut text, 20, second / 60 % 60);
    put_pair(&mut text, 23, second % 60);
    text
}

/// Seconds since the Unix epoch of a date in any of the three forms that RFC 9110 section 5.6.7 has recipients
/// accept; none for anything else, and for what lies before 1970.
pub fn parse(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let mut words = text.split([' ', ',', '-']).filter(|word| !word.is_empty());
    let weekday = words.next()?;
    let known = |name: &[u8; 3]| weekday.as_bytes().starts_with(name);
    WEEKDAYS.into_iter().find(|name| known(name))?;
    let second = words.next()?;
    let (day, month, year, clock) = if second.starts_with(|c: char| c.is_ascii_digit()) {
        (second, words.next()?, words.next()?, words.next()?)
    } else {
        // asctime: the year comes last.
        let (day, clock) = (words.next()?, words.next()?);
        (day, second, words.next()?, clock)
    };
    let month = MONTHS.iter().position(|name| *name == month.as_bytes())?;
    let full_year = match (year.len(), year.parse::<u64>().ok()?) {
        (2, year) if year < 70 => year + 2_000,
        (2, year) => year + 1_900,
        (4, year) => year,
        _ => return None,
    };
    let mut clock = clock.split(':').map(|part| part.parse::<u64>().ok());
    let (hours, minutes, seconds) = (clock.next()??, clock.next()??, clock.next()??);
    let day = day.parse::<u64>().ok()?;
    if clock.next().is_some() || hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    let days = days(full_year, month as u64, day)?;
    Some(days * 86_400 + hours * 3_600 + minutes * 60 + seconds)
}

/// Days since 1 January 1970, the other way round than [`civil`].
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=31).contains(&day) {
        return None;
    }
    let year = year - u64::from(month < 2).min(year);
    let of_year = (153 * ((month + 10) % 12) + 2) / 5 + day - 1;
    let (era, year_of_era) = (year / 400, year % 400);
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    (era * 146_097 + of_era).checked_sub(719_468)
}

/// Year, month from zero, and day of the month, for days since 1 January 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    // Years are counted from March, so that the leap day is the last one (Hinnant,
    // "chrono-compatible low-level date algorithms"). 719,468 days lie between 1 March 0000 and 1
    // January 1970.
    let since = days + 719_468;
    let (era, of_era) = (since / 146_097, since % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12;
    (era * 400 + year_of_era + u64::from(month < 2), month, day)
}

/// Writes a number below 100 as two digits.
fn put_pair(text: &mut DateText, at: usize, value: u64) {
    debug_assert!(value < 100, "a pair of digits holds less than 100");
    text[at] = b'0' + (value / 10) as u8;
    text[at + 1] = b'0' + (value % 10) as u8;
}

/// 31 December 9999, 23:59:59: the last second that the format can hold.
const YEAR_9999_END: u64 = 253_402_300_799;
const WEEKDAYS: [&[u8; 3]; 7] = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"];
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

#[cfg(test)]
mod tests {
    use super::DateCache;
    use super::imf_fixdate;

    #[test]
    fn known_dates_are_spelled_right() {
        for (secs, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(imf_fixdate(secs), expected.as_bytes(), "{secs}");
        }
    }

    #[test]
    fn all_three_forms_are_read_and_nothing_else() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(super::parse(text.as_bytes()), Some(784_111_777), "{text}");
        }
        for text in [
            "",
            "0",
            "-1",
            "Sun",
            "Sun, 06 Nov 1994",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Mon, 01 Jan 0001 00:00:00 GMT",
            "\u{fe}",
        ] {
            assert_eq!(super::parse(text.as_bytes()), None, "{text}");
        }
        for secs in (0..4_000_000_000).step_by(9_999_991) {
            assert_eq!(super::parse(&imf_fixdate(secs)), Some(secs));
        }
    }

    #[test]
    fn consecutive_days_follow_the_calendar() {
        // Independent of the formula under test: a calendar that counts one day at a time.
        let (mut year, mut month, mut day) = (1970_u64, 0_u64, 1_u64);
        for days in 0..60_000 {
            assert_eq!(super::civil(days), (year, month, day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = [
                31,
                28 + u64::from(leap),
                31,
                30,
                31,
                30,
                31,
                31,
                30,
                31,
                30,
                31,
            ];
            day += 1;
            if day > length[month as usize] {
                (day, month) = (1, month + 1);
            }
            if month == 12 {
                (month, year) = (0, year + 1);
            }
        }
    }

    #[test]
    fn cache_follows_the_clock_in_both_directions() {
        let mut cache = DateCache::default();
        for secs in [0, 5, 5, 4, 1_000_000_000] {
            assert_eq!(cache.at(secs), &imf_fixdate(secs));
        }
    }
}
