//! What the server is set to: flags over the environment over the file. Read at the start, at each
//! reload, by `check` and by `health`, always the same way.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use mcp_fastd::config::diagnose::{Layer, settled};
use mcp_fastd::config::file::{CONFIG_VARIABLE, Error, RawConfig, Settings};
#[cfg(feature = "otlp")]
use mcp_fastd::config::raw::RawTrace;
use mcp_fastd::config::raw::{
    RawAccessLog, RawAuditLog, RawAuth, RawGuard, RawHttpSse, RawTls, RawTransport,
};
use mcp_fastd::config::values::{Hosts, Micros, Networks, Origins, Texts};
use mcp_fastd::limits::WORKERS_SETTING_MAX;
use mcp_fastd::{Logs, Transports};
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::Problem;
use super::arguments::{ServeArguments, log_filter};

/// What is meant, and what is to be logged.
pub(super) fn read(arguments: &ServeArguments) -> Result<(Settings, Targets), Problem> {
    if (arguments.transport, arguments.bind.is_some()) == (Some(Transports::Stdio), true) {
        let text = "--bind says where HTTP is served, which --transport stdio leaves out: use both";
        return Err(Problem(text.to_owned()));
    }
    let environment = RawConfig::from_environment(std::env::vars_os())?;
    let file = match file(arguments) {
        Some(file) => RawConfig::read(&file)?,
        None => RawConfig::default(),
    };
    let raw = flags(arguments).over(environment).over(file);
    let settings = with_defaults(raw).settled()?;
    let filter = filter(arguments, &settings).map_err(Problem)?;
    if let Some(problem) = dataset_in_a_log(&settings) {
        return Err(Problem(format!("dataset: {problem}")));
    }
    Ok((settings, filter))
}

/// What is wrong with a dataset in whose file a log is kept.
pub(super) fn dataset_in_a_log(settings: &Settings) -> Option<String> {
    let file = settings.dataset.as_deref()?;
    let log = Logs::kept_in(&settings.config.observe, file)?;
    Some(format!("{} is the file of {log}, too", file.display()))
}

/// What the layers say, as far as they can be understood.
pub(super) struct Examined {
    /// The file alone.
    pub(super) file: Layer,
    /// All of them.
    pub(super) raw: RawConfig,
    /// What is meant, without what is wrong.
    pub(super) found: Option<Settings>,
    pub(super) errors: Vec<Error>,
}

/// Reads all layers, and does not end at a mistake.
pub(super) fn examine(arguments: &ServeArguments) -> Examined {
    let mut errors = Vec::new();
    let read = file(arguments).map(|path| layer(&path)).transpose();
    let file = read.map_err(|error| errors.push(error)).ok().flatten().unwrap_or_default();
    let environment = Layer::of_environment(std::env::vars_os());
    errors.extend(file.errors.iter().cloned().chain(environment.errors));
    let raw = flags(arguments).over(environment.raw).over(file.raw.clone());
    let (found, wrong) = settled(with_defaults(raw.clone()), &file);
    errors.extend(wrong);
    Examined { file, raw, found, errors }
}

fn layer(path: &Path) -> Result<Layer, Error> {
    let place = path.display().to_string();
    let problem = |problem: String| Error { place: place.clone(), line: None, key: None, problem };
    let is_json = match path.extension().and_then(|ending| ending.to_str()) {
        Some("toml") => false,
        Some("json") => true,
        _ => return Err(problem("expected a name that ends in .toml or .json".to_owned())),
    };
    let text = fs::read_to_string(path)
        .map_err(|error| problem(format!("cannot read this file: {error}")))?;
    Ok(Layer::of_text(&text, is_json, &place))
}

/// The file that is named by the flag, or by the environment.
pub(super) fn file(arguments: &ServeArguments) -> Option<PathBuf> {
    let named = || std::env::var_os(CONFIG_VARIABLE).map(PathBuf::from);
    arguments.config.clone().or_else(named)
}

