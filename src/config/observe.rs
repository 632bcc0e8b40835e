//! What is told of requests, to whom, and where.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::observe::{AccessFormat, AuditArguments, WhenFull};

/// What operators are told, and where.
#[derive(Debug, Clone, Default)]
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
}

/// The access log: a line for each request.
#[derive(Debug, Clone)]
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
#[derive(Debug, Clone, Default)]
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
