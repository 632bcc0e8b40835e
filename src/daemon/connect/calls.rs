//! What waits to be sent, and what is under way: how much of it, in what order, and how each of it
//! is ended from outside.
//!
//! ```text
//! put ─▶ waiting ─▶ next ─▶ underway ─▶ (dropped)
//!           └ withdraw         └ stop
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcp_fastd::limits::{CONNECT_REQUESTS_MAX, CONNECT_WAITING_BYTES_MAX, CONNECT_WAITING_MAX};
use parking_lot::{Condvar, Mutex};
use serde_json::Value;
use ureq::Agent;

use super::message::{Kind, Message, Trouble};

/// One exchange with the server.
pub(super) struct Call {
    /// The requests it is to answer; none for a stream of the server's own messages.
    pub(super) ids: Vec<Value>,
    pub(super) kind: CallKind,
    /// It has this one to itself, so that shutting it down ends this exchange and no other.
    pub(super) agent: Agent,
    state: Mutex<CallState>,
    woken: Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CallState {
    Running,
    /// From outside.
    Stopped,
    /// By itself.
    Finished,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallKind {
    /// From 2026-07-28 on.
    Modern,
    /// The same, without an end of its own: `subscriptions/listen`.
    Subscription,
    /// Up to 2025-11-25.
    Legacy,
    /// `initialize`, and what wants no answer.
    Told,
    /// The stream of a session, for as long as the session is.
    Background,
}

impl Call {
    pub(super) fn new(ids: Vec<Value>, kind: CallKind, agent: Agent) -> Call {
        Call { ids, kind, agent, state: Mutex::new(CallState::Running), woken: Condvar::new() }
    }

    pub(super) fn is_stopped(&self) -> bool {
        *self.state.lock() == CallState::Stopped
    }

    /// Nothing more is said for it. `false` if it had ended by itself before.
    pub(super) fn silence(&self) -> bool {
        let mut state = self.state.lock();
        let was_running = *state != CallState::Finished;
        if was_running {
            *state = CallState::Stopped;
            self.woken.notify_all();
        }
        was_running
    }

    /// Ends it: besides, its connection is closed under whoever reads it.
    pub(super) fn stop(&self) {
        if self.silence() {
            self.agent.clone().shutdown();
        }
    }

    /// It has ended by itself: its agent is free, and no `stop` touches it any more. `false` if it
    /// was stopped before.
    pub(super) fn finish(&self) -> bool {
        let mut state = self.state.lock();
        let by_itself = *state != CallState::Stopped;
        *state = if by_itself { CallState::Finished } else { CallState::Stopped };
        by_itself
    }

    /// Waits; `false` if it was stopped meanwhile.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let mut state = self.state.lock();
        self.woken.wait_while_for(&mut state, |state| *state == CallState::Running, time);
        *state == CallState::Running
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Calls {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What was read and not sent, in the order of its reading.
    waiting: VecDeque<Arc<Message>>,
    underway: Vec<Arc<Call>>,
}

/// A call that is in the list until this is dropped.
pub(super) struct Underway {
    calls: Arc<Calls>,
    pub(super) call: Arc<Call>,
}

impl Calls {
    /// Lets a message wait for its turn; never waits itself.
    ///
    /// # Errors
    /// Too much waits already.
    pub(super) fn put(&self, message: Arc<Message>) -> Result<(), Trouble> {
        let mut state = self.state.lock();
        let bytes: usize = state.waiting.iter().map(|waiting| waiting.text.len()).sum();
        let is_too_long = bytes > 0 && bytes + message.text.len() > CONNECT_WAITING_BYTES_MAX;
        if state.waiting.len() >= CONNECT_WAITING_MAX || is_too_long {
            return Err(Trouble::new(format!(
                "too much waits for the server: no more than CONNECT_WAITING_MAX \
                 ({CONNECT_WAITING_MAX}) messages of CONNECT_WAITING_BYTES_MAX \
                 ({CONNECT_WAITING_BYTES_MAX}) bytes, behind CONNECT_REQUESTS_MAX \
                 ({CONNECT_REQUESTS_MAX}) requests under way; send it again when some are answered"
            )));
        }
        state.waiting.push_back(message);
        self.changed.notify_all();
        Ok(())
    }

    /// Takes a request back that has not been sent. `false` if it does not wait.
    pub(super) fn withdraw(&self, id: &Value) -> bool {
        let mut state = self.state.lock();
        let is_it = |message: &Arc<Message>| {
            matches!(message.kind(), Kind::Request) && message.json.get("id") == Some(id)
        };
        let at = state.waiting.iter().position(is_it);
        at.and_then(|at| state.waiting.remove(at)).is_some()
    }

    /// The next message, from now on a call. Only what needs no place overtakes what waits for one:
    /// the answer to a question of the server may be what a request under way waits for.
    pub(super) fn next(
        self: &Arc<Calls>,
        call: impl Fn(&Message) -> Call,
    ) -> (Underway, Arc<Message>) {
        let mut state = self.state.lock();
        loop {
            let is_request = |call: &&Arc<Call>| call.kind != CallKind::Background;
            let requests = state.underway.iter().filter(is_request).count();
            let fits = |message: &Arc<Message>| {
                requests < CONNECT_REQUESTS_MAX
                    || matches!(message.kind(), Kind::Initialize | Kind::Told)
            };
            let at = state.waiting.iter().position(fits);
            if let Some(message) = at.and_then(|at| state.waiting.remove(at)) {
                let call = Arc::new(call(&message));
                state.underway.push(call.clone());
                return (Underway { calls: self.clone(), call }, message);
            }
            self.changed.wait(&mut state);
        }
    }

    /// Adds a call that is no message of the client's.
    pub(super) fn begin(self: &Arc<Calls>, call: Arc<Call>) -> Underway {
        self.state.lock().underway.push(call.clone());
        Underway { calls: self.clone(), call }
    }

    /// The call that is to answer this request.
    pub(super) fn find(&self, id: &Value) -> Option<Arc<Call>> {
        self.state.lock().underway.iter().find(|call| call.ids.contains(id)).cloned()
    }

    /// Ends the streams of the server's own messages.
    pub(super) fn stop_background(&self) {
        let underway = self.state.lock().underway.clone();
        for call in underway.iter().filter(|call| call.kind == CallKind::Background) {
            call.stop();
        }
    }

    /// Waits until nothing is left that ends by itself, at most so long.
    pub(super) fn wait(&self, time: Duration) {
        let until = Instant::now() + time;
        let ends =
            |call: &Arc<Call>| !matches!(call.kind, CallKind::Subscription | CallKind::Background);
        let mut state = self.state.lock();
        let is_left =
            |state: &mut State| !state.waiting.is_empty() || state.underway.iter().any(ends);
        self.changed.wait_while_until(&mut state, is_left, until);
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.calls.state.lock().underway.retain(|call| !Arc::ptr_eq(call, &self.call));
        self.calls.changed.notify_all();
    }
}
