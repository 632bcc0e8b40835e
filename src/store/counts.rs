//! How many of something each of those has who may have only so many.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

/// How many each key has: an address, a principal. There are as many keys as there is to count.
pub(crate) struct Counts<K> {
    max: usize,
    held: Mutex<HashMap<K, usize>>,
}

/// One of them, until it is dropped.
pub(crate) struct Held<K: Eq + Hash + Clone> {
    counts: Arc<Counts<K>>,
    key: K,
}

impl<K: Eq + Hash + Clone> Counts<K> {
    /// Zero is no bound: nothing is counted.
    pub(crate) fn new(max: usize) -> Option<Arc<Counts<K>>> {
        (max > 0).then(|| Arc::new(Counts { max, held: Mutex::default() }))
    }

    /// One more until what is given is dropped, if it may be.
    pub(crate) fn take(self: &Arc<Self>, key: K) -> Option<Held<K>> {
        self.add(&key).then(|| Held { counts: self.clone(), key })
    }

    /// One more, if it may be; [`Counts::remove`] takes it back.
    pub(crate) fn add(&self, key: &K) -> bool {
        let mut held = self.held.lock();
        let count = held.entry(key.clone()).or_default();
        let may_be = *count < self.max;
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
        let counts = Counts::new(2).expect("a bound");
        let first = counts.take("ada").expect("one");
        let second = counts.take("ada").expect("two");
        assert!(counts.take("ada").is_none());
        assert!(counts.take("alan").is_some(), "and given back at once");
        drop(first);
        let third = counts.take("ada");
        assert!(third.is_some() && counts.take("ada").is_none());
        drop((second, third));
        assert!(counts.held.lock().is_empty(), "nobody is remembered who has nothing");
        assert!(Counts::<u8>::new(0).is_none());
    }
}
