//! From settings to what the threads of a server share.

use std::sync::Arc;
use std::time::Duration;

use super::ServeError;
use crate::app::catalog::Switches;
use crate::app::{Catalog, Policy};
use crate::config::{
    AccessLogConfig, AuditLogConfig, AuthConfig, Config, DEPRECATED, Guarded, HttpSseConfig,
    ObserveConfig, Rate, RateConfig, RejectStatus, TraceConfig,
};
use crate::http::Date;
use crate::limits;
use crate::observe::{AccessLog, AuditLog, Ledger, Logs, Queue, Times, Traces};
use crate::runtime::{self, Certificates};
use crate::store::{
    Bounds, Clock, Hub, Load, LoadLimits, Overdue, Pace, Paces, Rates, Seal, SessionLimits,
    Sessions, Shares, SharesMax, StreamLimits,
};
use crate::transport::{
    Cors, Endpoint, Guard, HttpSse, Pages, ResourceMetadata, Settings, operations,
};

/// What the threads of a server share.
pub(super) fn hub(config: &Config, clock: Clock, ledger: Arc<Ledger>) -> Result<Hub, ServeError> {
    let mut key = [0; 32];
    if let Err(error) = getrandom::fill(&mut key) {
        return Err(ServeError::Setting(format!("the system gives no random bits: {error}")));
    }
    let sessions = Sessions::new(session_limits(config));
    let lines = Sessions::new(line_limits(config));
    let key = Seal::new(&key);
    Ok(Hub::new(sessions, lines, key, stream_limits(config), calls(config), clock, ledger))
}

/// Notes what operators want to see beside what is counted.
pub(super) fn tell(hub: &Hub, config: &Config, certificates: Option<&Certificates>) {
    let settled = &hub.ledger.gauges.settled;
    settled.connections_max.set(config.connections_max as u64);
    settled.memory_max.set(runtime::memory_bound(config).unwrap_or(0) as u64);
    let expires_s = certificates.map_or(0, Certificates::expires_at);
    settled.certificate_expires_s.set(u64::try_from(expires_s).unwrap_or(0));
}

/// What is wrong with the names of tools, prompts and resources in these settings.
pub(super) fn unknown_names(switches: &Switches, config: &Config) -> Vec<String> {
    let off = config.tools.disabled.iter();
    let off = off.filter_map(|name| switches.no_switch("tools.disabled", name));
    let rates = config.rate.tools.keys();
    let rates = rates.filter_map(|name| switches.no_tool(&format!("rate.tools.{name}"), name));
    let tools = config.auth.tools.keys();
    let tools = tools.filter_map(|name| switches.no_tool(&format!("tools.{name}.scopes"), name));
    let prompts = config.auth.prompts.keys();
    let prompts =
        prompts.filter_map(|name| switches.no_prompt(&format!("prompts.{name}.scopes"), name));
    let resources = config.auth.resources.keys();
    let resources =
        resources.filter_map(|uri| switches.no_resource(&format!("resources.{uri}.scopes"), uri));
    off.chain(rates).chain(tools).chain(prompts).chain(resources).collect()
}

/// A policy must name what there is: what is misspelt in it would be free for all.
///
/// # Errors
/// It names something else.
pub(super) fn check_policy(switches: &Switches, policy: &Policy) -> Result<(), ServeError> {
    let (tools, prompts, resources) = policy.names();
    let tools = tools.into_iter().filter_map(|name| switches.no_tool("policy", name));
    let prompts = prompts.into_iter().filter_map(|name| switches.no_prompt("policy", name));
    let resources = resources.iter().filter_map(|uri| switches.no_resource("policy", uri));
    let first = tools.chain(prompts).chain(resources).next();
    first.map_or(Ok(()), |problem| Err(ServeError::Catalog(problem)))
}

/// The first of them.
///
/// # Errors
/// There is one.
pub(super) fn check_names(switches: &Switches, config: &Config) -> Result<(), ServeError> {
    let first = unknown_names(switches, config).into_iter().next();
    first.map_or(Ok(()), |problem| Err(ServeError::Setting(problem)))
}

