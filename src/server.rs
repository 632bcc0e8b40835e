//! The face of the library: build a server, run it.

mod builder;
mod exchange;
mod handle;
mod parts;
mod settings;

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use crate::app::{Handler, Notifier};
use crate::config::{Config, Reloaded, Transports};
use crate::runtime::{
    self, CertificateError, Certificates, Logs, Opened, Prepared, ShardStats, Stopper, Threads,
};
use crate::store::Clock;
use crate::transport::{HttpSse, Shared};

pub use builder::Builder;
pub use exchange::Exchange;
pub use handle::Handle;

/// A server of the application `H`, ready to run.
///
/// Made by [`Server::builder`] from functions, or by [`Server::new`] from a [`Handler`].
pub struct Server<H> {
    handler: H,
    config: Config,
    /// An address was given: it is listened on beside standard input.
    bound: bool,
    bind_problem: Option<ServeError>,
    /// Sockets that somebody has opened for it.
    opened: Opened,
    notifier: Notifier,
}

/// Why a server does not run: what was tried, and what came of it.
#[derive(Debug)]
pub enum ServeError {
    /// The tools, prompts or resources are not in order.
    Catalog(String),
    /// The address to listen on cannot be understood or found.
    Address {
        /// As it was given.
        address: String,
        /// What was wrong with it.
        error: io::Error,
    },
    /// Nothing can listen there.
    Bind {
        /// The setting that says where: `bind`, or `admin_bind`.
        setting: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// A setting that cannot be.
    Setting(String),
    /// A file of certificates that cannot be used.
    Certificates(CertificateError),
    /// The system gives no more threads.
    Threads(io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServeError::Catalog(problem) | ServeError::Setting(problem) => f.write_str(problem),
            ServeError::Certificates(error) => write!(f, "{error}"),
            ServeError::Threads(error) => write!(f, "cannot start a thread: {error}"),
            ServeError::Address { address, error } => {
                write!(f, "cannot listen on `{address}`: {error} (expected `ADDRESS:PORT`)")
            }
            ServeError::Bind { setting, address, error } => {
                write!(f, "{setting}: cannot listen on {address}: ")?;
                match error.kind() {
                    io::ErrorKind::AddrInUse => f.write_str(
                        "another program already does; choose another port, or 0 for any",
                    ),
                    _ => write!(f, "{error}"),
                }
            }
        }
    }
}

impl std::error::Error for ServeError {}

impl<H: Handler> Server<H> {
    /// A server of a handler, without the sugar.
    pub fn new(handler: H) -> Server<H> {
        let notifier = Notifier::default();
        let (config, opened) = (Config::default(), Opened::default());
        Server { handler, config, bound: false, bind_problem: None, opened, notifier }
    }

    /// Listens here instead of on 127.0.0.1:8080. Port 0 takes a free one.
    ///
    /// An address that cannot be understood is reported when the server starts.
    #[must_use]
    pub fn bind(mut self, address: impl ToSocketAddrs + fmt::Debug) -> Self {
        self.bound = true;
        if self.config.transports.has_stdio() {
            self.config.transports = Transports::Both;
        }
        let text = format!("{address:?}").trim_matches('"').to_owned();
        let problem = match address.to_socket_addrs().map(|mut found| found.next()) {
            Ok(Some(address)) => {
                self.config.bind = address;
                return self;
            }
            Ok(None) => io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
            Err(error) => error,
        };
        self.bind_problem = Some(ServeError::Address { address: text, error: problem });
        self
    }

    /// Listens on these sockets, which somebody else has opened (a process before this one, or
    /// whoever started it), instead of opening any.
    #[must_use]
    pub fn listeners(mut self, opened: Opened) -> Self {
        self.opened = opened;
        self
    }

    /// Serves the client that started this process, over standard input and output
    /// (specification, transports, "stdio"); beside HTTP where [`Server::bind`] says so. The server
    /// ends with its input.
    ///
    /// Standard output is the client's alone: what functions print there goes to standard error.
    #[must_use]
    pub fn stdio(mut self) -> Self {
        self.config.transports = match self.bound {
            true => Transports::Both,
            false => Transports::Stdio,
        };
        self
    }

