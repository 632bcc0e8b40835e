//! What waits to be written to a log, bounded. Shards put in; one thread takes out.

use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::counters::Counter;

/// What is put in.
#[derive(Debug)]
pub(crate) enum Letter<T> {
    Entry(T),
    /// The file was moved away: go on with a new one.
    Reopen,
    /// Nothing comes after this.
    End,
}

/// A bounded queue to one thread. Whoever puts something in never waits.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    sender: Sender<Letter<T>>,
    receiver: Receiver<Letter<T>>,
    /// Entries that are in it, or that have a place in it.
    taken: AtomicUsize,
    room: usize,
    /// Entries that there was no place for.
    pub(crate) dropped: Counter,
    /// Entries that are done with.
    pub(crate) written: Counter,
}

impl<T> Queue<T> {
    pub(crate) fn new(room: usize) -> Queue<T> {
        // Two more, for the letters that are no entries.
        let (sender, receiver) = bounded(room + 2);
        let (dropped, written) = (Counter::default(), Counter::default());
        Queue { sender, receiver, taken: AtomicUsize::new(0), room, dropped, written }
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

    /// Tells the thread something; waits while the queue is full, so not for shards.
    pub(crate) fn tell(&self, letter: Letter<T>) {
        // The queue holds a receiver, so it is never closed.
        let _ = self.sender.send(letter);
    }

    /// Where the thread finds what was put in. It says when it is [done](Queue::done) with it.
    pub(crate) fn receiver(&self) -> &Receiver<Letter<T>> {
        &self.receiver
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
        queue.tell(Letter::End);
        let entries: Vec<_> = queue.receiver().try_iter().collect();
        assert!(matches!(&entries[..], [Letter::Entry(1), Letter::Entry(3), Letter::End]));
        queue.done(2);
        assert!(queue.reserve() && queue.reserve() && !queue.reserve());
    }
}
