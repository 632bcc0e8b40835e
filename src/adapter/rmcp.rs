//! Servers written for [rmcp](https://docs.rs/rmcp), on this engine (feature `rmcp`).
//!
//! In a program that serves with rmcp, one line changes: where it says `.serve(stdio())`, or makes
//! a `StreamableHttpService` and gives it to axum, it says
//!
//! ```ignore
//! let service = mcp_fastd::adapter::rmcp::serve(|| Ok(Counter::new()), "127.0.0.1:8000")?;
//! service.waiting().await?;
//! ```
//!
//! The function makes a handler, as it does for rmcp's own service: one for each session (up to
//! 2025-11-25), and one for each request (from 2026-07-28 on). Tools find the HTTP request in
//! their extensions (`http::request::Parts`), and tokio around them: the runtime in which
//! [`serve`] was called.
//!
//! ```text
//!   a request of 2026-07-28 ──▶ the handler is polled once, on the shard ──▶ the answer
//!                                  │ it waits for something
//!                                  └──▶ a task of tokio ──▶ the request's stream
//!   one that wants progress, log lines or notices ──▶ a loop of rmcp, for this request
//!   a session ──▶ a loop of rmcp, for this session
//! ```
//!
//! A handler that takes the CPU for long without waiting holds up its shard, as it would hold up a
//! thread of tokio: leave that to `spawn_blocking`.

mod alone;
mod carrier;
mod parts;
mod read;
mod service;
mod session;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::available_parallelism;

use crossbeam_channel::{Receiver, Sender, unbounded};
use parking_lot::Mutex;
use rmcp::service::{RunningService, serve_directly};
use rmcp::{Peer, RoleServer, ServerHandler};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::app::{Catalog, Handler, Incoming, Reception};
use crate::config::Config;
use crate::server::{Running, ServeError, Server};

use carrier::Mute;
use service::{Contained, stateless_peer};
use session::Session;

/// Serves what `factory` makes, here; see the [module](self). To be called within a tokio runtime.
///
/// # Errors
/// [`ServeError`]: nothing has been started.
pub fn serve<S, F>(
    factory: F,
    address: impl ToSocketAddrs + fmt::Debug,
) -> Result<Serving, ServeError>
where
    S: ServerHandler,
    F: Fn() -> Result<S, io::Error> + Send + Sync + 'static,
{
    start(Server::new(Rmcp::new(factory)?).bind(address))
}

/// As [`serve`], with settings of the engine.
///
/// # Errors
/// [`ServeError`]: nothing has been started.
pub fn serve_with<S, F>(factory: F, config: Config) -> Result<Serving, ServeError>
where
    S: ServerHandler,
    F: Fn() -> Result<S, io::Error> + Send + Sync + 'static,
{
    start(Server::new(Rmcp::new(factory)?).config(config))
}

fn start<H: Handler>(server: Server<H>) -> Result<Serving, ServeError> {
    Ok(Serving { running: server.start()? })
}

/// A server that runs. Dropping it leaves the server running.
pub struct Serving {
    running: Running,
}

impl Serving {
    /// Where it listens; with the port that was found when 0 was asked for.
    pub fn addr(&self) -> SocketAddr {
        self.running.addr()
    }

    /// Waits until the server ends.
    ///
    /// # Errors
    /// [`ServeError`] when the runtime ends first.
    pub async fn waiting(self) -> Result<(), ServeError> {
        finished(tokio::task::spawn_blocking(|| self.running.wait()).await)
    }

    /// Stops: what is under way is finished within
    /// [`Config::shutdown_grace`](crate::Config::shutdown_grace).
    ///
    /// # Errors
    /// [`ServeError`] when the runtime ends first.
    pub async fn stop(self) -> Result<(), ServeError> {
        finished(tokio::task::spawn_blocking(|| self.running.stop()).await)
    }
}

fn finished<T>(ended: Result<T, tokio::task::JoinError>) -> Result<(), ServeError> {
    ended.map(drop).map_err(|error| ServeError::Setting(error.to_string()))
}

/// The application that brings messages to handlers of rmcp.
struct Rmcp<S: ServerHandler, F> {
    factory: F,
    runtime: Handle,
    catalog: Catalog,
    /// For requests that have nobody to talk to: one for each shard, so that shards do not fight
    /// over its counts.
    mutes: Vec<RunningService<RoleServer, Contained<S>>>,
    register: Arc<Register>,
}

/// What is under way, by the name that is posted when nobody wants it any more.
struct Register {
    live: Mutex<HashMap<u64, Live>>,
    names: AtomicU64,
    endings: Sender<u64>,
}

enum Live {
    Request(CancellationToken),
    Session(Session),
}

impl<S, F> Rmcp<S, F>
where
    S: ServerHandler,
    F: Fn() -> Result<S, io::Error> + Send + Sync + 'static,
{
    fn new(factory: F) -> Result<Rmcp<S, F>, ServeError> {
        let runtime = Handle::try_current().map_err(|_| {
            ServeError::Setting("rmcp::serve must be called within a tokio runtime".to_owned())
        })?;
        let mute = || {
            let made = factory().map_err(|error| {
                ServeError::Setting(format!("the rmcp handler cannot be made: {error}"))
            })?;
            Ok(serve_directly(Contained(made), Mute, Some(stateless_peer("2026-07-28"))))
        };
        let count = available_parallelism().map_or(1, |count| count.get());
        let mutes = (0..count).map(|_| mute()).collect::<Result<_, _>>()?;
        let (endings, ended) = unbounded();
        let (live, names) = (Mutex::default(), AtomicU64::new(1));
        let register = Arc::new(Register { live, names, endings });
        see_off(ended, Arc::downgrade(&register)).map_err(ServeError::Threads)?;
        let catalog = Catalog::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        Ok(Rmcp { factory, runtime, catalog, mutes, register })
    }

    /// The peer of requests that are answered on this thread.
    fn mute(&self) -> Peer<RoleServer> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static SHARD: usize = NEXT.fetch_add(1, Ordering::Relaxed);
        }
        self.mutes[SHARD.with(|shard| *shard) % self.mutes.len()].peer().clone()
    }
}

impl Register {
    fn name(&self) -> u64 {
        self.names.fetch_add(1, Ordering::Relaxed)
    }

    fn forget(&self, name: u64) {
        let gone = self.live.lock().remove(&name);
        drop(gone);
    }
}

/// Tells those whom nobody wants any more. The thread ends with the server.
fn see_off(ended: Receiver<u64>, register: std::sync::Weak<Register>) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("rmcp-endings".to_owned());
    thread.spawn(move || {
        for name in ended {
            let Some(register) = register.upgrade() else { return };
            let gone = register.live.lock().remove(&name);
            match gone {
                Some(Live::Request(token)) => token.cancel(),
                Some(Live::Session(session)) => session.end(),
                None => {}
            }
        }
    })?;
    Ok(())
}

impl<S, F> Handler for Rmcp<S, F>
where
    S: ServerHandler,
    F: Fn() -> Result<S, io::Error> + Send + Sync + 'static,
{
    const SPEAKS_MCP: bool = true;

    fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    fn receive(&self, incoming: &mut Incoming<'_>, out: &mut Vec<u8>) -> Reception {
        match (incoming.session(), incoming.request) {
            (Some(session), _) => self.in_session(session, incoming, out),
            (None, Some(_)) => self.alone(incoming, out),
            (None, None) => Reception::Taken,
        }
    }
}
