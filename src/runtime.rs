//! The only room with sockets, threads, channels and a clock.
//!
//! [`prepare`] opens the listeners and makes the shards; [`Prepared::start`] then starts the
//! workers and a thread for each shard, [`Prepared::run`] the same with the first shard on the
//! caller's thread.

mod buffers;
mod clock;
mod connection;
mod control;
mod deadlines;
mod end;
#[cfg(feature = "otlp")]
mod export;
mod listener;
pub(crate) mod logs;
mod mailbox;
mod memory;
mod metrics;
#[cfg(not(feature = "otlp"))]
mod no_export;
#[cfg(not(feature = "tls"))]
mod no_tls;
mod parked;
mod peers;
mod process;
mod refused;
mod serve;
mod shard;
mod stdio;
mod timing;
#[cfg(feature = "tls")]
mod tls;
mod waiting;
mod workers;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle, available_parallelism};

use crossbeam_channel::{Receiver, Sender, bounded};
use mio::{Poll, Token};

use self::end::End;
use self::listener::{Listening, Refused};
use self::logs::{LogFiles, LogThreads};
use self::mailbox::{Address, mailbox};
use self::metrics::ShardCounters;
use self::peers::Peers;
use self::shard::{MAILBOX, Parts, Shard};
use self::stdio::Stdio;
use self::workers::Jobs;
use crate::app::catalog::Switches;
use crate::app::{Catalog, Handler};
use crate::config::Config;
use crate::store::{Clock, Hub};
use crate::transport::Shared;
use crate::{limits, sys};
#[cfg(not(feature = "otlp"))]
use no_export as export;
#[cfg(not(feature = "tls"))]
use no_tls as tls;

pub(crate) use self::control::Control;
pub use self::control::Stopper;
pub use self::listener::Opened;
pub use self::logs::Logs;
pub(crate) use self::mailbox::Reloaded;
pub(crate) use self::memory::bound as memory_bound;
pub use self::metrics::ShardStats;
pub(crate) use self::process::{allow_connections, process};
pub use self::tls::{CertificateError, Certificates};

/// The clock of servers that run.
pub(crate) const CLOCK: Clock = Clock {
    unix_ms: clock::unix_ms,
    unix_ns: clock::unix_ns,
    steady_ms: clock::steady_ms,
    steady_ns: clock::steady_ns,
};

/// A connection of a shard: its slot, and which of the slot's connections it is. Events and
/// letters that come too late are known by the generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionKey {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl ConnectionKey {
    /// Generations that a token has room for, beside the tokens of listener and mailbox.
    const GENERATIONS: u32 = u32::MAX / 2;

    fn new(slot: usize, generation: u32) -> ConnectionKey {
        ConnectionKey { slot: slot as u32, generation }
    }

    fn token(self) -> Token {
        Token((self.generation as usize) << 32 | self.slot as usize)
    }

    fn from_token(Token(token): Token) -> ConnectionKey {
        ConnectionKey { slot: token as u32, generation: (token >> 32) as u32 }
    }
}

const _: () = assert!(usize::BITS == 64, "a token holds a slot and a generation");

/// A server's threads.
pub(crate) struct Threads {
    pub(crate) address: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
    mailboxes: Vec<Address>,
    counters: Arc<[ShardCounters]>,
    shards: Vec<JoinHandle<()>>,
    workers: Vec<JoinHandle<()>>,
    stdio: Option<Stdio>,
    logs: LogThreads,
    hub: Arc<Hub>,
    end: Arc<End>,
    /// Closed when no thread of a shard runs any more.
    gone: Receiver<()>,
}

/// The shards there will be: what was asked for, or the CPUs this process may use. Affinity and
/// the quota of the cgroup are considered (that is what `available_parallelism` does on Linux).
pub(crate) fn shard_count(config: &Config) -> usize {
    config.cores.unwrap_or_else(cpu_count).clamp(1, limits::CORES_MAX)
}

/// How many CPUs this process may use.
pub(crate) fn cpu_count() -> usize {
    available_parallelism().map_or(1, |cpus| cpus.get())
}

