//! What is wrong with settings.

use super::{Config, DEPRECATED, DeprecationConfig, HttpSseConfig, path};
use crate::limits;

impl Config {
    /// Looks for settings that cannot be. A server does so before it starts.
    ///
    /// # Errors
    /// What is wrong with the first of them, by its name.
    pub fn check(&self) -> Result<(), String> {
        let setting = |problem: &str| Err(problem.to_owned());
        if let Err(problem) = path(&self.path) {
            return Err(format!("path: {problem}"));
        }
        if let Err(problem) = check_http_sse(&self.http_sse, &self.path) {
            return Err(format!("http_sse.{problem}"));
        }
        if let Err(problem) = self.tls.check() {
            return Err(format!("tls.{problem}"));
        }
        if let Err(problem) = self.auth.check() {
            return Err(format!("auth.{problem}"));
        }
        if self.cores == Some(0) {
            return setting("cores must be at least 1");
        }
        if self.buffer_size < limits::READ_SPACE_MIN {
            return setting("buffer_size must be at least 4096 bytes");
        }
        if self.connections_max == 0 || self.requests_per_turn_max == 0 {
            return setting("connections_max and requests_per_turn_max must be at least 1");
        }
        if self.stream_events_max < 2 * limits::PROGRESS_UNSENT_MAX {
            return setting("stream_events_max must be at least 32");
        }
        if self.stream_bytes_max < limits::EVENTS_IN_HAND_BYTES {
            return setting("stream_bytes_max must be at least 65536 bytes");
        }
        if self.keep_alive < limits::DEADLINE_TICK {
            return setting("keep_alive must be at least 50ms");
        }
        Ok(())
    }
}

/// What is wrong with the settings of HTTP+SSE, beginning with the key.
fn check_http_sse(http_sse: &HttpSseConfig, endpoint: &str) -> Result<(), String> {
    let HttpSseConfig { enabled, sse_endpoint, messages_endpoint, .. } = http_sse;
    if !enabled {
        return Ok(());
    }
    if http_sse.connections_max == 0 {
        return Err("connections_max must be at least 1".to_owned());
    }
    if http_sse.session_timeout.as_secs() == 0 {
        return Err("session_timeout must be at least 1s".to_owned());
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
