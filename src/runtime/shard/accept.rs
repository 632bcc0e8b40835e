//! How connections come to a shard: accepted, or handed over by one that has more.

use std::io;
use std::sync::atomic::Ordering;

use mio::Interest;
use mio::net::TcpStream;

use super::Shard;
use crate::app::{Handler, Peer};
use crate::limits;
use crate::runtime::ConnectionKey;
use crate::runtime::connection::Connection;
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
                Ok((socket, address)) => self.place(socket, Peer::at(address.ip())),
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
                let mut connection = Connection::new(socket, peer, key.generation);
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