    /// Runs with these settings instead of the defaults.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Runs on this many shards; the default is one for each CPU.
    #[must_use]
    pub fn cores(mut self, shards: usize) -> Self {
        self.config.cores = Some(shards);
        self
    }

    /// Lets shards poll for this long before they sleep; see [`Config::spin`].
    #[must_use]
    pub fn spin(mut self, spin: Duration) -> Self {
        self.config.spin = spin;
        self
    }

    /// Tells clients, from any thread, that something changed; from when the server runs on.
    pub fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// Starts the server; it runs until it is stopped, or the process ends.
    ///
    /// Of the process it changes two things: the limit of open files is raised to what
    /// [`Config::connections_max`] needs, as far as it may be; and glibc keeps no more than 1 MiB
    /// of freed memory at the end of each thread's heap, unless the environment has a tunable for
    /// it.
    ///
    /// # Errors
    /// [`ServeError`]: nothing has been started.
    pub fn start(self) -> Result<Running, ServeError> {
        let (notifier, config) = (self.notifier(), self.config.clone());
        let authenticates = self.handler.authenticates();
        let (prepared, certificates) = self.prepare()?;
        let switches = prepared.switches();
        let threads = prepared.start().map_err(ServeError::Threads)?;
        let handle =
            Handle::new(threads.control(), notifier, switches, certificates, authenticates, config);
        Ok(Running { threads, handle })
    }

    /// Looks for what would keep the server from starting, but for the address, and starts nothing.
    ///
    /// # Errors
    /// [`ServeError`], as [`Server::start`] would give.
    pub fn check(self) -> Result<(), ServeError> {
        let (_, config) = self.checked(runtime::CLOCK)?;
        let name = config.guard.public_https_host();
        Certificates::read(&config.tls, name).map(|_| ()).map_err(ServeError::Certificates)
    }

    /// What the settings name that is not there: tools, prompts, resources. Each begins with the
    /// key, as it is written in a file.
    pub fn unknown_names(&self) -> Vec<String> {
        settings::unknown_names(&self.handler.catalog().switches(), &self.config)
    }

    /// Reads the certificates, and opens the listeners.
    fn prepare(mut self) -> Result<(Prepared<H>, Option<Certificates>), ServeError> {
        let opened = std::mem::take(&mut self.opened);
        let (shared, mut config) = self.checked(runtime::CLOCK)?;
        let (name, warnings) = (config.guard.public_https_host(), config.warnings());
        let certificates =
            Certificates::read(&config.tls, name).map_err(ServeError::Certificates)?;
        let identity = shared.handler.catalog().identity();
        let logs = runtime::logs::open(&config.observe, identity).map_err(ServeError::Setting)?;
        let address = config.bind;
        let http_sse = shared.http_sse.clone().filter(|_| config.transports.has_http());
        let listening = runtime::listen(&config, opened)
            .map_err(|(setting, address, error)| ServeError::Bind { setting, address, error })?;
        config.connections_max = runtime::allow_connections(&config);
        settings::tell(&shared.hub, &config, certificates.as_ref());
        let prepared = runtime::prepare(shared, config, certificates.clone(), listening, logs)
            .map_err(|error| ServeError::Bind { setting: "bind", address, error })?;
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        if let Some(HttpSse { stream_path, warning: Some(advice), .. }) = http_sse.as_deref() {
            tracing::warn!(
                "HTTP+SSE, which MCP has replaced, is served at {stream_path} (--no-legacy-sse, \
                 or http_sse.enabled = false, ends that); {advice}"
            );
        }
        Ok((prepared, certificates))
    }

