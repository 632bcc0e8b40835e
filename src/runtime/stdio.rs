//! Standard input and output: one thread reads and answers, another writes.
//!
//! ```text
//!   stdin ──▶ reader: Line::hear ──▶ the line ──▶ writer ──▶ stdout
//!                    │                  ▲
//!                    └──▶ workers ──────┘
//! ```
//!
//! The reader waits while the client does not read what is written, and so does the client then.
//! Neither is ever within a system call that only the client can end: both poll first, and the
//! descriptors, which others may share, stay as blocking as they are.

use std::fs::File;
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::clock::{steady_ms, steady_ns};
use super::control::Control;
use super::workers::Jobs;
use crate::app::Handler;
use crate::json::Parser;
use crate::limits;
use crate::observe::Watch;
use crate::store::{self, Begun, Kind, Listener, Reader, Reading, Session, Stream};
use crate::transport::{Found, Line, Lines, Shared, Then, close_subscription, too_long, withdraw};

/// How often the writer looks whether it is to leave while nobody reads what it writes, and whether
/// all is done when it is about to leave.
const STEP: Duration = Duration::from_millis(50);
/// So much fits a pipe that can be written to at all, without waiting (`PIPE_BUF`).
const CHUNK: usize = 4096;

/// Standard input and output, served.
pub(crate) struct Stdio {
    stopper: StdioStop,
    writer: JoinHandle<()>,
}

/// Ends the service of standard input and output.
#[derive(Clone)]
pub(crate) struct StdioStop {
    leaving: Arc<AtomicBool>,
    /// Wakes the writer.
    news: Sender<u64>,
}

impl StdioStop {
    /// Finishes what is under way, and ends.
    pub(crate) fn stop(&self) {
        self.leaving.store(true, Ordering::Release);
        // A writer that is gone has stopped.
        let _ = self.news.send(0);
    }
}

impl Stdio {
    pub(crate) fn stopper(&self) -> StdioStop {
        self.stopper.clone()
    }

    /// Waits until all is written.
    pub(crate) fn join(self) {
        if self.writer.join().is_err() {
            tracing::error!("the writer of standard output ended by a panic");
        }
    }
}

/// What both threads know of the client.
struct Client {
    session: Arc<Session>,
    stream: Arc<Stream>,
    /// Its subscriptions, each with its place among the listeners.
    listening: Mutex<Vec<(usize, Arc<Listener>)>>,
}

/// Starts to serve standard input and output. Their end is the server's, which `control`
/// stops then.
pub(crate) fn start<H: Handler>(
    shared: &Arc<Shared<H>>,
    jobs: Jobs,
    control: Control,
    (input, output): Streams,
    grace: Duration,
) -> io::Result<Stdio> {
    let hub = &shared.hub;
    let line = store::Line::new(Stream::line(None, hub.streams.bounds()));
    let stream = line.stream.clone();
    let begun = Begun { principal: None, client: None, line: Some(line) };
    let session = hub.lines.begin(begun, hub.now_s());
    let session = session.ok_or_else(|| io::Error::other("no session can be begun"))?;
    let client = Arc::new(Client { session, stream, listening: Mutex::default() });

    let (news, told) = unbounded();
    let attachment = client.stream.attach(Reader::thread(news.clone()), None);
    let stopper = StdioStop { leaving: Arc::default(), news };
    let (left, reading) = io::pipe()?;
    let writer = Writer {
        client: client.clone(),
        attachment,
        told,
        output,
        leaving: stopper.leaving.clone(),
        leave_by: None,
        grace,
        reading: Some(reading),
        control,
    };
    let for_writer = shared.clone();
    let thread = Builder::new().name("stdout".to_owned());
    let writer = thread.spawn(move || writer.run(&for_writer))?;
    let (for_reader, ended) = (shared.clone(), stopper.clone());
    let thread = Builder::new().name("stdin".to_owned());
    thread.spawn(move || {
        read(input, &left, &client, &for_reader, &jobs);
        if !for_reader.hub.is_draining() {
            tracing::info!("standard input has ended: finishing what is under way");
        }
        ended.stop();
    })?;
    Ok(Stdio { stopper, writer })
}

