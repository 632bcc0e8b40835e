//! The handshakes of a shard: how many it does in a turn, and what became of them.

use std::fmt;
use std::net::IpAddr;

use crate::limits;

/// Counts, and the word about what fails: one line in a second, however many there are.
#[derive(Default)]
pub(crate) struct Handshakes {
    /// Steps that may yet be taken in this turn.
    left: u32,
    done: u64,
    failed: u64,
    /// When the last failure was logged, and how many there have been since.
    logged_s: u64,
    unlogged: u64,
}

impl Handshakes {
    /// A turn begins. Connections that had to wait in the last one come first: new ones get in line
    /// behind them.
    #[inline]
    pub(crate) fn begin_turn(&mut self, some_wait: bool) {
        self.left = if some_wait { 0 } else { limits::HANDSHAKES_PER_TURN_MAX };
    }

    /// It is the turn of those that had to wait.
    #[inline]
    pub(crate) fn begin_waiting(&mut self) {
        self.left = limits::HANDSHAKES_PER_TURN_MAX;
    }

    /// Takes one of the steps that are left in this turn. Says whether there was one.
    pub(super) fn take_step(&mut self) -> bool {
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or(0);
        left.is_some()
    }

    /// A handshake is complete.
    pub(super) fn succeeded(&mut self) {
        self.done += 1;
    }

    /// How many there have been.
    pub(crate) fn done_and_failed(&self) -> (u64, u64) {
        (self.done, self.failed)
    }

    /// A handshake has failed.
    #[cold]
    pub(super) fn failed(&mut self, why: &impl fmt::Display, address: IpAddr, now_s: u64) {
        self.failed += 1;
        if self.logged_s == now_s {
            self.unlogged += 1;
            return;
        }
        let unlogged = std::mem::take(&mut self.unlogged);
        self.logged_s = now_s;
        tracing::debug!(%why, %address, unlogged, "a TLS handshake failed");
    }
}
