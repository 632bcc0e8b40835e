//! How connections come to a shard: accepted, or handed over by one that has more.

use std::io;
use std::sync::atomic::Ordering;

use mio::Interest;
use mio::net::TcpStream;

use super::Shard;
use crate::app::{Handler, Peer};
use crate::config::ProxyProtocol;
use crate::limits;
use crate::runtime::ConnectionKey;
use crate::runtime::connection::{Connection, State};
use crate::runtime::deadlines::tick_after;
use crate::runtime::mailbox::Mail;
use crate::runtime::tls::Tls;

impl<H: Handler> Shard<H> {
    pub(super) fn accept(&mut self) {
        if self.accept_again.is_some_and(|tick| tick > self.core.now) {
            return;
        }
        self.accept_again = None;
        for _ in 0..limits::ACCEPTS_PER_TURN_MAX {
            let full = self.peers.full(self.core.config.connections_max);
            let Some(listener) = self.listener.as_ref().filter(|_| !full) else {
                // When full, what comes stays in the backlog until there is a vacancy.
                self.accepting = false;
                return;
            };
            match listener.accept() {
                Ok((socket, address)) => {
                    let peer = Peer::at(address.ip().to_canonical());
                    if self.takes(&peer) {
                        self.place(socket, peer);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.accepting = false;
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    self.accept_again = Some(tick_after(self.core.now, limits::ACCEPT_RETRY));
                    return;
                }
            }
        }
    }

    /// Whether a connection from there may be: where each begins with a header of the PROXY
    /// protocol, only those of trusted proxies.
    fn takes(&self, peer: &Peer) -> bool {
        let taken = !self.begins_with_header() || self.core.shared.guard.is_trusted(peer.address);
        if !taken {
            tracing::debug!(peer = %peer.address, "a connection of no trusted proxy is closed");
        }
        taken
    }

    fn begins_with_header(&self) -> bool {
        self.core.config.guard.proxy_protocol == ProxyProtocol::Required
    }

    /// Keeps a new connection, or hands it to a shard that has clearly fewer.
    fn place(&mut self, socket: TcpStream, peer: Peer) {
        let to = self.peers.place(self.index);
        let counter = &self.peers.counters[to].connections;
        counter.fetch_add(1, Ordering::Relaxed);
        if to == self.index {
            self.add(socket, peer);
        } else if let Err(mail) = self.peers.addresses[to].post(Mail::Adopt(socket, peer)) {
            // Its mailbox is full: better here than not at all.
            counter.fetch_sub(1, Ordering::Relaxed);
            if let Mail::Adopt(socket, peer) = mail {
                self.counters().connections.fetch_add(1, Ordering::Relaxed);
                self.add(socket, peer);
            }
        }
    }

    /// Takes in a connection that has been accepted and counted.
    pub(super) fn add(&mut self, mut socket: TcpStream, peer: Peer) {
        match self.register(&mut socket) {
            Ok(key) => {
                self.table().accepted.add_alone(1);
                let mut connection = Connection::new(socket, peer, key.generation);
                if self.begins_with_header() {
                    connection.state = State::ProxyHeader;
                }
                connection.tls = self.certificates.as_ref().map(Tls::new);
                let slot = self.connections.insert(connection);
                self.core.arm(key, &mut self.connections[slot]);
            }
            Err(error) => {
                tracing::debug!(%error, "a connection was lost before it began");
                self.peers.leave(self.index);
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
            connection.is_admin = true;
            let slot = self.connections.insert(connection);
            self.core.arm(key, &mut self.connections[slot]);
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