/// Gives the hub the limits of a configuration that was read again.
pub(super) fn reload_hub(hub: &Hub, config: &Config) {
    hub.sessions.limits.set(session_limits(config));
    hub.lines.limits.set(line_limits(config));
    hub.streams.set(stream_limits(config));
    hub.load.set(load_limits(config));
    hub.shares.set(shares_max(config));
    hub.overdue.set(config.call_timeout);
    // Who ends calls sleeps as long as they had before.
    hub.relief.look();
}

/// What requests need of the settings.
pub(super) fn of(config: &Config) -> Result<Settings, ServeError> {
    Ok(Settings {
        limits: config.http,
        path: config.path.clone(),
        http_sse: http_sse(config),
        guard: guard(config)?,
        json_depth_max: config.json_depth_max,
        rates: rates(&config.rate),
        pages: pages(config),
        metadata: metadata(config),
    })
}

fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

fn session_limits(config: &Config) -> SessionLimits {
    SessionLimits {
        sessions_max: config.sessions_max,
        per_principal_max: config.sessions_per_principal_max,
        idle_s: seconds(config.session_idle_timeout),
        replay_s: seconds(config.replay_window),
        replay_bytes: config.replay_bytes_max,
    }
}

fn line_limits(config: &Config) -> SessionLimits {
    SessionLimits {
        // One of them is that of standard input.
        sessions_max: config.http_sse.connections_max.max(1),
        per_principal_max: config.sessions_per_principal_max,
        idle_s: seconds(config.http_sse.session_timeout),
        replay_s: 0,
        replay_bytes: 0,
    }
}

fn stream_limits(config: &Config) -> StreamLimits {
    StreamLimits {
        bounds: Bounds { events: config.stream_events_max, bytes: config.stream_bytes_max },
        age_max: config.stream_age_max,
        answer_timeout: config.answer_timeout,
    }
}

/// How many calls of whom, and how long they may wait and last.
fn calls(config: &Config) -> (Load, Overdue, Shares) {
    let (load, shares) = (Load::new(load_limits(config)), Shares::new(shares_max(config)));
    (load, Overdue::new(config.call_timeout), shares)
}

fn load_limits(config: &Config) -> LoadLimits {
    LoadLimits {
        target: config.overload.queue_delay_target,
        factor: config.overload.queue_delay_factor,
        interval: config.overload.interval,
        cpus: runtime::cpu_count(),
    }
}

fn shares_max(config: &Config) -> SharesMax {
    SharesMax {
        calls: config.calls_per_principal_max,
        streams: config.streams_per_principal_max,
        streams_from: config.streams_per_address_max,
    }
}

/// How often who may ask.
fn rates(config: &RateConfig) -> Option<Arc<Rates>> {
    let pace = |rate: &Rate| Pace::new(rate.count, rate.period, rate.burst);
    let tools = config.tools.iter().map(|(name, rate)| (name.clone(), pace(rate)));
    let paces = Paces {
        global: config.global.as_ref().map(pace),
        address: config.per_address.as_ref().map(pace),
        principal: config.per_principal.as_ref().map(pace),
        tool: config.per_tool.as_ref().map(pace),
        tool_and_principal: config.per_tool_and_principal.as_ref().map(pace),
        tools: tools.collect(),
    };
    Rates::new(paces, config.reject_status == RejectStatus::Ok)
}

/// What requests are entered in.
pub(super) fn ledger(catalog: &Catalog, config: &Config, logs: Logs, clock: Clock) -> Arc<Ledger> {
    let Clock { unix_ns, steady_ns, .. } = clock;
    let times = Times { steady_ns, unix_ns, process: runtime::process };
    let shards = if config.transports.has_http() { runtime::shard_count(config) } else { 0 };
    let bounds = (shards, config.deferred_max);
    Arc::new(Ledger::new(operations(catalog), bounds, logs, times))
}

