//! SIGHUP: the file, the environment and the same flags are read again, and what can be changed
//! while the server runs is changed. What is broken changes nothing.

use mcp_fastd::Reloaded;
use mcp_fastd::config::file::Settings;
use tracing_subscriber::filter::Targets;

use super::signals::Daemon;
use super::{Problem, check, settings, systemd};

/// Reads and applies; logs what came of it, and tells systemd.
pub(super) fn reload(daemon: &mut Daemon) {
    systemd::reloading();
    // What only a restart would find is found now: there may be nobody there at the restart.
    let read = check::mistakes(&daemon.arguments).and_then(|()| settings::read(&daemon.arguments));
    match read.and_then(|read| apply(daemon, read)) {
        Ok(reloaded) => {
            tell(&reloaded);
            let changed = format!("changed: {}", list(&reloaded.changed));
            daemon.handle.acted("reload", Ok(&changed));
        }
        Err(problem) => {
            daemon.handle.acted("reload", Err(&problem.to_string()));
            tracing::error!("not reloaded, and all goes on as it was: {problem}");
        }
    }
    // Who was told meanwhile that it stops is to believe that.
    if !daemon.handle.is_stopping() {
        systemd::ready(&daemon.status);
    }
}

/// Changes what can be changed, and only if nothing refuses. Whatever else is read from files has
/// its line here, before the last one: first the check, then the exchange.
fn apply(daemon: &mut Daemon, read: (Settings, Targets)) -> Result<Reloaded, Problem> {
    let (mut settings, filter) = read;
    daemon.inherited.settle(&mut settings.config);
    let others = daemon.authentication.prepare(&settings.config.auth).map_err(Problem)?;
    let take = || daemon.authentication.take(others);
    let mut reloaded = daemon.handle.reload_with(&settings.config, take)?;
    compare(&mut reloaded.needs_restart, &mut reloaded.unchanged, "dataset", {
        settings.dataset == daemon.dataset
    });
    compare(&mut reloaded.needs_restart, &mut reloaded.unchanged, "log_format", {
        settings.log_format == daemon.log_format
    });
    let is_same = filter == daemon.filter;
    compare(&mut reloaded.changed, &mut reloaded.unchanged, "log", is_same);
    if !is_same {
        daemon.log.reload(filter.clone())?;
        daemon.filter = filter;
    }
    Ok(reloaded)
}

fn compare(
    other: &mut Vec<&'static str>,
    same: &mut Vec<&'static str>,
    key: &'static str,
    is_same: bool,
) {
    if is_same { same.push(key) } else { other.push(key) }
}

fn list(keys: &[&str]) -> String {
    match keys.is_empty() {
        true => "nothing".to_owned(),
        false => keys.join(", "),
    }
}

fn tell(reloaded: &Reloaded) {
    let Reloaded { changed, needs_restart, unchanged } = reloaded;
    tracing::info!(changed = list(changed), unchanged = unchanged.len(), "reloaded");
    tracing::debug!(unchanged = list(unchanged), "as before");
    if !needs_restart.is_empty() {
        tracing::warn!(keys = list(needs_restart), "these settings hold after a restart only");
    }
}
