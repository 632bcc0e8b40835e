//! How many of something each of those has who may have only so many.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// How many each key has: an address, a principal. There are as many keys as there is to count.
pub(crate) struct Counts<K> {
    /// Zero is no bound.
    max: AtomicUsize,
    held: Mutex<HashMap<K, usize>>,
}

/// One of them, until it is dropped.
pub(crate) struct Held<K: Eq + Hash + Clone> {
    counts: Arc<Counts<K>>,
    key: K,
}

impl<K: Eq + Hash + Clone> Counts<K> {
    pub(crate) fn new(max: usize) -> Arc<Counts<K>> {
        Arc::new(Counts { max: AtomicUsize::new(max), held: Mutex::default() })
    }

    /// From now on there may be so many. What is there already stays.
    pub(crate) fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
    }

    /// One more until what is given is dropped, if it may be. Without a bound nothing is counted,
    /// so what begins then does not count under a bound that comes later.
    ///
    /// # Errors
    /// There are as many as may be.
    pub(crate) fn take(self: &Arc<Self>, key: impl FnOnce() -> K) -> Result<Option<Held<K>>, ()> {
        if self.max.load(Ordering::Relaxed) == 0 {
            return Ok(None);
        }
        let key = key();
        match self.add(&key) {
            true => Ok(Some(Held { counts: self.clone(), key })),
            false => Err(()),
        }
    }

    /// One more, if it may be; [`Counts::remove`] takes it back. Counts without a bound, too.
    pub(crate) fn add(&self, key: &K) -> bool {
        let max = self.max.load(Ordering::Relaxed);
        let mut held = self.held.lock();
        let count = held.entry(key.clone()).or_default();
        let may_be = max == 0 || *count < max;
        *count += usize::from(may_be);
        may_be
    }

    pub(crate) fn remove(&self, key: &K) {
        if let Entry::Occupied(mut entry) = self.held.lock().entry(key.clone()) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

impl<K: Eq + Hash + Clone> Drop for Held<K> {
    fn drop(&mut self) {
        self.counts.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn each_has_so_many_and_what_is_given_back_is_free() {
        let counts = Counts::new(2);
        let take = |who| counts.take(|| who);
        let first = take("ada").expect("one");
        let second = take("ada").expect("two");
        assert!(take("ada").is_err());
        assert!(take("alan").is_ok(), "and given back at once");
        drop(first);
        let third = take("ada");
        assert!(third.is_ok() && take("ada").is_err());
        drop((second, third));
        assert!(counts.held.lock().is_empty(), "nobody is remembered who has nothing");
    }

    #[test]
    fn a_bound_can_be_another() {
        let counts = Counts::new(0);
        let take = || counts.take(|| "ada");
        let before = take().expect("any");
        assert!(before.is_none() && counts.held.lock().is_empty(), "nothing is counted");
        counts.set_max(1);
        let first = take().expect("one");
        assert!(take().is_err());
        counts.set_max(2);
        let second = take().expect("two");
        counts.set_max(1);
        drop(first);
        assert!(take().is_err(), "as many as may be are still there");
        counts.set_max(0);
        drop((before, second));
        assert!(counts.held.lock().is_empty());
    }
}