/// A server whose listeners are open and whose shards are made, and none of whose threads runs.
pub(crate) struct Prepared<H> {
    pub(crate) address: SocketAddr,
    admin: Option<SocketAddr>,
    logs: LogFiles,
    mailboxes: Vec<Address>,
    counters: Arc<[ShardCounters]>,
    shards: Vec<Placed<H>>,
    sender: Jobs,
    jobs: workers::Queue,
    shared: Arc<Shared<H>>,
    config: Arc<Config>,
    worker_count: usize,
    streams: Option<stdio::Streams>,
}

/// A shard, and the CPU it is for.
struct Placed<H> {
    index: usize,
    cpu: Option<core_affinity::CoreId>,
    shard: Shard<H>,
}

/// Opens what is listened on, unless it is `opened` already.
pub(crate) fn listen(config: &Config, opened: Opened) -> Result<Listening, Refused> {
    let count = if config.transports.has_http() { shard_count(config) } else { 0 };
    listener::listen(config, opened, count)
}

/// Makes the shards. When this fails, nothing has been started.
pub(crate) fn prepare<H: Handler>(
    shared: Shared<H>,
    config: Config,
    certificates: Option<Certificates>,
    listening: Listening,
    logs: LogFiles,
) -> io::Result<Prepared<H>> {
    sys::keep_little_memory();
    let Listening { shards: listeners, address, admin: mut admin_listener, admin_address: admin } =
        listening;
    let count = listeners.len();
    let worker_count = worker_count(shared.handler.catalog(), &config, count);
    let (shared, config) = (Arc::new(shared), Arc::new(config));
    let (sender, jobs) = workers::queue(config.deferred_max, shared.hub.clone());

    let mut polls = Vec::with_capacity(count);
    let mut mailboxes = Vec::with_capacity(count);
    for _ in 0..count {
        let poll = Poll::new()?;
        let (address, mailbox) = mailbox(poll.registry(), MAILBOX, limits::MAILBOX_ROOM)?;
        mailboxes.push(address);
        polls.push((poll, mailbox));
    }
    let counters: Arc<[ShardCounters]> = (0..count).map(|_| ShardCounters::default()).collect();
    let per_address = config.connections_per_address_max;
    let peers = Arc::new(Peers::new(mailboxes.clone(), counters.clone(), per_address));
    let cpus = cpus(&config, count);
    let mut shards = Vec::with_capacity(count);
    for (index, (listeners, (poll, mailbox))) in listeners.into_iter().zip(polls).enumerate() {
        let parts = Parts {
            index,
            poll,
            mailbox,
            listeners,
            admin: admin_listener.take(),
            peers: peers.clone(),
            certificates: certificates.clone(),
            jobs: sender.clone(),
            shared: shared.clone(),
            config: config.clone(),
        };
        let cpu = cpus.get(index % cpus.len().max(1)).copied();
        shards.push(Placed { index, cpu, shard: Shard::new(parts)? });
    }
    let streams = match config.transports.has_stdio() {
        true => Some(stdio::take_streams()?),
        false => None,
    };
    Ok(Prepared {
        address,
        admin,
        logs,
        mailboxes,
        counters,
        shards,
        sender,
        jobs,
        shared,
        config,
        worker_count,
        streams,
    })
}

/// The CPUs to pin shards to; none when they are not to be pinned.
fn cpus(config: &Config, shards: usize) -> Vec<core_affinity::CoreId> {
    if !config.pin {
        return Vec::new();
    }
    let cpus = core_affinity::get_core_ids().unwrap_or_default();
    if cpus.len() < shards {
        tracing::warn!(
            shards,
            cpus = cpus.len(),
            "more shards than CPUs: some share one (--cores sets the number of shards)"
        );
    }
    cpus
}

/// How many workers there are: none where nothing is placed on one.
///
/// An idle thread is not quite free: in a process of one thread, the kernel looks files up without
/// counting who uses them, which is some 20 ns of a call.
fn worker_count(catalog: &Catalog, config: &Config, shards: usize) -> usize {
    match config.workers {
        _ if !catalog.needs_workers() => 0,
        Some(count) => count.max(1),
        None => (2 * shards).max(limits::WORKERS_MIN),
    }
}

