//! The calendar: from counted time to dates. Has no clock.

/// Appends a time, in milliseconds since 1970, as a JSON string: `"2026-07-28T12:00:00.000Z"`
/// (RFC 3339, a profile of ISO 8601).
pub(crate) fn write_timestamp(out: &mut Vec<u8>, unix_ms: u64) {
    let (secs, ms) = (unix_ms / 1000, unix_ms % 1000);
    let (year, month, day) = civil_from_days(secs / 86_400);
    let mut text = *b"\"0000-00-00T00:00:00.000Z\"";
    text[1..3].copy_from_slice(&two_digits(year / 100 % 100));
    text[3..5].copy_from_slice(&two_digits(year % 100));
    text[6..8].copy_from_slice(&two_digits(month));
    text[9..11].copy_from_slice(&two_digits(day));
    text[12..14].copy_from_slice(&two_digits(secs % 86_400 / 3600));
    text[15..17].copy_from_slice(&two_digits(secs / 60 % 60));
    text[18..20].copy_from_slice(&two_digits(secs % 60));
    text[21] = b'0' + (ms / 100) as u8;
    text[22..24].copy_from_slice(&two_digits(ms % 100));
    out.extend_from_slice(&text);
}

/// Year, month (1–12) and day (1–31) of a day counted from 1970-01-01.
///
/// The year is taken to start in March, so that a leap day is its last; 400 years then have
/// 146,097 days whatever year they start in, and the months' lengths are a straight line
/// (153 days every five months). After Howard Hinnant's "chrono-compatible low-level date
/// algorithms", for days that are not before 1970.
pub(crate) fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days_since_0000_03_01 = days + 719_468;
    let era = days_since_0000_03_01 / 146_097;
    let day_of_era = days_since_0000_03_01 % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

/// The last two digits of a number below a hundred.
pub(crate) fn two_digits(n: u64) -> [u8; 2] {
    [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_rfc_3339() {
        for (unix_ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_785_196_800_123, "2026-07-28T00:00:00.123Z"),
        ] {
            let mut out = Vec::new();
            write_timestamp(&mut out, unix_ms);
            assert_eq!(String::from_utf8_lossy(&out), format!("\"{expected}\""));
        }
    }
}
