//! SIGUSR2: another process takes over, and no request is lost.
//!
//! ```text
//!  old  ──starts──▶ new: opens the dataset, serves the same sockets ──"ready"──▶ old drains, ends
//!        fails, or takes too long ──▶ old goes on, and says why
//! ```
//!
//! The sockets are inherited, and so are the connections that wait at them: there is one queue for
//! both processes. The new process is told in the environment which descriptors they are
//! ([`mcp_fastd::inherit`]), and says over a pipe that it serves.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use mcp_fastd::Handle;
use mcp_fastd::inherit::{HANDOVER_VARIABLE, READY};
use mcp_fastd::limits::UPGRADE_TIMEOUT;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Problem, systemd};

/// How often who waits for the new process looks whether it is to stop.
const STEP: Duration = Duration::from_millis(100);

const NONE: u8 = 0;
const UNDER_WAY: u8 = 1;
const DONE: u8 = 2;

/// How to start this program again, and how far that is.
#[derive(Clone)]
pub(super) struct Upgrade {
    program: PathBuf,
    arguments: Vec<OsString>,
    state: Arc<AtomicU8>,
    /// The names under which sockets are handed over: those for clients, and the operators'.
    names: (&'static str, &'static str),
    /// Why there cannot be one.
    obstacle: Option<&'static str>,
}

impl Upgrade {
    /// To be made at the start, while the current folder is the one that a relative path is meant
    /// from.
    pub(super) fn new(has_stdio: bool, names: (&'static str, &'static str)) -> Upgrade {
        let mut arguments = std::env::args_os();
        let program = PathBuf::from(arguments.next().unwrap_or_else(|| "mcp-fastd".into()));
        // Without a slash it was found in PATH, and will be again. What this process runs
        // (/proc/self/exe) would be the old file, if the new one stands in its place.
        let program = match program.components().count() > 1 {
            true => std::path::absolute(&program).unwrap_or(program),
            false => program,
        };
        let obstacle = match (has_stdio, std::process::id()) {
            (true, _) => Some("standard input and output cannot be handed over"),
            (_, 1) => Some("the end of process 1 is the end of its container: start another one"),
            _ => None,
        };
        let state = Arc::new(AtomicU8::new(NONE));
        Upgrade { program, arguments: arguments.collect(), state, names, obstacle }
    }

    /// Whether another process serves in place of this one.
    pub(super) fn is_done(&self) -> bool {
        self.state.load(Ordering::SeqCst) == DONE
    }

    /// Starts the new process, and drains this one when the new one serves; on a thread of its own,
    /// so that signals are heard meanwhile.
    pub(super) fn begin(&self, handle: &Handle) {
        if let Some(obstacle) = self.obstacle {
            tracing::error!("no upgrade: {obstacle}");
            handle.acted("upgrade", Err(obstacle));
            return;
        }
        if self.state.compare_exchange(NONE, UNDER_WAY, Ordering::SeqCst, Ordering::SeqCst).is_err()
        {
            tracing::warn!("an upgrade is under way already");
            return;
        }
        let (upgrade, handle) = (self.clone(), handle.clone());
        std::thread::spawn(move || upgrade.run(&handle));
    }

    fn run(&self, handle: &Handle) {
        tracing::info!(program = %self.program.display(), "upgrade: starting the new process");
        match self.start(handle) {
            Ok(process) => {
                self.state.store(DONE, Ordering::SeqCst);
                systemd::followed_by(process);
                tracing::info!(process, "upgrade: the new process serves; finishing what is here");
                handle.acted("upgrade", Ok(&format!("process {process}")));
                handle.drain();
            }
            Err(Problem(problem)) => {
                self.state.store(NONE, Ordering::SeqCst);
                tracing::error!("no upgrade, and all goes on as it was: {problem}");
                handle.acted("upgrade", Err(&problem));
            }
        }
    }

    /// Starts the new process and waits until it serves.
    fn start(&self, handle: &Handle) -> Result<u32, Problem> {
        let (ready, told) = io::pipe()?;
        let listeners = handle.listeners()?;
        // A second descriptor of each, which stays open in the new process.
        let again = |listener| rustix::io::dup(listener);
        let given = listeners.clients.iter().map(again).collect::<Result<Vec<_>, _>>()?;
        let admin = listeners.admin.as_ref().map(again).transpose()?;
        let given_pipe = rustix::io::dup(&told)?;
        drop((listeners, told));
        let mut child = self.spawn(&given, admin.as_ref(), &given_pipe)?;
        drop((given, admin, given_pipe));
        match wait(&mut child, ready, handle) {
            Ok(()) => Ok(child.id()),
            Err(problem) => {
                // It may have ended by itself.
                let _ = child.kill();
                let _ = child.wait();
                Err(problem)
            }
        }
    }

    fn spawn(
        &self,
        sockets: &[OwnedFd],
        admin: Option<&OwnedFd>,
        ready: &OwnedFd,
    ) -> Result<Child, Problem> {
        let named = admin.map(|fd| format!("{}@{}", fd.as_raw_fd(), self.names.1));
        let numbers = sockets.iter().map(|fd| fd.as_raw_fd().to_string());
        let numbers: Vec<_> = numbers.chain(named).collect();
        let (own, ready, numbers) = (std::process::id(), ready.as_raw_fd(), numbers.join(","));
        let promise = format!("{own}:{ready}:{numbers}:{}", self.names.0);
        Command::new(&self.program)
            .args(&self.arguments)
            .env(HANDOVER_VARIABLE, promise)
            // What systemd said to this process alone; its watchdog goes on with the new one.
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDS")
            .env_remove("LISTEN_FDNAMES")
            .env_remove("WATCHDOG_PID")
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| Problem(format!("cannot start {}: {error}", self.program.display())))
    }
}

/// Waits until the new process says that it serves.
fn wait(child: &mut Child, mut ready: io::PipeReader, handle: &Handle) -> Result<(), Problem> {
    let begun = Instant::now();
    let mut has_closed = false;
    let problem = |text: String| Err(Problem(text));
    loop {
        if handle.is_stopping() {
            return problem("this process was told to stop meanwhile".to_owned());
        }
        if begun.elapsed() >= UPGRADE_TIMEOUT {
            return problem(format!("the new process does not serve after {UPGRADE_TIMEOUT:?}"));
        }
        if has_closed {
            // It ends, or it has let go of all that it was given, and never will.
            if let Some(status) = child.try_wait()? {
                return problem(format!("the new process ended ({status}); it has said why"));
            }
            std::thread::sleep(STEP);
            continue;
        }
        let timeout = Timespec::try_from(STEP)?;
        let mut descriptors = [PollFd::from_borrowed_fd(ready.as_fd(), PollFlags::IN)];
        match poll(&mut descriptors, Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        if ready.read_exact(&mut [0; READY.len()]).is_ok() {
            return Ok(());
        }
        has_closed = true;
    }
}
