//! What a shard does with its letters.

use std::net::TcpListener;
use std::os::fd::AsFd;
use std::sync::Arc;

use super::{MemoryWatch, Shard, bounds_connections};
use crate::app::Handler;
use crate::json::Parser;
use crate::limits;
use crate::runtime::listener::Opened;
use crate::runtime::mailbox::{Mail, Reloaded};
use crate::transport::Shared;

impl<H: Handler> Shard<H> {
    pub(super) fn open_mail(&mut self) {
        for _ in 0..limits::MAIL_PER_TURN_MAX {
            match self.mailbox.take() {
                None => return,
                Some(Mail::Adopt(socket, peer)) => self.add(socket, peer),
                Some(Mail::Vacancy) => self.look_at_listeners(),
                Some(Mail::Stop(leave)) => self.leave(leave),
                Some(Mail::Reload(reloaded)) => self.reload(&reloaded),
                Some(Mail::AskAgain) => self.doubt(),
                // Whoever asked may have gone.
                Some(Mail::Lend(asker)) => drop(asker.try_send(self.lend())),
                Some(Mail::Beat(asker)) => drop(asker.try_send(self.index)),
            }
        }
        // There may be more: ring for the next turn.
        self.core.address.ring();
    }

    fn look_at_listeners(&mut self) {
        self.accepting |= !self.listeners.is_empty() && self.accept_again.is_none();
    }

    /// Goes on with other settings: from the next request on, and for each deadline from when it is
    /// set next.
    fn reload(&mut self, reloaded: &Reloaded) {
        let Shared { handler, hub, .. } = &*self.core.shared;
        let mut settings = reloaded.settings.clone();
        if reloaded.config.rate == self.core.config.rate {
            // Who has used up what is theirs is not given it again.
            settings.rates.clone_from(&self.core.shared.rates);
        }
        // What has been read of a request stays readable, though a new one might not be so long.
        let room = settings.limits.read_buffer_bytes_max();
        self.core.read_buffer_max = self.core.read_buffer_max.max(room);
        let (handler, hub) = (handler.clone(), hub.clone());
        self.core.shared = Arc::new(Shared { handler, hub, settings });
        let config = &reloaded.config;
        self.peers.from.set_max(config.connections_per_address_max);
        if config.json_depth_max != self.core.config.json_depth_max {
            self.core.local.parser = Parser::with_depth(config.json_depth_max);
        }
        self.memory = MemoryWatch::new(config);
        if self.memory.is_off() {
            // Nobody looks any more whether that is over.
            self.core.shared.hub.load.set_short_of_memory(false);
        }
        self.core.bounds_connections = bounds_connections(config);
        self.core.local.closing = self.core.local.leaving;
        // Which hosts may be called is another question now.
        self.core.local.known_host.clear();
        self.core.config = config.clone();
        // There may be room for more connections now.
        self.look_at_listeners();
    }

    /// The sockets it listens on, once more.
    fn lend(&self) -> Opened {
        let lend = |listener: &mio::net::TcpListener| match listener.as_fd().try_clone_to_owned() {
            Ok(descriptor) => Some(TcpListener::from(descriptor)),
            Err(error) => {
                tracing::warn!(%error, "cannot lend a listening socket");
                None
            }
        };
        Opened {
            clients: self.listeners.iter().filter_map(lend).collect(),
            admin: self.admin.as_ref().and_then(lend),
        }
    }
}
