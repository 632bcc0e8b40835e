//! What is asked of the threads of a server from outside: by letters, so that no shard waits.

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::listener;
use super::mailbox::{Address, Leave, Mail, Reloaded};
use super::stdio::StdioStop;
use crate::store::Hub;

/// Speaks with the threads of a server, from any other.
#[derive(Clone)]
pub(crate) struct Control {
    mailboxes: Vec<Address>,
    stdio: Option<StdioStop>,
    pub(crate) hub: Arc<Hub>,
}

impl Control {
    pub(super) fn new(mailboxes: Vec<Address>, stdio: Option<StdioStop>, hub: Arc<Hub>) -> Control {
        Control { mailboxes, stdio, hub }
    }

    /// Asks the server to finish what is under way, and to end.
    pub(crate) fn stop(&self) {
        self.leave(Leave::Close);
    }

    /// The same, when somebody else has its listening sockets.
    pub(crate) fn drain(&self) {
        self.leave(Leave::Drain);
    }

    fn leave(&self, leave: Leave) {
        self.hub.begin_to_drain();
        for mailbox in &self.mailboxes {
            mailbox.post_waiting(Mail::Stop(leave));
        }
        if let Some(stdio) = &self.stdio {
            stdio.stop();
        }
    }

    /// Gives all shards other settings.
    pub(crate) fn reload(&self, reloaded: &Arc<Reloaded>) {
        for mailbox in &self.mailboxes {
            mailbox.post_waiting(Mail::Reload(reloaded.clone()));
        }
    }

    /// The sockets that the shards listen on, once more: each of them, once.
    pub(crate) fn listeners(&self, patience: Duration) -> io::Result<Vec<TcpListener>> {
        let (shards, lent) = self.ask(Mail::Lend);
        let until = Instant::now() + patience;
        let mut listeners = Vec::new();
        for _ in 0..shards {
            let late = |_| io::Error::new(io::ErrorKind::TimedOut, "a shard does not answer");
            listeners.extend(lent.recv_deadline(until).map_err(late)?);
        }
        listener::distinct(listeners)
    }

    /// The shards that took no turn within this time. Those that sleep are woken, and take one.
    pub(crate) fn silent_shards(&self, patience: Duration) -> Vec<usize> {
        let (asked, beats) = self.ask(Mail::Beat);
        let until = Instant::now() + patience;
        let mut silent: Vec<usize> = (0..self.mailboxes.len()).collect();
        for _ in 0..asked {
            let Ok(index) = beats.recv_deadline(until) else { break };
            silent.retain(|other| *other != index);
        }
        silent
    }

    /// Asks each shard, but for those whose mailboxes are full; says how many were asked.
    fn ask<T>(&self, letter: fn(Sender<T>) -> Mail) -> (usize, Receiver<T>) {
        let (asker, answers) = bounded(self.mailboxes.len());
        let ask = |mailbox: &&Address| mailbox.post(letter(asker.clone())).is_ok();
        let asked = self.mailboxes.iter().filter(ask).count();
        (asked, answers)
    }
}

/// Stops a server, from any thread.
#[derive(Clone)]
pub struct Stopper(pub(crate) Control);

impl Stopper {
    /// Asks the server to finish what is under way, and to end; does not wait for that.
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stopper")
    }
}
