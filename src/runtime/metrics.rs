//! What shards say about themselves: each writes its own line, whoever asks adds them up.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The published counters of one shard, on cache lines of their own.
///
/// `connections` changes when a connection is accepted, handed over or closed; the others are
/// copied from the shard's plain counters once a second. No request touches any of them.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct ShardCounters {
    pub(crate) connections: AtomicUsize,
    requests: AtomicU64,
    buffer_hits: AtomicU64,
    buffer_misses: AtomicU64,
    handshakes: AtomicU64,
    handshake_failures: AtomicU64,
}

/// What one shard is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardStats {
    /// Connections open now.
    pub connections: usize,
    /// Requests answered so far; up to a second old.
    pub requests: u64,
    /// How often a buffer was wanted and one was there.
    pub buffer_hits: u64,
    /// How often a buffer was wanted and had to be made.
    pub buffer_misses: u64,
    /// TLS handshakes that were completed; up to a second old.
    pub handshakes: u64,
    /// Those that were not.
    pub handshake_failures: u64,
}

impl ShardCounters {
    pub(crate) fn publish(
        &self,
        requests: u64,
        (hits, misses): (u64, u64),
        (handshakes, handshake_failures): (u64, u64),
    ) {
        self.handshakes.store(handshakes, Ordering::Relaxed);
        self.handshake_failures.store(handshake_failures, Ordering::Relaxed);
        self.requests.store(requests, Ordering::Relaxed);
        self.buffer_hits.store(hits, Ordering::Relaxed);
        self.buffer_misses.store(misses, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> ShardStats {
        ShardStats {
            connections: self.connections.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            buffer_hits: self.buffer_hits.load(Ordering::Relaxed),
            buffer_misses: self.buffer_misses.load(Ordering::Relaxed),
            handshakes: self.handshakes.load(Ordering::Relaxed),
            handshake_failures: self.handshake_failures.load(Ordering::Relaxed),
        }
    }
}
