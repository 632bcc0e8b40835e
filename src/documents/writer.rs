//! The writer: one thread, one connection, one queue, and group commit.
//!
//! ```text
//! callers ──▶ queue (QUEUE_MAX, QUEUE_BYTES_MAX) ──▶ gather ──▶ one transaction ──▶ COMMIT
//!    ▲                                                                                │ synced
//!    └───────────────────────────── each its own answer ◀─────────────────────────────┘
//! ```
//!
//! Syncing the disk is what a commit costs, so all writes that queued up during one sync share
//! the next. Nobody waits for company: a lone write is committed at once.
//!
//! A write that fails, fails alone: each has a SAVEPOINT. That costs 8 to 17 % of the rate with 16
//! to 64 callers, since FTS5 flushes its buffer at each; a second path without was not worth it.

use super::clock;
use super::error::Error;
use super::limits::{
    GROUP_BYTES_MAX, GROUP_MAX, QUEUE_BYTES_MAX, QUEUE_MAX, QUEUE_WAIT_MS, WRITE_LOCK_STEP_MS,
    WRITE_LOCK_WAIT_MS,
};
use super::place::Place;
use super::store::{self, Body, Checked, Fields, Source};
use super::types::DocumentSummary;
use crossbeam_channel::{Receiver, Sender, bounded, select};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A change to one document, checked.
#[derive(Debug)]
pub(super) enum Work {
    Add { id: String, new: Checked },
    Update { id: String, changes: CheckedChanges },
    Delete { id: String },
}

/// What an update changes, checked.
#[derive(Debug)]
pub(super) struct CheckedChanges {
    pub title: Option<String>,
    pub mime_type: Option<String>,
    pub body: Option<Body>,
}

impl Work {
    fn bytes(&self) -> usize {
        match self {
            Work::Add { new, .. } => new.body.text.len(),
            Work::Update { changes, .. } => changes.body.as_ref().map_or(0, |b| b.text.len()),
            Work::Delete { .. } => 0,
        }
    }
}

type Answer = Result<DocumentSummary, Error>;

struct Job {
    work: Work,
    answer: Sender<Answer>,
}

/// The face of the thread. Dropping it commits what is queued, then joins.
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    queued_bytes: AtomicUsize,
    queued: AtomicUsize,
    /// Asks the thread to look where its file is.
    looks: Sender<()>,
    state: Arc<State>,
}

/// What the thread and its callers both know.
struct State {
    place: Place,
    gives_up: AtomicBool,
    given_up: AtomicUsize,
}

impl State {
    fn of(path: &Path) -> Result<State, Error> {
        let (gives_up, given_up) = (AtomicBool::new(false), AtomicUsize::new(0));
        Ok(State { place: Place::of(path)?, gives_up, given_up })
    }
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection, path: &Path) -> Result<Writer, Error> {
        let (jobs, queue) = bounded(QUEUE_MAX);
        let (looks, asked) = bounded(1);
        let state = Arc::new(State::of(path)?);
        let seen = state.clone();
        let thread = std::thread::Builder::new()
            .name("documents-writer".to_owned())
            .spawn(move || run(connection, &queue, &asked, &seen))
            .map_err(|error| Error::Storage {
                doing: "starting the writer thread",
                message: error.to_string(),
            })?;
        let (jobs, thread) = (Some(jobs), Some(thread));
        let (queued_bytes, queued) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Ok(Writer { jobs, thread, queued_bytes, queued, looks, state })
    }

    pub(super) fn is_in_place(&self) -> bool {
        // Where that was asked already, one look is enough.
        let _ = self.looks.try_send(());
        !self.state.place.is_lost()
    }

    /// See [`Dataset::give_up`](super::Dataset::give_up).
    pub(super) fn give_up(&self) -> usize {
        self.state.gives_up.store(true, Ordering::Relaxed);
        self.queued.load(Ordering::Relaxed)
    }

    pub(super) fn given_up(&self) -> usize {
        self.state.given_up.load(Ordering::Relaxed)
    }

    /// Does it, and returns when it is durable.
    pub(super) fn submit(&self, work: Work) -> Answer {
        let bytes = work.bytes();
        // Relaxed: it is a bound on memory, nothing is published through it.
        let queued = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.queued.fetch_add(1, Ordering::Relaxed);
        let result = match queued + bytes > QUEUE_BYTES_MAX {
            true => Err(Error::QueueFull),
            false => self.enqueue_and_wait(work),
        };
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.queued.fetch_sub(1, Ordering::Relaxed);
        result
    }

    fn enqueue_and_wait(&self, work: Work) -> Answer {
        let (answer, answered) = bounded(1);
        let jobs = self.jobs.as_ref().ok_or(Error::Closed)?;
        let wait = Duration::from_millis(QUEUE_WAIT_MS);
        jobs.send_timeout(Job { work, answer }, wait).map_err(|error| {
            match error.is_timeout() {
                true => Error::QueueFull,
                false => Error::Closed,
            }
        })?;
        answered.recv().unwrap_or(Err(Error::Closed))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there was told by the panic hook, and to the callers as `Closed`.
            let _ = thread.join();
        }
    }
}

