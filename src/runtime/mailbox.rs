//! What other threads put into a shard: connections, the stop, and the word that a stream has
//! something for one of its connections.

use std::io;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use mio::net::TcpStream;
use mio::{Registry, Token, Waker};

use super::ConnectionKey;
use super::listener::Opened;
use crate::app::Peer;
use crate::config::Config;
use crate::store::{Bell, Reader};
use crate::transport::Settings;

/// A letter to a shard.
pub(crate) enum Mail {
    /// A connection from a shard that has more of them.
    Adopt(TcpStream, Peer),
    /// There is room for a connection again, and somebody may wait at the listener.
    Vacancy,
    /// Finish what is under way, and end.
    Stop(Leave),
    /// Go on with other settings.
    Reload(Arc<Reloaded>),
    /// Who was let in may not be let in any more: ask again about all that is open for them.
    AskAgain,
    /// Say which sockets you listen on.
    Lend(Sender<Opened>),
    /// Say that you take your turns, by your number.
    Beat(Sender<usize>),
}

/// What becomes of connections that nobody uses when a server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// They are closed.
    Close,
    /// They are served once more, since their clients may be sending: somebody else has the
    /// listening sockets, and clients that have to come back are served there.
    Drain,
}

/// What a reload brings to a shard.
pub(crate) struct Reloaded {
    pub(crate) config: Arc<Config>,
    pub(crate) settings: Settings,
}

/// Where letters are posted, from any thread.
#[derive(Clone)]
pub(crate) struct Address {
    sender: Sender<Mail>,
    /// Connections whose streams have something. Without a bound of its own: a stream tells its
    /// reader once and waits to be read, so there are never more than connections.
    nudges: Sender<u64>,
    bell: Arc<Bell>,
}

/// Where the shard finds its letters.
pub(crate) struct Mailbox {
    receiver: Receiver<Mail>,
    nudges: Receiver<u64>,
    bell: Arc<Bell>,
}

/// Makes a mailbox with room for so many letters.
pub(crate) fn mailbox(
    registry: &Registry,
    token: Token,
    room: usize,
) -> io::Result<(Address, Mailbox)> {
    let (sender, receiver) = bounded(room);
    let (nudge, nudges) = unbounded();
    let bell = Bell::new(Waker::new(registry, token)?);
    let address = Address { sender, nudges: nudge, bell: bell.clone() };
    Ok((address, Mailbox { receiver, nudges, bell }))
}

impl Address {
    /// Posts a letter; gives it back when the box is full or the shard is gone.
    pub(crate) fn post(&self, mail: Mail) -> Result<(), Mail> {
        self.sender.try_send(mail).map_err(|refused| refused.into_inner())?;
        self.ring();
        Ok(())
    }

    /// Posts a letter, and waits while the box is full. Not for shards, which never wait.
    pub(crate) fn post_waiting(&self, mail: Mail) {
        // A shard that is gone needs no letters.
        if self.sender.send(mail).is_ok() {
            self.ring();
        }
    }

    /// Wakes the shard, unless it has not looked since it was last woken.
    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    /// What a stream tells that it has something for a connection of this shard.
    pub(crate) fn reader(&self, key: ConnectionKey) -> Reader {
        Reader::new(self.nudges.clone(), self.bell.clone(), key.token().0 as u64)
    }
}

impl Mailbox {
    /// To be called when the bell has woken the shard, before it looks into the box.
    pub(crate) fn heard(&self) {
        self.bell.heard();
    }

    /// The next letter, if there is one.
    pub(crate) fn take(&self) -> Option<Mail> {
        self.receiver.try_recv().ok()
    }

    /// The next connection whose stream has something, if there is one.
    pub(crate) fn take_nudge(&self) -> Option<ConnectionKey> {
        let connection = self.nudges.try_recv().ok()?;
        Some(ConnectionKey::from_token(Token(connection as usize)))
    }
}
