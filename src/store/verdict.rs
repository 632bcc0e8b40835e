//! What a request waits for that cannot be let in or refused yet.

use std::sync::atomic::{AtomicBool, Ordering};

/// Something that is found out elsewhere. Once it is decided, whoever waits asks again.
#[derive(Debug, Default)]
pub struct Verdict {
    decided: AtomicBool,
}

impl Verdict {
    /// One that is open.
    pub fn new() -> Verdict {
        Verdict::default()
    }

    /// Tells all who wait that it is known now, once and for all.
    pub fn decide(&self) {
        self.decided.store(true, Ordering::Release);
    }

    /// Whether it is.
    pub fn is_decided(&self) -> bool {
        self.decided.load(Ordering::Acquire)
    }
}
