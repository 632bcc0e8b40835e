//! What numbers and times can be set to: less would refuse everybody, more would end the process.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Config;
use crate::limits;

/// A setting, whether it is within its bounds, and what those are.
pub(super) struct Range {
    key: &'static str,
    is_within: bool,
    bounds: Bounds,
}

enum Bounds {
    Count(usize, usize),
    /// From this on; all of them end alike.
    Time(Duration),
}

impl Range {
    fn count(key: &'static str, found: usize, range: RangeInclusive<usize>) -> Range {
        let bounds = Bounds::Count(*range.start(), *range.end());
        Range { key, is_within: range.contains(&found), bounds }
    }

    fn time(key: &'static str, found: Duration, from: Duration) -> Range {
        let is_within = (from..=limits::TIME_SETTING_MAX).contains(&found);
        Range { key, is_within, bounds: Bounds::Time(from) }
    }

    /// What is wrong with it.
    pub(super) fn problem(&self) -> Option<String> {
        let bounds = match self.bounds {
            Bounds::Count(least, most) => format!("at least {least}, and at most {most}"),
            Bounds::Time(from) => {
                let from = if from.is_zero() { "0s".to_owned() } else { format!("{from:?}") };
                let most_h = limits::TIME_SETTING_MAX.as_secs() / 3600;
                format!("at least {from}, and at most {most_h}h")
            }
        };
        (!self.is_within).then(|| format!("{} must be {bounds}", self.key))
    }
}

/// Those of all settings that have bounds of their own.
pub(super) fn ranges(config: &Config) -> impl Iterator<Item = Range> {
    counts(config).into_iter().chain(times(config))
}

/// The least and the most that counts can be, by their settings.
#[cfg(feature = "daemon")]
pub(super) fn bounds_of_counts(
    config: &Config,
) -> impl Iterator<Item = (&'static str, usize, usize)> {
    counts(config).into_iter().filter_map(|range| match range.bounds {
        Bounds::Count(least, most) => Some((range.key, least, most)),
        Bounds::Time(_) => None,
    })
}

fn counts(config: &Config) -> Vec<Range> {
    use limits as l;
    let http = &config.http;
    let mut counts = vec![
        Range::count(
            "http.head_bytes_max",
            http.head_bytes_max,
            l::HEAD_BYTES_SETTING_MIN..=l::BUFFER_BYTES_SETTING_MAX,
        ),
        Range::count(
            "http.target_bytes_max",
            http.target_bytes_max,
            l::TARGET_BYTES_SETTING_MIN..=l::BUFFER_BYTES_SETTING_MAX,
        ),
        Range::count(
            "http.header_fields_max",
            http.header_fields_max,
            l::HEADER_FIELDS_SETTING_MIN..=l::HEADER_FIELDS_MAX,
        ),
        Range::count(
            "http.body_bytes_max",
            http.body_bytes_max,
            l::BODY_BYTES_SETTING_MIN..=l::BODY_BYTES_SETTING_MAX,
        ),
        Range::count(
            "http.chunk_line_bytes_max",
            http.chunk_line_bytes_max,
            l::CHUNK_LINE_BYTES_FAIR..=l::BUFFER_BYTES_SETTING_MAX,
        ),
        // Only CRLF: no trailer.
        Range::count(
            "http.trailer_bytes_max",
            http.trailer_bytes_max,
            2..=l::BUFFER_BYTES_SETTING_MAX,
        ),
        Range::count(
            "buffer_size",
            config.buffer_size,
            l::READ_SPACE_MIN..=l::BUFFER_BYTES_SETTING_MAX,
        ),
        Range::count("deferred_max", config.deferred_max, 0..=l::DEFERRED_SETTING_MAX),
        Range::count("connections_max", config.connections_max, 1..=l::CONNECTIONS_SETTING_MAX),
        Range::count(
            "json_depth_max",
            config.json_depth_max,
            l::JSON_DEPTH_SETTING_MIN..=l::JSON_DEPTH_SETTING_MAX,
        ),
        Range::count(
            "stream_events_max",
            config.stream_events_max,
            2 * l::PROGRESS_UNSENT_MAX..=l::STREAM_EVENTS_SETTING_MAX,
        ),
        Range::count(
            "stream_bytes_max",
            config.stream_bytes_max,
            l::EVENTS_IN_HAND_BYTES..=l::BODY_BYTES_SETTING_MAX,
        ),
    ];
    let cores = config.cores.map(|cores| Range::count("cores", cores, 1..=l::CORES_MAX));
    let workers = config.workers;
    let workers = workers.map(|count| Range::count("workers", count, 1..=l::WORKERS_SETTING_MAX));
    counts.extend(cores.into_iter().chain(workers));
    counts
}

