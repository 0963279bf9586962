//! HTTP dates as clients may write them: the form of today and the two obsolete ones (RFC 9110 section 5.6.7).

/// Seconds since the Unix epoch; none for what is no date, or one before that.
pub(super) fn parse(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let mut words = text.split([' ', ',', '-']).filter(|word| !word.is_empty());
    let weekday = words.next()?;
    if weekday.len() < 3 {
        return None;
    }
    if text.contains(',') {
        // `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`
        let (day, month, year) = (words.next()?, words.next()?, words.next()?);
        let time = words.next()?;
        let zone = words.next()?;
        (zone == "GMT" && words.next().is_none()).then_some(())?;
        seconds(year, month, day, time)
    } else {
        // `Sun Nov  6 08:49:37 1994`
        let (month, day) = (words.next()?, words.next()?);
        let (time, year) = (words.next()?, words.next()?);
        words.next().is_none().then_some(())?;
        seconds(year, month, day, time)
    }
}

fn seconds(year: &str, month: &str, day: &str, time: &str) -> Option<u64> {
    let year = match (year.len(), number(year)?) {
        (4, year) if year >= 1970 => year,
        // Two digits: within the last fifty years or the next (nginx's rule is the same until 2069).
        (2, year) if year < 70 => 2000 + year,
        (2, year) => 1900 + year,
        _ => return None,
    };
    let month = MONTHS.iter().position(|name| *name == month)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = LENGTHS.get(month)? + u64::from(leap && month == 1);
    let day = number(day).filter(|day| (1..=length).contains(day))?;
    let mut parts = time.split(':').map(number);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let months: u64 = LENGTHS.iter().take(month).sum();
    let before = year - 1;
    // 719,162 days lie between 1 January 1 and 1 January 1970.
    let days = 365 * before + before / 4 - before / 100 + before / 400 - 719_162
        + months
        + u64::from(leap && month > 1)
        + day
        - 1;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

/// A number of one to four digits.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && text.len() <= 4 {
        text.parse().ok()
    } else {
        None
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const LENGTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::http::date::imf_fixdate;
    use proptest::prelude::any;
    use proptest::prop_assert_eq;
    use proptest::proptest;

    #[test]
    fn all_three_forms_are_dates() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text.as_bytes()), Some(784_111_777), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "Sun",
            "zzzz",
            "784111777",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Wed, 29 Feb 1995 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 19945 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:+7 GMT",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(secs in 0_u64..253_402_300_800) {
            prop_assert_eq!(parse(&imf_fixdate(secs)), Some(secs));
        }

        #[test]
        fn no_text_is_too_strange(noise in any::<Vec<u8>>(), text in "[A-Za-z0-9 :,-]{0,40}") {
            let _ = (parse(&noise), parse(text.as_bytes()));
        }
    }
}
