//! From settings to what the threads of a server share; and what is wrong with settings.

use std::sync::Arc;
use std::time::Duration;

use super::ServeError;
use crate::config::{Config, DEPRECATED, DeprecationConfig, HttpSseConfig, path};
use crate::http::Date;
use crate::store::{Bounds, Clock, Hub, Seal, SessionLimits, Sessions, StreamLimits};
use crate::transport::HttpSse;

/// What the threads of a server share.
pub(super) fn hub(config: &Config, clock: Clock) -> Result<Hub, ServeError> {
    let mut key = [0; 32];
    if let Err(error) = getrandom::fill(&mut key) {
        return Err(ServeError::Setting(format!("the system gives no random bits: {error}")));
    }
    let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    let sessions = Sessions::new(SessionLimits {
        sessions_max: config.sessions_max,
        per_principal_max: config.sessions_per_principal_max,
        idle_s: seconds(config.session_idle_timeout),
        replay_s: seconds(config.replay_window),
        replay_bytes: config.replay_bytes_max,
    });
    let lines = Sessions::new(SessionLimits {
        sessions_max: config.http_sse.connections_max,
        per_principal_max: config.sessions_per_principal_max,
        idle_s: seconds(config.http_sse.session_timeout),
        replay_s: 0,
        replay_bytes: 0,
    });
    let streams = StreamLimits {
        bounds: Bounds { events: config.stream_events_max, bytes: config.stream_bytes_max },
        age_max: config.stream_age_max,
        answer_timeout: config.answer_timeout,
    };
    Ok(Hub::new(sessions, lines, Seal::new(&key), streams, clock))
}

/// HTTP+SSE, where it is to be served, and what is said of its end.
pub(super) fn http_sse(config: &Config) -> Option<Arc<HttpSse>> {
    let HttpSseConfig { sse_endpoint, messages_endpoint, deprecation, .. } = &config.http_sse;
    if !config.http_sse.enabled {
        return None;
    }
    let successor = deprecation.successor_endpoint.as_ref().unwrap_or(&config.path);
    let mut fields = vec![
        ("Deprecation", format!("@{}", DEPRECATED.unix_secs())),
        ("Link", format!("<{successor}>; rel=\"successor-version\"")),
        ("X-MCP-Migration", "http-streamable-available".to_owned()),
    ];
    if let Some(day) = deprecation.sunset {
        let date = String::from_utf8_lossy(Date::at(day.unix_secs()).as_bytes()).into_owned();
        fields.push(("Sunset", date));
    }
    if let Some(url) = &deprecation.docs_url {
        fields.push(("Link", format!("<{url}>; rel=\"deprecation\"; type=\"text/html\"")));
    }
    let until = deprecation.sunset.map(|day| format!(" before {day}")).unwrap_or_default();
    let warning = format!("clients should move to Streamable HTTP at {successor}{until}");
    Some(Arc::new(HttpSse {
        stream_path: sse_endpoint.clone(),
        messages_path: messages_endpoint.clone(),
        fields,
        warning: deprecation.warnings.then_some(warning),
    }))
}

pub(super) fn check(config: &Config) -> Result<(), ServeError> {
    let setting = |problem: &str| Err(ServeError::Setting(problem.to_owned()));
    if let Err(problem) = path(&config.path) {
        return setting(&format!("path: {problem}"));
    }
    if let Err(problem) = check_http_sse(&config.http_sse, &config.path) {
        return setting(&format!("http_sse.{problem}"));
    }
    if config.cores == Some(0) {
        return setting("cores must be at least 1");
    }
    if config.buffer_size < crate::limits::READ_SPACE_MIN {
        return setting("buffer_size must be at least 4096 bytes");
    }
    if config.connections_max == 0 || config.requests_per_turn_max == 0 {
        return setting("connections_max and requests_per_turn_max must be at least 1");
    }
    if config.stream_events_max < 2 * crate::limits::PROGRESS_UNSENT_MAX {
        return setting("stream_events_max must be at least 32");
    }
    if config.stream_bytes_max < crate::limits::EVENTS_IN_HAND_BYTES {
        return setting("stream_bytes_max must be at least 65536 bytes");
    }
    if config.keep_alive < crate::limits::DEADLINE_TICK {
        return setting("keep_alive must be at least 50ms");
    }
    Ok(())
}

/// What is wrong with the settings of HTTP+SSE, beginning with the key.
fn check_http_sse(http_sse: &HttpSseConfig, endpoint: &str) -> Result<(), String> {
    let HttpSseConfig { enabled, sse_endpoint, messages_endpoint, .. } = http_sse;
    if http_sse.connections_max == 0 {
        return Err("connections_max must be at least 1".to_owned());
    }
    if !enabled {
        return Ok(());
    }
    path(sse_endpoint).map_err(|problem| format!("sse_endpoint: {problem}"))?;
    path(messages_endpoint).map_err(|problem| format!("messages_endpoint: {problem}"))?;
    if sse_endpoint == messages_endpoint || [&**sse_endpoint, messages_endpoint].contains(&endpoint)
    {
        let text = "sse_endpoint, messages_endpoint and path must be three different paths (or set \
                    http_sse.enabled = false)";
        return Err(text.to_owned());
    }
    let DeprecationConfig { docs_url, sunset, successor_endpoint, .. } = &http_sse.deprecation;
    for (key, reference) in [("docs_url", docs_url), ("successor_endpoint", successor_endpoint)] {
        if reference.as_ref().is_some_and(|reference| !is_reference(reference)) {
            return Err(format!("deprecation.{key} must be a URL, or a path"));
        }
    }
    match sunset {
        // RFC 9745 §4.
        Some(sunset) if *sunset < DEPRECATED => {
            Err(format!("deprecation.sunset must not be before {DEPRECATED}, the deprecation"))
        }
        _ => Ok(()),
    }
}

/// What may stand between `<` and `>` in a `Link` (RFC 8288 §3; RFC 3986 §2).
fn is_reference(text: &str) -> bool {
    let is_byte = |byte: u8| byte.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&byte);
    !text.is_empty() && text.bytes().all(is_byte)
}
