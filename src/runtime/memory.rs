//! How much memory the process has, and how much it may have: what the system says of both, which
//! is all of it, whoever asked for it.

use std::fs;

use crate::config::Config;
use crate::limits;
use crate::store::Hub;

/// Looks now and then whether the process has too much memory.
pub(crate) struct MemoryWatch {
    /// In bytes.
    max: usize,
    /// When to look next, in milliseconds of the steady clock; never where there is no bound.
    at_ms: u64,
}

impl MemoryWatch {
    pub(crate) fn new(config: &Config) -> MemoryWatch {
        match bound(config) {
            Some(max) => MemoryWatch { max, at_ms: 0 },
            None => MemoryWatch { max: usize::MAX, at_ms: u64::MAX },
        }
    }

    /// Whether there is no bound.
    pub(crate) fn is_off(&self) -> bool {
        self.at_ms == u64::MAX
    }

    /// Looks, if it is time.
    #[inline]
    pub(crate) fn look(&mut self, now_ms: u64, hub: &Hub) {
        if now_ms >= self.at_ms {
            self.look_now(now_ms, hub);
        }
    }

    /// Where there is too much, less is taken in, and what was freed and is kept for later goes
    /// back to the system.
    #[cold]
    fn look_now(&mut self, now_ms: u64, hub: &Hub) {
        self.at_ms = now_ms + limits::MEMORY_LOOK.as_millis() as u64;
        let Some(bytes) = resident() else { return };
        let (was_short, is_short) = (hub.load.is_short_of_memory(), bytes > self.max);
        hub.load.set_short_of_memory(is_short);
        if is_short {
            hub.give_memory_back();
        }
        if is_short && !was_short {
            let max = self.max;
            tracing::warn!(bytes, max, "memory is short (overload.memory_max): calls are refused");
        }
    }
}

/// Memory beyond which less is taken in, in bytes; `None` where there is no bound.
pub(crate) fn bound(config: &Config) -> Option<usize> {
    match config.overload.memory_max {
        Some(0) => None,
        Some(bytes) => Some(bytes),
        None => allowed().map(|bytes| bytes / 5 * 4),
    }
}

/// What the control group of this process allows, if it is limited (cgroups(7); the files of
/// version 2 and of version 1, as a container sees them).
fn allowed() -> Option<usize> {
    let files = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let bytes = files.iter().find_map(|file| fs::read_to_string(file).ok())?;
    // Version 1 writes no limit as a number that no machine has.
    bytes.trim().parse().ok().filter(|bytes| *bytes < usize::MAX / 4)
}

/// What is resident, in bytes (proc(5), status); `None` where the system does not say.
fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::{bound, resident};
    use crate::config::Config;

    #[test]
    fn the_system_says_what_there_is() {
        let bytes = resident().expect("this is Linux");
        assert!(bytes > 1 << 20, "{bytes}");
        let mut config = Config::default();
        config.overload.memory_max = Some(0);
        assert_eq!(bound(&config), None);
        config.overload.memory_max = Some(5);
        assert_eq!(bound(&config), Some(5));
    }
}
