//! How a shard is told, from any thread, that one of its connections has something to send.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;
use mio::Waker;

/// Wakes a shard once for all that it has not looked at yet.
pub(crate) struct Bell {
    rung: AtomicBool,
    waker: Waker,
}

impl Bell {
    pub(crate) fn new(waker: Waker) -> Arc<Bell> {
        Arc::new(Bell { rung: AtomicBool::new(false), waker })
    }

    /// Wakes the shard, unless it has not looked since it was last woken.
    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel)
            && let Err(error) = self.waker.wake()
        {
            tracing::error!(%error, "cannot wake a shard");
        }
    }

    /// To be called when the bell has woken the shard, before it looks: what comes from now on
    /// rings again.
    pub(crate) fn heard(&self) {
        self.rung.store(false, Ordering::Release);
    }
}

/// The connection that reads a stream, and the way to tell its shard that there is something.
///
/// A stream tells its reader once and then waits to be read, so no more is ever queued than there
/// are connections.
#[derive(Clone)]
pub(crate) struct Reader {
    /// `None` for a connection that looks by itself.
    told: Option<Sender<u64>>,
    /// What wakes its shard; a thread that waits for what it is told needs none.
    bell: Option<Arc<Bell>>,
    /// What the shard calls the connection.
    connection: u64,
}

impl Reader {
    pub(crate) fn new(nudges: Sender<u64>, bell: Arc<Bell>, connection: u64) -> Reader {
        Reader { told: Some(nudges), bell: Some(bell), connection }
    }

    /// A thread of its own, which is told 0.
    pub(crate) fn thread(told: Sender<u64>) -> Reader {
        Reader { told: Some(told), bell: None, connection: 0 }
    }

    /// A reader that nobody has to tell.
    pub(crate) fn untold() -> Reader {
        Reader { told: None, bell: None, connection: 0 }
    }

    pub(super) fn tell(&self) {
        let Some(told) = &self.told else { return };
        // A shard that is gone has no connections that could be told.
        if told.send(self.connection).is_ok()
            && let Some(bell) = &self.bell
        {
            bell.ring();
        }
    }
}
