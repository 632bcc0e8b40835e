//! The fence: what the standard library and mio do not offer. All the `unsafe`
//! of this project is here, one SAFETY line for each.
#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Keeps the calling thread on one CPU.
pub fn pin_to_cpu(cpu: usize) -> io::Result<()> {
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: all zeroes is the empty CPU set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: `cpu` is below CPU_SETSIZE, so the bit is inside the set.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the pointer and the size describe the same live local.
    check(unsafe { libc::sched_setaffinity(0, mem::size_of_val(&set), &set) }).map(drop)
}

/// Raises the soft limit on open files as far as the hard limit allows.
pub fn raise_open_files() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a live local of the type the call fills.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `limit` is a live local, read only.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) })?;
    Ok(limit.rlim_cur)
}

/// Bounds the open files of another process; what it has open stays open.
pub fn limit_open_files(pid: i32, count: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: count, rlim_max: count };
    // SAFETY: `limit` is a live local, read only; the old limit is not asked for.
    check(unsafe { libc::prlimit(pid, libc::RLIMIT_NOFILE, &limit, std::ptr::null_mut()) })
        .map(drop)
}

/// Sends a signal to a process.
pub fn signal(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// CPU time another process has used, in nanoseconds, up to this moment.
/// `/proc/PID/stat` has the same number in steps of 10 ms.
pub fn process_cpu_ns(pid: i32) -> io::Result<u64> {
    let mut clock = 0;
    // SAFETY: `clock` is a live local of the type the call fills.
    match unsafe { libc::clock_getcpuclockid(pid, &mut clock) } {
        0 => {}
        error => return Err(io::Error::from_raw_os_error(error)),
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a live local of the type the call fills.
    check(unsafe { libc::clock_gettime(clock, &mut time) })?;
    Ok(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

/// The CPU on which the last packet came in: over loopback, the one that sent it.
pub fn incoming_cpu(fd: RawFd) -> io::Result<usize> {
    let mut cpu: libc::c_int = -1;
    let mut len = mem::size_of_val(&cpu) as libc::socklen_t;
    let (level, option) = (libc::SOL_SOCKET, libc::SO_INCOMING_CPU);
    // SAFETY: the pointers are to live locals, and `len` is the size of the one that is filled.
    check(unsafe { libc::getsockopt(fd, level, option, (&raw mut cpu).cast(), &mut len) })?;
    usize::try_from(cpu).map_err(io::Error::other)
}

/// A bare epoll instance, level-triggered, readable events only.
pub struct Epoll {
    fd: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    pub fn new(events_max: usize) -> io::Result<Self> {
        // SAFETY: no pointers; the result is checked before it is owned.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: `fd` was just opened and nobody else has it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let events = vec![libc::epoll_event { events: 0, u64: 0 }; events_max];
        Ok(Self { fd, events })
    }

    pub fn add(&self, fd: RawFd) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: fd as u64 };
        let epoll = self.fd.as_raw_fd();
        // SAFETY: `event` is a live local; a bad descriptor is an error, not UB.
        check(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &mut event) }).map(drop)
    }

    /// Waits without a limit; gives the number of descriptors that are ready.
    pub fn wait(&mut self) -> io::Result<usize> {
        let max = self.events.len() as i32;
        // SAFETY: the buffer has room for `max` events and outlives the call.
        let ready =
            unsafe { libc::epoll_wait(self.fd.as_raw_fd(), self.events.as_mut_ptr(), max, -1) };
        check(ready).map(|count| count as usize)
    }

    pub fn ready(&self, index: usize) -> RawFd {
        self.events[index].u64 as RawFd
    }
}

/// `recv`, where 0 means that the peer has closed.
pub fn receive(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of one live slice.
    let count = unsafe { libc::recv(fd, buffer.as_mut_ptr().cast(), buffer.len(), 0) };
    check_size(count)
}

/// `send` that reports a closed peer as an error, not as a signal.
pub fn send(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of one live slice.
    let count = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
    check_size(count)
}

fn check(result: i32) -> io::Result<i32> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        value => Ok(value),
    }
}

fn check_size(result: isize) -> io::Result<usize> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        count => Ok(count as usize),
    }
}
