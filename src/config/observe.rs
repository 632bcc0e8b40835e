//! What is told of requests, to whom, and where.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::TraceConfig;
#[cfg(feature = "daemon")]
use super::file::{Error, address, set};
#[cfg(feature = "daemon")]
use super::raw::{RawAccessLog, RawAuditLog, RawMetrics, RawTrace};
#[cfg(all(feature = "daemon", not(feature = "otlp")))]
use super::trace::NO_FEATURE;
use crate::observe::{AccessFormat, AuditArguments, WhenFull};

/// What operators are told, and where.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObserveConfig {
    /// Where `/health`, `/ready` and `/metrics` are served without asking who wants to know. Then
    /// only `/health` is served beside the MCP endpoint. `None`: all three are.
    pub admin_bind: Option<SocketAddr>,
    /// Whether `/metrics` beside the MCP endpoint is for everybody, and not only for those who may
    /// use the rest.
    pub metrics_public: bool,
    /// A line for each request.
    pub access_log: AccessLogConfig,
    /// Who called what.
    pub audit_log: AuditLogConfig,
    /// A span for each request.
    pub trace: TraceConfig,
}

/// The access log: a line for each request.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessLogConfig {
    /// The file, or `-` for standard output; `None` keeps no such log.
    pub path: Option<PathBuf>,
    /// How lines look.
    pub format: AccessFormat,
    /// The part of requests that is logged, from 0 to 1, of those that went well. What went wrong
    /// is logged always.
    pub sample: f64,
    /// Of those, what was quicker is not logged.
    pub slow_only: Duration,
}

impl Default for AccessLogConfig {
    fn default() -> Self {
        let (path, format) = (None, AccessFormat::default());
        AccessLogConfig { path, format, sample: 1.0, slow_only: Duration::ZERO }
    }
}

/// The audit log: who called which tool, and what came of it; who was not let in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AuditLogConfig {
    /// The file; `None` keeps no such log.
    pub path: Option<PathBuf>,
    /// What becomes of calls that it has no room for.
    pub when_full: WhenFull,
    /// What it says of arguments.
    pub arguments: AuditArguments,
    /// Whether what was written is brought to the disk at once (`fdatasync`), and not when the
    /// system does that.
    pub sync: bool,
}

/// How lines on standard error look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people where that is a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Human,
    /// An object of JSON.
    Json,
}

impl std::str::FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<LogFormat, String> {
        match text {
            "auto" => Ok(LogFormat::Auto),
            "human" => Ok(LogFormat::Human),
            "json" => Ok(LogFormat::Json),
            _ => Err(format!("{text:?}: expected auto, human or json")),
        }
    }
}

/// What is written of it: where operators ask, what is counted, who is told of requests.
#[cfg(feature = "daemon")]
pub(super) type Raw = (Option<String>, RawMetrics, RawAccessLog, RawAuditLog, RawTrace);

/// Lays what is written over the defaults.
#[cfg(feature = "daemon")]
pub(super) fn settle(
    config: &mut ObserveConfig,
    (admin_bind, metrics, access, audit, trace): Raw,
) -> Result<(), Error> {
    let error = |key: &str, problem: String| Error {
        place: "settings".to_owned(),
        line: None,
        key: Some(key.to_owned()),
        problem,
    };
    if let Some(text) = admin_bind {
        let bind = address(&text).map_err(|problem| error("admin_bind", problem))?;
        config.admin_bind = Some(bind);
    }
    #[cfg(not(feature = "otlp"))]
    if trace != RawTrace::default() {
        return Err(error("trace", NO_FEATURE.to_owned()));
    }
    settle_trace(&mut config.trace, trace);
    set(&mut config.metrics_public, metrics.public);
    let log = &mut config.access_log;
    log.path = access.path.or(log.path.take());
    set(&mut log.format, access.format);
    set(&mut log.sample, access.sample);
    set(&mut log.slow_only, access.slow_only_ms.map(Duration::from_millis));
    let log = &mut config.audit_log;
    log.path = audit.path.or(log.path.take());
    set(&mut log.when_full, audit.when_full);
    set(&mut log.arguments, audit.arguments);
    set(&mut log.sync, audit.sync);
    Ok(())
}

#[cfg(feature = "daemon")]
fn settle_trace(config: &mut TraceConfig, trace: RawTrace) {
    config.endpoint = trace.endpoint.or(config.endpoint.take());
    config.headers_file = trace.headers_file.or(config.headers_file.take());
    config.headers_variable = trace.headers_variable.or(config.headers_variable.take());
    set(&mut config.sample, trace.sample);
    set(&mut config.timeout, trace.timeout.map(|time| time.0));
    config.service_name = trace.service_name.or(config.service_name.take());
}