impl<H: Handler> Prepared<H> {
    /// The switches of the application's tools.
    pub(crate) fn switches(&self) -> Switches {
        self.shared.handler.catalog().switches()
    }

    /// Starts a thread for each shard, and the workers.
    pub(crate) fn start(self) -> io::Result<Threads> {
        let workers = workers::start(self.worker_count, self.jobs, &self.shared)?;
        let hub = self.shared.hub.clone();
        let logs = logs::start(self.logs, &hub.ledger, self.config.shutdown_grace)?;
        let Prepared { address, admin, mailboxes, counters, .. } = self;
        let end = Arc::new(End::new(&self.config));
        let (alive, gone) = bounded(0);
        let spawn = |shard: Placed<H>| shard.spawn(alive.clone());
        let shards = self.shards.into_iter().map(spawn).collect::<io::Result<_>>()?;
        let grace = self.config.shutdown_grace;
        let stdio = match self.streams {
            Some(streams) => {
                let control = Control::new(mailboxes.clone(), None, hub.clone(), end.clone());
                Some(stdio::start(&self.shared, self.sender, control, streams, grace)?)
            }
            None => None,
        };
        Ok(Threads {
            address,
            admin,
            mailboxes,
            counters,
            shards,
            workers,
            stdio,
            logs,
            hub,
            end,
            gone,
        })
    }

    /// As [`Prepared::start`], but the first shard runs on this thread; returns when all have
    /// ended.
    pub(crate) fn run(mut self) -> io::Result<Vec<ShardStats>> {
        let first = (!self.shards.is_empty()).then(|| self.shards.remove(0));
        let threads = self.start()?;
        if let Some(first) = first {
            first.run();
        }
        Ok(threads.join())
    }
}

impl<H: Handler> Placed<H> {
    /// As long as its thread runs, it has `alive`.
    fn spawn(self, alive: Sender<()>) -> io::Result<JoinHandle<()>> {
        let thread = Builder::new().name(format!("shard-{}", self.index));
        thread.spawn(move || {
            let _alive = alive;
            self.run();
        })
    }

    fn run(self) {
        pin(self.index, self.cpu);
        self.shard.run();
    }
}

fn pin(shard: usize, cpu: Option<core_affinity::CoreId>) {
    let Some(cpu) = cpu else { return };
    if !core_affinity::set_for_current(cpu) {
        tracing::warn!(shard, cpu = cpu.id, "cannot pin a shard to its CPU; it runs unpinned");
    }
}

impl Threads {
    /// What each shard is doing.
    pub(crate) fn stats(&self) -> Vec<ShardStats> {
        self.counters.iter().map(ShardCounters::read).collect()
    }

    /// The way to speak with them.
    pub(crate) fn control(&self) -> Control {
        let stdio = self.stdio.as_ref().map(Stdio::stopper);
        Control::new(self.mailboxes.clone(), stdio, self.hub.clone(), self.end.clone())
    }

    /// Waits until all shards have ended, and workers with them. One whose function does not come
    /// back is not waited for. Returns what the shards did in all.
    pub(crate) fn join(self) -> Vec<ShardStats> {
        let have_ended = self.end.wait(&self.gone);
        for shard in self.shards {
            if !have_ended && !shard.is_finished() {
                let name = shard.thread().name().unwrap_or_default();
                tracing::error!(
                    name,
                    "a shard has not ended: a function does not come back; it is left behind (one \
                     that may wait belongs on a worker)"
                );
            } else if shard.join().is_err() {
                tracing::error!("a shard ended by a panic");
            }
        }
        if let Some(stdio) = self.stdio {
            stdio.join();
        }
        self.hub.close();
        for worker in self.workers {
            if worker.is_finished() && worker.join().is_err() {
                tracing::error!("a worker ended by a panic");
            }
        }
        self.logs.join();
        self.counters.iter().map(ShardCounters::read).collect()
    }
}
