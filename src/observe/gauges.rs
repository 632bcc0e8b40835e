//! What is now, and what others count for the operator: refusals by limit, failures by reason.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::counters::Counter;
use super::histogram::Histogram;
use crate::limits;

/// What is counted beside requests. None of it is on the way of a request that is answered.
pub(crate) struct Gauges {
    /// Connections that wait for an answer, or read a stream.
    pub(crate) streams: Counter,
    /// Jobs that wait for a worker.
    pub(crate) queue: Waiting,
    /// Workers that work.
    pub(crate) busy: Counter,
    /// Workers there are, without those that replace others.
    pub(crate) workers: Counter,
    /// Requests that a limit has refused, by the name of the limit.
    pub(crate) limited: Named,
    /// TLS handshakes that failed, by reason.
    pub(crate) handshakes_failed: Named,
    /// What operators did, and what they could not do.
    pub(crate) acts: Named,
    pub(crate) acts_failed: Named,
    pub(crate) settled: Settled,
}

/// What is settled at the start and at a reload, and is told beside what is counted; zero where
/// there is none.
#[derive(Default)]
pub(crate) struct Settled {
    pub(crate) connections_max: Counter,
    pub(crate) memory_max: Counter,
    /// When the first certificate expires, in seconds since 1970.
    pub(crate) certificate_expires_s: Counter,
}

impl Gauges {
    /// Of a server whose workers have a queue of this length.
    pub(crate) fn new(queue: usize) -> Gauges {
        let named = Named::default;
        Gauges {
            streams: Counter::default(),
            queue: Waiting::new(queue),
            busy: Counter::default(),
            workers: Counter::default(),
            limited: named(),
            handshakes_failed: named(),
            acts: named(),
            acts_failed: named(),
            settled: Settled::default(),
        }
    }
}

/// Who waits in a queue, and since when. First come, first served.
pub(crate) struct Waiting {
    /// Since when, by number and around.
    since_ns: Box<[AtomicU64]>,
    came: AtomicU64,
    went: AtomicU64,
    /// How long it took.
    pub(crate) waited: Histogram,
}

impl Waiting {
    fn new(room: usize) -> Waiting {
        Waiting {
            since_ns: (0..room.max(1)).map(|_| AtomicU64::new(0)).collect(),
            came: AtomicU64::new(0),
            went: AtomicU64::new(0),
            waited: Histogram::default(),
        }
    }

    /// Somebody waits, who came at this time.
    pub(crate) fn enter(&self, now_ns: u64) {
        let number = self.came.fetch_add(1, Ordering::AcqRel);
        self.since_ns[number as usize % self.since_ns.len()].store(now_ns, Ordering::Release);
    }

    /// The first who waits is served; it came at `since_ns`.
    pub(crate) fn leave(&self, since_ns: u64, now_ns: u64) {
        self.went.fetch_add(1, Ordering::AcqRel);
        self.waited.add(1, now_ns.saturating_sub(since_ns));
    }

    pub(crate) fn len(&self) -> u64 {
        self.came.load(Ordering::Acquire).saturating_sub(self.went.load(Ordering::Acquire))
    }

    /// How long the first has waited; about, since others come and go meanwhile.
    pub(crate) fn oldest_ns(&self, now_ns: u64) -> u64 {
        let first = self.went.load(Ordering::Acquire);
        if self.len() == 0 {
            return 0;
        }
        let since = &self.since_ns[first as usize % self.since_ns.len()];
        now_ns.saturating_sub(since.load(Ordering::Acquire))
    }
}

/// Numbers by name, a bounded number of them: beyond that, what is new has one name together.
#[derive(Default)]
pub(crate) struct Named(Mutex<BTreeMap<Box<str>, u64>>);

impl Named {
    pub(crate) fn add(&self, name: &str) {
        let mut named = self.0.lock();
        let is_full = named.len() >= limits::NAMES_COUNTED_MAX && !named.contains_key(name);
        let name = if is_full { "_OTHER" } else { name };
        match named.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(named.insert(name.into(), 1)),
        }
    }

    pub(crate) fn all(&self) -> Vec<(Box<str>, u64)> {
        self.0.lock().iter().map(|(name, value)| (name.clone(), *value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_the_first_that_came() {
        let queue = Waiting::new(2);
        assert_eq!((queue.len(), queue.oldest_ns(9)), (0, 0));
        queue.enter(1);
        queue.enter(3);
        assert_eq!((queue.len(), queue.oldest_ns(9)), (2, 8));
        queue.leave(1, 9);
        assert_eq!((queue.len(), queue.oldest_ns(9)), (1, 6));
        queue.leave(3, 9);
        queue.enter(8);
        assert_eq!((queue.len(), queue.oldest_ns(9)), (1, 1));
    }

    #[test]
    fn names_are_bounded_and_nothing_is_lost() {
        let named = Named::default();
        for number in 0..2 * limits::NAMES_COUNTED_MAX {
            named.add(&number.to_string());
        }
        let all = named.all();
        assert_eq!(all.len(), limits::NAMES_COUNTED_MAX + 1);
        assert_eq!(
            all.iter().map(|(_, count)| *count as usize).sum::<usize>(),
            2 * limits::NAMES_COUNTED_MAX
        );
    }
}
