//! What is to be logged of requests, and how.

use super::queue::Queue;
use super::traces::Traces;

/// How lines of the access log look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessFormat {
    /// An object of JSON.
    #[default]
    Json,
    /// Words for people and old tools: address, principal, time, request, status, bytes, duration.
    Text,
}

/// What becomes of the call of a tool that the audit log has no room for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// It is refused: 503. Nothing is done that is not in the log.
    #[default]
    Refuse,
    /// It goes on, and is counted among the entries that were dropped.
    Drop,
}

/// What the audit log says of the arguments of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditArguments {
    /// Nothing.
    None,
    /// Their SHA-256, which tells equal arguments from different ones.
    #[default]
    Hash,
    /// The arguments themselves, up to a bound.
    Full,
}

/// Which requests are traced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TraceSample {
    /// Those whose caller records them; and of those whose caller says nothing of it, this part,
    /// from 0 to 1.
    Part(f64),
    /// All of them, whatever callers say.
    All,
}

impl Default for TraceSample {
    fn default() -> Self {
        TraceSample::Part(1.0)
    }
}

/// The access log.
#[derive(Debug)]
pub(crate) struct AccessLog {
    pub(crate) lines: Queue<Vec<u8>>,
    pub(crate) format: AccessFormat,
    /// Of requests that went well, this part is logged: of a million.
    pub(crate) sample_millionths: u64,
    /// Of those, what was quicker is not.
    pub(crate) slow_only_ns: u64,
}

/// The audit log.
#[derive(Debug)]
pub(crate) struct AuditLog {
    pub(crate) lines: Queue<Vec<u8>>,
    pub(crate) when_full: WhenFull,
    pub(crate) arguments: AuditArguments,
}

/// All logs of requests, those that are kept; and the spans that are made of them.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    pub(crate) access: Option<AccessLog>,
    pub(crate) audit: Option<AuditLog>,
    pub(crate) traces: Option<Traces>,
}
