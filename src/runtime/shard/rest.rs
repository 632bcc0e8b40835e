//! What a shard gives back when it has less to do than before.

use std::time::Duration;

use super::Shard;
use crate::app::Handler;
use crate::limits;
use crate::runtime::deadlines::{Tick, tick_after};

impl<H: Handler> Shard<H> {
    /// Once a second: buffers that nobody needed go, and with the last of them what the allocator
    /// has kept.
    pub(super) fn rest(&mut self) {
        self.given_back += self.core.read_buffers.rest() + self.core.write_buffers.rest();
        let is_at_rest = !self.core.read_buffers.is_full() && !self.core.write_buffers.is_full();
        let was_much = self.given_back >= limits::TRIM_AFTER_BYTES || self.were_many();
        if is_at_rest && was_much {
            self.given_back = 0;
            self.most = self.connections.len();
            self.core.shared.hub.give_memory_back();
        }
    }

    /// Most of the connections there were have gone, and what others held for them with them.
    fn were_many(&self) -> bool {
        self.most >= limits::TRIM_AFTER_CONNECTIONS && self.connections.len() <= self.most / 4
    }

    /// When there will be something to give back; a shard at rest sleeps.
    pub(super) fn rest_at(&self) -> Option<Tick> {
        let is_full = self.core.read_buffers.is_full() || self.core.write_buffers.is_full();
        (is_full || self.were_many()).then(|| tick_after(self.core.now, Duration::from_secs(1)))
    }
}
