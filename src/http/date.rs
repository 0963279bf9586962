//! The `Date` field's value, formatted once a second and not once a request.
//!
//! A core owns one [`DateCache`]; control threads format with [`imf_fixdate`] directly.

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
