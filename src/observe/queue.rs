//! What waits to be written to a log, bounded. Shards put in; one thread takes out.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::counters::Counter;

/// What is put in.
#[derive(Debug)]
pub(crate) enum Letter<T> {
    Entry(T),
    /// Look whether there is something else to do.
    Look,
}

/// A bounded queue to one thread. Whoever puts something in never waits.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    sender: Sender<Letter<T>>,
    receiver: Receiver<Letter<T>>,
    /// Entries that are in it, or that have a place in it.
    taken: AtomicUsize,
    room: usize,
    /// The file was moved away.
    moved: AtomicBool,
    /// Nothing is put in any more.
    ended: AtomicBool,
    /// The last write has failed.
    unwritable: AtomicBool,
    /// A new file could not be opened in place of one that was moved away.
    unopened: AtomicBool,
    /// Entries that there was no place for.
    pub(crate) dropped: Counter,
    /// Entries that are done with.
    pub(crate) written: Counter,
}

impl<T> Queue<T> {
    pub(crate) fn new(room: usize) -> Queue<T> {
        // One more, for the letter that is no entry.
        let (sender, receiver) = bounded(room + 1);
        Queue {
            sender,
            receiver,
            taken: AtomicUsize::new(0),
            room,
            moved: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            unwritable: AtomicBool::new(false),
            unopened: AtomicBool::new(false),
            dropped: Counter::default(),
            written: Counter::default(),
        }
    }

    /// Takes a place, for an entry that comes later and then surely fits. Says whether there was
    /// one.
    pub(crate) fn reserve(&self) -> bool {
        let is_taken = self.taken.fetch_add(1, Ordering::Relaxed) < self.room;
        if !is_taken {
            self.taken.fetch_sub(1, Ordering::Relaxed);
        }
        is_taken
    }

    /// Puts an entry into a place that was taken for it.
    pub(crate) fn put_reserved(&self, entry: T) {
        if self.sender.try_send(Letter::Entry(entry)).is_err() {
            // Only where the thread is gone, at the end of all.
            self.done(1);
            self.dropped.add(1);
        }
    }

    /// Puts an entry in, or counts that there was no place.
    pub(crate) fn put(&self, entry: impl FnOnce() -> T) {
        match self.reserve() {
            true => self.put_reserved(entry()),
            false => self.dropped.add(1),
        }
    }

    /// The file was moved away: the thread is to go on with a new one.
    pub(crate) fn reopen(&self) {
        self.moved.store(true, Ordering::Release);
        self.wake();
    }

    /// The thread is to end when all is written.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.wake();
    }

    fn wake(&self) {
        // In a full queue there is enough to wake it.
        let _ = self.sender.try_send(Letter::Look);
    }

    /// Whether the file was moved away since this was asked last.
    pub(crate) fn was_moved(&self) -> bool {
        self.moved.swap(false, Ordering::AcqRel)
    }

    /// Whether nothing is put in any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Where the thread finds what was put in. It says when it is [done](Queue::done) with it.
    pub(crate) fn receiver(&self) -> &Receiver<Letter<T>> {
        &self.receiver
    }

    /// How the last write went.
    pub(crate) fn set_unwritable(&self, is_so: bool) {
        self.unwritable.store(is_so, Ordering::Release);
    }

    /// Whether the last write has failed: what waits may never be written.
    pub(crate) fn is_unwritable(&self) -> bool {
        self.unwritable.load(Ordering::Acquire)
    }

    /// Whether there is no place.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.room
    }

    /// How opening a new file went.
    pub(crate) fn set_unopened(&self, is_so: bool) {
        self.unopened.store(is_so, Ordering::Release);
    }

    /// Whether entries go to a file that was moved away, since no new one can be opened.
    pub(crate) fn is_unopened(&self) -> bool {
        self.unopened.load(Ordering::Acquire)
    }

    /// So many places are free again.
    pub(crate) fn done(&self, entries: usize) {
        self.taken.fetch_sub(entries, Ordering::Relaxed);
        self.written.add(entries as u64);
    }

    /// Entries that wait.
    pub(crate) fn len(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_place_fits_and_what_has_none_is_counted() {
        let queue = Queue::new(2);
        assert!(queue.reserve());
        queue.put(|| 1);
        queue.put(|| 2);
        assert_eq!((queue.len(), queue.dropped.get()), (2, 1));
        queue.put_reserved(3);
        queue.end();
        let entries: Vec<_> = queue.receiver().try_iter().collect();
        assert!(matches!(&entries[..], [Letter::Entry(1), Letter::Entry(3), Letter::Look]));
        assert!(queue.has_ended() && !queue.was_moved());
        queue.done(2);
        assert!(queue.reserve() && queue.reserve() && !queue.reserve());
        queue.set_unwritable(true);
        assert!(queue.is_unwritable() && !queue.is_unopened());
    }
}