/// Standard input and output, under other descriptors than those that everybody knows.
pub(crate) type Streams = (File, File);

/// Takes standard input and output for the client alone: what functions print, and what they start,
/// is kept away from both. Standard output goes to standard error from now on, and standard input
/// is empty.
pub(crate) fn take_streams() -> io::Result<Streams> {
    let input = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let output = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    Ok((input.into(), output.into()))
}

/// Reads messages and answers them, until there are no more, or the server has `left`.
fn read<H: Handler>(
    mut input: File,
    left: &PipeReader,
    client: &Client,
    shared: &Shared<H>,
    jobs: &Jobs,
) {
    let mut lines = Lines::new(shared.limits.body_bytes_max);
    let mut parser = Parser::with_depth(shared.json_depth_max);
    let mut watch = Watch::new(shared.hub.ledger.clone(), shared.hub.ledger.tables.len() - 1);
    while !client.stream.is_over() {
        if !wait_for_input(&input, left) {
            return;
        }
        match input.read(lines.space()) {
            Ok(0) => break,
            Ok(bytes) => lines.filled(bytes),
            Err(error) if is_passing(&error) => continue,
            Err(error) => {
                tracing::error!(%error, "cannot read standard input");
                return;
            }
        }
        while let Some(found) = lines.next() {
            client.stream.wait_for_room();
            match found {
                Found::Message(text) => hear(text, client, shared, &mut parser, &mut watch, jobs),
                Found::TooLong => {
                    let error = too_long(shared.limits.body_bytes_max);
                    client.stream.push(Kind::Response, error);
                }
            }
        }
    }
    if let Some(text) = lines.rest() {
        hear(text, client, shared, &mut parser, &mut watch, jobs);
    }
}

/// Waits until there is something to read. Says whether there is: otherwise the server has left.
fn wait_for_input(input: &File, left: &PipeReader) -> bool {
    let mut both =
        [(input.as_fd()), left.as_fd()].map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
    loop {
        match poll(&mut both, None) {
            Err(rustix::io::Errno::INTR) => {}
            // What cannot be polled is read at once.
            Err(_) => return true,
            Ok(_) => return both[1].revents().is_empty(),
        }
    }
}

/// Whether it is worth trying again.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock)
}

fn hear<H: Handler>(
    text: &mut [u8],
    client: &Client,
    shared: &Shared<H>,
    parser: &mut Parser,
    watch: &mut Watch,
    jobs: &Jobs,
) {
    watch.began_ns = steady_ns();
    watch.begin();
    let watch = &*watch;
    let Client { session, stream, listening } = client;
    // Whoever started this process may do all that it can (2026-07-28, authorization, "Protocol
    // Requirements").
    let (principal, guarded) = (None, false);
    let (both_eras, while_room, from) = (true, false, None);
    let line =
        Line { shared, session, stream, watch, principal, guarded, both_eras, while_room, from };
    match line.hear(text, parser) {
        // Its answer has room: that was waited for.
        Ok(Then::Nothing | Then::Full | Then::Forbidden(_)) => {}
        Ok(Then::Work(deferred, promise)) => match jobs.post(deferred) {
            Ok(()) => {
                shared.hub.ledger.gauges.queue.enter(watch.began_ns);
                promise.taken();
            }
            Err((refused, overload)) => {
                withdraw(&refused, &shared.hub);
                shared.hub.ledger.gauges.limited.add(overload.limit);
                promise.refused(overload);
            }
        },
        Ok(Then::Listen(listener)) => {
            let mut listening = listening.lock();
            // What the client has cancelled is let go of here.
            listening.retain(|(place, listener)| {
                let goes_on = !listener.stream.is_over();
                if !goes_on {
                    shared.hub.leave(*place);
                }
                goes_on
            });
            listening.push((shared.hub.listen(listener.clone()), listener));
        }
        Err(error) => stream.push(Kind::Response, error),
    }
}

