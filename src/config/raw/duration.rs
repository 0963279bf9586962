//! Durations as they are written: a number with a unit, or whole milliseconds as in Kong.

use std::time::Duration;

/// The units, longest spelling first, in nanoseconds.
const UNITS: [(&str, u64); 6] = [
    ("ms", 1_000_000),
    ("us", 1_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Reads `250ms`, `1.5s`, `1h30m` to the microsecond; none if it is anything else, or too long for 64 bits
/// of nanoseconds.
pub(in crate::config) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let whole: u64 = rest.get(..digits)?.parse().ok()?;
        rest = &rest[digits..];
        let fraction = rest.strip_prefix('.').map(|tail| {
            let digits = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            (&tail[..digits], &tail[digits..])
        });
        if let Some((_, tail)) = fraction {
            rest = tail;
        }
        let (spelling, nanos) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[spelling.len()..];
        total = total.checked_add(whole.checked_mul(*nanos)?)?;
        if let Some((digits, _)) = fraction {
            total = total.checked_add(fraction_of(digits, *nanos)?)?;
        }
    }
    Some(Duration::from_micros(total / 1_000))
}

/// `0.digits` of a unit.
fn fraction_of(digits: &str, unit: u64) -> Option<u64> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    let number: u128 = digits.parse().ok()?;
    let scale = 10_u128.pow(u32::try_from(digits.len()).ok()?);
    u64::try_from(number * u128::from(unit) / scale).ok()
}

/// Writes a duration so that [`parse`] reads the same one: the largest unit that divides it.
pub(in crate::config) fn show(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    let mut units = UNITS;
    units.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    for (unit, size) in units {
        if unit != "d" && nanos.is_multiple_of(u128::from(size)) {
            return format!("{}{unit}", nanos / u128::from(size));
        }
    }
    format!("{}us", nanos / 1_000)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::parse;
    use super::show;

    #[test]
    fn durations_are_read_with_their_units() {
        let millis = |n| Some(Duration::from_millis(n));
        assert_eq!(parse("250ms"), millis(250));
        assert_eq!(parse(" 5s "), millis(5_000));
        assert_eq!(parse("1.5s"), millis(1_500));
        assert_eq!(parse("1h30m"), millis(5_400_000));
        assert_eq!(parse("2d"), millis(172_800_000));
        assert_eq!(parse("0s"), millis(0));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            " ",
            "5",
            "s",
            "5 s",
            "-1s",
            "5x",
            "1.s",
            "1e3s",
            "99999999999999h",
            "5s5",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_shown_reads_as_the_same() {
        for micros in [
            0,
            1,
            999,
            1_000,
            1_500_000,
            60_000_000,
            90_000_000,
            86_400_000_000,
        ] {
            let duration = Duration::from_micros(micros);
            assert_eq!(parse(&show(duration)), Some(duration));
        }
    }
}
