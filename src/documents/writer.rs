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
use super::limits::{GROUP_BYTES_MAX, GROUP_MAX, QUEUE_BYTES_MAX, QUEUE_MAX, QUEUE_WAIT_MS};
use super::store::{self, Body, Checked, Fields, Source};
use super::types::DocumentSummary;
use crossbeam_channel::{Receiver, Sender, bounded};
use rusqlite::{Connection, TransactionBehavior};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

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
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection) -> Result<Writer, Error> {
        let (jobs, queue) = bounded(QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("documents-writer".to_owned())
            .spawn(move || run(connection, &queue))
            .map_err(|error| Error::Storage {
                doing: "starting the writer thread",
                message: error.to_string(),
            })?;
        let (jobs, thread) = (Some(jobs), Some(thread));
        Ok(Writer { jobs, thread, queued_bytes: AtomicUsize::new(0) })
    }

    /// Does it, and returns when it is durable.
    pub(super) fn submit(&self, work: Work) -> Answer {
        let bytes = work.bytes();
        // Relaxed: it is a bound on memory, nothing is published through it.
        let queued = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        let result = match queued + bytes > QUEUE_BYTES_MAX {
            true => Err(Error::QueueFull),
            false => self.enqueue_and_wait(work),
        };
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
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
fn run(mut connection: Connection, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let group = gather(first, queue);
        let answers = commit(&mut connection, &group);
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
fn commit(connection: &mut Connection, group: &[Job]) -> Vec<Answer> {
    match transact(connection, group) {
        Ok(answers) => answers,
        Err(error) => group.iter().map(|_| Err(error.clone())).collect(),
    }
}

fn transact(connection: &mut Connection, group: &[Job]) -> Result<Vec<Answer>, Error> {
    let named = Error::storage("committing");
    // IMMEDIATE takes the write lock before anything is read, so it waits for other processes
    // here and nowhere else, and never fails halfway with SQLITE_BUSY_SNAPSHOT.
    let mut transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&named)?;
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
