//! How much there is to do: how long calls wait for a worker, and when that is too long.
//!
//! How long the next call would wait is what the time between two starts says, times those that
//! wait before it. That may be some times as long as calls run when there is little to do, so that
//! a call takes at most so many times longer than it has to. A burst is not yet too much: only what
//! lasts is refused, and a call that a worker is free for never is.
//!
//! Until it is clear that it lasts, calls are taken in that wait longer than they may. Where that
//! takes a tenth of a second, at twice what can be done, it is one call in fifty of the first ten
//! seconds: it would be the p99. Hence it is soon clear, and stays so for a while. And then, for
//! each call that is refused, one that has waited for much too long is, too, while others wait
//! behind it: the queue is short soon, a burst that is followed by little is answered in full, and
//! no worker is idle for it.
//!
//! ```text
//!   comes ──▶ taken in ──▶ │ waits │ ──▶ started ──▶ runs ──▶ ended
//!     └▶ refused                └▶ refused
//!        would wait too long,      has waited for much too long, and was taken in
//!        for a while now           in the place of one that was refused
//! ```
//!
//! All of it is means that several threads keep without a lock: one that is lost now and then
//! changes nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use crate::limits;

#[cfg(test)]
mod tests;

/// What a call may wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoadLimits {
    /// Whatever calls take; zero: however long.
    pub(crate) target: Duration,
    /// Times the duration of a call.
    pub(crate) factor: u32,
    /// How long it has to be longer, at least.
    pub(crate) interval: Duration,
    /// CPUs: so many calls do not get in each other's way.
    pub(crate) cpus: usize,
}

/// There is too much to do: the setting that was met, and when to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overload {
    pub(crate) limit: &'static str,
    pub(crate) retry_after_ms: u64,
}

/// The load of a server's workers. Times are in nanoseconds of a steady clock that is not at zero.
pub(crate) struct Load {
    /// [`LoadLimits`] that can change.
    target: AtomicU64,
    factor: AtomicU64,
    interval: AtomicU64,
    cpus: usize,
    running: AtomicUsize,
    /// What a call takes when there is a CPU for it; 0 before there was one.
    call: AtomicU64,
    /// The time between two starts while calls wait; 0 before any has.
    between: AtomicU64,
    /// When a worker last came for a call.
    taken_at: AtomicU64,
    /// The last start, or when the first call that waits came; 0 when none waits.
    moved_at: AtomicU64,
    /// Since when the wait has been too long; 0 when it is not.
    long_since: AtomicU64,
    /// Until when calls are refused that would wait too long.
    refusing_until: AtomicU64,
    /// Calls that were refused in that time, and for which no other has been yet; never more than
    /// wait.
    turned_away: AtomicUsize,
    /// The process has more memory than it should.
    short_of_memory: AtomicBool,
}

/// A call that runs.
pub(crate) struct Started {
    at: u64,
    /// It had a CPU, and says what calls take.
    counts: bool,
}

impl Load {
    pub(crate) fn new(limits: LoadLimits) -> Load {
        let load = Load {
            target: AtomicU64::new(0),
            factor: AtomicU64::new(0),
            interval: AtomicU64::new(0),
            cpus: limits.cpus,
            running: AtomicUsize::new(0),
            call: AtomicU64::new(0),
            between: AtomicU64::new(0),
            taken_at: AtomicU64::new(0),
            moved_at: AtomicU64::new(0),
            long_since: AtomicU64::new(0),
            refusing_until: AtomicU64::new(0),
            turned_away: AtomicUsize::new(0),
            short_of_memory: AtomicBool::new(false),
        };
        load.set(limits);
        load
    }

    /// Goes by other limits from the next call on. There are as many CPUs as before.
    pub(crate) fn set(&self, limits: LoadLimits) {
        self.target.store(nanos(limits.target), Relaxed);
        self.factor.store(u64::from(limits.factor), Relaxed);
        self.interval.store(nanos(limits.interval), Relaxed);
    }

    /// Whether a call may wait behind those that do.
    pub(crate) fn admit(&self, waiting: usize, now: u64) -> Result<(), Overload> {
        if self.is_short_of_memory() {
            return Err(SHORT_OF_MEMORY);
        }
        if waiting == 0 {
            self.moved_at.store(now, Relaxed);
        }
        let (wait, may) = (self.wait(waiting, now), self.may_wait());
        if wait <= may || self.target.load(Relaxed) == 0 {
            self.long_since.store(0, Relaxed);
            return Ok(());
        }
        let interval = self.call().max(self.interval.load(Relaxed));
        if now >= self.refusing_until.load(Relaxed) {
            let since = self.long_since.load(Relaxed);
            if since == 0 {
                self.long_since.store(now, Relaxed);
            }
            if since == 0 || now.saturating_sub(since) < interval {
                return Ok(());
            }
            self.turned_away.store(0, Relaxed);
        }
        let turned_away = self.turned_away.load(Relaxed) + 1;
        self.turned_away.store(turned_away.min(waiting), Relaxed);
        let calm = interval.saturating_mul(limits::OVERLOAD_CALM);
        self.refusing_until.store(now.saturating_add(calm), Relaxed);
        Err(too_long(wait))
    }

