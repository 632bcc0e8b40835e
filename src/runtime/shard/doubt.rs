//! Who was let in may not be let in any more (a reload): what is open for them ends then.
//!
//! All that waits is asked about, so many a turn, so that a shard with many streams goes on with
//! its requests meanwhile. What something is brought to before its turn is asked about then.

use super::{Shard, find};
use crate::app::Handler;
use crate::limits;
use crate::runtime::connection::State;

impl<H: Handler> Shard<H> {
    /// All that is open is in doubt.
    pub(super) fn doubt(&mut self) {
        self.core.local.rights = self.core.local.rights.wrapping_add(1);
        self.doubted = self.keys(|connection| matches!(connection.state, State::Waiting(_)));
    }

    /// Asks about some of what is in doubt.
    pub(super) fn ask_again(&mut self) {
        let from = self.doubted.len().saturating_sub(limits::ASKED_AGAIN_PER_TURN_MAX);
        for key in self.doubted.split_off(from) {
            if let Some(connection) = find(&mut self.connections, key) {
                self.core.ask_again(connection);
                self.advance(key);
            }
        }
        if !self.doubted.is_empty() {
            // The rest in the next turn.
            self.core.address.ring();
        }
    }
}
