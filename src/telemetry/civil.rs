//! Microseconds since the Unix epoch as calendar text in UTC, for log lines.

/// A point in time taken apart, in the proleptic Gregorian calendar.
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    micros: u64,
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Appends `2026-08-01T12:00:00.123456Z`.
pub fn iso8601(out: &mut Vec<u8>, unix_micros: u64) {
    let civil = Civil::of(unix_micros);
    digits(out, civil.year, 4);
    out.push(b'-');
    digits(out, civil.month, 2);
    out.push(b'-');
    digits(out, civil.day, 2);
    out.push(b'T');
    civil.write_clock(out);
    out.push(b'.');
    digits(out, civil.micros, 6);
    out.push(b'Z');
}

/// Appends `01/Aug/2026:12:00:00 +0000`, the time of the Common Log Format.
pub(super) fn common_log(out: &mut Vec<u8>, unix_micros: u64) {
    let civil = Civil::of(unix_micros);
    let month = MONTHS.get(civil.month as usize - 1).unwrap_or(&"Jan");
    digits(out, civil.day, 2);
    out.push(b'/');
    out.extend_from_slice(month.as_bytes());
    out.push(b'/');
    digits(out, civil.year, 4);
    out.push(b':');
    civil.write_clock(out);
    out.extend_from_slice(b" +0000");
}

/// Appends `units` divided by a million with six decimals: seconds from microseconds.
pub(super) fn seconds(out: &mut Vec<u8>, micros: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(micros / 1_000_000).as_bytes());
    out.push(b'.');
    digits(out, micros % 1_000_000, 6);
}

impl Civil {
    /// Howard Hinnant's algorithm of days to a date, with years that begin in March.
    fn of(unix_micros: u64) -> Self {
        let seconds = unix_micros / 1_000_000;
        let days = seconds / 86_400 + 719_468;
        let of_day = seconds % 86_400;
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let leaps = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
        let year_of_era = (day_of_era - leaps) / 365;
        let leaps_before = year_of_era / 4 - year_of_era / 100;
        let day_of_year = day_of_era - (365 * year_of_era + leaps_before);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        Self {
            year: year_of_era + era * 400 + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * march_month + 2) / 5 + 1,
            hour: of_day / 3_600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            micros: unix_micros % 1_000_000,
        }
    }

    fn write_clock(&self, out: &mut Vec<u8>) {
        digits(out, self.hour, 2);
        out.push(b':');
        digits(out, self.minute, 2);
        out.push(b':');
        digits(out, self.second, 2);
    }
}

/// Appends `number` with leading zeros up to `width`, at most 20.
fn digits(out: &mut Vec<u8>, number: u64, width: usize) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(number).as_bytes();
    let zeros = width.saturating_sub(text.len());
    out.extend_from_slice(&b"00000000000000000000"[..zeros.min(20)]);
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::common_log;
    use super::iso8601;
    use super::seconds;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let iso = |micros| written(|out| iso8601(out, micros));
        assert_eq!(iso(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(iso(951_782_400_000_001), "2000-02-29T00:00:00.000001Z");
        assert_eq!(iso(1_709_251_199_999_999), "2024-02-29T23:59:59.999999Z");
        assert_eq!(iso(4_107_542_400_000_000), "2100-03-01T00:00:00.000000Z");
        assert!(iso(u64::MAX).ends_with('Z'));
        let common = written(|out| common_log(out, 1_785_585_600_000_000));
        assert_eq!(common, "01/Aug/2026:12:00:00 +0000");
        assert_eq!(written(|out| seconds(out, 1_000_123)), "1.000123");
    }
}
