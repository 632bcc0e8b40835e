//! What the shards know of each other: where to write, and how many connections each has.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::mailbox::{Address, Mail};
use super::metrics::ShardCounters;
use crate::limits;
use crate::store::{Counts, network};

/// What the shards know of each other.
pub(crate) struct Peers {
    pub(crate) addresses: Vec<Address>,
    pub(crate) counters: Arc<[ShardCounters]>,
    /// Shards that take no connections from others any more.
    leaving: Box<[AtomicBool]>,
    /// A shard has left its listener unread because there are `connections_max`.
    held_back: AtomicBool,
    /// When somebody may say again that no connection can be accepted.
    complain_at_ms: AtomicU64,
    /// How many connections each address has.
    pub(crate) from: Arc<Counts<u128>>,
}

impl Peers {
    pub(crate) fn new(
        addresses: Vec<Address>,
        counters: Arc<[ShardCounters]>,
        per_address_max: usize,
    ) -> Peers {
        let leaving = addresses.iter().map(|_| AtomicBool::new(false)).collect();
        let (held_back, from) = (AtomicBool::new(false), Counts::new(per_address_max));
        let complain_at_ms = AtomicU64::new(0);
        Peers { addresses, counters, leaving, held_back, complain_at_ms, from }
    }

    /// Whether one more connection may come from this address, where that is counted. It leaves,
    /// then.
    pub(crate) fn come(&self, from: Option<IpAddr>) -> bool {
        from.is_none_or(|from| self.from.add(&network(from)))
    }

    /// Whether it is to be said that no connection can be accepted: now and then while that lasts.
    pub(crate) fn may_complain(&self, now_ms: u64) -> bool {
        let at = self.complain_at_ms.load(Ordering::Relaxed);
        let next = now_ms + limits::ACCEPT_COMPLAINT_INTERVAL.as_millis() as u64;
        let set = || {
            let order = Ordering::Relaxed;
            self.complain_at_ms.compare_exchange(at, next, order, order).is_ok()
        };
        now_ms >= at && set()
    }

    fn connections(&self) -> usize {
        let count = |counters: &ShardCounters| counters.connections.load(Ordering::SeqCst);
        self.counters.iter().map(count).sum()
    }

    /// Whether there are as many connections as may be. Who is told so will hear of a vacancy:
    /// either the second look sees it, or `leave` sees the flag (all of it sequentially consistent,
    /// so that one of the two comes first).
    pub(crate) fn full(&self, max: usize) -> bool {
        if self.connections() < max {
            return false;
        }
        self.held_back.store(true, Ordering::SeqCst);
        self.connections() >= max
    }

    /// A connection of the shard `here` is gone. Whichever shard waits for its place is told.
    pub(crate) fn leave(&self, here: usize, from: Option<IpAddr>) {
        if let Some(from) = from {
            self.from.remove(&network(from));
        }
        self.counters[here].connections.fetch_sub(1, Ordering::SeqCst);
        if self.held_back.load(Ordering::SeqCst) && self.held_back.swap(false, Ordering::SeqCst) {
            for address in &self.addresses {
                if address.post(Mail::Vacancy).is_err() {
                    // Its mailbox is full: told at the next occasion.
                    self.held_back.store(true, Ordering::SeqCst);
                }
            }
        }
    }

    /// The shard `here` ends as soon as it has no connections.
    ///
    /// Who hands it one counts that connection first and looks here then; the shard says it here
    /// first and looks at the count then. So either it waits for the letter, or none is sent.
    pub(crate) fn begin_to_leave(&self, here: usize) {
        self.leaving[here].store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_leaving(&self, index: usize) -> bool {
        self.leaving[index].load(Ordering::SeqCst)
    }

    /// The shard for a connection that `here` has accepted: itself, unless another one has clearly
    /// fewer connections.
    pub(crate) fn place(&self, here: usize) -> usize {
        let count = |index: usize| self.counters[index].connections.load(Ordering::Relaxed);
        let emptiest = (0..self.counters.len()).min_by_key(|index| count(*index)).unwrap_or(here);
        if count(here) > count(emptiest) + 1 { emptiest } else { here }
    }
}
