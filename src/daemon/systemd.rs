//! What is said to systemd (`sd_notify(3)`), where it listens; nothing elsewhere.

use std::time::Duration;

use mcp_fastd::Handle;
use sd_notify::NotifyState;

/// The server serves.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// A reload begins; [`ready`] ends it.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "cannot tell systemd of a reload"),
    }
}

/// The server stops.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing what is under way")]);
}

/// Another process serves in place of this one.
pub(super) fn followed_by(process: u32) {
    tell(&[NotifyState::MainPid(process)]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot tell systemd how it goes (NOTIFY_SOCKET)");
    }
}

/// Tells the watchdog, twice in its time, that every shard takes its turns. When one does not, it
/// is not told, and systemd starts the service again.
pub(super) fn watch(handle: Handle) {
    let Some(period) = sd_notify::watchdog_enabled().filter(|period| !period.is_zero()) else {
        return;
    };
    let pause = period / 2;
    let thread = std::thread::Builder::new().name("watchdog".to_owned());
    let spawned = thread.spawn(move || {
        // Systemd does not watch a service that stops, nor a process that another one has followed.
        while !handle.is_stopping() {
            beat(&handle, pause);
        }
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "cannot start the thread that tells systemd's watchdog");
    }
}

fn beat(handle: &Handle, pause: Duration) {
    let silent = handle.silent_shards(pause);
    if silent.is_empty() {
        tell(&[NotifyState::Watchdog]);
        std::thread::sleep(pause);
    } else {
        tracing::error!(
            shards = ?silent,
            "shards take no turns: a function on them does not come back; systemd is not told \
             that all is well"
        );
    }
}
