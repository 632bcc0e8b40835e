//! What a server is set to: plain values, all with defaults that work.

#[cfg(feature = "daemon")]
pub mod diagnose;
#[cfg(feature = "daemon")]
pub mod file;
#[cfg(feature = "daemon")]
mod lines;
#[cfg(feature = "daemon")]
pub mod raw;
#[cfg(feature = "daemon")]
mod schema;
#[cfg(feature = "daemon")]
mod tree;
#[cfg(feature = "daemon")]
pub mod values;

mod auth;
mod check;
mod guard;
mod http_sse;
mod observe;
mod overload;
mod ranges;
mod rate;
mod reload;
mod tls;
pub mod tokens;
mod tools;
mod trace;

use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use crate::http::HttpLimits;
use crate::limits;

pub use auth::{ApiKey, AuthConfig, KnownClient};
pub(crate) use guard::Guarded;
pub use guard::{CorsConfig, GuardConfig, ProxyProtocol, public_url};
#[cfg(feature = "daemon")]
pub(crate) use guard::{host_pattern, network, origin_pattern};
pub(crate) use http_sse::DEPRECATED;
pub use http_sse::{Day, DeprecationConfig, HttpSseConfig};
pub use observe::{AccessLogConfig, AuditLogConfig, LogFormat, ObserveConfig};
pub use overload::OverloadConfig;
pub use rate::{Rate, RateConfig, RejectStatus};
pub use reload::Reloaded;
pub use tls::{CertificateFiles, ClientAuth, TlsConfig, TlsVersion};
pub use tools::ToolsConfig;
pub use trace::TraceConfig;

/// Checks the path of an endpoint: what can stand in a request line, and is not ours.
///
/// # Errors
/// What was expected.
pub fn path(text: &str) -> Result<String, String> {
    let is_path = text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_ours = ["/health", "/ready", "/metrics"].contains(&text);
    match is_path && !is_ours && !text.contains(['?', '#', '\'', '"', '\\']) {
        true => Ok(text.to_owned()),
        false => {
            Err("expected a path such as /mcp, and not /health, /ready or /metrics".to_owned())
        }
    }
}

/// Over what a server is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transports {
    /// HTTP, on the address of [`Config::bind`].
    #[default]
    Http,
    /// Standard input and output.
    Stdio,
    /// Both at once.
    Both,
}

impl Transports {
    pub(crate) fn has_http(self) -> bool {
        self != Transports::Stdio
    }

    pub(crate) fn has_stdio(self) -> bool {
        self != Transports::Http
    }
}

impl FromStr for Transports {
    type Err = String;

    fn from_str(text: &str) -> Result<Transports, String> {
        match text {
            "http" => Ok(Transports::Http),
            "stdio" => Ok(Transports::Stdio),
            "both" => Ok(Transports::Both),
            _ => Err(format!("{text:?}: expected stdio, http or both")),
        }
    }
}

