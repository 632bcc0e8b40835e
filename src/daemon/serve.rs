//! `mcp-fastd [DATASET]`: opens, serves, stops.

use std::ffi::c_int;
use std::io::{IsTerminal, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mcp_fastd::config::file::{CONFIG_VARIABLE, RawConfig, Settings};
use mcp_fastd::config::raw::{RawAuth, RawHttpSse, RawTransport};
use mcp_fastd::config::values::{Micros, Origins, Texts};
use mcp_fastd::documents::{Dataset, serve as documents};
use mcp_fastd::{Authentication, ShardStats, Stopper, Transports};
use signal_hook::consts::{SIGINT, SIGTERM};
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
    let Settings { mut config, dataset: file, log } = settings(arguments)?;
    config.workers.get_or_insert(WORKERS);
    let filter = match (log_flag, log) {
        (Some(filter), _) => filter,
        (None, Some(text)) => log_filter(&text).map_err(|e| Problem(format!("log: {e}")))?,
        (None, None) => Targets::new().with_default(LevelFilter::INFO),
    };
    log_to_stderr(filter);
    // Before anything is opened, so that no signal finds it half open.
    let signals = Signals::new([SIGINT, SIGTERM])?;
    let dataset = match &file {
        Some(file) => Dataset::open(file)?,
        None => own_docs::dataset()?,
    };
    let authentication = Authentication::start(&config.auth).map_err(auth_problem)?;
    let policy = config.auth.policy().map_err(auth_problem)?;
    let is_open = !config.auth.is_configured();
    let (path, transports) = (config.path.clone(), config.transports);
    let running =
        documents::guarded(dataset.clone(), authentication, policy).config(config).start()?;
    if transports == Transports::Stdio {
        tracing::info!("serving standard input and output");
    } else {
        if is_open {
            warn_if_open(running.addr());
        }
        let text = greeting(running.addr(), &path, file.as_deref(), &dataset)?;
        announce(&text, transports == Transports::Both);
    }
    let stopper = running.stopper();
    std::thread::spawn(move || stop_at_a_signal(&stopper, signals));
    let stats = running.wait();
    close(dataset);
    if transports != Transports::Stdio {
        say_goodbye(&stats);
    }
    Ok(ExitCode::SUCCESS)
}

fn auth_problem(problem: String) -> Problem {
    Problem(format!("auth.{problem}"))
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
    let origins = arguments.allowed_origins;
    let audience = arguments.auth_audience;
    let mut flags = RawConfig {
        dataset: arguments.dataset,
        cores: arguments.cores,
        path: arguments.path,
        spin: arguments.spin.map(micros),
        transport: RawTransport { mode: arguments.transport, ..RawTransport::default() },
        http_sse: RawHttpSse {
            enabled: arguments.no_legacy_sse.then_some(false),
            ..RawHttpSse::default()
        },
        auth: RawAuth {
            issuer: arguments.auth_issuer,
            audience: (!audience.is_empty()).then_some(Texts(audience)),
            api_keys_file: arguments.api_keys,
            ..RawAuth::default()
        },
        allowed_origins: (!origins.is_empty()).then_some(Origins(origins)),
        ..RawConfig::default()
    };
    if let Some(address) = arguments.bind {
        flags.listen_on(address);
    }
    Ok(flags.over(environment).over(file).settled()?)
}

pub(super) fn log_to_stderr(filter: Targets) {
    let text = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    tracing_subscriber::registry().with(text).with(filter).init();
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
             delete the documents (--api-keys or --auth-issuer would ask who they are)"
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
