//! Counters that a scrape reads while threads add to them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::histogram::{Histogram, Snapshot};
use super::outcome::{Observed, Operation, Operations, Outcome};

/// A number that only rises, but for gauges.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds where nobody else does: a load and a store, and no lock of the bus.
    #[inline]
    pub(crate) fn add_alone(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    /// Adds where others do too.
    #[inline]
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Takes away, of what is a gauge.
    pub(crate) fn subtract(&self, count: u64) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// HTTP statuses from here on, and below the other.
const STATUS_FIRST: usize = 100;
const STATUS_END: usize = 600;

/// What one shard counts; or what all that are none count together.
///
/// A shard adds to its own table alone. A histogram is made when it is first needed.
pub(crate) struct Table {
    /// By operation, and within that by outcome.
    series: Box<[OnceLock<Box<Histogram>>]>,
    statuses: Box<[Counter]>,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) accepted: Counter,
    pub(crate) closed: Counter,
}

impl Table {
    pub(crate) fn new(operations: &Operations) -> Table {
        Table {
            series: (0..operations.count() * Outcome::COUNT).map(|_| OnceLock::new()).collect(),
            statuses: (STATUS_FIRST..STATUS_END).map(|_| Counter::default()).collect(),
            bytes_in: Counter::default(),
            bytes_out: Counter::default(),
            accepted: Counter::default(),
            closed: Counter::default(),
        }
    }

    /// Counts so many requests that ended alike, and took as long each. The caller is the only one
    /// who adds to this table.
    #[inline]
    pub(crate) fn count_alone(&self, observed: Observed, count: u64, each_ns: u64) {
        if let Some(status) =
            self.statuses.get(usize::from(observed.status).wrapping_sub(STATUS_FIRST))
        {
            status.add_alone(count);
        }
        if let Some(series) = self.series.get(place(observed)) {
            series.get_or_init(Box::default).add_alone(count, each_ns);
        }
    }

    /// The same for one request, where others add too.
    pub(crate) fn count(&self, observed: Observed, ns: u64) {
        let status = usize::from(observed.status).checked_sub(STATUS_FIRST);
        if let Some(status) = status.and_then(|status| self.statuses.get(status)) {
            status.add(1);
        }
        if let Some(series) = self.series.get(place(observed)) {
            series.get_or_init(Box::default).add(1, ns);
        }
    }

    /// Adds what was counted of an operation that ended so.
    pub(crate) fn include(&self, operation: Operation, outcome: Outcome, sum: &mut Snapshot) {
        let observed = Observed { operation, outcome, status: 0 };
        if let Some(histogram) = self.series.get(place(observed)).and_then(OnceLock::get) {
            sum.include(histogram);
        }
    }

    /// Responses of this status.
    pub(crate) fn responses(&self, status: u16) -> u64 {
        self.statuses[usize::from(status) - STATUS_FIRST].get()
    }

    /// All statuses that can be counted.
    pub(crate) fn statuses() -> std::ops::Range<u16> {
        STATUS_FIRST as u16..STATUS_END as u16
    }
}

/// Beyond the end of the table for what is no operation.
#[inline]
fn place(observed: Observed) -> usize {
    (observed.operation.0 as usize).wrapping_mul(Outcome::COUNT) + observed.outcome as usize
}
