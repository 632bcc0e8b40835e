//! What the system says of this process.

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
    let files_max = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    Process {
        resident_bytes: kilobytes.and_then(|text| text.parse::<u64>().ok()).map(|kb| kb * 1024),
        open_files: Some(files).filter(|files| *files > 0),
        open_files_max: files_max,
    }
}
