//! Where traces are sent (OTLP over HTTP, feature `otlp`), and which.

use std::path::PathBuf;
use std::time::Duration;

use crate::limits;
use crate::observe::TraceSample;

/// Spans of requests for an OpenTelemetry collector. A build without the feature `otlp` has none,
/// and refuses to start where an endpoint is set.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceConfig {
    /// Where a collector takes OTLP over HTTP: `http://localhost:4318`. Without a path, it is
    /// `/v1/traces`. `None`: nothing is traced.
    pub endpoint: Option<String>,
    /// A file with header fields for the collector, a line for each: `NAME=VALUE`.
    pub headers_file: Option<PathBuf>,
    /// An environment variable with the same, with commas between them.
    pub headers_variable: Option<String>,
    /// Which requests are traced.
    pub sample: TraceSample,
    /// How long the collector may take to answer.
    pub timeout: Duration,
    /// What the server is called there; `None`: by its own name.
    pub service_name: Option<String>,
}

impl Default for TraceConfig {
    fn default() -> Self {
        TraceConfig {
            endpoint: None,
            headers_file: None,
            headers_variable: None,
            sample: TraceSample::default(),
            timeout: limits::TRACE_TIMEOUT,
            service_name: None,
        }
    }
}

/// What is said where a build cannot trace.
pub(super) const NO_FEATURE: &str =
    "this was built without traces: build it with the feature `otlp` (cargo … --features otlp)";

impl TraceConfig {
    /// Where spans are sent, in full.
    ///
    /// # Errors
    /// It is no URL of HTTP.
    pub(crate) fn url(&self) -> Result<Option<String>, &'static str> {
        let Some(endpoint) = &self.endpoint else { return Ok(None) };
        let (scheme, rest) = endpoint.split_once("://").unwrap_or_default();
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_url = endpoint.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        match scheme {
            "http" | "https" if is_url && !host.is_empty() && !host.contains(['@', '?']) => {
                let path = if matches!(path, "" | "/") { "/v1/traces" } else { path };
                Ok(Some(format!("{scheme}://{host}{path}")))
            }
            _ => {
                Err("expected a URL such as http://localhost:4318, without a user in it (secrets \
                      are for trace.headers_file)")
            }
        }
    }

    /// What is wrong, by its key.
    pub(super) fn check(&self) -> Result<(), String> {
        self.url().map_err(|problem| format!("endpoint: {problem}"))?;
        if self.endpoint.is_some() && cfg!(not(feature = "otlp")) {
            return Err(format!("endpoint: {NO_FEATURE}"));
        }
        if self.headers_file.is_some() && self.headers_variable.is_some() {
            return Err("headers_file: set either this or headers_variable, not both".to_owned());
        }
        if matches!(self.sample, TraceSample::Part(part) if !(0.0..=1.0).contains(&part)) {
            return Err("sample must be from 0 to 1, or \"all\"".to_owned());
        }
        if self.timeout.is_zero() {
            return Err("timeout must be more than 0s".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_url_and_has_a_path() {
        let table = [
            ("http://localhost:4318", Some("http://localhost:4318/v1/traces")),
            ("https://otel.example/", Some("https://otel.example/v1/traces")),
            ("http://[::1]:1/a/b?c", Some("http://[::1]:1/a/b?c")),
            ("localhost:4318", None),
            ("grpc://localhost:4317", None),
            ("http://", None),
            ("http://me:secret@host", None),
            ("http://a b", None),
        ];
        for (endpoint, expected) in table {
            let endpoint = Some(endpoint.to_owned());
            let config = TraceConfig { endpoint, ..TraceConfig::default() };
            assert_eq!(config.url().ok().flatten().as_deref(), expected, "{config:?}");
        }
    }
}
