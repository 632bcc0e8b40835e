//! The end of a server, which is in bounded time: a shard on which a function does not come back is
//! left behind.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, select};

use crate::config::Config;
use crate::limits;

/// That the shards are to end, and how long that may take.
pub(crate) struct End {
    patience_ms: AtomicU64,
    told: (Sender<()>, Receiver<()>),
}

impl End {
    pub(crate) fn new(config: &Config) -> End {
        let end = End { patience_ms: AtomicU64::new(0), told: bounded(1) };
        end.set(config);
        end
    }

    /// Goes by other settings, if it has not begun.
    pub(crate) fn set(&self, config: &Config) {
        let own = config.shutdown_delay + config.shutdown_grace;
        let patience = own.saturating_add(limits::SHARD_END_TIMEOUT);
        let patience_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        self.patience_ms.store(patience_ms, Ordering::Relaxed);
    }

    /// The shards are told to end.
    pub(crate) fn begin(&self) {
        // Who tells them again gives them no more time.
        let _ = self.told.0.try_send(());
    }

    /// Waits until all threads are gone that have the other side of this channel; says whether they
    /// are, or their time is over.
    pub(crate) fn wait(&self, gone: &Receiver<()>) -> bool {
        select! {
            recv(gone) -> _ => return true,
            recv(self.told.1) -> _ => {}
        }
        let patience = Duration::from_millis(self.patience_ms.load(Ordering::Relaxed));
        gone.recv_timeout(patience) != Err(RecvTimeoutError::Timeout)
    }
}