    /// Whether a call that came then is refused after all, now that a worker is there for it; so
    /// many wait behind it.
    pub(crate) fn is_too_late(&self, came: u64, waiting: usize, now: u64) -> Option<Overload> {
        let still = now.saturating_sub(self.taken_at.swap(now, Relaxed));
        if now >= self.refusing_until.load(Relaxed) || self.target.load(Relaxed) == 0 {
            return None;
        }
        let may = self.may_wait();
        let is_late = now.saturating_sub(came) > may.saturating_mul(limits::OVERLOAD_PATIENCE);
        // Where few wait, a worker that refuses would have nothing to do.
        let behind = self.between.load(Relaxed).max(still).saturating_mul(waiting as u64 + 1);
        let turned_away = self.turned_away.load(Relaxed);
        if !is_late || waiting == 0 || behind <= may || turned_away == 0 {
            return None;
        }
        self.turned_away.store(turned_away - 1, Relaxed);
        Some(too_long(self.wait(waiting, now)))
    }

    /// The queue has no room.
    pub(crate) fn full(&self, waiting: usize, now: u64) -> Overload {
        Overload { limit: "deferred_max", retry_after_ms: wait_ms(self.wait(waiting, now)) }
    }

    /// A call is started; so many still wait.
    pub(crate) fn started(&self, waiting: usize, now: u64) -> Started {
        let moved_at = self.moved_at.swap(if waiting == 0 { 0 } else { now }, Relaxed);
        if moved_at != 0 {
            let between = now.saturating_sub(moved_at).max(1);
            let between = match self.between.load(Relaxed) {
                0 => between,
                // A machine that stood still for a moment is an exception, too.
                before => mean(before, between.min(before.max(self.call()).saturating_mul(8))),
            };
            self.between.store(between, Relaxed);
        }
        Started { at: now, counts: self.running.fetch_add(1, Relaxed) < self.cpus }
    }

    /// It has ended. What was no usual call does not say what calls take.
    pub(crate) fn ended(&self, started: &Started, is_usual: bool, now: u64) {
        self.running.fetch_sub(1, Relaxed);
        if started.counts && is_usual {
            let took = now.saturating_sub(started.at).max(1);
            let took = match self.call.load(Relaxed) {
                0 => took,
                // One that waits for a person is an exception, and must not make a rule.
                before => mean(before, took.min(before.saturating_mul(8))),
            };
            self.call.store(took, Relaxed);
        }
    }

    /// How long a call would wait.
    fn wait(&self, waiting: usize, now: u64) -> u64 {
        if waiting == 0 {
            return 0;
        }
        // Where nothing starts, the time since then says more than what was.
        let still = match self.moved_at.load(Relaxed) {
            0 => 0,
            moved_at => now.saturating_sub(moved_at),
        };
        self.between.load(Relaxed).max(still).saturating_mul(waiting as u64 + 1)
    }

    /// How long it may.
    fn may_wait(&self) -> u64 {
        let calls = self.call().saturating_mul(self.factor.load(Relaxed));
        self.target.load(Relaxed).max(calls)
    }

    /// What a call takes.
    fn call(&self) -> u64 {
        match self.call.load(Relaxed) {
            0 => nanos(limits::CALL_ASSUMED),
            call => call,
        }
    }

    /// Whether calls, and large bodies, are refused because the process has too much memory.
    pub(crate) fn is_short_of_memory(&self) -> bool {
        self.short_of_memory.load(Relaxed)
    }

    pub(crate) fn set_short_of_memory(&self, is_short: bool) {
        self.short_of_memory.store(is_short, Relaxed);
    }
}

/// Memory is short.
pub(crate) const SHORT_OF_MEMORY: Overload =
    Overload { limit: "overload.memory_max", retry_after_ms: 1000 };

fn too_long(wait: u64) -> Overload {
    Overload { limit: "overload.queue_delay_target", retry_after_ms: wait_ms(wait) }
}

/// A mean of about the last 16.
fn mean(before: u64, sample: u64) -> u64 {
    before - before / 16 + sample / 16
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// What clients are told: not less than a moment, and no more than they would believe.
fn wait_ms(wait: u64) -> u64 {
    (wait / 1_000_000).clamp(100, limits::RETRY_AFTER_MAX.as_millis() as u64)
}
