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
        if self.rest_at().is_none() && self.given_back >= limits::TRIM_AFTER_BYTES {
            self.given_back = 0;
            self.core.shared.hub.give_memory_back();
        }
    }

    /// When there will be something to give back; a shard at rest sleeps.
    pub(super) fn rest_at(&self) -> Option<Tick> {
        let is_full = self.core.read_buffers.is_full() || self.core.write_buffers.is_full();
        is_full.then(|| tick_after(self.core.now, Duration::from_secs(1)))
    }
}
