//! What is known of requests when they have ended: counted always, and told to whoever was asked to
//! keep a log.
//!
//! ```text
//!   answered on a shard ──▶ Observed, of a batch ──────────┐
//!                                                          ├─▶ Ledger ─┬▶ counters ──▶ /metrics
//!   on its way, or told of ──▶ Observation, its last ──────┘           └▶ access log, audit log
//!                              holder lets go                      ▶ spans (feature `otlp`)
//! ```
//!
//! [`Observed`] is all that most requests leave behind: eight bytes, which the shard counts when it
//! has written its batch. An [`Observation`] is held by each that has a part in a request: the
//! connection that waits for its answer, the worker that makes it. The last one to let go of it
//! enters it, so each request is entered once, however it ends.
//!
//! The room knows neither HTTP nor MCP: methods and tools are numbers here, whose names it was
//! given. It waits for nobody: what a log has no room for is counted, or refused beforehand.

mod counters;
mod gauges;
mod histogram;
mod ledger;
mod lines;
#[cfg(not(feature = "otlp"))]
mod no_traces;
mod observation;
mod outcome;
mod queue;
mod rules;
#[cfg(feature = "otlp")]
mod span;
mod trace;
#[cfg(feature = "otlp")]
mod traces;
mod watch;

#[cfg(not(feature = "otlp"))]
use no_traces as traces;

pub(crate) use counters::{Counter, Table};
pub(crate) use histogram::{BOUNDS, Histogram, Snapshot};
pub(crate) use ledger::{Ledger, Process, Times};
pub(crate) use observation::{Http, Observation, Said};
pub(crate) use outcome::{Operation, Operations, Outcome};
pub(crate) use queue::{Letter, Queue};
pub use rules::{AccessFormat, AuditArguments, TraceSample, WhenFull};
pub(crate) use rules::{AccessLog, AuditLog, Logs};
#[cfg(feature = "otlp")]
pub(crate) use span::{Export, Exported, KeyValue, Resource};
pub(crate) use trace::Caller;
pub(crate) use traces::Traces;
pub(crate) use watch::Watch;
