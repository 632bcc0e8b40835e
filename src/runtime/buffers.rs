//! Pooled storage for read and write buffers: handed out when bytes are there, back when a
//! connection is idle. Last in, first out, so that a busy shard keeps working in the same few
//! cached pages.

use crate::config::Config;
use crate::limits;

/// Storage of one kind, kept for later.
pub(crate) struct BufferPool {
    free: Vec<Vec<u8>>,
    /// What new storage is made with, in bytes.
    size: usize,
    size_min: usize,
    max: usize,
    adaptive: bool,
    window: Window,
    /// Looks in a row at which nothing had grown.
    calm: u32,
    /// How much had come back when it was last looked whether the pool is at rest.
    returned_before: u32,
    hits: u64,
    misses: u64,
}

/// What came back since the last look.
#[derive(Default)]
struct Window {
    returned: u32,
    grown: u32,
    /// The fewest that lay unused at any time.
    unused: usize,
}

impl BufferPool {
    pub(crate) fn new(config: &Config) -> BufferPool {
        BufferPool {
            free: Vec::new(),
            size: config.buffer_size,
            size_min: config.buffer_size,
            max: config.max_buffers,
            adaptive: config.adaptive_sizing,
            window: Window::default(),
            calm: 0,
            returned_before: 0,
            hits: 0,
            misses: 0,
        }
    }

    /// Empty storage to write to.
    #[inline]
    pub(crate) fn take(&mut self) -> Vec<u8> {
        match self.free.pop() {
            Some(storage) => {
                self.hits += 1;
                self.window.unused = self.window.unused.min(self.free.len());
                storage
            }
            None => self.make(),
        }
    }

    /// Storage to read into: every byte of it is initialised.
    #[inline]
    pub(crate) fn take_filled(&mut self) -> Vec<u8> {
        let mut storage = self.take();
        if storage.is_empty() {
            storage.resize(storage.capacity(), 0);
        }
        storage
    }

    #[cold]
    fn make(&mut self) -> Vec<u8> {
        self.misses += 1;
        Vec::with_capacity(self.size)
    }

    /// Takes storage back; drops what is too large to keep, or one too many.
    #[inline]
    pub(crate) fn put(&mut self, storage: Vec<u8>) {
        self.window.returned += 1;
        let grown = storage.capacity() > self.size;
        if grown || self.free.len() >= self.max || self.window.returned >= limits::BUFFER_WINDOW {
            return self.put_unusual(storage);
        }
        self.free.push(storage);
    }

    #[cold]
    fn put_unusual(&mut self, storage: Vec<u8>) {
        let grown = storage.capacity() > self.size;
        self.window.grown += u32::from(grown);
        if self.free.len() < self.max && (!grown || storage.capacity() <= self.keep_max()) {
            self.free.push(storage);
        }
        if self.window.returned >= limits::BUFFER_WINDOW {
            self.adapt();
        }
    }

    fn keep_max(&self) -> usize {
        if self.adaptive { limits::BUFFER_SIZE_MAX.max(self.size) } else { self.size }
    }

    /// Every so often: what grew in one use out of eight is made larger from now on, what has not
    /// grown for a long time smaller again, and half of what nobody needed is given back.
    #[cold]
    fn adapt(&mut self) {
        let window = std::mem::take(&mut self.window);
        self.calm = if window.grown == 0 { self.calm + 1 } else { 0 };
        if self.adaptive && window.grown > window.returned / 8 {
            self.size = (self.size * 2).min(limits::BUFFER_SIZE_MAX).max(self.size_min);
        } else if self.adaptive && self.calm >= limits::BUFFER_CALM_WINDOWS {
            self.calm = 0;
            self.size = (self.size / 2).max(self.size_min);
        }
        self.free.drain(..window.unused.min(self.free.len()) / 2);
        self.window.unused = self.free.len();
    }

    /// To be called once a second: half of what nobody needed is given back, and all that is large
    /// when nearly nothing was. Says how many bytes that is.
    pub(crate) fn rest(&mut self) -> usize {
        let before: usize = self.free.iter().map(Vec::capacity).sum();
        let used = self.window.returned.wrapping_sub(self.returned_before);
        self.returned_before = self.window.returned;
        if used <= limits::BUFFERS_AT_REST as u32 {
            self.size = self.size_min;
            self.free.retain(|storage| storage.capacity() <= self.size);
        }
        let unused = self.window.unused.min(self.free.len());
        let spare = unused.saturating_sub(limits::BUFFERS_AT_REST).div_ceil(2);
        self.free.drain(..spare);
        self.window.unused = self.free.len();
        before - self.free.iter().map(Vec::capacity).sum::<usize>()
    }

    /// Whether there is more than a pool at rest has.
    pub(crate) fn is_full(&self) -> bool {
        self.free.len() > limits::BUFFERS_AT_REST
    }

    /// How often storage was there, and how often it had to be made.
    pub(crate) fn hits_and_misses(&self) -> (u64, u64) {
        (self.hits, self.misses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(max_buffers: usize, adaptive_sizing: bool) -> BufferPool {
        BufferPool::new(&Config { max_buffers, adaptive_sizing, ..Config::default() })
    }

    #[test]
    fn storage_is_used_again_and_bounded() {
        let mut pool = pool(2, true);
        let taken: Vec<_> = (0..4).map(|_| pool.take_filled()).collect();
        assert!(taken.iter().all(|storage| storage.len() == limits::BUFFER_SIZE));
        taken.into_iter().for_each(|storage| pool.put(storage));
        assert_eq!(pool.free.len(), 2);
        pool.take();
        assert_eq!(pool.hits_and_misses(), (1, 4));
    }

    #[test]
    fn sizes_follow_use_within_bounds() {
        let mut adaptive = pool(8, true);
        for _ in 0..10 * limits::BUFFER_WINDOW {
            adaptive.put(Vec::with_capacity(limits::BUFFER_SIZE_MAX));
            adaptive.take();
        }
        assert_eq!(adaptive.size, limits::BUFFER_SIZE_MAX);
        adaptive.free.clear();
        for _ in 0..4 * limits::BUFFER_CALM_WINDOWS * limits::BUFFER_WINDOW {
            adaptive.put(Vec::with_capacity(100));
            adaptive.take();
        }
        assert_eq!(adaptive.size, limits::BUFFER_SIZE);
        let mut fixed = pool(8, false);
        fixed.put(Vec::with_capacity(limits::BUFFER_SIZE * 2));
        assert!(fixed.free.is_empty(), "storage that grew is not kept");
    }

    #[test]
    fn a_pool_at_rest_is_small() {
        let mut pool = pool(256, true);
        let burst: Vec<_> = (0..200).map(|_| pool.take()).collect();
        burst.into_iter().for_each(|storage| pool.put(storage));
        pool.put(Vec::with_capacity(limits::BUFFER_SIZE_MAX));
        let given: usize = (0..12).map(|_| pool.rest()).sum();
        assert!(!pool.is_full() && given > 190 * limits::BUFFER_SIZE, "{given}");
        assert!(pool.free.iter().all(|storage| storage.capacity() <= limits::BUFFER_SIZE));
        assert_eq!(pool.rest(), 0);
    }

    #[test]
    fn what_nobody_needs_is_given_back() {
        let mut pool = pool(256, true);
        let burst: Vec<_> = (0..200).map(|_| pool.take()).collect();
        burst.into_iter().for_each(|storage| pool.put(storage));
        for _ in 0..20 * limits::BUFFER_WINDOW {
            let storage = pool.take();
            pool.put(storage);
        }
        assert!(pool.free.len() < 10, "{} are left", pool.free.len());
    }
}
