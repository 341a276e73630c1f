//! Dates and times as XEP-0082 writes them, from and to milliseconds since 1970 (UTC).

/// `2026-11-21T03:04:05.678Z`; the fraction is left out when it is zero.
pub fn format(unix_ms: i64) -> String {
    let (days, ms) = (unix_ms.div_euclid(DAY_MS), unix_ms.rem_euclid(DAY_MS));
    let (year, month, day) = civil_from_days(days);
    let (s, ms) = (ms / 1000, ms % 1000);
    let (hour, minute, second) = (s / 3600, s / 60 % 60, s % 60);
    if ms == 0 {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    } else {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

/// Reads a DateTime of XEP-0082 §3.2: any number of fraction digits, `Z` or an offset. `None`: it is none.
pub fn parse(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 20 || !text.is_ascii() {
        return None;
    }
    let number = |from: usize, to: usize| digits(bytes.get(from..to)?);
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if marks.iter().any(|&(at, mark)| bytes[at] != mark) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // A leap second is read as the second after it.
    if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (ms, zone) = fraction(&text[19..])?;
    let offset_ms = offset(zone)?;
    let days = days_from_civil(year, month, day);
    Some(days * DAY_MS + (hour * 3600 + minute * 60 + second) * 1000 + ms - offset_ms)
}

const DAY_MS: i64 = 86_400_000;

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0_i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
}

/// Splits `.123Z` into 123 ms and `Z`.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = rest.bytes().position(|b| !b.is_ascii_digit())?;
    if end == 0 {
        return None;
    }
    let ms =
        (0..3).fold(0, |ms, i| ms * 10 + rest.as_bytes()[..end].get(i).map_or(0, |b| i64::from(b - b'0')));
    Some((ms, &rest[end..]))
}

fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let bytes = zone.as_bytes();
    if bytes.len() != 6 || bytes[3] != b':' {
        return None;
    }
    let (hours, minutes) = (digits(&bytes[1..3])?, digits(&bytes[4..6])?);
    let ms = (hours * 60 + minutes) * 60_000;
    match bytes[0] {
        _ if hours > 23 || minutes > 59 => None,
        b'+' => Some(ms),
        b'-' => Some(-ms),
        _ => None,
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The proleptic Gregorian calendar in years that begin in March, so that the leap day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let (month, day) =
        (if shifted < 10 { shifted + 3 } else { shifted - 9 }, day_of_year - (153 * shifted + 2) / 5 + 1);
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_standard_writes_them() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(parse(text), expected, "{text}");
        check("1970-01-01T00:00:00Z", Some(0));
        check("1969-07-21T02:56:15Z", Some(-14_159_025_000));
        check("1969-07-20T21:56:15-05:00", Some(-14_159_025_000));
        check("2000-02-29T12:00:00.5Z", Some(951_825_600_500));
        check("2000-02-29T12:00:00.123456+00:00", Some(951_825_600_123));
        for wrong in [
            "",
            "2000-02-30T12:00:00Z",
            "2000-13-01T12:00:00Z",
            "2000-02-29 12:00:00Z",
            "2000-02-29T12:00:00",
            "2000-02-29T24:00:00Z",
            "2000-02-29T12:00:00.Z",
            "2000-02-29T12:00:00+1:00",
            "20000229T12:00:00",
            "2000-02-29T12:00:00Zx",
            "２000-02-29T12:00:00Z",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn every_day_survives_the_round_trip() {
        // From the year 0 to the year 9999, which is what four digits can say.
        for day in (-719_528..2_932_000).step_by(97) {
            let ms = day * DAY_MS + 12_345_678;
            assert_eq!(parse(&format(ms)), Some(ms));
        }
    }
}
