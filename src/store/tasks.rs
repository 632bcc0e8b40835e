//! Tasks: calls that go on after their handle was given (2025-11-25, "Tasks"; the extension
//! `io.modelcontextprotocol/tasks` of 2026-07-28).
//!
//! ```text
//!   Working ◀──────▶ InputRequired        a question is open, or all are answered
//!      └───────┬───────────┘
//!              ▼
//!   Completed, Failed, Cancelled          and nothing after that
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::session::{Session, SessionId};
use super::stream::Stream;
use crate::protocol::{Era, Principal, ProtocolVersion};
use crate::{json, limits, rpc};

mod table;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use table::Tasks;

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Working,
    InputRequired,
    Completed,
    Failed,
    Cancelled,
}

/// Whose a task is: nobody else can find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Tasks of the two wires are not mixed.
    pub(crate) wire: Wire,
    pub(crate) session: Option<SessionId>,
    pub(crate) principal: Option<Arc<Principal>>,
}

impl Owner {
    /// Whoever makes a request of this revision, in this session, as this principal.
    pub(crate) fn of(
        version: ProtocolVersion,
        session: Option<&Arc<Session>>,
        principal: Option<&Arc<Principal>>,
    ) -> Owner {
        let session = session.map(|session| session.id);
        Owner { wire: Wire::of(version), session, principal: principal.cloned() }
    }

    /// Whether it is nobody in particular: whoever knows the id of a task may have it, and nobody
    /// is told any (2025-11-25, tasks, "Task Isolation and Access Control").
    fn is_anybody(&self) -> bool {
        self.session.is_none() && self.principal.is_none()
    }
}

/// The shape in which a task is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// 2025-11-25: `ttl`, `pollInterval`; the result is fetched.
    Legacy,
    /// 2026-07-28: `ttlMs`, `pollIntervalMs`; the result comes along.
    Modern,
}

impl Wire {
    pub(crate) fn of(version: ProtocolVersion) -> Wire {
        match version.era() {
            Era::Legacy => Wire::Legacy,
            Era::Modern => Wire::Modern,
        }
    }
}

/// What came of a task.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// The members of the result, as JSON without braces; whether it is a tool's error.
    Result { members: Vec<u8>, is_error: bool },
    /// A JSON-RPC error: the members of `error` as JSON, with braces.
    Error(Vec<u8>),
}

/// One task.
pub(crate) struct Task {
    pub(crate) id: Box<str>,
    pub(crate) owner: Owner,
    /// The call's: it carries questions, and the wish that it end.
    pub(crate) stream: Arc<Stream>,
    /// By the wall clock, which clients are told.
    created_ms: u64,
    /// By the steady clock, which decides how long it is kept.
    begun_ms: u64,
    ttl_ms: u64,
    /// How many of all tasks are worked on.
    running: Arc<AtomicUsize>,
    state: Mutex<State>,
}

struct State {
    status: Status,
    updated_ms: u64,
    /// Since those who listen were told.
    changed: bool,
    outcome: Option<Outcome>,
    /// Keys that were used; none is used twice.
    keys: Vec<String>,
    /// What is asked now: its key, its number in the stream, the request as JSON.
    open: Vec<(String, u32, Vec<u8>)>,
    /// Streams that wait for the outcome, with the ids of their requests as JSON.
    waiting: Vec<(Arc<Stream>, Vec<u8>)>,
}

impl Task {
    /// Its place in the order of all tasks.
    pub(crate) fn place(&self) -> (u64, &str) {
        (self.begun_ms, &self.id)
    }

    /// Whether its time, of the steady clock, is not over.
    fn is_kept(&self, now_ms: u64) -> bool {
        now_ms <= self.begun_ms.saturating_add(self.ttl_ms)
    }

    pub(crate) fn status(&self) -> Status {
        self.state.lock().status
    }

    /// Enters a question under `key`, or another key where that was used. Whoever waits for the
    /// outcome is asked; `request` makes the message of the id it is given.
    pub(crate) fn ask(&self, key: &str, request: &[u8], now_ms: u64) -> Option<u32> {
        let mut state = self.state.lock();
        if state.status.is_terminal() {
            return None;
        }
        let used = |key: &str| state.keys.iter().any(|other| other == key);
        let mut unique = key.to_owned();
        let mut next = 2;
        while used(&unique) {
            unique = format!("{key}-{next}");
            next += 1;
        }
        let number = self.stream.ask();
        state.keys.push(unique.clone());
        state.open.push((unique, number, request.to_vec()));
        state.set(Status::InputRequired, now_ms);
        for (stream, _) in &state.waiting {
            self.pose(stream, number, request);
        }
        Some(number)
    }

    /// A question is settled, one way or another.
    pub(crate) fn settle(&self, number: u32, now_ms: u64) {
        let mut state = self.state.lock();
        let before = state.open.len();
        state.open.retain(|(_, other, _)| *other != number);
        state.changed |= state.open.len() < before;
        if state.open.is_empty() && state.status == Status::InputRequired {
            state.set(Status::Working, now_ms);
        }
    }

