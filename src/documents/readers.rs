//! Read-only connections, one for each thread that reads.
//!
//! A thread has a home slot, found by its number (that of a thread that has ended is another's
//! next, since workers come and go), with a connection opened at the first read and
//! kept: its pages and statements stay warm, and nobody else wants the slot, so taking it is one
//! uncontended compare-and-swap. `try_lock` never waits: a slot in use means the next one, and no
//! slot at all a connection for this one call. Not thread-locals: those would outlive the dataset.

use super::error::Error;
use super::limits::READERS_MAX;
use super::schema;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The slots.
pub(super) struct Readers {
    path: PathBuf,
    slots: Vec<Slot>,
}

/// On cache lines of its own (two, since x86 prefetches pairs): no core waits for a neighbour's.
#[repr(align(128))]
struct Slot(Mutex<Option<Connection>>);

impl Readers {
    /// Opens nothing yet.
    pub(super) fn new(path: PathBuf) -> Readers {
        let slots = (0..READERS_MAX).map(|_| Slot(Mutex::new(None))).collect();
        Readers { path, slots }
    }

    /// Reads with a connection nobody else is using. Never waits for another reader.
    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let home = thread_number();
        for step in 0..self.slots.len() {
            let slot = &self.slots[(home + step) % self.slots.len()].0;
            let Some(mut held) = slot.try_lock() else { continue };
            let connection = match held.take() {
                Some(connection) => connection,
                None => schema::open_reader(&self.path)?,
            };
            // Out of its slot while it is used: one whose read panics is in the middle of anything,
            // and is dropped.
            let result = read(&connection);
            *held = Some(connection);
            return result;
        }
        read(&schema::open_reader(&self.path)?)
    }
}

/// The number of a thread that reads, for as long as it lives. They are given out in order, so the
/// first 64 share no slot, and no more slots are filled than threads have read at once.
struct Number(usize);

/// Numbers of threads that have ended.
static FREE: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

impl Number {
    fn new() -> Number {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let used = FREE.lock().pop_first();
        Number(used.unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        FREE.lock().insert(self.0);
    }
}

fn thread_number() -> usize {
    thread_local! {
        static NUMBER: Number = Number::new();
    }
    NUMBER.with(|number| number.0)
}

#[cfg(test)]
mod tests;
