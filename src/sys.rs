//! The fence: calls to the system that no safe library makes. The only `unsafe` there is.

use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

use crate::limits;

/// Gives memory that was freed back to the system.
///
/// glibc keeps what is freed in the middle of its heaps for later; after a storm of sessions that
/// would be the size of the storm, for ever. Where another allocator is used, nothing happens.
pub(crate) fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` takes no pointers, and may be called from any thread at any time.
    #[allow(unsafe_code)]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Bounds what glibc keeps of freed memory at the end of each thread's heap, where
/// [`give_memory_back`] does not reach.
///
/// glibc raises that bound by itself, up to 64 MiB for each heap, once a large block was freed
/// (mallopt(3), `M_MMAP_THRESHOLD`). Who has set it, by the environment, is heard.
pub(crate) fn keep_little_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let is_set = |name| std::env::var_os(name).is_some();
        let names = ["GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"];
        if names.into_iter().any(is_set) {
            return;
        }
        for parameter in [libc::M_TRIM_THRESHOLD, libc::M_MMAP_THRESHOLD] {
            // SAFETY: `mallopt` takes no pointers, and may be called at any time; a value that it
            // does not take changes nothing.
            #[allow(unsafe_code)]
            unsafe {
                libc::mallopt(parameter, limits::HEAP_KEPT_BYTES);
            }
        }
    }
}

/// Takes a descriptor that whoever started this process has left open for it, and keeps it from
/// the processes that this one starts.
///
/// To be called once for a descriptor, and for none that something in this process has opened.
pub(crate) fn adopt(descriptor: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: it is looked at for the length of this call; one that is not open gives EBADF.
    #[allow(unsafe_code)]
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    rustix::io::fcntl_setfd(borrowed, rustix::io::FdFlags::CLOEXEC)?;
    // SAFETY: it is open, and nobody in this process has it, as the caller says.
    #[allow(unsafe_code)]
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
