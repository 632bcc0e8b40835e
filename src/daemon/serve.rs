//! `mcp-fastd [DATASET]`: opens, serves, stops.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mcp_fastd::config::file::Settings;
use mcp_fastd::documents::{Dataset, serve as documents};
use mcp_fastd::inherit::{self, Inherited};
use mcp_fastd::limits::CERTIFICATE_WARNING_INTERVAL;
use mcp_fastd::{Authentication, Config, LogFormat, Opened, Running, ShardStats, Transports};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, reload};

use super::arguments::ServeArguments;
use super::greeting::{greeting, reachable};
use super::signals::{Daemon, Ears, Kept, Place, asks_for};
use super::upgrade::Upgrade;
use super::{Problem, own_docs, say, settings, systemd};

/// How long the end waits for a tool that is still writing, when the grace is over.
const CLOSE_WAIT: Duration = Duration::from_secs(2);
const CLOSE_STEP: Duration = Duration::from_millis(5);

/// Serves until a signal ends it.
pub(crate) fn serve(arguments: ServeArguments) -> Result<ExitCode, Problem> {
    // Before this process opens anything itself, so that no descriptor is mistaken for another.
    let Inherited { sockets, predecessor } = inherit::take().map_err(Problem)?;
    let (Settings { mut config, dataset: file, log_format, .. }, filter) =
        settings::read(&arguments)?;
    let log = log_to_stderr(filter.clone(), log_format);
    // Before anything is opened: a file that hangs is not waited for by who ends the process.
    let ears = Ears::open()?;
    let is_activated = |name: &str| {
        predecessor.is_none() || [inherit::ACTIVATED, inherit::ACTIVATED_ADMIN].contains(&name)
    };
    let (opened, inherited) = sockets_for(&config, sockets, is_activated);
    inherited.settle(&mut config);
    let mut addresses = addresses(&opened);
    let upgrade = Upgrade::new(config.transports != Transports::Http, inherited.names());
    let dataset = match &file {
        Some(file) => Dataset::open(file)?,
        None => own_docs::dataset()?,
    };
    let authentication = Authentication::start(&config.auth).map_err(Problem)?;
    let is_open = !config.auth.is_configured();
    let (path, transports) = (config.path.clone(), config.transports);
    let scheme = if config.tls.is_on() { "https" } else { "http" };
    let server =
        documents::guarded(dataset.clone(), authentication.clone(), authentication.clone());
    let running = server.config(config).listeners(opened).start()?;
    let mut status = "serving standard input and output".to_owned();
    if transports == Transports::Stdio {
        tracing::info!("{status}");
    } else {
        addresses.insert(running.addr());
        if is_open {
            addresses.into_iter().for_each(warn_if_open);
        }
        let url = format!("{scheme}://{}{path}", reachable(running.addr()));
        let text = greeting(&url, is_open, file.as_deref(), &dataset)?;
        status = format!("serving {url}");
        announce(&text, transports == Transports::Both);
    }
    let handle = running.handle();
    let logs = running.logs();
    tell_operators(&running)?;
    systemd::watch(handle.clone());
    let daemon = Daemon {
        handle,
        authentication,
        arguments,
        dataset: file,
        log,
        filter,
        log_format,
        inherited,
        status,
    };
    if let Some(predecessor) = predecessor {
        predecessor.ready()?;
    }
    systemd::ready(&daemon.status);
    ears.obey(daemon, upgrade)?;
    let stats = running.wait();
    close(dataset);
    if transports != Transports::Stdio {
        say_goodbye(&stats);
    }
    // A call that is in no log, though the settings want it there: it was said how many.
    Ok(if logs.unwritten() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The sockets to serve, of those that are open already, and where they stay. Those of systemd are
/// where its unit says; those of a process before this one count if the setting asks for them
/// still.
fn sockets_for(
    config: &Config,
    sockets: Vec<(String, TcpListener)>,
    is_activated: impl Fn(&str) -> bool,
) -> (Opened, Kept) {
    let (mut opened, mut kept) = (Opened::default(), Kept::default());
    for (name, socket) in sockets {
        let Ok(address) = socket.local_addr() else { continue };
        let place = Place { address, is_activated: is_activated(&name) };
        let is_admin = [inherit::ADMIN, inherit::ACTIVATED_ADMIN].contains(&&*name);
        let bind = if is_admin { config.observe.admin_bind } else { Some(config.bind) };
        let is_asked_for = bind.is_some_and(|bind| asks_for(bind, address));
        if !place.is_activated && !is_asked_for {
            tracing::info!(%address, ?bind, "a socket is left: the setting is another now");
        } else if is_admin {
            if let Some(admin_bind) = bind.filter(|_| !is_asked_for) {
                let text = "admin_bind is not served: the socket of systemd is";
                tracing::warn!(%address, %admin_bind, "{text}");
            }
            opened.admin = Some(socket);
            kept.admin = Some(place);
        } else {
            opened.clients.push(socket);
            let is_open = |place: Place| !place.address.ip().to_canonical().is_loopback();
            kept.clients = kept.clients.filter(|first| is_open(*first) || !is_open(place));
            kept.clients = kept.clients.or(Some(place));
        }
    }
    (opened, kept)
}

/// Where clients come in, each address once.
fn addresses(opened: &Opened) -> BTreeSet<SocketAddr> {
    opened.clients.iter().filter_map(|socket| socket.local_addr().ok()).collect()
}

/// Changes what is logged.
pub(super) type LogFilter = reload::Handle<Targets, Registry>;

pub(super) fn log_to_stderr(filter: Targets, format: LogFormat) -> LogFilter {
    let is_terminal = std::io::stderr().is_terminal();
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let (filter, handle) = reload::Layer::new(filter);
    let registry = tracing_subscriber::registry().with(filter);
    match format == LogFormat::Json || format == LogFormat::Auto && !is_terminal {
        true => registry.with(layer.json().flatten_event(true)).init(),
        false => registry.with(layer.with_ansi(is_terminal)).init(),
    }
    handle
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
    if !address.ip().to_canonical().is_loopback() {
        tracing::warn!(
            %address,
            "listening beyond this machine: whoever reaches this address can read, change and \
             delete the documents (--api-keys or --auth-issuer would ask who they are)"
        );
    }
}

/// Where their pages are; and, for a server that runs for months, when a certificate is about to
/// come to its end.
fn tell_operators(running: &Running) -> std::io::Result<()> {
    if let Some(address) = running.admin_addr() {
        tracing::info!(%address, "operators find /health, /ready and /metrics here");
    }
    let Some(certificates) = running.certificates() else { return Ok(()) };
    let warn = move || {
        loop {
            std::thread::sleep(CERTIFICATE_WARNING_INTERVAL);
            certificates.warn();
        }
    };
    std::thread::Builder::new().name("certificates".to_owned()).spawn(warn).map(drop)
}

/// A worker may still be on its way out with its clone; the last one to go closes the file. The
/// grace is over then, if it was needed: what waits for another process is given up, and a disk
/// that takes nothing is left.
fn close(dataset: Dataset) {
    let writes = dataset.give_up();
    let closing = Instant::now();
    let closer = std::thread::spawn(move || {
        while dataset.is_shared() {
            std::thread::sleep(CLOSE_STEP);
        }
        dataset.given_up()
    });
    while !closer.is_finished() && closing.elapsed() < CLOSE_WAIT {
        std::thread::sleep(CLOSE_STEP);
    }
    if !closer.is_finished() {
        tracing::error!(writes, "the dataset is left open: what uses it does not come to its end");
        return;
    }
    match closer.join() {
        Ok(0) | Err(_) => {}
        Ok(writes) => tracing::warn!(
            writes,
            "not written: another process has locked the dataset, and shutdown_grace is over"
        ),
    }
}

fn say_goodbye(shards: &[ShardStats]) {
    let sum = |field: fn(&ShardStats) -> u64| shards.iter().map(field).sum::<u64>();
    let (requests, hits) = (sum(|shard| shard.requests), sum(|shard| shard.buffer_hits));
    let wanted = hits + sum(|shard| shard.buffer_misses);
    let percent = if wanted == 0 { 100.0 } else { 100.0 * hits as f64 / wanted as f64 };
    tracing::info!(requests, buffer_hits = format_args!("{percent:.1} %"), "stopped");
}
