//! The `Date` field's value (RFC 9110 §6.6.1), rendered once a second and copied from then on.
//!
//! Has no clock: the second is an argument.

#[cfg(test)]
mod tests;

use crate::calendar::{civil_from_days, two_digits};

/// The last second of the year 9999, which is as far as four digits go.
const SECS_MAX: u64 = 253_402_300_799;

const DAY_NAMES: [&[u8; 3]; 7] = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"];
const MONTH_NAMES: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// A second since 1970 and its IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`. RFC 9110 §5.6.7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Date {
    rendered: [u8; 29],
    /// What `rendered` says.
    secs: u64,
}

impl Date {
    /// The date at so many seconds since 1970-01-01T00:00:00Z.
    pub fn at(unix_secs: u64) -> Date {
        Date { rendered: render(unix_secs), secs: unix_secs }
    }

    /// Moves to another second; renders only if it is another one.
    pub fn update(&mut self, unix_secs: u64) {
        if self.secs != unix_secs {
            *self = Date::at(unix_secs);
        }
    }

    /// The field value. RFC 9110 §5.6.7.
    pub fn as_bytes(&self) -> &[u8; 29] {
        &self.rendered
    }

    /// The second it stands for.
    pub fn unix_secs(&self) -> u64 {
        self.secs
    }
}

fn render(unix_secs: u64) -> [u8; 29] {
    let secs = unix_secs.min(SECS_MAX);
    let (days, second_of_day) = (secs / 86_400, secs % 86_400);
    let (year, month, day) = civil_from_days(days);
    // 1970-01-01 was a Thursday.
    let day_name = DAY_NAMES[((days + 4) % 7) as usize];

    let mut text = *b"Sun, 00 Jan 0000 00:00:00 GMT";
    text[0..3].copy_from_slice(day_name);
    text[5..7].copy_from_slice(&two_digits(day));
    text[8..11].copy_from_slice(MONTH_NAMES[(month - 1) as usize]);
    text[12..14].copy_from_slice(&two_digits(year / 100));
    text[14..16].copy_from_slice(&two_digits(year % 100));
    text[17..19].copy_from_slice(&two_digits(second_of_day / 3600));
    text[20..22].copy_from_slice(&two_digits(second_of_day / 60 % 60));
    text[23..25].copy_from_slice(&two_digits(second_of_day % 60));
    text
}
