//! Standard input and output: one thread reads and answers, another writes.
//!
//! ```text
//!   stdin ──▶ reader: Line::hear ──▶ the line ──▶ writer ──▶ stdout
//!                    │                  ▲
//!                    └──▶ workers ──────┘
//! ```
//!
//! The reader waits while the client does not read what is written, and so does the client then.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use parking_lot::Mutex;

use super::mailbox::{Address, Mail};
use super::shard::steady_ms;
use crate::app::Handler;
use crate::json::Parser;
use crate::limits;
use crate::store::{self, Begun, Kind, Listener, Reader, Reading, Session, Stream};
use crate::transport::{
    Deferred, Found, Line, Lines, Shared, Then, close_subscription, too_long, withdraw,
};

/// What the writer is told. The first is also what a stream tells its reader.
const SOMETHING_TO_WRITE: u64 = 0;
const END_OF_INPUT: u64 = 1;
const STOP: u64 = 2;

/// How often the writer looks whether all is done, when it is about to leave.
const LEAVING_STEP: Duration = Duration::from_millis(20);

/// Standard input and output, served.
pub(crate) struct Stdio {
    news: Sender<u64>,
    writer: JoinHandle<()>,
}

/// Ends the service of standard input and output.
#[derive(Clone)]
pub(crate) struct StdioStop(Sender<u64>);

impl StdioStop {
    /// Finishes what is under way, and ends.
    pub(crate) fn stop(&self) {
        // A writer that is gone has stopped.
        let _ = self.0.send(STOP);
    }
}

impl Stdio {
    pub(crate) fn stopper(&self) -> StdioStop {
        StdioStop(self.news.clone())
    }

    /// Waits until all is written. The reader is not waited for: nothing ends a read of standard
    /// input but its end.
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

/// Starts to serve standard input and output. Their end is the server's: `shards` are stopped then.
pub(crate) fn start<H: Handler>(
    shared: &Arc<Shared<H>>,
    jobs: Sender<Box<Deferred>>,
    shards: Vec<Address>,
    (input, output): Streams,
    grace: Duration,
) -> io::Result<Stdio> {
    let hub = &shared.hub;
    let line = store::Line::new(Stream::line(None, hub.streams.bounds));
    let stream = line.stream.clone();
    let begun = Begun { principal: None, client: None, line: Some(line) };
    let session = hub.lines.begin(begun, hub.now_s());
    let session = session.ok_or_else(|| io::Error::other("no session can be begun"))?;
    let client = Arc::new(Client { session, stream, listening: Mutex::default() });

    let (news, told) = unbounded();
    let attachment = client.stream.attach(Reader::thread(news.clone()), None);
    let writer = Writer { client: client.clone(), attachment, told, output, grace };
    let (writing, reading) = (shared.clone(), shared.clone());
    let thread = Builder::new().name("stdout".to_owned());
    let writer = thread.spawn(move || writer.run(&writing))?;
    let ended = news.clone();
    let thread = Builder::new().name("stdin".to_owned());
    thread.spawn(move || {
        read(input, &client, &reading, &jobs);
        // Those who are gone need not be told.
        let _ = ended.send(END_OF_INPUT);
        shards.iter().for_each(|shard| shard.post_waiting(Mail::Stop));
    })?;
    Ok(Stdio { news, writer })
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

/// Reads messages and answers them, until there are no more.
fn read<H: Handler>(
    mut input: impl Read,
    client: &Client,
    shared: &Shared<H>,
    jobs: &Sender<Box<Deferred>>,
) {
    let mut lines = Lines::new(shared.limits.body_bytes_max);
    let mut parser = Parser::new();
    while !client.stream.is_over() {
        match input.read(lines.space()) {
            Ok(0) => break,
            Ok(bytes) => lines.filled(bytes),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                tracing::error!(%error, "cannot read standard input");
                return;
            }
        }
        while let Some(found) = lines.next() {
            client.stream.wait_for_room();
            match found {
                Found::Message(text) => hear(text, client, shared, &mut parser, jobs),
                Found::TooLong => {
                    let error = too_long(shared.limits.body_bytes_max);
                    client.stream.push(Kind::Response, error);
                }
            }
        }
    }
    if let Some(text) = lines.rest() {
        hear(text, client, shared, &mut parser, jobs);
    }
}

fn hear<H: Handler>(
    text: &mut [u8],
    client: &Client,
    shared: &Shared<H>,
    parser: &mut Parser,
    jobs: &Sender<Box<Deferred>>,
) {
    let Client { session, stream, listening } = client;
    let line = Line { shared, session, stream, both_eras: true };
    match line.hear(text, parser) {
        Ok(Then::Nothing) => {}
        Ok(Then::Work(deferred, promise)) => match jobs.try_send(deferred) {
            Ok(()) => promise.taken(),
            Err(refused) => {
                withdraw(&refused.into_inner(), &shared.hub);
                promise.refused();
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
    grace: Duration,
}

impl Writer {
    fn run<H>(mut self, shared: &Shared<H>) {
        let mut leave_by = None;
        while let Some(again) = self.write() {
            let patience = match leave_by {
                Some(by) if self.is_done() || Instant::now() >= by => break,
                Some(_) => Some(LEAVING_STEP),
                // Tasks are all that can become too old here.
                None if shared.hub.tasks.count() > 0 => Some(shared.hub.sweep_interval()),
                None => None,
            };
            let wait = [again, patience].into_iter().flatten().min();
            match self.wait(wait) {
                Ok(SOMETHING_TO_WRITE) | Err(RecvTimeoutError::Timeout) => {}
                Ok(END_OF_INPUT | STOP) if leave_by.is_none() => {
                    leave_by = Some(Instant::now() + self.grace);
                    shared.hub.begin_to_close();
                    self.end_subscriptions(shared);
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            shared.hub.sweep(steady_ms());
        }
        shared.hub.lines.end(&self.client.session);
    }

    fn wait(&self, patience: Option<Duration>) -> Result<u64, RecvTimeoutError> {
        match patience {
            Some(patience) => self.told.recv_timeout(patience),
            None => self.told.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Writes what there is. Says after which time there is more, if that is known; `None` when
    /// nobody reads any more.
    fn write(&mut self) -> Option<Option<Duration>> {
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
            if let Err(error) = self.output.write_all(&out) {
                tracing::info!(%error, "nobody reads standard output any more");
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

    fn is_done(&self) -> bool {
        !self.client.session.is_at_work() && !self.client.stream.has_unsent()
    }

    /// Each subscription gets its result (2026-07-28, subscriptions, "Graceful Closure").
    fn end_subscriptions<H>(&self, shared: &Shared<H>) {
        for (place, listener) in self.client.listening.lock().drain(..) {
            shared.hub.leave(place);
            close_subscription(&listener);
        }
    }
}
