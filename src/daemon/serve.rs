//! `mcp-fastd [DATASET]`: opens, serves, stops.

use std::ffi::c_int;
use std::io::{IsTerminal, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mcp_fastd::config::file::{CONFIG_VARIABLE, RawConfig, Settings};
use mcp_fastd::config::values::{Micros, Origins};
use mcp_fastd::documents::{Dataset, serve as documents};
use mcp_fastd::{Running, ShardStats};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::arguments::{ServeArguments, log_filter};
use super::greeting::greeting;
use super::{Problem, own_docs};

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
    let Settings { mut config, dataset: file, log } = settings(arguments)?;
    config.workers.get_or_insert(WORKERS);
    let filter = match (log_flag, log) {
        (Some(filter), _) => filter,
        (None, Some(text)) => log_filter(&text).map_err(|e| Problem(format!("log: {e}")))?,
        (None, None) => Targets::new().with_default(LevelFilter::INFO),
    };
    log_to_stderr(filter);
    // Before anything is opened, so that no signal finds it half open.
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let dataset = match &file {
        Some(file) => Dataset::open(file)?,
        None => own_docs::dataset()?,
    };
    let path = config.path.clone();
    let running = documents::server(dataset.clone()).config(config).start()?;
    warn_if_open(running.addr());
    announce(&greeting(running.addr(), &path, file.as_deref(), &dataset)?);
    let signal = signals.forever().next().unwrap_or(SIGTERM);
    stop(running, dataset, signal, signals);
    Ok(ExitCode::SUCCESS)
}

/// Flags over the environment over the file.
fn settings(arguments: ServeArguments) -> Result<Settings, Problem> {
    let environment = RawConfig::from_environment(std::env::vars_os())?;
    let file = arguments.config.or_else(|| std::env::var_os(CONFIG_VARIABLE).map(PathBuf::from));
    let file = match file {
        Some(file) => RawConfig::read(&file)?,
        None => RawConfig::default(),
    };
    let micros = |micros| Micros(Duration::from_micros(u64::from(micros)));
    let origins = arguments.allowed_origins;
    let mut flags = RawConfig {
        dataset: arguments.dataset,
        cores: arguments.cores,
        path: arguments.path,
        spin: arguments.spin.map(micros),
        allowed_origins: (!origins.is_empty()).then_some(Origins(origins)),
        ..RawConfig::default()
    };
    if let Some(address) = arguments.bind {
        flags.listen_on(address);
    }
    Ok(flags.over(environment).over(file).settled()?)
}

fn log_to_stderr(filter: Targets) {
    let text = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    tracing_subscriber::registry().with(text).with(filter).init();
}

/// Writes to standard output; nobody reading it is no reason not to serve.
fn announce(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
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

/// Finishes what is under way. A second signal ends the process at once.
fn stop(running: Running, dataset: Dataset, signal: c_int, mut signals: Signals) {
    tracing::info!(signal = name(signal), "stopping; a second signal ends it at once");
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            std::process::exit(128 + signal);
        }
    });
    let stats = running.stop();
    // A worker may still be on its way out with its clone; the last one to go closes the file.
    let closing = Instant::now();
    while dataset.is_shared() && closing.elapsed() < CLOSE_WAIT {
        std::thread::sleep(CLOSE_STEP);
    }
    drop(dataset);
    say_goodbye(&stats);
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
