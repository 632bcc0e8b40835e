//! How connections come to a shard: accepted, or handed over by one that has more.

use std::io;
use std::net::{IpAddr, Shutdown};
use std::sync::atomic::Ordering;

use mio::Interest;
use mio::net::TcpStream;
use rustix::net::{SendFlags, send};

use super::{Shard, find};
use crate::app::{Handler, Peer};
use crate::config::ProxyProtocol;
use crate::limits;
use crate::runtime::ConnectionKey;
use crate::runtime::clock::steady_ns;
use crate::runtime::connection::{Connection, Kind, Phase, State};
use crate::runtime::deadlines::tick_after;
use crate::runtime::mailbox::Mail;
use crate::runtime::serve::Core;
use crate::runtime::tls::Tls;
use crate::transport;

/// What came of accepting at one listener.
pub(super) enum Accepted {
    /// Nobody waits there.
    All,
    /// Somebody may wait there yet.
    Some,
    /// The process is out of file descriptors.
    Failed,
}

impl<H: Handler> Shard<H> {
    pub(super) fn accept(&mut self) {
        if self.accept_again.is_some_and(|tick| tick > self.core.now) {
            return;
        }
        self.accept_again = None;
        let mut left = limits::ACCEPTS_PER_TURN_MAX;
        // Where there are several, each is the first in its turn.
        let count = self.listeners.len().max(1);
        self.listeners.rotate_left(1 % count);
        for index in 0..self.listeners.len() {
            match self.accept_from(index, &mut left) {
                Accepted::All => {}
                Accepted::Some => return,
                Accepted::Failed => {
                    self.accept_again = Some(tick_after(self.core.now, limits::ACCEPT_RETRY));
                    return;
                }
            }
        }
        self.accepting = false;
    }

