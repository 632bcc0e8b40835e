//! What HTTP+SSE of 2024-11-05 is set to, and what its clients are told of its end.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::calendar::{civil_from_days, days_from_civil};
use crate::limits;

/// The transport of 2024-11-05: a stream that a GET opens, and a path for messages.
///
/// It is served on the same port and from the same functions as the MCP endpoint, for clients that
/// speak nothing newer; its limits are its own.
#[derive(Debug, Clone)]
pub struct HttpSseConfig {
    /// Whether it is served.
    pub enabled: bool,
    /// The path of the stream.
    pub sse_endpoint: String,
    /// The path of messages. `/message` is another name for it.
    pub messages_endpoint: String,
    /// Streams open at once; beyond them, 503.
    pub connections_max: usize,
    /// Time for which a client can come back for its stream (`Last-Event-ID`).
    pub session_timeout: Duration,
    /// What clients and operators are told.
    pub deprecation: DeprecationConfig,
}

/// What clients and operators are told of the end of HTTP+SSE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeprecationConfig {
    /// Whether it is logged: once at the start, and once for each client that comes.
    pub warnings: bool,
    /// A page about it, for people (`Link` with `rel="deprecation"`, RFC 9745 §3).
    pub docs_url: Option<String>,
    /// The day after which it may be gone (`Sunset`, RFC 8594); `None` says nothing of it.
    pub sunset: Option<Day>,
    /// Where clients are to go (`Link` with `rel="successor-version"`); `None`: the MCP endpoint.
    pub successor_endpoint: Option<String>,
}

impl Default for HttpSseConfig {
    fn default() -> Self {
        HttpSseConfig {
            enabled: true,
            sse_endpoint: "/sse".to_owned(),
            messages_endpoint: "/messages".to_owned(),
            connections_max: limits::HTTP_SSE_CONNECTIONS_MAX,
            session_timeout: limits::HTTP_SSE_SESSION_TIMEOUT,
            deprecation: DeprecationConfig::default(),
        }
    }
}

/// The specification has replaced HTTP+SSE since this day (2025-03-26, changelog).
pub(crate) const DEPRECATED: Day = Day { days: 20_173 };

/// A year after the first revision that had a rule for removals (2026-07-28, deprecated features).
const SUNSET: Day = Day { days: 21_027 };

impl Default for DeprecationConfig {
    fn default() -> Self {
        let (docs_url, successor_endpoint) = (None, None);
        DeprecationConfig { warnings: true, docs_url, sunset: Some(SUNSET), successor_endpoint }
    }
}

/// A day, as `2027-07-28` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// Since 1970-01-01.
    days: u64,
}

impl Day {
    /// The second at which it begins (UTC), since 1970.
    pub(crate) fn unix_secs(self) -> u64 {
        self.days * 86_400
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Day, String> {
        let mut parts =
            text.splitn(3, '-').map(|part| match part.bytes().all(|b| b.is_ascii_digit()) {
                true => part.parse::<u64>().ok(),
                false => None,
            });
        let parts = (parts.next().flatten(), parts.next().flatten(), parts.next().flatten());
        if let (Some(year @ 1970..=9999), Some(month @ 1..=12), Some(day @ 1..=31)) = parts {
            let days = days_from_civil(year, month, day);
            // The 30th of February would be a day in March.
            if civil_from_days(days) == (year, month, day) {
                return Ok(Day { days });
            }
        }
        Err(format!("{text:?}: expected a day such as \"2027-07-28\""))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.days);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_they_are_written() {
        for text in ["1970-01-01", "2000-02-29", "2025-03-26", "2027-07-28", "9999-12-31"] {
            assert_eq!(text.parse::<Day>().map(|day| day.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "2027", "2027-13-01", "2027-02-30", "1969-12-31", "x-y-z", "2027-07-+8"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
        assert_eq!(
            (DEPRECATED.to_string(), SUNSET.to_string()),
            ("2025-03-26".into(), "2027-07-28".into())
        );
    }
}