    /// The client's answer to the question under `key`; others are ignored.
    pub(crate) fn answer(&self, key: &str, answer: Vec<u8>, now_ms: u64) {
        let open = self.state.lock().open.iter().find(|(other, ..)| other == key).map(|o| o.1);
        if let Some(number) = open {
            // What is observed next is that it is answered, whenever the function wakes up.
            self.settle(number, now_ms);
            self.stream.hear(number, Ok(answer));
        }
    }

    /// The task is over; what comes after its end is nothing.
    pub(crate) fn finish(&self, outcome: Outcome, now_ms: u64) {
        let status = match outcome {
            Outcome::Result { .. } => Status::Completed,
            Outcome::Error(_) => Status::Failed,
        };
        self.end(status, outcome, now_ms);
    }

    /// Ends the task at the client's wish. Says whether it was not over already.
    pub(crate) fn cancel(&self, now_ms: u64) -> bool {
        let mut error = Vec::new();
        rpc::write_error_object(
            &mut error,
            rpc::ErrorCode::INTERNAL_ERROR,
            "The task was cancelled",
            |_| (),
        );
        let ended = self.end(Status::Cancelled, Outcome::Error(error), now_ms);
        self.stream.cancel();
        ended
    }

    fn end(&self, status: Status, outcome: Outcome, now_ms: u64) -> bool {
        let mut state = self.state.lock();
        if state.status.is_terminal() {
            return false;
        }
        state.set(status, now_ms);
        self.running.fetch_sub(1, Ordering::Relaxed);
        state.open.clear();
        for (stream, request) in std::mem::take(&mut state.waiting) {
            stream.finish(self.response(&outcome, &request), false);
        }
        state.outcome = Some(outcome);
        true
    }

    /// Finishes `stream` with the outcome, as the response to `request`, when it is there.
    pub(crate) fn deliver(&self, stream: &Arc<Stream>, request: &[u8]) {
        let mut state = self.state.lock();
        if let Some(outcome) = &state.outcome {
            stream.finish(self.response(outcome, request), false);
            return;
        }
        for (_, number, question) in &state.open {
            self.pose(stream, *number, question);
        }
        // A stream that is over waits no more.
        state.waiting.retain(|(stream, _)| !stream.is_over());
        if state.waiting.len() < limits::TASK_WAITING_MAX {
            state.waiting.push((stream.clone(), request.to_vec()));
        } else {
            let mut error = Vec::new();
            rpc::write_error_raw(&mut error, request, |out| {
                rpc::write_error_object(
                    out,
                    rpc::ErrorCode::INTERNAL_ERROR,
                    "too many requests wait for this task",
                    |_| (),
                );
            });
            stream.finish(error, false);
        }
    }

    /// Sends a question as a request to the client (2025-11-25, "Input Required Status").
    fn pose(&self, stream: &Stream, number: u32, request: &[u8]) {
        let mut message = Vec::new();
        message.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
        json::write_string(&mut message, &format!("t-{}-{number}", self.id));
        message.push(b',');
        // `request` is an object: its members go on here.
        message.extend_from_slice(&request[1..]);
        stream.push(super::stream::Kind::Question, message);
    }

    fn response(&self, outcome: &Outcome, request: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match outcome {
            Outcome::Result { members, .. } => {
                out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
                out.extend_from_slice(request);
                out.extend_from_slice(br#","result":{"#);
                out.extend_from_slice(members);
                out.extend_from_slice(br#","_meta":"#);
                self.write_related(&mut out);
                out.extend_from_slice(b"}}");
            }
            Outcome::Error(error) => {
                rpc::write_error_raw(&mut out, request, |out| out.extend_from_slice(error));
            }
        }
        out
    }

    /// Tells how it stands to those who listen, if it stands otherwise than when they were told
    /// last. Under the lock, so that they are told in the order of what happened.
    pub(super) fn announce(&self, tell: impl FnOnce(&[u8])) {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.changed) {
            let mut members = Vec::new();
            self.write_state(&state, Wire::Modern, true, &mut members);
            tell(&members);
        }
    }
}

impl State {
    fn set(&mut self, status: Status, now_ms: u64) {
        self.status = status;
        self.updated_ms = now_ms;
        self.changed = true;
    }

    /// A tool's error is a failure in 2025-11-25, and a result like any other in the extension.
    fn name(&self, wire: Wire) -> &'static str {
        match (self.status, &self.outcome) {
            (Status::Working, _) => "working",
            (Status::InputRequired, _) => "input_required",
            (Status::Completed, Some(Outcome::Result { is_error: true, .. }))
                if wire == Wire::Legacy =>
            {
                "failed"
            }
            (Status::Completed, _) => "completed",
            (Status::Failed, _) => "failed",
            (Status::Cancelled, _) => "cancelled",
        }
    }
}

impl Status {
    fn is_terminal(self) -> bool {
        matches!(self, Status::Completed | Status::Failed | Status::Cancelled)
    }
}
