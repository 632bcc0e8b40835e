//! What signals do. A thread of its own hears them from before anything is opened on, and does
//! nothing itself that could wait (within a handler nothing is done at all): whatever else hangs, a
//! file that does not come, say, the next signal is heard.
//!
//! ```text
//! SIGTERM, SIGINT   finish what is under way, and end; a second one ends at once, and so does the
//!                   first one while nothing is served yet
//! SIGHUP            read the settings again, on a thread of its own
//! SIGUSR1           open the files of logs again
//! SIGUSR2           start the program again, hand the sockets over to it, and end
//! ```

use std::ffi::c_int;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::exit;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::Builder;

use mcp_fastd::inherit::{ACTIVATED, ACTIVATED_ADMIN, ADMIN};
use mcp_fastd::{Authentication, Config, Handle, LogFormat};
use parking_lot::Mutex;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use tracing_subscriber::filter::Targets;

use super::arguments::ServeArguments;
use super::serve::LogFilter;
use super::upgrade::Upgrade;
use super::{reload, systemd};

/// Those that are heard.
const SIGNALS: [c_int; 5] = [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2];

/// What a reload changes.
pub(super) struct Daemon {
    pub(super) handle: Handle,
    pub(super) authentication: Authentication,
    /// As they were given at the start; a reload uses the same.
    pub(super) arguments: ServeArguments,
    pub(super) dataset: Option<PathBuf>,
    pub(super) log: LogFilter,
    pub(super) filter: Targets,
    pub(super) log_format: LogFormat,
    pub(super) inherited: Kept,
    /// What systemd shows.
    pub(super) status: String,
}

/// Hears signals, and does what they say.
#[derive(Default)]
pub(super) struct Ears(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    /// There is none while it starts.
    obeying: Option<Obeying>,
    /// What was heard before: each is obeyed once when it serves.
    early: Vec<c_int>,
}

/// Does what signals say, and waits for nothing.
struct Obeying {
    handle: Handle,
    upgrade: Upgrade,
    /// To the thread that reloads; one that is asked for while another waits there is the same.
    reloads: SyncSender<()>,
    is_told_to_stop: bool,
}

/// Where sockets listen that somebody else has opened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Kept {
    /// Of several, one that more than this machine reaches, if any: it is the one that demands
    /// that the server knows its name.
    pub(super) clients: Option<Place>,
    pub(super) admin: Option<Place>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) address: SocketAddr,
    /// That was systemd, whose unit says where; the settings need not.
    pub(super) is_activated: bool,
}

impl Kept {
    /// They stay where they are: a setting is compared with where they listen, if that is what it
    /// asks for or systemd opened them.
    pub(super) fn settle(self, config: &mut Config) {
        if let Some(place) = self.clients
            && (place.is_activated || asks_for(config.bind, place.address))
        {
            config.bind = place.address;
        }
        let admin_bind = &mut config.observe.admin_bind;
        if let Some(place) = self.admin
            && (place.is_activated || admin_bind.is_some_and(|bind| asks_for(bind, place.address)))
        {
            *admin_bind = Some(place.address);
        }
    }

    /// The names under which sockets for clients and for operators are handed over.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        let is_activated = |place: Option<Place>| place.is_some_and(|place| place.is_activated);
        let clients = if is_activated(self.clients) { ACTIVATED } else { "" };
        (clients, if is_activated(self.admin) { ACTIVATED_ADMIN } else { ADMIN })
    }
}

impl Ears {
    /// Hears signals from now on.
    pub(super) fn open() -> io::Result<Ears> {
        let mut signals = Signals::new(SIGNALS)?;
        let ears = Ears::default();
        let heard = ears.0.clone();
        let hear = move || signals.forever().for_each(|signal| heard.lock().hear(signal));
        Builder::new().name("signals".to_owned()).spawn(hear)?;
        Ok(ears)
    }

    /// It serves: signals are for this daemon.
    pub(super) fn obey(&self, mut daemon: Daemon, upgrade: Upgrade) -> io::Result<()> {
        let (reloads, asked) = sync_channel(1);
        let handle = daemon.handle.clone();
        let reload = move || asked.iter().for_each(|()| reload::reload(&mut daemon));
        Builder::new().name("reloads".to_owned()).spawn(reload)?;
        let mut obeying = Obeying { handle, upgrade, reloads, is_told_to_stop: false };
        let mut heard = self.0.lock();
        heard.early.drain(..).for_each(|signal| obeying.obey(signal));
        heard.obeying = Some(obeying);
        Ok(())
    }
}

impl Heard {
    fn hear(&mut self, signal: c_int) {
        match (&mut self.obeying, signal) {
            (Some(obeying), signal) => obeying.obey(signal),
            // Whatever the start waits for: nobody is served, and there is nothing to finish.
            (None, SIGTERM | SIGINT) => {
                tracing::info!(signal = name(signal), "stopped before it served");
                exit(0);
            }
            (None, signal) if !self.early.contains(&signal) => self.early.push(signal),
            (None, _) => {}
        }
    }
}

impl Obeying {
    fn obey(&mut self, signal: c_int) {
        match signal {
            SIGHUP if self.is_leaving("reload") => {}
            SIGUSR2 if self.is_leaving("upgrade") => {}
            SIGHUP => {
                if let Err(TrySendError::Full(())) = self.reloads.try_send(()) {
                    tracing::warn!(
                        "a reload waits already for the one before it, which has not come to its \
                         end: a file that it reads may hang"
                    );
                }
            }
            SIGUSR1 => {
                tracing::info!("the logs of requests are to be opened again");
                self.handle.logs().reopen();
                // After that, so that it stands in the new file.
                self.handle.acted("reopen_logs", Ok("SIGUSR1"));
            }
            SIGUSR2 => self.upgrade.begin(&self.handle),
            signal if self.is_told_to_stop => exit(128 + signal),
            signal => self.stop(name(signal)),
        }
    }

    fn is_leaving(&self, what: &str) -> bool {
        let is_leaving = self.is_told_to_stop || self.handle.is_stopping();
        if is_leaving {
            tracing::warn!("no {what}: this process is about to end");
        }
        is_leaving
    }

    /// Finishes what is under way; on a thread of its own, since a shard that takes no turn has no
    /// room for the letter that says so.
    fn stop(&mut self, name: &'static str) {
        self.is_told_to_stop = true;
        tracing::info!(signal = name, "stopping; a second signal ends it at once");
        if !self.upgrade.is_done() {
            systemd::stopping();
        }
        self.handle.acted("stop", Ok(name));
        let handle = self.handle.clone();
        let stop = move || handle.stop();
        if let Err(error) = Builder::new().name("stop".to_owned()).spawn(stop) {
            tracing::error!(%error, "no thread to stop with");
            exit(1);
        }
    }
}

fn name(signal: c_int) -> &'static str {
    if signal == SIGINT { "SIGINT" } else { "SIGTERM" }
}

/// Whether a socket at `address` is what the setting `bind` asks for.
pub(super) fn asks_for(bind: SocketAddr, address: SocketAddr) -> bool {
    bind == address || (bind.port() == 0 && bind.ip() == address.ip())
}
