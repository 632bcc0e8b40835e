//! How much progress may be sent.

use crate::limits;

/// How much progress may be sent: a burst, and some a second after it (progress page,
/// "Implementation Notes": both parties should limit its rate).
pub(super) struct Allowance {
    left: u32,
    counted_ms: u64,
}

impl Default for Allowance {
    fn default() -> Self {
        Allowance { left: limits::PROGRESS_BURST, counted_ms: 0 }
    }
}

impl Allowance {
    pub(super) fn take(&mut self, now_ms: u64) -> bool {
        let earned = now_ms.saturating_sub(self.counted_ms) / limits::PROGRESS_INTERVAL_MS;
        if earned > 0 {
            let earned = u32::try_from(earned).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(earned).min(limits::PROGRESS_BURST);
            self.counted_ms = now_ms;
        }
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        some
    }

    pub(super) fn next_ms(&self) -> u64 {
        self.counted_ms + limits::PROGRESS_INTERVAL_MS
    }
}
