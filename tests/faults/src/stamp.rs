//! XEP-0082 times as numbers, so that stamps of unequal precision compare.

/// Milliseconds since 1970 of a UTC time such as `2026-11-21T03:04:46.123Z`.
pub(crate) fn milliseconds(stamp: &str) -> Option<i64> {
    let (date, time) = stamp.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [hour, minute, second] = numbers(time, ':')?;
    let thousandths: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000 + thousandths)
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let parts: Option<Vec<i64>> = text.split(separator).map(|part| part.parse().ok()).collect();
    parts?.try_into().ok()
}

/// Of the Gregorian calendar, counted in years that begin in March, so that the leap day is a year's last.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let days = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year;
    days - DAYS_TO_1970
}

/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn stamps() {
        let check = |stamp, expected| assert_eq!(milliseconds(stamp), expected, "{stamp}");
        check("1970-01-01T00:00:00Z", Some(0));
        check("1969-12-31T23:59:59.5Z", Some(-500));
        check("2000-02-29T12:00:00.123456Z", Some(951_825_600_123));
        check("2026-11-21T03:04:46Z", Some(1_795_230_286_000));
        check("2026-11-21 03:04:46", None);
        check("", None);
    }
}
