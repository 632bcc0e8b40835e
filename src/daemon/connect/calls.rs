//! What is under way: how much of it, and how each of it is ended from outside.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mcp_fastd::limits::CONNECT_REQUESTS_MAX;
use parking_lot::{Condvar, Mutex};
use serde_json::Value;
use ureq::Agent;

/// One exchange with the server.
pub(super) struct Call {
    /// The requests it is to answer; none for a stream of the server's own messages.
    pub(super) ids: Vec<Value>,
    pub(super) kind: CallKind,
    /// It has this one to itself, so that shutting it down ends this exchange and no other.
    pub(super) agent: Agent,
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
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
    /// The stream of a session, for as long as the session is.
    Background,
}

impl Call {
    pub(super) fn new(ids: Vec<Value>, kind: CallKind, agent: Agent) -> Call {
        Call { ids, kind, agent, state: Mutex::new(State::Running), woken: Condvar::new() }
    }

    pub(super) fn is_stopped(&self) -> bool {
        *self.state.lock() == State::Stopped
    }

    /// Nothing more is said for it. `false` if it had ended by itself before.
    pub(super) fn silence(&self) -> bool {
        let mut state = self.state.lock();
        let was_running = *state != State::Finished;
        if was_running {
            *state = State::Stopped;
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
        let by_itself = *state != State::Stopped;
        *state = if by_itself { State::Finished } else { State::Stopped };
        by_itself
    }

    /// Waits; `false` if it was stopped meanwhile.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let mut state = self.state.lock();
        self.woken.wait_while_for(&mut state, |state| *state == State::Running, time);
        *state == State::Running
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Calls {
    underway: Mutex<Vec<Arc<Call>>>,
    ended: Condvar,
}

/// A call that is in the list until this is dropped.
pub(super) struct Underway {
    calls: Arc<Calls>,
    pub(super) call: Arc<Call>,
}

impl Calls {
    /// Adds a call, when there is room for it.
    pub(super) fn begin(self: &Arc<Calls>, call: Arc<Call>) -> Underway {
        let mut underway = self.underway.lock();
        if call.kind != CallKind::Background {
            self.ended.wait_while(&mut underway, |all| requests(all) >= CONNECT_REQUESTS_MAX);
        }
        underway.push(call.clone());
        Underway { calls: self.clone(), call }
    }

    /// The call that is to answer this request.
    pub(super) fn find(&self, id: &Value) -> Option<Arc<Call>> {
        self.underway.lock().iter().find(|call| call.ids.contains(id)).cloned()
    }

    /// Ends all of these kinds.
    pub(super) fn stop(&self, kinds: &[CallKind]) {
        let underway = self.underway.lock().clone();
        for call in underway.iter().filter(|call| kinds.contains(&call.kind)) {
            call.stop();
        }
    }

    /// Waits until all requests have ended, at most so long.
    pub(super) fn wait(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut underway = self.underway.lock();
        self.ended.wait_while_until(&mut underway, |all| requests(all) > 0, until);
    }
}

fn requests(calls: &[Arc<Call>]) -> usize {
    calls.iter().filter(|call| call.kind != CallKind::Background).count()
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.calls.underway.lock().retain(|call| !Arc::ptr_eq(call, &self.call));
        self.calls.ended.notify_all();
    }
}
