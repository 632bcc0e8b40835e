//! A shard: one thread, one poll, its own listener, connections, buffers and parser.
//!
//! A turn: wait; sockets; connections that had more to do; mail; deadlines; flush. Requests are
//! read, planned, answered and written here; nothing on their way is shared with another thread.

mod accept;
mod doubt;
mod leave;
mod letters;
mod rest;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use super::ConnectionKey;
use super::buffers::BufferPool;
use super::clock::{steady_ms, steady_ns, unix_ms};
use super::connection::{Connection, Kind, State};
use super::deadlines::{Deadlines, Tick, tick_after, tick_at};
use super::mailbox::Mailbox;
use super::memory::MemoryWatch;
use super::metrics::ShardCounters;
use super::parked::wake_up;
use super::peers::Peers;
use super::serve::{Core, conclude, drive};
use super::tls::{self, Certificates, Handshakes};
use super::waiting::deliver;
use super::workers::Jobs;
use crate::app::Handler;
use crate::config::Config;
use crate::http::Date;
use crate::json::Parser;
use crate::limits;
use crate::observe::{Table, Watch};
use crate::transport::{Local, Shared};

use self::leave::Leaving;

const LISTENER: Token = Token(usize::MAX);
pub(crate) const MAILBOX: Token = Token(usize::MAX - 1);
const ADMIN: Token = Token(usize::MAX - 2);

pub(crate) struct Shard<H> {
    index: usize,
    poll: Poll,
    listeners: Vec<TcpListener>,
    /// For operators, and how many connections of theirs there are.
    admin: Option<TcpListener>,
    admins: usize,
    /// Connections that are one too many and have not been told so yet.
    turned_away: usize,
    /// The listener may have connections for us.
    accepting: bool,
    /// The process is out of file descriptors: when to try again.
    accept_again: Option<Tick>,
    mailbox: Mailbox,
    peers: Arc<Peers>,
    certificates: Option<Certificates>,
    connections: Slab<Connection>,
    generation: u32,
    wall_offset_ms: u64,
    /// When what is too old is to be looked for.
    sweep_at: Tick,
    leaving: Leaving,
    /// Connections about which it is to be asked whether their clients are still let in.
    doubted: Vec<ConnectionKey>,
    memory: MemoryWatch,
    /// Bytes of buffers that were given back, and may still be kept by the allocator.
    given_back: usize,
    /// The most connections there were since memory was given back.
    most: usize,
    core: Core<H>,
}

/// What a shard is made of, besides what it makes itself.
pub(crate) struct Parts<H> {
    pub(crate) index: usize,
    pub(crate) poll: Poll,
    pub(crate) mailbox: Mailbox,
    pub(crate) listeners: Vec<TcpListener>,
    pub(crate) admin: Option<TcpListener>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) certificates: Option<Certificates>,
    pub(crate) jobs: Jobs,
    pub(crate) shared: Arc<Shared<H>>,
    pub(crate) config: Arc<Config>,
}

impl<H: Handler> Shard<H> {
    pub(crate) fn new(parts: Parts<H>) -> io::Result<Shard<H>> {
        let Parts { index, poll, mailbox, mut listeners, peers, jobs, shared, config, .. } = parts;
        let memory = MemoryWatch::new(&config);
        let mut admin = parts.admin;
        for listener in &mut listeners {
            poll.registry().register(listener, LISTENER, Interest::READABLE)?;
        }
        if let Some(admin) = &mut admin {
            poll.registry().register(admin, ADMIN, Interest::READABLE)?;
        }
        let core = Core {
            local: Local {
                parser: Parser::with_depth(config.json_depth_max),
                date: Date::at(unix_ms() / 1000),
                now_ms: steady_ms(),
                watch: Watch::new(shared.hub.ledger.clone(), index),
                unix_s: unix_ms() / 1000,
                rights: 0,
                leaving: false,
                stopping: false,
                closing: false,
                known_host: Vec::new(),
            },
            read_buffers: BufferPool::new(&config),
            write_buffers: BufferPool::new(&config),
            deadlines: Deadlines::default(),
            jobs,
            address: peers.addresses[index].clone(),
            ready: Vec::new(),
            dirty: Vec::new(),
            late: Vec::new(),
            now: 0,
            requests: 0,
            handshakes: Handshakes::default(),
            read_buffer_max: shared.limits.read_buffer_bytes_max(),
            bounds_connections: bounds_connections(&config),
            shared,
            config,
        };
        Ok(Shard {
            index,
            poll,
            listeners,
            admin,
            admins: 0,
            turned_away: 0,
            accepting: true,
            accept_again: None,
            mailbox,
            peers,
            certificates: parts.certificates,
            connections: Slab::new(),
            generation: 0,
            wall_offset_ms: 0,
            sweep_at: 0,
            leaving: Leaving::Not,
            doubted: Vec::new(),
            memory,
            given_back: 0,
            most: 0,
            core,
        })
    }

