//! The threads that run functions which may wait.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::ConnectionKey;
use super::mailbox::{Address, Mail};
use crate::app::Handler;
use crate::json::Parser;
use crate::transport::{self, Deferred, Shared};

/// A deferred request, and where its answer goes.
pub(crate) struct Job {
    pub(crate) deferred: Deferred,
    /// Set when nobody waits for the answer any more.
    pub(crate) cancelled: Arc<AtomicBool>,
    pub(crate) key: ConnectionKey,
    pub(crate) reply_to: Address,
}

/// Where workers find their jobs.
pub(crate) type Queue = Receiver<Job>;

/// Makes the queue of jobs, with room for so many.
pub(crate) fn queue(room: usize) -> (Sender<Job>, Queue) {
    bounded(room)
}

/// Starts the workers. They end when the last sender of jobs is gone.
pub(crate) fn start<H: Handler>(
    count: usize,
    jobs: Queue,
    shared: &Arc<Shared<H>>,
) -> io::Result<Vec<JoinHandle<()>>> {
    let worker = |index: usize| {
        let (jobs, shared) = (jobs.clone(), shared.clone());
        let thread = Builder::new().name(format!("worker-{index}"));
        thread.spawn(move || work(&jobs, &shared))
    };
    (0..count).map(worker).collect()
}

fn work<H: Handler>(jobs: &Receiver<Job>, shared: &Shared<H>) {
    let mut parser = Parser::new();
    for mut job in jobs {
        let mut body = Vec::new();
        // A panic of the application is already an answer by the time it gets here; this is for
        // our own, which must not take the worker with it either.
        let run = catch_unwind(AssertUnwindSafe(|| {
            let Job { deferred, cancelled, .. } = &mut job;
            transport::run_deferred(deferred, &shared.handler, &mut parser, cancelled, &mut body);
        }));
        if run.is_err() {
            parser = Parser::new();
            body.clear();
            transport::fail_deferred(&mut body);
        }
        let persistence = job.deferred.persistence;
        job.reply_to.post_waiting(Mail::Answer { key: job.key, body, persistence });
    }
}
