//! What other threads put into a shard: answers, connections, the stop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use mio::net::TcpStream;
use mio::{Registry, Token, Waker};

use super::ConnectionKey;
use crate::http::Connection as Persistence;

/// A letter to a shard.
pub(crate) enum Mail {
    /// What a worker answers to the request that this connection waits for.
    Answer { key: ConnectionKey, body: Vec<u8>, persistence: Persistence },
    /// A connection from a shard that has more of them.
    Adopt(TcpStream),
    /// There is room for a connection again, and somebody may wait at the listener.
    Vacancy,
    /// Finish what is under way, and end.
    Stop,
}

/// Where letters are posted, from any thread.
#[derive(Clone)]
pub(crate) struct Address {
    sender: Sender<Mail>,
    bell: Arc<Bell>,
}

/// Wakes the shard once for all letters that it has not looked at yet.
struct Bell {
    rung: AtomicBool,
    waker: Waker,
}

/// Where the shard finds its letters.
pub(crate) struct Mailbox {
    receiver: Receiver<Mail>,
    bell: Arc<Bell>,
}

/// Makes a mailbox with room for so many letters.
pub(crate) fn mailbox(
    registry: &Registry,
    token: Token,
    room: usize,
) -> io::Result<(Address, Mailbox)> {
    let (sender, receiver) = bounded(room);
    let waker = Waker::new(registry, token)?;
    let bell = Arc::new(Bell { rung: AtomicBool::new(false), waker });
    Ok((Address { sender, bell: bell.clone() }, Mailbox { receiver, bell }))
}

impl Address {
    /// Posts a letter; gives it back when the box is full or the shard is gone.
    pub(crate) fn post(&self, mail: Mail) -> Result<(), Mail> {
        self.sender.try_send(mail).map_err(|refused| refused.into_inner())?;
        self.ring();
        Ok(())
    }

    /// Posts a letter, and waits while the box is full. For workers; a shard never waits.
    pub(crate) fn post_waiting(&self, mail: Mail) {
        // A shard that is gone has no connections left that could wait for an answer.
        if self.sender.send(mail).is_ok() {
            self.ring();
        }
    }

    /// Wakes the shard, unless it has not looked since it was last woken.
    pub(crate) fn ring(&self) {
        if !self.bell.rung.swap(true, Ordering::AcqRel)
            && let Err(error) = self.bell.waker.wake()
        {
            tracing::error!(%error, "cannot wake a shard");
        }
    }
}

impl Mailbox {
    /// To be called when the bell has woken the shard, before it looks into the box: a letter that
    /// is posted from now on rings again.
    pub(crate) fn heard(&self) {
        self.bell.rung.store(false, Ordering::Release);
    }

    /// The next letter, if there is one.
    pub(crate) fn take(&self) -> Option<Mail> {
        self.receiver.try_recv().ok()
    }
}