/// With what this program chooses where nothing is set.
fn with_defaults(mut raw: RawConfig) -> RawConfig {
    // A search computes: with more of them at once than CPUs, each takes as long as all of them,
    // while a queue is answered in its order. A write that waits for the disk is not counted.
    let cores = || available_parallelism().map_or(1, NonZero::get);
    let workers = raw.cores.unwrap_or_else(cores).clamp(1, WORKERS_SETTING_MAX);
    raw.workers = raw.workers.or(Some(workers));
    #[cfg(feature = "otlp")]
    let raw = RawConfig { trace: trace_defaults(raw.trace), ..raw };
    raw
}

/// What OpenTelemetry's own variables say, where nothing is set.
#[cfg(feature = "otlp")]
fn trace_defaults(mut trace: RawTrace) -> RawTrace {
    const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
    let said = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if trace.endpoint.is_none() {
        // Of this one a path is the beginning; the other one is the whole URL.
        let base = said("OTEL_EXPORTER_OTLP_ENDPOINT");
        let base = base.map(|base| format!("{}/v1/traces", base.trim_end_matches('/')));
        trace.endpoint = said("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or(base);
    }
    if trace.headers_file.is_none() && trace.headers_variable.is_none() {
        trace.headers_variable = said(HEADERS).map(|_| HEADERS.to_owned());
    }
    trace.service_name = trace.service_name.take().or(said("OTEL_SERVICE_NAME"));
    trace
}

/// What is to be logged; what is wrong with it.
pub(super) fn filter(arguments: &ServeArguments, settings: &Settings) -> Result<Targets, String> {
    match (&arguments.log, &settings.log) {
        (Some(filter), _) => Ok(filter.clone()),
        (None, Some(text)) => log_filter(text).map_err(|problem| format!("log: {problem}")),
        (None, None) => Ok(Targets::new().with_default(LevelFilter::INFO)),
    }
}

/// What the flags say.
fn flags(arguments: &ServeArguments) -> RawConfig {
    let micros = |micros| Micros(Duration::from_micros(u64::from(micros)));
    let some = |texts: &[String]| (!texts.is_empty()).then(|| texts.to_vec());
    let mut flags = RawConfig {
        dataset: arguments.dataset.clone(),
        cores: arguments.cores,
        path: arguments.path.clone(),
        log_format: arguments.log_format,
        admin_bind: arguments.admin_bind.map(|address| address.to_string()),
        access_log: RawAccessLog { path: arguments.access_log.clone(), ..RawAccessLog::default() },
        audit_log: RawAuditLog { path: arguments.audit_log.clone(), ..RawAuditLog::default() },
        spin: arguments.spin.map(micros),
        transport: RawTransport { mode: arguments.transport, ..RawTransport::default() },
        http_sse: RawHttpSse {
            enabled: arguments.no_legacy_sse.then_some(false),
            ..RawHttpSse::default()
        },
        tls: RawTls {
            cert: arguments.tls_cert.clone(),
            key: arguments.tls_key.clone(),
            ..RawTls::default()
        },
        auth: RawAuth {
            issuer: arguments.auth_issuer.clone(),
            audience: some(&arguments.auth_audience).map(Texts),
            api_keys_file: arguments.api_keys.clone(),
            ..RawAuth::default()
        },
        allowed_origins: some(&arguments.allowed_origins).map(Origins),
        guard: RawGuard {
            public_url: arguments.public_url.clone(),
            allowed_hosts: some(&arguments.allowed_hosts).map(Hosts),
            trusted_proxies: some(&arguments.trusted_proxies).map(Networks),
            ..RawGuard::default()
        },
        #[cfg(feature = "otlp")]
        trace: RawTrace { endpoint: arguments.otlp_endpoint.clone(), ..RawTrace::default() },
        ..RawConfig::default()
    };
    if let Some(address) = arguments.bind {
        flags.listen_on(address);
    }
    flags
}