/// Where the pages of operators are.
fn pages(config: &Config) -> Pages {
    let ObserveConfig { admin_bind, metrics_public, .. } = &config.observe;
    let is_local = admin_bind.is_some_and(|address| address.ip().to_canonical().is_loopback());
    Pages { elsewhere: admin_bind.is_some(), is_local, metrics_public: *metrics_public }
}

/// The logs of requests that are to be kept.
pub(super) fn logs(config: &ObserveConfig) -> Logs {
    let AccessLogConfig { path, format, sample, slow_only } = &config.access_log;
    let access = path.as_ref().map(|_| AccessLog {
        lines: Queue::new(limits::ACCESS_LINES_MAX),
        format: *format,
        sample_millionths: (sample.clamp(0.0, 1.0) * 1e6) as u64,
        slow_only_ns: u64::try_from(slow_only.as_nanos()).unwrap_or(u64::MAX),
    });
    let AuditLogConfig { path, when_full, arguments, .. } = &config.audit_log;
    let audit = path.as_ref().map(|_| AuditLog {
        lines: Queue::new(limits::AUDIT_LINES_MAX),
        when_full: *when_full,
        arguments: *arguments,
    });
    Logs { access, audit, traces: traces(&config.trace) }
}

/// The spans of requests that are to be sent.
#[cfg(feature = "otlp")]
fn traces(config: &TraceConfig) -> Option<Traces> {
    let traces = |_| Traces::new(limits::TRACE_SPANS_MAX, config.sample);
    config.endpoint.as_ref().map(traces)
}

/// A build without the feature has none; where they are wanted, it has not come so far.
#[cfg(not(feature = "otlp"))]
fn traces(_: &TraceConfig) -> Option<Traces> {
    None
}

/// Which hosts, origins and proxies are ours.
fn guard(config: &Config) -> Result<Guard, ServeError> {
    let Guarded { loopback, hosts, origins, public_origin, proxies } =
        config.guarded().map_err(|mut problems| ServeError::Setting(problems.swap_remove(0)))?;
    let cors =
        Cors { credentials: config.cors.credentials, max_age_s: config.cors.max_age.as_secs() };
    Ok(Guard { loopback, hosts, origins, public_origin, proxies, cors })
}

/// What is said of where tokens come from, where they are taken.
fn metadata(config: &Config) -> Option<ResourceMetadata> {
    let auth = &config.auth;
    if auth.tokens.issuers.is_empty() {
        return None;
    }
    let issuers = auth.tokens.issuers.iter().map(|issuer| issuer.issuer.clone());
    let endpoints = config
        .endpoints()
        .into_iter()
        .map(|path| Endpoint { path: path.to_owned(), public_path: config.public_path(path) });
    Some(ResourceMetadata {
        endpoints: endpoints.collect(),
        authorization_servers: issuers.collect(),
        name: auth.resource_name.clone(),
        documentation: auth.resource_documentation.clone(),
    })
}

/// HTTP+SSE, where it is to be served, and what is said of its end.
fn http_sse(config: &Config) -> Option<Arc<HttpSse>> {
    let HttpSseConfig { sse_endpoint, messages_endpoint, deprecation, .. } = &config.http_sse;
    if !config.http_sse.enabled {
        return None;
    }
    let successor = deprecation.successor_endpoint.clone();
    let successor = successor.unwrap_or_else(|| config.public_path(&config.path));
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
        messages_reference: config.public_path(messages_endpoint),
        fields,
        warning: deprecation.warnings.then_some(warning),
    }))
}

/// Where settings say who may come, somebody has to ask.
pub(super) fn check_auth(auth: &AuthConfig, authenticates: bool) -> Result<(), ServeError> {
    match authenticates || !auth.is_configured() {
        true => Ok(()),
        false => Err(ServeError::Setting(
            "auth says who may come, and nothing here asks: give the builder an `authenticator` \
             (`Authentication::start(&config.auth)`, say)"
                .to_owned(),
        )),
    }
}
