//! Bytes with named cursors: what has been read and not understood, what is written and not sent.
//!
//! ```text
//!  ReadBuffer   │ consumed │ unread      │ free          │      0 ≤ start ≤ end ≤ bytes.len()
//!               0          start         end     bytes.len()
//!               compaction moves `unread` to the front, before the storage grows
//!
//!  WriteBuffer  │ sent     │ unsent      │                       0 ≤ sent ≤ bytes.len()
//!               0          sent  bytes.len()
//! ```
//!
//! Both hold no heap until they are given storage or asked for space, so that an idle connection
//! can hand its storage back (`detach`) and cost nothing. Knows nothing of sockets or HTTP.

#[cfg(test)]
mod tests;

/// What a peer has sent and nobody has consumed yet.
///
/// The storage is fully initialised (its `len` is what can be filled), because a safe `read`
/// wants an initialised slice; it is zeroed once, when it grows, never on each read.
#[derive(Debug, Default)]
pub struct ReadBuffer {
    bytes: Vec<u8>,
    /// The first unread byte; `start <= end`.
    start: usize,
    /// One past the last unread byte; `end <= bytes.len()`.
    end: usize,
}

impl ReadBuffer {
    /// A buffer without storage.
    pub const fn new() -> ReadBuffer {
        ReadBuffer { bytes: Vec::new(), start: 0, end: 0 }
    }

    /// Whether there is storage: false after `new` and `detach`.
    pub fn has_storage(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Gives the buffer its storage: `bytes.len()` is what can be filled before it must grow.
    pub fn attach(&mut self, bytes: Vec<u8>) {
        debug_assert!(self.is_empty(), "storage is attached to an empty buffer only");
        self.bytes = bytes;
        self.start = 0;
        self.end = 0;
        self.invariants();
    }

    /// Takes the storage away, for the next connection that has something to read.
    pub fn detach(&mut self) -> Vec<u8> {
        debug_assert!(self.is_empty(), "storage is detached from an empty buffer only");
        self.start = 0;
        self.end = 0;
        std::mem::take(&mut self.bytes)
    }

    /// Whether nothing is unread.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// How many bytes are unread.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// How many bytes of storage there are, consumed and free ones included.
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// The unread bytes; mutable, since bodies are decoded and parsed in place.
    #[inline]
    pub fn unread(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// The unread bytes in two parts, the second of which can be shortened while the first is
    /// borrowed: the head of a request, and the body behind it.
    #[inline]
    pub fn split_at(&mut self, at: usize) -> (&mut [u8], Tail<'_>) {
        let ReadBuffer { bytes, start, end } = self;
        let (front, bytes) = bytes[*start..*end].split_at_mut(at);
        (front, Tail { bytes, end })
    }

    /// The first `n` unread bytes are done with.
    #[inline]
    pub fn consume(&mut self, n: usize) {
        assert!(n <= self.len(), "what is consumed has been unread");
        self.start += n;
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        self.invariants();
    }

    /// Free space behind the unread bytes, `want` bytes of it if that can be had with at most
    /// `max` bytes of storage; empty when the buffer is full at `max`.
    ///
    /// Follow with [`ReadBuffer::filled`].
    #[inline]
    pub fn space(&mut self, want: usize, max: usize) -> &mut [u8] {
        if self.bytes.len() - self.end < want {
            self.make_space(want, max);
        }
        self.invariants();
        let limit = self.bytes.len().min(max).max(self.end);
        &mut self.bytes[self.end..limit]
    }

    /// The first `n` bytes of [`ReadBuffer::space`] have been filled.
    #[inline]
    pub fn filled(&mut self, n: usize) {
        assert!(n <= self.bytes.len() - self.end, "what is filled was free");
        self.end += n;
        self.invariants();
    }

    /// Compacts, then grows: doubling keeps the copying linear in what was read.
    fn make_space(&mut self, want: usize, max: usize) {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let len_wanted = self.end.saturating_add(want);
        if self.bytes.len() >= len_wanted || self.bytes.len() >= max {
            return;
        }
        let len_new = len_wanted.max(self.bytes.len().saturating_mul(2)).min(max);
        self.bytes.reserve_exact(len_new - self.bytes.len());
        self.bytes.resize(len_new, 0);
    }

    fn invariants(&self) {
        debug_assert!(self.start <= self.end);
        debug_assert!(self.end <= self.bytes.len());
    }
}

/// The unread bytes of a [`ReadBuffer`] behind some position.
#[derive(Debug)]
pub struct Tail<'b> {
    bytes: &'b mut [u8],
    /// `ReadBuffer::end`, which `bytes` ends at.
    end: &'b mut usize,
}

impl<'b> Tail<'b> {
    /// The bytes.
    pub fn unread(&mut self) -> &mut [u8] {
        self.bytes
    }

    /// Drops the `n` bytes at `at`, and moves what is behind them up.
    pub fn remove_gap(&mut self, at: usize, n: usize) {
        if n == 0 {
            return;
        }
        self.bytes.copy_within(at + n.., at);
        let len = self.bytes.len() - n;
        self.bytes = &mut std::mem::take(&mut self.bytes)[..len];
        *self.end -= n;
    }

    /// The bytes, for as long as the buffer is borrowed.
    pub fn into_unread(self) -> &'b mut [u8] {
        self.bytes
    }
}

/// What has been written and not been sent yet.
#[derive(Debug, Default)]
pub struct WriteBuffer {
    bytes: Vec<u8>,
    /// Bytes before it are with the kernel; `sent <= bytes.len()`, and both are 0 when all is sent.
    sent: usize,
}

impl WriteBuffer {
    /// A buffer without storage.
    pub const fn new() -> WriteBuffer {
        WriteBuffer { bytes: Vec::new(), sent: 0 }
    }

    /// Whether there is storage: false after `new` and `detach`.
    pub fn has_storage(&self) -> bool {
        self.bytes.capacity() > 0
    }

    /// Gives the buffer its storage: an empty vector with a capacity.
    pub fn attach(&mut self, bytes: Vec<u8>) {
        debug_assert!(self.is_empty(), "storage is attached to an empty buffer only");
        debug_assert!(bytes.is_empty(), "storage to write to is empty");
        self.bytes = bytes;
        self.sent = 0;
        self.invariants();
    }

    /// Takes the storage away, empty.
    pub fn detach(&mut self) -> Vec<u8> {
        debug_assert!(self.is_empty(), "storage is detached from an empty buffer only");
        self.sent = 0;
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        bytes
    }

    /// Where to append. What is there already may have been sent: append only, and truncate only
    /// to a length seen since the last [`WriteBuffer::sent`].
    pub fn out(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// What is to be sent next.
    pub fn unsent(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// The first `n` unsent bytes have been sent.
    ///
    /// The sent bytes are dropped when they are at least half of all, so that a slow reader's
    /// buffer holds at most twice what is unsent, and each byte is moved once on average.
    pub fn sent(&mut self, n: usize) {
        assert!(n <= self.bytes.len() - self.sent, "what is sent was unsent");
        self.sent += n;
        if self.sent >= self.bytes.len() - self.sent {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        self.invariants();
    }

    /// Whether all has been sent.
    pub fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// How many bytes are unsent.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    fn invariants(&self) {
        debug_assert!(self.sent <= self.bytes.len());
        debug_assert!(self.sent == 0 || self.sent < self.bytes.len());
    }
}