/// How a server runs. `Config::default()` is a good one; change what you must.
#[derive(Debug, Clone)]
pub struct Config {
    /// Over what clients reach the server.
    pub transports: Transports,
    /// Where to listen. Port 0 takes a free one.
    pub bind: SocketAddr,
    /// The path of the MCP endpoint.
    pub path: String,
    /// Who may come, and what they may use.
    pub auth: AuthConfig,
    /// HTTP+SSE, the transport of 2024-11-05.
    pub http_sse: HttpSseConfig,
    /// HTTPS, and clients that show a certificate.
    pub tls: TlsConfig,
    /// Shards: threads that each serve connections of their own. `None`: as many as there are CPUs
    /// for this process, by its affinity and its cgroup's quota.
    pub cores: Option<usize>,
    /// Whether each shard is pinned to a CPU.
    pub pin: bool,
    /// How long a shard polls before it sleeps. Zero, the default, saves the CPU; some tens of
    /// microseconds save the time of waking up, at the price of a busy CPU.
    pub spin: Duration,
    /// Threads for functions placed [on workers](crate::About::on_worker). `None`: twice the
    /// shards, and at least four.
    pub workers: Option<usize>,
    /// Calls that may wait for a worker; beyond them, 503.
    pub deferred_max: usize,
    /// Connections open at once; beyond them, new ones wait in the listener's backlog.
    pub connections_max: usize,
    /// Requests of one connection answered before others get their turn.
    pub requests_per_turn_max: usize,
    /// Bounds on requests.
    pub http: HttpLimits,
    /// Time for a request's head, from its first byte; then 408.
    pub head_timeout: Duration,
    /// Time for a request's body, from the end of its head; then 408.
    pub body_timeout: Duration,
    /// Time without a request before a connection is closed.
    pub idle_timeout: Duration,
    /// Time without a byte taken by a client that has an answer waiting.
    pub write_timeout: Duration,
    /// Time that a stop waits for answers that are under way.
    pub shutdown_grace: Duration,
    /// Time after the first word of a stop in which all is served, but who asks whether the server
    /// is ready is told no, and each answer is the last one of its connection.
    pub shutdown_delay: Duration,
    /// Size of a pooled buffer to begin with, in bytes.
    pub buffer_size: usize,
    /// Buffers a shard keeps for later.
    pub max_buffers: usize,
    /// Whether buffers grow to the sizes that requests turn out to need.
    pub adaptive_sizing: bool,
    /// Sessions at once (revisions up to 2025-11-25); beyond them, the one that was idle longest
    /// ends. 0: those revisions are served without sessions.
    pub sessions_max: usize,
    /// Sessions of one principal at once.
    pub sessions_per_principal_max: usize,
    /// Time after which a session ends that nobody uses. An open stream is use.
    pub session_idle_timeout: Duration,
    /// Events that one stream holds, unsent or for replay.
    pub stream_events_max: usize,
    /// The same in bytes.
    pub stream_bytes_max: usize,
    /// Time for which a client can come back for the rest of a stream that is over.
    pub replay_window: Duration,
    /// Bytes of such streams that one session keeps.
    pub replay_bytes_max: usize,
    /// Time of silence on a stream after which a comment is sent, and after which an answer that is
    /// not there yet becomes a stream.
    pub keep_alive: Duration,
    /// Age at which a stream ends that its client can open again.
    pub stream_age_max: Duration,
    /// Time that a call waits for its client's answer to a question.
    pub answer_timeout: Duration,
    /// Web origins whose pages may call, besides what [`GuardConfig`] says: `https://app.example`,
    /// `https://*.app.example` for all that is below, `*` for all but `null`.
    pub allowed_origins: Vec<String>,
    /// Nesting of arrays and objects in one message; else -32700.
    pub json_depth_max: usize,
    /// Connections of one address (of IPv6, one /64) at once; others are closed with 429. 0: any.
    pub connections_per_address_max: usize,
    /// Calls of one principal on workers at once, those that wait for one included; beyond them,
    /// 429. 0: any.
    pub calls_per_principal_max: usize,
    /// Streams of one principal at once that stay open until it leaves: those of a GET, and
    /// subscriptions; beyond them, 429. 0: any.
    pub streams_per_principal_max: usize,
    /// The same of one address (of IPv6, one /64).
    pub streams_per_address_max: usize,
    /// Requests of one connection; the answer to the last says `Connection: close`. 0: any.
    pub requests_per_connection_max: usize,
    /// Age of a connection after which an answer says `Connection: close`. Zero: any.
    pub connection_age_max: Duration,
    /// Time for a call on a worker, from when it came; then its client gets an error, and
    /// [`Call::cancelled`](crate::Call::cancelled) says so. Not for tasks. Zero: any.
    pub call_timeout: Duration,
    /// How often clients may ask.
    pub rate: RateConfig,
    /// What is refused when there is too much to do.
    pub overload: OverloadConfig,
    /// What operators are told.
    pub observe: ObserveConfig,
    /// What browsers are told about requests from such pages.
    pub cors: CorsConfig,
    /// Under which names the server is reached, and which proxies are believed.
    pub guard: GuardConfig,
    /// Tools that are not offered.
    pub tools: ToolsConfig,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            transports: Transports::default(),
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, limits::PORT)),
            path: "/mcp".to_owned(),
            auth: AuthConfig::default(),
            http_sse: HttpSseConfig::default(),
            tls: TlsConfig::default(),
            cores: None,
            pin: true,
            spin: Duration::ZERO,
            workers: None,
            deferred_max: limits::DEFERRED_MAX,
            connections_max: limits::CONNECTIONS_MAX,
            requests_per_turn_max: limits::REQUESTS_PER_TURN_MAX,
            http: HttpLimits::default(),
            head_timeout: limits::HEAD_TIMEOUT,
            body_timeout: limits::BODY_TIMEOUT,
            idle_timeout: limits::IDLE_TIMEOUT,
            write_timeout: limits::WRITE_TIMEOUT,
            shutdown_grace: limits::SHUTDOWN_GRACE,
            shutdown_delay: Duration::ZERO,
            buffer_size: limits::BUFFER_SIZE,
            max_buffers: limits::BUFFERS_MAX,
            adaptive_sizing: true,
            sessions_max: limits::SESSIONS_MAX,
            sessions_per_principal_max: limits::SESSIONS_PER_PRINCIPAL_MAX,
            session_idle_timeout: limits::SESSION_IDLE_TIMEOUT,
            stream_events_max: limits::STREAM_EVENTS_MAX,
            stream_bytes_max: limits::STREAM_BYTES_MAX,
            replay_window: limits::REPLAY_WINDOW,
            replay_bytes_max: limits::REPLAY_BYTES_MAX,
            keep_alive: limits::KEEP_ALIVE,
            stream_age_max: limits::STREAM_AGE_MAX,
            answer_timeout: limits::ANSWER_TIMEOUT,
            allowed_origins: Vec::new(),
            json_depth_max: limits::JSON_DEPTH_MAX,
            connections_per_address_max: 0,
            calls_per_principal_max: 0,
            streams_per_principal_max: 0,
            streams_per_address_max: 0,
            requests_per_connection_max: 0,
            connection_age_max: Duration::ZERO,
            call_timeout: Duration::ZERO,
            rate: RateConfig::default(),
            overload: OverloadConfig::default(),
            observe: ObserveConfig::default(),
            cors: CorsConfig::default(),
            guard: GuardConfig::default(),
            tools: ToolsConfig::default(),
        }
    }
}