struct Writer {
    client: Arc<Client>,
    attachment: u64,
    told: Receiver<u64>,
    output: File,
    leaving: Arc<AtomicBool>,
    /// Set when it leaves.
    leave_by: Option<Instant>,
    grace: Duration,
    /// Its end is the reader's.
    reading: Option<PipeWriter>,
    /// Of the shards beside it, which end with standard input.
    control: Control,
}

impl Writer {
    fn run<H>(mut self, shared: &Shared<H>) {
        while let Some(again) = self.write(shared) {
            self.look_whether_to_leave(shared);
            let patience = match self.leave_by {
                Some(by) if self.is_done() || Instant::now() >= by => break,
                Some(_) => Some(STEP),
                // Tasks are all that can become too old here.
                None if shared.hub.tasks.count() > 0 => Some(shared.hub.sweep_interval()),
                None => None,
            };
            let wait = [again, patience].into_iter().flatten().min();
            let told = match wait {
                Some(wait) => self.told.recv_timeout(wait),
                None => self.told.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            if told == Err(RecvTimeoutError::Disconnected) {
                break;
            }
            shared.hub.sweep(steady_ms());
        }
        self.leave(shared);
        shared.hub.lines.end(&self.client.session);
    }

    fn look_whether_to_leave<H>(&mut self, shared: &Shared<H>) {
        if self.leaving.load(Ordering::Acquire) {
            self.leave(shared);
        }
    }

    /// Nothing more is read; what is under way has the grace to finish.
    fn leave<H>(&mut self, shared: &Shared<H>) {
        if self.leave_by.is_some() {
            return;
        }
        self.leave_by = Some(Instant::now() + self.grace);
        self.reading = None;
        shared.hub.begin_to_close();
        for (place, listener) in self.client.listening.lock().drain(..) {
            shared.hub.leave(place);
            close_subscription(&listener);
        }
        self.control.stop();
    }

    /// Writes what there is. Says after which time there is more, if that is known; `None` when
    /// nobody reads any more.
    fn write<H>(&mut self, shared: &Shared<H>) -> Option<Option<Duration>> {
        let mut out = Vec::new();
        loop {
            out.clear();
            let now_ms = steady_ms();
            let mut is_progress = false;
            let reading = self.client.stream.read(self.attachment, now_ms, |event| {
                if !event.data.is_empty() {
                    out.extend_from_slice(&event.data);
                    out.push(b'\n');
                }
                is_progress = matches!(event.kind, Kind::Progress(_));
                !is_progress && out.len() < limits::EVENTS_IN_HAND_BYTES
            });
            if !self.put(&out, shared) {
                tracing::info!("nobody reads standard output any more");
                return None;
            }
            match reading {
                Reading::Full if is_progress => thread::sleep(limits::PROGRESS_PAUSE),
                Reading::Full => {}
                Reading::Waiting => return Some(None),
                Reading::Later(at_ms) => {
                    return Some(Some(Duration::from_millis(at_ms.saturating_sub(now_ms).max(1))));
                }
                Reading::HungUp | Reading::Ended | Reading::Lost => return None,
            }
        }
    }

    /// Writes all of it. Says whether somebody reads, before the grace is over.
    fn put<H>(&mut self, mut bytes: &[u8], shared: &Shared<H>) -> bool {
        let step = Timespec { tv_sec: 0, tv_nsec: STEP.as_nanos() as i64 };
        while !bytes.is_empty() {
            let mut output = [PollFd::new(&self.output, PollFlags::OUT)];
            let is_ready = match poll(&mut output, Some(&step)) {
                Ok(ready) => ready > 0,
                Err(rustix::io::Errno::INTR) => false,
                // What cannot be polled is written at once.
                Err(_) => true,
            };
            if !is_ready {
                self.look_whether_to_leave(shared);
                if self.leave_by.is_some_and(|by| Instant::now() >= by) {
                    return false;
                }
                continue;
            }
            match self.output.write(&bytes[..bytes.len().min(CHUNK)]) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if is_passing(&error) => {}
                Err(_) => return false,
            }
        }
        true
    }

    fn is_done(&self) -> bool {
        !self.client.session.is_at_work() && !self.client.stream.has_unsent()
    }
}
