//! The fence: calls to the system that no safe library makes. The only `unsafe` there is.

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
