//! The one place of this room that reads a clock, and how its time is written.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::calendar::timestamp;

/// Milliseconds since 1970. A clock set before that reads as 0.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// `2026-11-20T20:55:58.123Z`. What is before 1970 reads as 1970.
pub(super) fn iso8601(ms: i64) -> String {
    timestamp(u64::try_from(ms).unwrap_or_default())
}

#[cfg(test)]
mod tests;
