//! The end of a shard.

use std::time::Instant;

use super::{Shard, find};
use crate::app::Handler;
use crate::runtime::ConnectionKey;
use crate::runtime::connection::{Connection, Phase, State};

impl<H: Handler> Shard<H> {
    /// Stops accepting, closes what is idle, and lets the rest finish.
    pub(super) fn stop(&mut self) {
        self.stop_by = Some(Instant::now() + self.core.config.shutdown_grace);
        self.core.local.stopping = true;
        self.core.shared.hub.begin_to_close();
        self.accepting = false;
        self.accept_again = None;
        self.listener = None;
        let idle = |(_, connection): &(usize, &Connection)| {
            let is_idle = matches!(connection.phase, Phase::Idle | Phase::Handshake);
            is_idle && !connection.is_admin
        };
        let key = |(slot, c): (usize, &Connection)| ConnectionKey::new(slot, c.generation);
        for key in self.connections.iter().filter(idle).map(key).collect::<Vec<_>>() {
            self.remove(key);
        }
        let waits =
            |(_, connection): &(usize, &Connection)| matches!(connection.state, State::Waiting(_));
        for key in self.connections.iter().filter(waits).map(key).collect::<Vec<_>>() {
            if let Some(connection) = find(&mut self.connections, key) {
                self.core.let_go(connection);
                self.advance(key);
            }
        }
    }

    pub(super) fn stopped(&self) -> bool {
        match self.stop_by {
            None => false,
            // Operators can ask how it goes until all others have gone.
            Some(by) => self.connections.len() == self.admins || Instant::now() >= by,
        }
    }
}