    /// Takes turns until the shard is stopped.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(limits::EVENTS_PER_TURN_MAX);
        loop {
            if let Err(error) = self.wait(&mut events) {
                tracing::error!(%error, shard = self.index, "cannot wait for events");
                break;
            }
            self.read_clock();
            let mut mail = false;
            for event in &events {
                match event.token() {
                    LISTENER => self.accepting = true,
                    MAILBOX => mail = true,
                    ADMIN => self.accept_operators(),
                    token => self.on_socket(ConnectionKey::from_token(token), event),
                }
                if self.core.dirty.len() >= limits::WRITE_BATCH {
                    self.write_dirty();
                }
            }
            self.write_dirty();
            self.go_on();
            if self.accepting {
                self.accept();
            }
            if mail {
                self.mailbox.heard();
                self.open_mail();
                self.read_streams();
                self.ask_again();
            }
            self.expire();
            self.core.dirty.append(&mut self.core.late);
            self.write_dirty();
            if self.stopped() {
                break;
            }
        }
        for (_, connection) in &mut self.connections {
            self.core.give_up(connection);
            tls::give_back(connection, &mut self.core);
        }
        self.publish();
    }

    /// Waits for events, until the nearest deadline; polls for a while first where `spin` says so.
    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let timeout = self.timeout();
        if timeout != Some(Duration::ZERO) && !self.core.config.spin.is_zero() {
            let until = Instant::now() + self.core.config.spin;
            loop {
                poll(&mut self.poll, events, Some(Duration::ZERO))?;
                if !events.is_empty() {
                    return Ok(());
                }
                if Instant::now() >= until {
                    break;
                }
            }
        }
        poll(&mut self.poll, events, timeout)
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.core.ready.is_empty() || (self.accepting && self.accept_again.is_none()) {
            return Some(Duration::ZERO);
        }
        let sweep = self.core.shared.hub.needs_sweeping().then_some(self.sweep_at);
        let next = [self.core.deadlines.next(), self.accept_again, sweep, self.rest_at()];
        let next = next.into_iter().flatten().min();
        // Counted from the turn's reading of the clock: a wake-up that is early sleeps on.
        let due =
            next.map(|tick| limits::DEADLINE_TICK * tick.saturating_sub(self.core.now).max(1));
        let stop = self.leaving.next().map(|at| at.saturating_duration_since(Instant::now()));
        [due, stop].into_iter().flatten().min()
    }

    /// Reads the clock, once a turn; the wall clock as its seconds begin, so that shards agree.
    fn read_clock(&mut self) {
        let now_ns = steady_ns();
        let now_ms = now_ns / 1_000_000;
        (self.core.local.watch.began_ns, self.core.local.now_ms) = (now_ns, now_ms);
        self.core.handshakes.begin_turn(!self.core.ready.is_empty());
        self.core.now = tick_at(Duration::from_millis(now_ms));
        self.memory.look(now_ms, &self.core.shared.hub);
        let wall_s = |offset_ms: u64| now_ms.wrapping_add(offset_ms) / 1000;
        if self.core.local.unix_s != wall_s(self.wall_offset_ms) {
            self.wall_offset_ms = unix_ms().wrapping_sub(now_ms);
            self.core.local.unix_s = wall_s(self.wall_offset_ms);
            self.core.local.date.update(self.core.local.unix_s);
            self.publish();
            self.sweep();
            self.rest();
        }
    }

    fn sweep(&mut self) {
        if self.core.now >= self.sweep_at {
            let hub = &self.core.shared.hub;
            self.sweep_at = tick_after(self.core.now, hub.sweep_interval());
            if hub.needs_sweeping() {
                hub.sweep(self.core.local.now_ms);
            }
        }
    }

    fn on_socket(&mut self, key: ConnectionKey, event: &mio::event::Event) {
        let Some(connection) = find(&mut self.connections, key) else { return };
        connection.readable |= event.is_readable();
        connection.half_closed |= event.is_read_closed();
        if event.is_error() || (event.is_write_closed() && event.is_read_closed()) {
            // The client is gone, not merely done with sending.
            connection.abort();
        }
        if let State::ProxyHeader = connection.state {
            return self.meet(key);
        }
        drive(connection, key, &mut self.core);
        if let State::Closed = connection.state {
            self.remove(key);
        }
    }

    /// Lets a connection do what it can, and removes it when it is done.
    fn advance(&mut self, key: ConnectionKey) {
        let Some(connection) = find(&mut self.connections, key) else { return };
        drive(connection, key, &mut self.core);
        if let State::Closed = connection.state {
            self.remove(key);
        }
    }

    #[cold]
    fn remove(&mut self, key: ConnectionKey) {
        let connection = self.connections.remove(key.slot as usize);
        let (kind, from) = (connection.kind, connection.from);
        self.core.give_back(connection);
        match kind {
            Kind::Client => {}
            Kind::TurnedAway => self.turned_away -= 1,
            Kind::Operator => {
                self.admins -= 1;
                return;
            }
        }
        self.table().closed.add_alone(1);
        self.peers.leave(self.index, from);
    }

    /// Goes on with the connections that had more to do.
    fn go_on(&mut self) {
        if self.core.ready.is_empty() {
            return;
        }
        self.core.handshakes.begin_waiting();
        for key in std::mem::take(&mut self.core.ready) {
            if let Some(connection) = find(&mut self.connections, key) {
                connection.in_ready = false;
                self.advance(key);
            }
        }
    }

    /// Brings what has come on streams to the connections that read them.
    fn read_streams(&mut self) {
        for _ in 0..limits::MAIL_PER_TURN_MAX {
            let Some(key) = self.mailbox.take_nudge() else { return };
            let Some(connection) = find(&mut self.connections, key) else { continue };
            match connection.state {
                State::Parked(_) => wake_up(connection),
                _ => deliver(connection, &mut self.core),
            }
            self.advance(key);
        }
        // There may be more: ring for the next turn.
        self.core.address.ring();
    }

    fn expire(&mut self) {
        while let Some((entry, keys)) = self.core.deadlines.take_due(self.core.now) {
            for key in keys {
                let Some(connection) = find(&mut self.connections, key) else { continue };
                let Core { deadlines, now, .. } = &mut self.core;
                if deadlines.came_up(key, &mut connection.timer, entry, *now) {
                    self.core.time_out(connection);
                    self.advance(key);
                }
            }
        }
    }

    /// Writes for the connections that have something to say, in the order they came.
    fn write_dirty(&mut self) {
        let mut dirty = std::mem::take(&mut self.core.dirty);
        for key in dirty.drain(..) {
            let Some(connection) = find(&mut self.connections, key) else { continue };
            conclude(connection, key, &mut self.core);
            if let State::Closed = connection.state {
                self.remove(key);
            }
        }
        self.core.dirty = dirty;
        self.core.local.watch.count(steady_ns);
    }

    fn table(&self) -> &Table {
        &self.core.shared.hub.ledger.tables[self.index]
    }

    fn counters(&self) -> &ShardCounters {
        &self.peers.counters[self.index]
    }

    fn publish(&self) {
        let (read_hits, read_misses) = self.core.read_buffers.hits_and_misses();
        let (write_hits, write_misses) = self.core.write_buffers.hits_and_misses();
        let buffers = (read_hits + write_hits, read_misses + write_misses);
        let handshakes = self.core.handshakes.done_and_failed();
        self.counters().publish(self.core.requests, buffers, handshakes);
    }
}

/// Whether connections end for what was asked of them, or for their age.
fn bounds_connections(config: &Config) -> bool {
    config.requests_per_connection_max > 0 || !config.connection_age_max.is_zero()
}

fn find(connections: &mut Slab<Connection>, key: ConnectionKey) -> Option<&mut Connection> {
    let connection = connections.get_mut(key.slot as usize)?;
    (connection.generation == key.generation).then_some(connection)
}

fn poll(poll: &mut Poll, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
    match poll.poll(events, timeout) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            events.clear();
            Ok(())
        }
        result => result,
    }
}
