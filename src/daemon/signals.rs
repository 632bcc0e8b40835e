//! What signals do. A thread of its own waits for them, so that nothing is done within a handler.
//!
//! ```text
//! SIGTERM, SIGINT   finish what is under way, and end; a second one ends at once
//! SIGHUP            read the settings again
//! SIGUSR1           open the files of logs again
//! SIGUSR2           start the program again, hand the sockets over to it, and end
//! ```

use std::ffi::c_int;
use std::net::SocketAddr;
use std::path::PathBuf;

use mcp_fastd::{Authentication, Config, Handle, LogFormat};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use tracing_subscriber::filter::Targets;

use super::arguments::ServeArguments;
use super::serve::LogFilter;
use super::upgrade::Upgrade;
use super::{reload, systemd};

/// Those that are waited for.
pub(super) const SIGNALS: [c_int; 5] = [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2];

/// What signals change.
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
    pub(super) upgrade: Upgrade,
}

/// Where sockets listen that somebody else has opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) clients: Option<SocketAddr>,
    pub(super) admin: Option<SocketAddr>,
    /// That was systemd, whose unit says where; the settings need not.
    pub(super) activated: bool,
}

impl Kept {
    /// They stay where they are: a setting is compared with where they listen, if that is what it
    /// asks for or systemd opened them.
    pub(super) fn settle(self, config: &mut Config) {
        if let Some(address) = self.clients
            && (self.activated || asks_for(config.bind, address))
        {
            config.bind = address;
        }
        let asks = |bind: SocketAddr| asks_for(bind, self.admin.unwrap_or(bind));
        if self.admin.is_some() && (self.activated || config.observe.admin_bind.is_some_and(asks)) {
            config.observe.admin_bind = self.admin;
        }
    }
}

impl Daemon {
    /// Does what signals say, for ever.
    pub(super) fn listen(mut self, mut signals: Signals) {
        for signal in signals.forever() {
            match signal {
                SIGHUP if self.is_leaving("reload") => {}
                SIGUSR2 if self.is_leaving("upgrade") => {}
                SIGHUP => reload::reload(&mut self),
                SIGUSR1 => {
                    tracing::info!("the logs of requests are to be opened again");
                    self.handle.logs().reopen();
                    // After that, so that it stands in the new file.
                    self.handle.acted("reopen_logs", Ok("SIGUSR1"));
                }
                SIGUSR2 => self.upgrade.begin(&self.handle),
                signal => return self.stop(signal, signals),
            }
        }
    }

    fn is_leaving(&self, what: &str) -> bool {
        let is_leaving = self.handle.is_stopping();
        if is_leaving {
            tracing::warn!("no {what}: this process is about to end");
        }
        is_leaving
    }

    /// The first signal finishes what is under way, a second one ends the process at once.
    fn stop(self, signal: c_int, mut signals: Signals) {
        let name = if signal == SIGINT { "SIGINT" } else { "SIGTERM" };
        tracing::info!(signal = name, "stopping; a second signal ends it at once");
        if !self.upgrade.is_done() {
            systemd::stopping();
        }
        self.handle.acted("stop", Ok(name));
        self.handle.stop();
        for signal in signals.forever() {
            if let SIGTERM | SIGINT = signal {
                std::process::exit(128 + signal);
            }
        }
    }
}

/// Whether a socket at `address` is what the setting `bind` asks for.
pub(super) fn asks_for(bind: SocketAddr, address: SocketAddr) -> bool {
    bind == address || (bind.port() == 0 && bind.ip() == address.ip())
}