    /// What the threads share, when all is in order.
    fn checked(self, clock: Clock) -> Result<(Shared<H>, Config), ServeError> {
        let Server { handler, config, bind_problem, notifier, .. } = self;
        if let Some(problem) = bind_problem {
            return Err(problem);
        }
        if let Some(problem) = handler.catalog().problem_found() {
            return Err(ServeError::Catalog(problem.to_owned()));
        }
        config.check().map_err(ServeError::Setting)?;
        settings::check_auth(&config.auth, handler.authenticates())?;
        if H::SPEAKS_MCP && config.transports.has_stdio() {
            let text = "an application that speaks MCP by itself is served over HTTP alone here";
            return Err(ServeError::Setting(text.to_owned()));
        }
        let switches = handler.catalog().switches();
        settings::check_names(&switches, &config)?;
        settings::check_policy(&switches, &handler.catalog().policy)?;
        switches.set(&config.tools.disabled);
        let logs = settings::logs(&config.observe);
        let ledger = settings::ledger(handler.catalog(), &config, logs, clock);
        let hub = Arc::new(settings::hub(&config, clock, ledger)?);
        notifier.begin(hub.clone());
        let shared = Shared { hub, handler: Arc::new(handler), settings: settings::of(&config)? };
        Ok((shared, config))
    }

    /// Runs the server; this thread is one of its own until it ends, and with it what functions do
    /// on it: one that does not come back is waited for here, unlike by [`Running::wait`].
    ///
    /// # Errors
    /// [`ServeError`]: nothing has been started.
    pub fn run(self) -> Result<(), ServeError> {
        self.run_with(|_| ())
    }

    /// As [`Server::run`]; `listening` is told the address as soon as clients can connect, where
    /// the server listens.
    ///
    /// # Errors
    /// [`ServeError`]: nothing has been started.
    pub fn run_with(self, listening: impl FnOnce(SocketAddr)) -> Result<(), ServeError> {
        let has_http = self.config.transports.has_http();
        let (prepared, _) = self.prepare()?;
        if has_http {
            listening(prepared.address);
        }
        prepared.run().map_err(ServeError::Threads)?;
        Ok(())
    }
}

/// A server that runs. Dropping it leaves the server running.
pub struct Running {
    threads: Threads,
    handle: Handle,
}

impl Running {
    /// Where it listens; with the port that was found when 0 was asked for. Means nothing for a
    /// server that is reached over standard input alone.
    pub fn addr(&self) -> SocketAddr {
        self.threads.address
    }

    /// Tells clients, from any thread, that something changed.
    pub fn notifier(&self) -> Notifier {
        self.handle.notifier.clone()
    }

    /// What can be asked of it, from any thread.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Takes over what these settings change; see [`Handle::reload`].
    ///
    /// # Errors
    /// A setting that cannot be: then nothing has changed.
    pub fn reload(&self, config: &Config) -> Result<Reloaded, ServeError> {
        self.handle.reload(config)
    }

    /// The certificates it shows, where it speaks HTTPS: to be [read
    /// again](Certificates::reload), by any thread and while another waits for the end.
    pub fn certificates(&self) -> Option<Certificates> {
        self.handle.certificates.clone()
    }

    /// What each shard is doing.
    pub fn stats(&self) -> Vec<ShardStats> {
        self.threads.stats()
    }

    /// Stops: nothing new is accepted, what is under way is finished within
    /// [`Config::shutdown_grace`], then all connections are closed. Returns when that is done, with
    /// what each shard did in all.
    pub fn stop(self) -> Vec<ShardStats> {
        self.stopper().stop();
        self.wait()
    }

    /// Where `/health`, `/ready` and `/metrics` are, where they have a listener of their own.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.threads.admin
    }

    /// The logs of requests, to go on with new files.
    pub fn logs(&self) -> Logs {
        self.handle.logs()
    }

    /// The way to stop it while another thread waits for its end.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.handle.control.clone())
    }

    /// Waits until the server ends: because it was stopped, or because standard input has ended
    /// where that is served. Returns what each shard did in all.
    ///
    /// A function on a shard that does not come back is left behind some seconds after the grace.
    pub fn wait(self) -> Vec<ShardStats> {
        self.threads.join()
    }
}