fn times(config: &Config) -> Vec<Range> {
    // What ends sooner than deadlines are kept ends before it began.
    let tick = limits::DEADLINE_TICK;
    let (zero, tokens) = (Duration::ZERO, &config.auth.tokens);
    vec![
        Range::time("head_timeout", config.head_timeout, tick),
        Range::time("body_timeout", config.body_timeout, tick),
        Range::time("idle_timeout", config.idle_timeout, tick),
        Range::time("write_timeout", config.write_timeout, tick),
        Range::time("keep_alive", config.keep_alive, tick),
        Range::time("stream_age_max", config.stream_age_max, tick),
        Range::time("session_idle_timeout", config.session_idle_timeout, tick),
        Range::time("answer_timeout", config.answer_timeout, zero),
        Range::time("auth.decision_timeout", config.auth.decision_timeout, tick),
        Range::time("auth.issuer_timeout", tokens.issuer_timeout, tick),
        Range::time("auth.leeway", tokens.leeway, zero),
        Range::time("auth.refused_ttl", tokens.refused_ttl, zero),
        Range::time("auth.keys_age_max", tokens.keys_age_max, zero),
        Range::time("auth.keys_refresh_interval", tokens.keys_refresh_interval, zero),
        Range::time("http_sse.session_timeout", config.http_sse.session_timeout, zero),
        Range::time("replay_window", config.replay_window, zero),
        Range::time("connection_age_max", config.connection_age_max, zero),
        Range::time("call_timeout", config.call_timeout, zero),
        Range::time("shutdown_delay", config.shutdown_delay, zero),
        Range::time("shutdown_grace", config.shutdown_grace, zero),
        Range::time("spin", config.spin, zero),
        Range::time("overload.queue_delay_target", config.overload.queue_delay_target, zero),
        Range::time("overload.interval", config.overload.interval, zero),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_say_the_bounds() {
        let pages =
            [include_str!("../../docs/limits.md"), include_str!("../../docs/operations.md")];
        let config = Config { cores: Some(1), workers: Some(1), ..Config::default() };
        for range in ranges(&config) {
            assert!(range.is_within, "{}: the default", range.key);
            let key = range.key;
            // Of times, the longest is said once.
            let text = match range.bounds {
                Bounds::Count(least, most) => format!("{least} to {most}"),
                Bounds::Time(Duration::ZERO) => {
                    let most_h = limits::TIME_SETTING_MAX.as_secs() / 3600;
                    assert!(pages[0].contains(&format!("longer than {most_h}h")), "{most_h}");
                    continue;
                }
                Bounds::Time(from) => format!("at least {from:?}"),
            };
            let row = format!("| `{key}` |");
            let rows = pages.iter().flat_map(|page| page.lines());
            let rows: Vec<_> = rows.filter(|line| line.starts_with(&row)).collect();
            assert!(rows.iter().any(|line| line.contains(&text)), "{key}: {text}: {rows:?}");
        }
    }

    #[test]
    fn what_is_beyond_them_is_refused_by_its_key() {
        type Change = fn(&mut Config);
        let change: [(Change, &str); 10] = [
            (|c| c.buffer_size = 1 << 40, "buffer_size must be at least 4096, and at most"),
            (|c| c.workers = Some(100_000), "workers must be at least 1, and at most 1024"),
            (|c| c.workers = Some(0), "workers "),
            (|c| c.deferred_max = usize::MAX, "deferred_max "),
            (|c| c.http.head_bytes_max = 0, "http.head_bytes_max "),
            (|c| c.http.target_bytes_max = 0, "http.target_bytes_max "),
            (|c| c.http.header_fields_max = 200, "http.header_fields_max must be at least 8, and"),
            (|c| c.head_timeout = Duration::ZERO, "head_timeout must be at least 50ms, and at"),
            (|c| c.body_timeout = Duration::from_millis(49), "body_timeout "),
            (|c| c.shutdown_grace = Duration::MAX, "shutdown_grace must be at least 0s, and"),
        ];
        for (change, problem) in change {
            let mut config = Config::default();
            change(&mut config);
            let problems = config.problems();
            assert!(problems.len() == 1 && problems[0].starts_with(problem), "{problems:?}");
        }
    }
}
