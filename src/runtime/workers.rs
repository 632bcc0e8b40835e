//! The threads that run functions which may wait.
//!
//! A worker whose function waits for its client, or works on a task, is replaced for that time: a
//! foreman brings in another one, which leaves when there is nothing to do.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::clock::{steady_ms, steady_ns};
use crate::app::Handler;
use crate::json::Parser;
use crate::limits;
use crate::store::{Hub, Overload, Started};
use crate::transport::{self, Deferred, Shared};

/// Where workers find their jobs.
pub(crate) type Queue = Receiver<Box<Deferred>>;

/// Where jobs are handed in.
#[derive(Clone)]
pub(crate) struct Jobs {
    sender: Sender<Box<Deferred>>,
    hub: Arc<Hub>,
}

/// Makes the queue of jobs, with room for so many.
pub(crate) fn queue(room: usize, hub: Arc<Hub>) -> (Jobs, Queue) {
    let (sender, queue) = bounded(room);
    (Jobs { sender, hub }, queue)
}

impl Jobs {
    /// Hands in a job; gives it back where there is too much to do. Does not wait.
    pub(crate) fn post(&self, mut job: Box<Deferred>) -> Result<(), (Box<Deferred>, Overload)> {
        let Hub { load, overdue, .. } = &*self.hub;
        let (waiting, now) = (self.sender.len(), steady_ns());
        if let Err(overload) = load.admit(waiting, now) {
            return Err((job, overload));
        }
        job.since_ns = now;
        if job.task.is_none() {
            job.due = overdue.begin(&job.stream, &job.request, now / 1_000_000);
        }
        self.sender.try_send(job).map_err(|refused| {
            let mut job = refused.into_inner();
            job.due.take().into_iter().for_each(|due| overdue.end(due));
            (job, load.full(waiting, now))
        })
    }
}

/// Starts the workers, and their foreman. They end when the last sender of jobs is gone.
pub(crate) fn start<H: Handler>(
    count: usize,
    jobs: Queue,
    shared: &Arc<Shared<H>>,
) -> io::Result<Vec<JoinHandle<()>>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    shared.hub.ledger.gauges.workers.set(count as u64);
    let worker = |index: usize| {
        let (jobs, shared) = (jobs.clone(), shared.clone());
        let thread = Builder::new().name(format!("worker-{index}"));
        thread.spawn(move || work(jobs.iter(), &jobs, &shared))
    };
    let mut threads = (0..count).map(worker).collect::<io::Result<Vec<_>>>()?;
    let (wanted, wishes) = bounded(limits::WAITING_CALLS_MAX);
    shared.hub.relief.ask_at(wanted);
    let foreman = Builder::new().name("foreman".to_owned());
    let shared = shared.clone();
    threads.push(foreman.spawn(move || relieve(&wishes, &jobs, &shared))?);
    Ok(threads)
}

/// Brings in a worker for each that waits, and ends what takes too long.
fn relieve<H: Handler>(wishes: &Receiver<()>, jobs: &Queue, shared: &Arc<Shared<H>>) {
    let here = Arc::new(AtomicUsize::new(0));
    loop {
        let wish = match shared.hub.overdue.look(steady_ms()) {
            Some(time) => wishes.recv_timeout(time),
            None => wishes.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match wish {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if here.load(Ordering::Relaxed) >= shared.hub.relief.waiting() {
            continue;
        }
        here.fetch_add(1, Ordering::Relaxed);
        let (jobs, shared, counter) = (jobs.clone(), shared.clone(), here.clone());
        let thread = Builder::new().name("relief".to_owned());
        let spawned = thread.spawn(move || {
            work(std::iter::from_fn(|| next_job(&jobs, &counter, &shared)), &jobs, &shared);
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "cannot replace a worker that waits");
            here.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The next job of a worker that was brought in; `None` when there has been nothing to do for a
/// while and there are more of its kind than workers that wait. It has left the count then.
fn next_job<H: Handler>(
    jobs: &Queue,
    here: &AtomicUsize,
    shared: &Shared<H>,
) -> Option<Box<Deferred>> {
    loop {
        match jobs.recv_timeout(limits::RELIEF_IDLE) {
            Ok(job) => return Some(job),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {
                let spare = |count| (count > shared.hub.relief.waiting()).then(|| count - 1);
                if here.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spare).is_ok() {
                    return None;
                }
            }
        }
    }
}

fn work<H: Handler>(jobs: impl Iterator<Item = Box<Deferred>>, queue: &Queue, shared: &Shared<H>) {
    let Hub { load, overdue, ledger, .. } = &*shared.hub;
    let mut parser = Parser::with_depth(shared.json_depth_max);
    for mut job in jobs {
        let now_ns = (shared.hub.clock.steady_ns)();
        let came_ns = job.observation.as_ref().map_or(now_ns, |observation| observation.began_ns);
        ledger.gauges.queue.leave(came_ns, now_ns);
        let (waiting, now) = (queue.len(), steady_ns());
        let late = || load.is_too_late(job.since_ns, waiting, now);
        match job.is_awaited().then(late).flatten() {
            Some(overload) => transport::refuse_deferred(&job, overload, &shared.hub),
            None => do_job(&mut job, load.started(waiting, now), shared, &mut parser),
        }
        job.due.take().into_iter().for_each(|due| overdue.end(due));
        if !queue.is_empty() {
            // Between two calls the shard's turn costs nobody anything. Who goes on until the
            // kernel's slice is over is stopped in the middle of a call, which then takes as long
            // as the slices of all others: at twice the load that was the p99.
            std::thread::yield_now();
        }
    }
}

fn do_job<H: Handler>(
    job: &mut Deferred,
    started: Started,
    shared: &Shared<H>,
    parser: &mut Parser,
) {
    let Hub { load, relief, ledger, .. } = &*shared.hub;
    ledger.gauges.busy.add(1);
    let is_task = job.task.is_some();
    // It was cancelled while it waited, or its time was over.
    let is_wanted = is_task || !job.stream.is_over();
    let mut run = || run(job, shared, parser);
    let done = match is_task {
        // Where too many are replaced already, this one works on all the same.
        true => relief.wait(&mut run).is_some(),
        false => !is_wanted,
    };
    if !done {
        run();
    }
    ledger.gauges.busy.subtract(1);
    load.ended(&started, is_wanted && !is_task, steady_ns());
}

fn run<H: Handler>(job: &mut Deferred, shared: &Shared<H>, parser: &mut Parser) {
    // A panic of the application is already an answer by the time it gets here; this is for our
    // own, which must not take the worker with it either.
    let run = catch_unwind(AssertUnwindSafe(|| transport::run_deferred(job, shared, parser)));
    if run.is_err() {
        *parser = Parser::with_depth(shared.json_depth_max);
        transport::fail_deferred(job, &shared.hub);
    }
}
