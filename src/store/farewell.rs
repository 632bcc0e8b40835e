//! How somebody outside the store learns, from any thread, that a stream is given up, or that a
//! session has ended.

use std::sync::OnceLock;

use crossbeam_channel::Sender;

/// Tells somebody that something has ended, by the name that he has for it.
pub(crate) struct Farewell {
    to: Sender<u64>,
    name: u64,
}

impl Farewell {
    pub(crate) fn new(to: Sender<u64>, name: u64) -> Farewell {
        Farewell { to, name }
    }

    fn say(&self) {
        // Whoever is gone needs not be told.
        let _ = self.to.send(self.name);
    }
}

/// Where a farewell waits for its time. It is set once, if ever.
#[derive(Default)]
pub(super) struct Parting(OnceLock<Box<Farewell>>);

impl Parting {
    /// Somebody wants to know. When it is over already (`is_over` is asked after the farewell is
    /// in its place), he is told at once; he may be told twice.
    pub(super) fn promise(&self, farewell: Farewell, is_over: impl FnOnce() -> bool) {
        if self.0.set(Box::new(farewell)).is_ok() && is_over() {
            self.say();
        }
    }

    /// It is over.
    pub(super) fn say(&self) {
        if let Some(farewell) = self.0.get() {
            farewell.say();
        }
    }

    /// The name that somebody has for it.
    pub(super) fn name(&self) -> Option<u64> {
        self.0.get().map(|farewell| farewell.name)
    }
}
