//! The fence: calls to the system that no safe library makes. The only `unsafe` there is.

use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

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
