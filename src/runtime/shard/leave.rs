//! How a shard ends.
//!
//! ```text
//!        Mail::Stop            shutdown_delay is over          no connections, or
//!   Not ───────────▶ Later ──────────────────────────▶ Until ──shutdown_grace is over──▶ the end
//! ```
//!
//! From `Later` on, every answer closes its connection. A client that asks again and again is so
//! told to go elsewhere when it asks, and not while its next request is on its way: therefore
//! connections that are idle in `Until` are kept for a while, too. How long is all that a stop and
//! a hand-over to another process differ in.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Shard, find};
use crate::app::Handler;
use crate::limits;
use crate::runtime::ConnectionKey;
use crate::runtime::connection::{Connection, Kind, Phase, State};
use crate::runtime::mailbox::Leave;

/// How far a shard is on its way out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leaving {
    Not,
    /// All is served until then; who asks whether we are ready is told no.
    Later(Instant, Leave),
    /// What is under way is finished until then, and what is idle closed before, unless that was
    /// done already.
    Until {
        end: Instant,
        close_idle: Option<Instant>,
    },
}

impl Leaving {
    /// When something is to be done about it.
    pub(super) fn next(self) -> Option<Instant> {
        match self {
            Leaving::Not => None,
            Leaving::Later(at, _) => Some(at),
            Leaving::Until { end, close_idle } => Some(close_idle.unwrap_or(end)),
        }
    }
}

impl<H: Handler> Shard<H> {
    /// Begins to leave.
    pub(super) fn leave(&mut self, leave: Leave) {
        let now = Instant::now();
        match (self.leaving, leave) {
            (Leaving::Not, Leave::Close) if !self.core.config.shutdown_delay.is_zero() => {
                self.leaving = Leaving::Later(now + self.core.config.shutdown_delay, leave);
                self.answer_and_close();
            }
            // Whoever took the listening sockets is ready: there is nothing to wait for.
            (Leaving::Not, _) => self.stop(leave),
            // The first word counts, but for a stop that has no time for a drain.
            (Leaving::Until { end, .. }, Leave::Close) => self.leaving = until(end, leave),
            _ => {}
        }
    }

    /// Whether it is over. Moves from waiting to leaving when it is time.
    pub(super) fn stopped(&mut self) -> bool {
        match self.leaving {
            Leaving::Not => false,
            Leaving::Later(at, leave) => {
                if Instant::now() < at {
                    return false;
                }
                self.stop(leave);
                self.stopped()
            }
            Leaving::Until { end, close_idle } => {
                let now = Instant::now();
                if close_idle.is_some_and(|at| now >= at) {
                    self.leaving = Leaving::Until { end, close_idle: None };
                    self.close_idle();
                }
                now >= end || self.counters().connections.load(Ordering::SeqCst) == 0
            }
        }
    }

    /// How long a new connection may be idle. One that came while the server stops has not been
    /// used yet, and will be at once or not at all.
    pub(super) fn patience(&self) -> Duration {
        match self.leaving {
            Leaving::Until { close_idle: None, .. } => limits::FAREWELL_TIMEOUT,
            _ => self.core.config.idle_timeout,
        }
    }

    /// From now on every answer is the last one of its connection.
    fn answer_and_close(&mut self) {
        self.core.local.leaving = true;
        self.core.local.closing = true;
    }

    /// Stops accepting, and lets the rest finish.
    fn stop(&mut self, leave: Leave) {
        self.leaving = until(Instant::now() + self.core.config.shutdown_grace, leave);
        self.answer_and_close();
        self.core.local.stopping = true;
        self.core.shared.hub.begin_to_close();
        self.peers.begin_to_leave(self.index);
        self.close_listeners();
        let waits = |connection: &Connection| matches!(connection.state, State::Waiting(_));
        for key in self.keys(waits) {
            if let Some(connection) = find(&mut self.connections, key) {
                self.core.let_go(connection);
                self.advance(key);
            }
        }
        self.core.dirty.append(&mut self.core.late);
        self.write_dirty();
    }

    /// Takes in who waits already, since closing the socket would reset them; then closes it.
    fn close_listeners(&mut self) {
        self.accepting = false;
        self.accept_again = None;
        let mut left = limits::BACKLOG as usize;
        for index in 0..self.listeners.len() {
            self.accept_from(index, &mut left);
        }
        self.listeners.clear();
        self.accepting = false;
    }

    /// Closes connections that nobody uses. What has come from one meanwhile is still answered.
    fn close_idle(&mut self) {
        // Operators can ask how it goes until all others have gone.
        let idle = |connection: &Connection| {
            connection.kind != Kind::Operator
                && matches!(connection.phase, Phase::Idle | Phase::Handshake)
        };
        let keys = self.keys(idle);
        for key in &keys {
            if let Some(connection) = find(&mut self.connections, *key) {
                connection.readable = true;
                self.advance(*key);
            }
        }
        self.write_dirty();
        for key in keys {
            if find(&mut self.connections, key).is_some_and(|found| idle(found)) {
                self.remove(key);
            }
        }
    }

    /// The connections of which something holds.
    pub(super) fn keys(&self, wanted: impl Fn(&Connection) -> bool) -> Vec<ConnectionKey> {
        let wanted = self.connections.iter().filter(|(_, connection)| wanted(connection));
        wanted.map(|(slot, c)| ConnectionKey::new(slot, c.generation)).collect()
    }
}

/// Whoever has another process to go to has all of the grace for its next request.
fn until(end: Instant, leave: Leave) -> Leaving {
    let close_idle = match leave {
        Leave::Drain => end,
        Leave::Close => end.min(Instant::now() + limits::FAREWELL_TIMEOUT),
    };
    Leaving::Until { end, close_idle: Some(close_idle) }
}
