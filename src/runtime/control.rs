//! What is asked of the threads of a server from outside: by letters, so that no shard waits.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::end::End;
use super::listener::{self, Opened};
use super::mailbox::{Address, Leave, Mail, Reloaded};
use super::stdio::StdioStop;
use crate::limits;
use crate::store::Hub;

/// Speaks with the threads of a server, from any other.
#[derive(Clone)]
pub(crate) struct Control {
    mailboxes: Vec<Address>,
    stdio: Option<StdioStop>,
    pub(crate) hub: Arc<Hub>,
    end: Arc<End>,
}

impl Control {
    pub(super) fn new(
        mailboxes: Vec<Address>,
        stdio: Option<StdioStop>,
        hub: Arc<Hub>,
        end: Arc<End>,
    ) -> Control {
        Control { mailboxes, stdio, hub, end }
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
        self.end.begin();
        // One whose mailbox is full, since it is stuck, keeps none of the others from leaving.
        let is_full = |mailbox: &&Address| mailbox.post(Mail::Stop(leave)).is_err();
        let full: Vec<_> = self.mailboxes.iter().filter(is_full).collect();
        full.into_iter().for_each(|mailbox| mailbox.post_waiting(Mail::Stop(leave)));
        if let Some(stdio) = &self.stdio {
            stdio.stop();
        }
    }

    /// Gives all shards other settings, where there are any, and has them ask again whether those
    /// are let in for whom something is open. Returns when they have the settings, and bring
    /// nothing any more to those who are not (one that is stuck gets to it later).
    pub(crate) fn reload(&self, reloaded: Option<&Arc<Reloaded>>) {
        if let Some(reloaded) = reloaded {
            self.end.set(&reloaded.config);
        }
        for mailbox in &self.mailboxes {
            if let Some(reloaded) = reloaded {
                mailbox.post_waiting(Mail::Reload(reloaded.clone()));
            }
            mailbox.post_waiting(Mail::AskAgain);
        }
        // Letters are read in their order: who answers this one has read the others.
        self.silent_shards(limits::SHARD_ANSWER_TIMEOUT);
    }

    /// The sockets that the shards listen on, once more: each of them, once. All or none: a socket
    /// that is left takes the connections with it that nobody has accepted yet.
    pub(crate) fn listeners(&self, patience: Duration) -> io::Result<Opened> {
        let (asked, lent) = self.ask(Mail::Lend);
        let until = Instant::now() + patience;
        let late = || io::Error::new(io::ErrorKind::TimedOut, "a shard does not answer");
        if asked < self.mailboxes.len() {
            return Err(late());
        }
        let mut all = Opened::default();
        for _ in 0..asked {
            let Opened { clients, admin } = lent.recv_deadline(until).map_err(|_| late())?;
            all.clients.extend(clients);
            all.admin = all.admin.or(admin);
        }
        all.clients = listener::distinct(all.clients)?;
        Ok(all)
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