    /// Accepts up to so many connections that wait at one listener.
    pub(super) fn accept_from(&mut self, index: usize, left: &mut usize) -> Accepted {
        while *left > 0 {
            if self.peers.full(self.core.config.connections_max) {
                // What comes stays in the backlog until there is a vacancy.
                self.accepting = false;
                return Accepted::Some;
            }
            match self.listeners[index].accept() {
                Ok((socket, address)) => {
                    let peer = Peer::at(address.ip().to_canonical());
                    if !self.takes(&peer) {
                        continue;
                    }
                    match self.peers.come(self.counted(&peer)) {
                        true => self.place(socket, peer),
                        false => self.turn_away(socket, peer),
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Accepted::All,
                Err(error) => {
                    if self.peers.may_complain(self.core.local.now_ms) {
                        tracing::warn!(%error, "cannot accept a connection");
                    }
                    return Accepted::Failed;
                }
            }
            *left -= 1;
        }
        Accepted::Some
    }

    /// An address has as many connections as it may: this one is told so when it asks for
    /// something, so that a page can read it, and ends. Where many come at once, one is told at
    /// once, if the socket takes it and is not to be encrypted.
    #[cold]
    fn turn_away(&mut self, socket: TcpStream, peer: Peer) {
        if self.turned_away < limits::TURNED_AWAY_MAX {
            self.turned_away += 1;
            self.counters().connections.fetch_add(1, Ordering::SeqCst);
            return self.add_as(Kind::TurnedAway, socket, peer);
        }
        let Core { shared, local, .. } = &mut self.core;
        let mut answer = Vec::new();
        transport::refuse_connection(b"", shared, &local.date, &mut answer);
        if self.certificates.is_none() && send(&socket, &answer, SendFlags::NOSIGNAL).is_ok() {
            // Its client may be sending meanwhile, and be told nothing but that we are gone.
            let _ = socket.shutdown(Shutdown::Write);
            transport::begin_unread(&local.watch, &peer, b"", shared);
            local.watch.written(&answer);
            local.watch.count(steady_ns);
        } else {
            self.count_turned_away();
        }
    }

    /// One that is told nothing has no response to be counted by.
    fn count_turned_away(&self) {
        let gauges = &self.core.shared.hub.ledger.gauges;
        gauges.limited.add("connections_per_address_max");
    }

    /// Reads who is behind a trusted proxy, which says so first: from then on the connection is
    /// counted as theirs, and turned away if it is one too many.
    #[cold]
    pub(super) fn meet(&mut self, key: ConnectionKey) {
        let Some(connection) = find(&mut self.connections, key) else { return };
        connection.read_proxy_header();
        if let State::Reading = connection.state {
            let peer = connection.peer.clone();
            let from = self.counted(&peer);
            let may_stay = self.peers.come(from);
            let Some(connection) = find(&mut self.connections, key) else { return };
            if may_stay {
                connection.from = from;
            } else if self.turned_away < limits::TURNED_AWAY_MAX {
                self.turned_away += 1;
                connection.kind = Kind::TurnedAway;
            } else {
                connection.abort();
                self.count_turned_away();
            }
        }
        self.advance(key);
        // As for others that are turned away: it is not waited for what it asks.
        if let Some(connection) = find(&mut self.connections, key)
            && (connection.kind, connection.phase) == (Kind::TurnedAway, Phase::Idle)
        {
            self.core.arm(key, connection, limits::LINGER_TIMEOUT);
        }
    }

    /// The address whose connections are counted. A trusted proxy has those of all its clients;
    /// where it says whose each is, they are counted for those.
    pub(super) fn counted(&self, peer: &Peer) -> Option<IpAddr> {
        (!self.core.shared.guard.is_trusted(peer.address)).then_some(peer.address)
    }

    /// Whether a connection from there may be: where each begins with a header of the PROXY
    /// protocol, only those of trusted proxies.
    fn takes(&self, peer: &Peer) -> bool {
        let taken = !self.begins_with_header() || self.core.shared.guard.is_trusted(peer.address);
        if !taken && self.peers.may_complain(self.core.local.now_ms) {
            tracing::warn!(
                peer = %peer.address,
                "guard.proxy_protocol: connections of no trusted proxy (guard.trusted_proxies) are \
                 closed"
            );
        }
        taken
    }

    fn begins_with_header(&self) -> bool {
        self.core.config.guard.proxy_protocol == ProxyProtocol::Required
    }

    /// Keeps a new connection, or hands it to a shard that has clearly fewer.
    fn place(&mut self, socket: TcpStream, peer: Peer) {
        let to = match self.core.local.stopping {
            true => self.index,
            false => self.peers.place(self.index),
        };
        let counter = &self.peers.counters[to].connections;
        counter.fetch_add(1, Ordering::SeqCst);
        if to == self.index {
            return self.add(socket, peer);
        }
        let posted = match self.peers.is_leaving(to) {
            true => Err(Mail::Adopt(socket, peer)),
            false => self.peers.addresses[to].post(Mail::Adopt(socket, peer)),
        };
        if let Err(mail) = posted {
            // Its mailbox is full, or it is about to end: better here than not at all.
            counter.fetch_sub(1, Ordering::SeqCst);
            if let Mail::Adopt(socket, peer) = mail {
                self.counters().connections.fetch_add(1, Ordering::SeqCst);
                self.add(socket, peer);
            }
        }
    }

    /// Takes in a connection that has been accepted and counted.
    pub(super) fn add(&mut self, socket: TcpStream, peer: Peer) {
        self.add_as(Kind::Client, socket, peer);
    }

    fn add_as(&mut self, kind: Kind, mut socket: TcpStream, peer: Peer) {
        let from = self.counted(&peer).filter(|_| kind == Kind::Client);
        match self.register(&mut socket) {
            Ok(key) => {
                self.table().accepted.add_alone(1);
                let mut connection = Connection::new(socket, peer, key.generation);
                (connection.kind, connection.from) = (kind, from);
                connection.opened = self.core.now;
                if self.begins_with_header() {
                    connection.state = State::ProxyHeader;
                }
                connection.tls = self.certificates.as_ref().map(Tls::new);
                let slot = self.connections.insert(connection);
                self.most = self.most.max(self.connections.len());
                let idle_timeout = match kind {
                    Kind::TurnedAway => limits::LINGER_TIMEOUT,
                    Kind::Client | Kind::Operator => self.patience(),
                };
                self.core.arm(key, &mut self.connections[slot], idle_timeout);
            }
            Err(error) => {
                tracing::debug!(%error, "a connection was lost before it began");
                if kind == Kind::TurnedAway {
                    self.turned_away -= 1;
                }
                self.peers.leave(self.index, from);
            }
        }
    }

    /// Takes in who asks for an operator's pages; where there are too many, the connection ends at
    /// once. Not handed over, not counted among those of clients, and in the clear.
    #[cold]
    pub(super) fn accept_operators(&mut self) {
        let Some(listener) = self.admin.take() else { return };
        while let Ok((mut socket, address)) = listener.accept() {
            if self.admins >= limits::ADMIN_CONNECTIONS_MAX {
                continue;
            }
            let Ok(key) = self.register(&mut socket) else { continue };
            let mut connection = Connection::new(socket, Peer::at(address.ip()), key.generation);
            connection.kind = Kind::Operator;
            let slot = self.connections.insert(connection);
            // Who asks for nothing keeps the probes of a healthy process out.
            let idle_timeout = self.patience().min(limits::LINGER_TIMEOUT);
            self.core.arm(key, &mut self.connections[slot], idle_timeout);
            self.admins += 1;
        }
        self.admin = Some(listener);
    }

    fn register(&mut self, socket: &mut TcpStream) -> io::Result<ConnectionKey> {
        // Answers are written whole, once a turn: there is nothing to gather (Nagle's algorithm).
        socket.set_nodelay(true)?;
        self.generation = self.generation.wrapping_add(1) % ConnectionKey::GENERATIONS;
        let key = ConnectionKey::new(self.connections.vacant_key(), self.generation);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(socket, key.token(), interest)?;
        Ok(key)
    }
}
