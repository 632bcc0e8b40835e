//! `mcp-fastd [DATASET]`: opens, serves, stops.

use std::ffi::c_int;
use std::io::{IsTerminal, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mcp_fastd::config::file::{CONFIG_VARIABLE, RawConfig, Settings};
use mcp_fastd::config::raw::{RawAccessLog, RawAuditLog, RawGuard, RawHttpSse, RawTransport};
use mcp_fastd::config::values::{Hosts, Micros, Networks, Origins};
use mcp_fastd::documents::{Dataset, serve as documents};
use mcp_fastd::{LogFormat, Logs, ShardStats, Stopper, Transports};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::arguments::{ServeArguments, log_filter};
use super::greeting::greeting;
use super::{Problem, own_docs, say};

/// Workers, unless a setting says otherwise. A write holds one until the disk has it, so there are
/// more than a server of quick functions needs: the rest of them search meanwhile, and the writes
/// that wait share a commit.
const WORKERS: usize = 16;

/// How long the end waits for a tool that is still writing.
const CLOSE_WAIT: Duration = Duration::from_secs(5);
const CLOSE_STEP: Duration = Duration::from_millis(5);

/// Serves until a signal ends it.
pub(crate) fn serve(mut arguments: ServeArguments) -> Result<ExitCode, Problem> {
    let log_flag = arguments.log.take();
    let Settings { mut config, dataset: file, log, log_format } = settings(arguments)?;
    config.workers.get_or_insert(WORKERS);
    let filter = match (log_flag, log) {
        (Some(filter), _) => filter,
        (None, Some(text)) => log_filter(&text).map_err(|e| Problem(format!("log: {e}")))?,
        (None, None) => Targets::new().with_default(LevelFilter::INFO),
    };
    log_to_stderr(filter, log_format);
    // Before anything is opened, so that no signal finds it half open.
    let signals = Signals::new([SIGINT, SIGTERM])?;
    let rotations = Signals::new([SIGUSR1])?;
    let dataset = match &file {
        Some(file) => Dataset::open(file)?,
        None => own_docs::dataset()?,
    };
    let (path, transports) = (config.path.clone(), config.transports);
    let running = documents::server(dataset.clone()).config(config).start()?;
    if transports == Transports::Stdio {
        tracing::info!("serving standard input and output");
    } else {
        warn_if_open(running.addr());
        let text = greeting(running.addr(), &path, file.as_deref(), &dataset)?;
        announce(&text, transports == Transports::Both);
    }
    if let Some(address) = running.admin_addr() {
        tracing::info!(%address, "operators find /health, /ready and /metrics here");
    }
    let logs = running.logs();
    std::thread::spawn(move || reopen_at_a_signal(&logs, rotations));
    let stopper = running.stopper();
    std::thread::spawn(move || stop_at_a_signal(&stopper, signals));
    let stats = running.wait();
    close(dataset);
    if transports != Transports::Stdio {
        say_goodbye(&stats);
    }
    Ok(ExitCode::SUCCESS)
}

/// Flags over the environment over the file.
fn settings(arguments: ServeArguments) -> Result<Settings, Problem> {
    if (arguments.transport, arguments.bind.is_some()) == (Some(Transports::Stdio), true) {
        let text = "--bind says where HTTP is served, which --transport stdio leaves out: use both";
        return Err(Problem(text.to_owned()));
    }
    let environment = RawConfig::from_environment(std::env::vars_os())?;
    let file = arguments.config.or_else(|| std::env::var_os(CONFIG_VARIABLE).map(PathBuf::from));
    let file = match file {
        Some(file) => RawConfig::read(&file)?,
        None => RawConfig::default(),
    };
    let micros = |micros| Micros(Duration::from_micros(u64::from(micros)));
    let some = |texts: Vec<String>| (!texts.is_empty()).then_some(texts);
    let mut flags = RawConfig {
        dataset: arguments.dataset,
        cores: arguments.cores,
        path: arguments.path,
        spin: arguments.spin.map(micros),
        log_format: arguments.log_format,
        admin_bind: arguments.admin_bind.map(|address| address.to_string()),
        access_log: RawAccessLog { path: arguments.access_log, ..RawAccessLog::default() },
        audit_log: RawAuditLog { path: arguments.audit_log, ..RawAuditLog::default() },
        transport: RawTransport { mode: arguments.transport, ..RawTransport::default() },
        http_sse: RawHttpSse {
            enabled: arguments.no_legacy_sse.then_some(false),
            ..RawHttpSse::default()
        },
        allowed_origins: some(arguments.allowed_origins).map(Origins),
        guard: RawGuard {
            public_url: arguments.public_url,
            allowed_hosts: some(arguments.allowed_hosts).map(Hosts),
            trusted_proxies: some(arguments.trusted_proxies).map(Networks),
            ..RawGuard::default()
        },
        ..RawConfig::default()
    };
    if let Some(address) = arguments.bind {
        flags.listen_on(address);
    }
    Ok(flags.over(environment).over(file).settled()?)
}

pub(super) fn log_to_stderr(filter: Targets, format: LogFormat) {
    let is_terminal = std::io::stderr().is_terminal();
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let registry = tracing_subscriber::registry();
    match format == LogFormat::Json || format == LogFormat::Auto && !is_terminal {
        true => registry.with(layer.json().flatten_event(true)).with(filter).init(),
        false => registry.with(layer.with_ansi(is_terminal)).with(filter).init(),
    }
}

/// A rotation has moved the files of the logs away: they are opened again.
fn reopen_at_a_signal(logs: &Logs, mut rotations: Signals) {
    for _ in rotations.forever() {
        tracing::info!("the logs of requests are opened again");
        logs.reopen();
    }
}

/// Writes to standard output, or to standard error where that is a client's; nobody reading it is
/// no reason not to serve.
fn announce(text: &str, has_stdio: bool) {
    match has_stdio {
        true => {
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
        }
        false => say(text),
    }
}

fn warn_if_open(address: SocketAddr) {
    if !address.ip().is_loopback() {
        tracing::warn!(
            %address,
            "listening beyond this machine: whoever reaches this address can read, change and \
             delete the documents"
        );
    }
}

/// The first signal finishes what is under way, a second one ends the process at once.
fn stop_at_a_signal(stopper: &Stopper, mut signals: Signals) {
    let mut signals = signals.forever();
    let Some(signal) = signals.next() else { return };
    tracing::info!(signal = name(signal), "stopping; a second signal ends it at once");
    stopper.stop();
    if let Some(signal) = signals.next() {
        std::process::exit(128 + signal);
    }
}

/// A worker may still be on its way out with its clone; the last one to go closes the file.
fn close(dataset: Dataset) {
    let closing = Instant::now();
    while dataset.is_shared() && closing.elapsed() < CLOSE_WAIT {
        std::thread::sleep(CLOSE_STEP);
    }
}

fn say_goodbye(shards: &[ShardStats]) {
    let sum = |field: fn(&ShardStats) -> u64| shards.iter().map(field).sum::<u64>();
    let (requests, hits) = (sum(|shard| shard.requests), sum(|shard| shard.buffer_hits));
    let wanted = hits + sum(|shard| shard.buffer_misses);
    let percent = if wanted == 0 { 100.0 } else { 100.0 * hits as f64 / wanted as f64 };
    tracing::info!(requests, buffer_hits = format_args!("{percent:.1} %"), "stopped");
}

fn name(signal: c_int) -> &'static str {
    match signal {
        SIGINT => "SIGINT",
        _ => "SIGTERM",
    }
}
