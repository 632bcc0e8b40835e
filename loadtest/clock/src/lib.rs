//! A wall clock that can be moved, for a program that this library is loaded into (`LD_PRELOAD`):
//! what the system says, and the seconds that stand in the file `CHAOS_CLOCK`, an `i64` as the
//! machine has it. Other clocks are as they are.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use libc::{c_int, clockid_t, timespec};

/// In the place of libc's.
///
/// # Safety
/// As libc's: `time` is a place for what is asked for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: what libc's does, where the kernel maps nothing into the process.
    let result = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) } as c_int;
    if result == 0 && matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE) {
        // SAFETY: the kernel has just written there.
        unsafe { (*time).tv_sec += moved_s() };
    }
    result
}

/// How far the clock was moved.
fn moved_s() -> i64 {
    static PLACE: OnceLock<Option<&'static AtomicI64>> = OnceLock::new();
    PLACE.get_or_init(mapped).map_or(0, |moved| moved.load(Ordering::Relaxed))
}

/// The file, as a place in memory.
fn mapped() -> Option<&'static AtomicI64> {
    let file = File::open(std::env::var_os("CHAOS_CLOCK")?).ok()?;
    let (protection, len) = (libc::PROT_READ, size_of::<AtomicI64>());
    // SAFETY: a new mapping, which stays, of a file that whoever made it keeps that long.
    unsafe {
        let map = libc::mmap(null_mut(), len, protection, libc::MAP_SHARED, file.as_raw_fd(), 0);
        (map != libc::MAP_FAILED).then(|| AtomicI64::from_ptr(map.cast()))
    }
}
