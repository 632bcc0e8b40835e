//! Limits that a reload replaces while others read them: each number an atomic of its own, read
//! alone, so that nobody waits and nothing is half another.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use super::hub::StreamLimits;
use super::sessions::SessionLimits;
use super::stream::Bounds;

/// [`SessionLimits`] that can change.
#[derive(Debug, Default)]
pub(crate) struct LiveSessionLimits {
    sessions_max: AtomicUsize,
    per_principal_max: AtomicUsize,
    idle_s: AtomicU32,
    replay_s: AtomicU32,
    replay_bytes: AtomicUsize,
}

impl LiveSessionLimits {
    pub(crate) fn new(limits: SessionLimits) -> LiveSessionLimits {
        let live = LiveSessionLimits::default();
        live.set(limits);
        live
    }

    pub(crate) fn set(&self, limits: SessionLimits) {
        self.sessions_max.store(limits.sessions_max, Relaxed);
        self.per_principal_max.store(limits.per_principal_max, Relaxed);
        self.idle_s.store(limits.idle_s, Relaxed);
        self.replay_s.store(limits.replay_s, Relaxed);
        self.replay_bytes.store(limits.replay_bytes, Relaxed);
    }

    /// All of them, as they are now.
    pub(crate) fn all(&self) -> SessionLimits {
        SessionLimits {
            sessions_max: self.sessions_max(),
            per_principal_max: self.per_principal_max.load(Relaxed),
            idle_s: self.idle_s.load(Relaxed),
            replay_s: self.replay_s.load(Relaxed),
            replay_bytes: self.replay_bytes.load(Relaxed),
        }
    }

    /// Read by each request, to know whether there are sessions at all.
    #[inline]
    pub(crate) fn sessions_max(&self) -> usize {
        self.sessions_max.load(Relaxed)
    }
}

/// [`StreamLimits`] that can change.
#[derive(Debug, Default)]
pub(crate) struct LiveStreamLimits {
    events: AtomicUsize,
    bytes: AtomicUsize,
    age_max_ms: AtomicU64,
    answer_timeout_ms: AtomicU64,
}

impl LiveStreamLimits {
    pub(crate) fn new(limits: StreamLimits) -> LiveStreamLimits {
        let live = LiveStreamLimits::default();
        live.set(limits);
        live
    }

    pub(crate) fn set(&self, limits: StreamLimits) {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.events.store(limits.bounds.events, Relaxed);
        self.bytes.store(limits.bounds.bytes, Relaxed);
        self.age_max_ms.store(ms(limits.age_max), Relaxed);
        self.answer_timeout_ms.store(ms(limits.answer_timeout), Relaxed);
    }

    /// What bounds a stream that begins now.
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { events: self.events.load(Relaxed), bytes: self.bytes.load(Relaxed) }
    }

    pub(crate) fn age_max_ms(&self) -> u64 {
        self.age_max_ms.load(Relaxed)
    }

    pub(crate) fn answer_timeout(&self) -> Duration {
        Duration::from_millis(self.answer_timeout_ms.load(Relaxed))
    }
}
