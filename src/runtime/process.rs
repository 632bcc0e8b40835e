//! What the system says of this process, and lets it have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;
use crate::limits;
use crate::observe::Process;

/// Memory and file descriptors, as Linux counts them (proc(5)).
///
/// Both are quick: since Linux 6.2 the size of `/proc/self/fd` is how many there are, and nobody
/// has to count them. Before that, it is not known.
pub(crate) fn process() -> Process {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = resident.and_then(|rest| rest.trim().strip_suffix(" kB"));
    let files = std::fs::metadata("/proc/self/fd").map_or(0, |folder| folder.len());
    let files_max = getrlimit(Resource::Nofile).current;
    Process {
        resident_bytes: kilobytes.and_then(|text| text.parse::<u64>().ok()).map(|kb| kb * 1024),
        open_files: Some(files).filter(|files| *files > 0),
        open_files_max: files_max,
    }
}

/// How many connections there may be: `connections_max`, or fewer where the system allows fewer
/// open files. What else the process opens has its room: where that were gone too, operators would
/// not be let in, and no file could be read.
///
/// Raises the soft limit as far as that takes: the usual 1,024 end long before the memory does.
pub(crate) fn allow_connections(config: &Config) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = (config.connections_max + limits::FILES_BESIDE_CONNECTIONS) as u64;
    let allowed = limit.maximum.map_or(wanted, |maximum| wanted.min(maximum));
    if limit.current.is_some_and(|current| current < allowed) {
        let raised = Rlimit { current: Some(allowed), maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, allowed, "cannot raise the limit of open files (ulimit -n)");
        }
    }
    if allowed == wanted {
        return config.connections_max;
    }
    let allowed = allowed as usize;
    let beside = limits::FILES_BESIDE_CONNECTIONS.min(allowed / 2);
    let count = (allowed - beside).min(config.connections_max);
    tracing::warn!(
        "connections_max: {} connections need {wanted} open files, and this process may have \
         {allowed} (ulimit -Hn, LimitNOFILE=): no more than {count} are let in",
        config.connections_max
    );
    count
}