/// The thread: ends when the last sender is gone and the queue is empty.
fn run(connection: Connection, queue: &Receiver<Job>, asked: &Receiver<()>, state: &State) {
    let _ = connection.busy_timeout(Duration::from_millis(WRITE_LOCK_STEP_MS));
    loop {
        let first = select! {
            recv(queue) -> first => first,
            recv(asked) -> _ => {
                if let Err(error) = state.place.look() {
                    tracing::error!(%error, "the dataset failed");
                }
                continue;
            }
        };
        let Ok(first) = first else { break };
        let group = gather(first, queue);
        let answers = commit(&connection, &group, state);
        for (job, answer) in group.into_iter().zip(answers) {
            // Fails only if the caller panicked while waiting.
            let _ = job.answer.send(answer);
        }
    }
    // Statistics for the planner; nothing is lost if it fails, so it does not wait for a lock.
    let _ = connection.busy_timeout(Duration::ZERO);
    let _ = connection.execute_batch("PRAGMA optimize");
}

/// The first job and what else is there already, within the bounds of a group.
fn gather(first: Job, queue: &Receiver<Job>) -> Vec<Job> {
    let mut bytes = first.work.bytes();
    let mut group = vec![first];
    while group.len() < GROUP_MAX && bytes < GROUP_BYTES_MAX {
        let Ok(job) = queue.try_recv() else { break };
        bytes += job.work.bytes();
        group.push(job);
    }
    group
}

/// An answer for each, after COMMIT. If that fails, nothing of the group is in the file.
fn commit(connection: &Connection, group: &[Job], state: &State) -> Vec<Answer> {
    let done = state.place.look().and_then(|()| transact(connection, group, state));
    // Nobody will find what was written to a file that went meanwhile.
    match done.and_then(|answers| state.place.look().map(|()| answers)) {
        Ok(answers) => answers,
        Err(error) => group.iter().map(|_| Err(error.clone())).collect(),
    }
}

fn transact(connection: &Connection, group: &[Job], state: &State) -> Result<Vec<Answer>, Error> {
    let named = Error::storage("committing");
    let mut transaction = begin(connection, state).inspect_err(|error| {
        if *error == Error::GivenUp {
            state.given_up.fetch_add(group.len(), Ordering::Relaxed);
        }
    })?;
    let now_ms = clock::now_ms();
    let mut answers = Vec::with_capacity(group.len());
    for job in group {
        let savepoint = transaction.savepoint().map_err(&named)?;
        let answer = apply(&savepoint, &job.work, now_ms);
        match &answer {
            Ok(_) => savepoint.commit().map_err(&named)?,
            Err(_) => drop(savepoint), // rolls back to where it began
        }
        if let (Err(error), true) = (&answer, transaction.is_autocommit()) {
            // Some failures (disk full, I/O) make SQLite roll back everything by itself.
            return Err(error.clone());
        }
        answers.push(answer);
    }
    transaction.commit().map_err(&named)?;
    Ok(answers)
}

/// IMMEDIATE takes the write lock before anything is read, so it waits for other processes here and
/// nowhere else, and never fails halfway with SQLITE_BUSY_SNAPSHOT. In steps, so that the end of a
/// server need not wait as long.
fn begin<'c>(connection: &'c Connection, state: &State) -> Result<Transaction<'c>, Error> {
    let began = Instant::now();
    loop {
        let begun = Transaction::new_unchecked(connection, TransactionBehavior::Immediate);
        let patience = Duration::from_millis(WRITE_LOCK_WAIT_MS);
        match begun.map_err(Error::storage("committing")) {
            Err(Error::Busy) if state.gives_up.load(Ordering::Relaxed) => {
                return Err(Error::GivenUp);
            }
            Err(Error::Busy) if began.elapsed() < patience => {}
            begun => return begun,
        }
    }
}

fn apply(writer: &Connection, work: &Work, now_ms: i64) -> Answer {
    match work {
        Work::Add { id, new } => store::insert(writer, id, new.fields(), now_ms),
        Work::Delete { id } => store::remove(writer, id),
        Work::Update { id, changes } => {
            let old = store::summary(writer, id)?;
            let kept;
            let body = match &changes.body {
                Some(body) => body,
                None => {
                    kept =
                        Body::new(store::text(writer, store::number_of(writer, id)?, old.bytes)?)?;
                    &kept
                }
            };
            // A changed document no longer is what its file is, so the file counts as never seen:
            // the next import reads it and, if it differs, the file wins.
            let source = old.source.map(|name| Source { name, bytes: None, mtime_ns: None });
            let fields = Fields {
                title: changes.title.as_ref().unwrap_or(&old.title),
                mime_type: changes.mime_type.as_ref().unwrap_or(&old.mime_type),
                source: source.as_ref(),
                body,
            };
            store::replace(writer, id, fields, now_ms)
        }
    }
}

#[cfg(test)]
mod tests;
