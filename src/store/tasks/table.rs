//! All tasks of a server: found by their owners, bounded in number and time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::{Owner, State, Status, Task};
use crate::limits;
use crate::store::stream::Stream;
use crate::store::{Clock, random_id};

/// The tasks of a server.
#[derive(Default)]
pub(crate) struct Tasks {
    tasks: Mutex<HashMap<Box<str>, Arc<Task>>>,
    running: Arc<AtomicUsize>,
}

impl Tasks {
    /// Begins a task; `None` when too many are worked on or kept, or there are no random bits.
    pub(crate) fn begin(
        &self,
        owner: Owner,
        stream: Arc<Stream>,
        ttl_ms: Option<u64>,
        clock: Clock,
    ) -> Option<Arc<Task>> {
        let created_ms = (clock.unix_ms)();
        let id: Box<str> = format!("{:032x}", random_id()?).into();
        let mut tasks = self.tasks.lock();
        // Under the lock, so that no two are the last one.
        if self.running.load(Ordering::Relaxed) >= limits::TASKS_RUNNING_MAX {
            return None;
        }
        if tasks.len() >= limits::TASKS_MAX {
            let over = |task: &&Arc<Task>| task.status().is_terminal();
            let oldest = tasks.values().filter(over).min_by_key(|task| task.begun_ms)?;
            let oldest = oldest.id.clone();
            tasks.remove(&oldest);
        }
        let state = Mutex::new(State {
            status: Status::Working,
            updated_ms: created_ms,
            changed: false,
            outcome: None,
            keys: Vec::new(),
            open: Vec::new(),
            waiting: Vec::new(),
        });
        let ttl_ms = ttl_ms.unwrap_or(limits::TASK_TTL_MS).min(limits::TASK_TTL_MS_MAX);
        let task = Arc::new(Task {
            id: id.clone(),
            owner,
            stream,
            created_ms,
            begun_ms: (clock.steady_ms)(),
            ttl_ms,
            running: self.running.clone(),
            state,
        });
        self.running.fetch_add(1, Ordering::Relaxed);
        tasks.insert(id, task.clone());
        Some(task)
    }

    /// The task of this id, if it is the owner's, at this time of the steady clock.
    pub(crate) fn find(&self, id: &str, owner: &Owner, now_ms: u64) -> Option<Arc<Task>> {
        let task = self.tasks.lock().get(id).cloned()?;
        (task.owner == *owner && task.is_kept(now_ms)).then_some(task)
    }

    /// The owner's tasks, oldest first.
    pub(crate) fn of(&self, owner: &Owner, now_ms: u64) -> Vec<Arc<Task>> {
        if owner.is_anybody() {
            return Vec::new();
        }
        let tasks = self.tasks.lock();
        let own = |task: &&Arc<Task>| task.owner == *owner && task.is_kept(now_ms);
        let mut own: Vec<_> = tasks.values().filter(own).cloned().collect();
        own.sort_by(|a, b| a.place().cmp(&b.place()));
        own
    }

    /// Nobody will answer questions any more.
    pub(crate) fn hush(&self) {
        self.tasks.lock().values().for_each(|task| task.stream.hush());
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.tasks.lock().len()
    }

    /// Forgets tasks whose time is over; a function that still runs for one is told.
    pub(crate) fn sweep(&self, now_ms: u64, unix_ms: u64) {
        let mut gone = Vec::new();
        let mut tasks = self.tasks.lock();
        tasks.retain(|_, task| {
            let kept = task.is_kept(now_ms);
            if !kept {
                gone.push(task.clone());
            }
            kept
        });
        drop(tasks);
        for task in gone {
            task.cancel(unix_ms);
        }
    }
}
