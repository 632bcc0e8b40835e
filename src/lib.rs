//! **mcp-fastd**: an MCP server at the speed of the socket.
//!
//! A library to put tools, resources and prompts on HTTP in a dozen lines, without macros, boxed
//! functions or an async runtime, and the engine of the daemon of the same name.
//!
//! ```no_run
//! use mcp_fastd::{Json, Server};
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Add {
//!     /// The first number.
//!     a: i64,
//!     b: i64,
//! }
//!
//! #[derive(serde::Serialize, schemars::JsonSchema)]
//! struct Sum { sum: i64 }
//!
//! fn add(Add { a, b }: Add) -> Json<Sum> {
//!     Json(Sum { sum: a + b })
//! }
//!
//! fn main() -> Result<(), mcp_fastd::ServeError> {
//!     Server::builder().tool("add", add).bind("127.0.0.1:8000").run()
//! }
//! ```
//!
//! Every connection belongs to one *shard*: a thread, pinned to a CPU, with its own poll, buffers
//! and JSON parser. A request is read, planned, answered and written there. Functions that may
//! wait are placed on workers with [`About::on_worker`].

#![deny(unsafe_code)]

pub mod limits;

mod buffer;
mod calendar;
mod http;
pub mod json;
mod observe;
mod protocol;
mod rpc;
mod store;
mod sys;

pub mod app;
mod mcp;
mod transport;

#[cfg(feature = "auth")]
mod auth;
pub mod config;
#[cfg(feature = "daemon")]
pub mod documents;
pub mod inherit;
#[cfg(any(feature = "auth", feature = "otlp"))]
mod outbound;
mod runtime;
mod server;

pub mod adapter;

pub use app::about::about;
pub use app::function::Empty;
pub use app::tool::{Tool, group};
pub use app::{
    About, Access, Action, Annotations, Authenticator, Authorizer, Busy, Call, Catalog,
    ClientCertificate, Completion, CompletionRequest, ContentAnnotations, ContentBlock,
    Credentials, Denied, Elicitation, Elicited, Failure, Handler, Health, Icon, Interrupted, Json,
    LoggingHandler, Missing, Notifier, Peer, Policy, Principal, Progress, PromptArgument,
    PromptEntry, PromptMessage, PromptPage, PromptProvider, PromptReply, Readiness,
    ResourceContents, ResourceEntry, ResourcePage, ResourceProvider, ResourceReply, Role, Root,
    Sampled, Sampling, TaskSupport, ToolEntry, ToolPage, ToolProvider, ToolReply, TraceContext,
    Verdict,
};
#[cfg(feature = "auth")]
pub use auth::{Authentication, new_api_key};
pub use config::{
    AccessLogConfig, ApiKey, AuditLogConfig, AuthConfig, CertificateFiles, ClientAuth, Config,
    CorsConfig, Day, DeprecationConfig, GuardConfig, HttpSseConfig, KnownClient, LogFormat,
    ObserveConfig, OverloadConfig, ProxyProtocol, Rate, RateConfig, RejectStatus, Reloaded,
    TlsConfig, TlsVersion, ToolsConfig, TraceConfig, Transports,
};
pub use http::HttpLimits;
pub use observe::{AccessFormat, AuditArguments, TraceSample, WhenFull};
pub use protocol::{Capability, LogLevel};
pub use runtime::{CertificateError, Certificates, Logs, Opened, ShardStats, Stopper};
#[cfg(feature = "schema")]
pub use schemars;
pub use server::{Builder, Exchange, Handle, Running, ServeError, Server};

/// What benches and fuzz targets reach for; no part of the public interface.
#[doc(hidden)]
pub mod internal {
    pub use crate::app::call::Inputs;
    pub use crate::app::catalog::param_headers;
    #[cfg(feature = "auth")]
    pub use crate::auth::{Checked, Health, Jwt, KeySet, Reason, Tokens};
    pub use crate::buffer::{ReadBuffer, WriteBuffer};
    pub use crate::http::{
        Date, Decoder, Field, FieldStorage, OpenBody, Parsed, ProxyHeader, Request, Response,
        Stamp, Status, field_storage, proxy_header,
    };
    pub use crate::mcp::{Cursor, open_state, seal_state, state_purpose};
    pub use crate::rpc::Message;
    #[cfg(feature = "auth")]
    pub use crate::store::Verdict;
    pub use crate::store::{Seal, Unsealed};
    pub use crate::transport::mismatch as header_mismatch;
}
