//! A request that is on its way, or that somebody wants to be told of.

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::ledger::Ledger;
use super::outcome::{Observed, Operation, Outcome};
use super::rules::AuditArguments;
use super::trace::Caller;
use super::watch::status_of;
use crate::protocol::Principal;

/// One request. Each that has a part in it holds it; the last one to let go enters it in the
/// ledger.
pub(crate) struct Observation {
    ledger: Arc<Ledger>,
    pub(crate) began_ns: u64,
    state: Mutex<State>,
}

/// What is known of a request so far.
#[derive(Default)]
pub(super) struct State {
    pub(super) observed: Option<Observed>,
    pub(super) bytes: u64,
    /// When it ended, where that is known better than by who let go last.
    pub(super) ended_ns: Option<u64>,
    pub(super) http: Option<Arc<Http>>,
    pub(super) principal: Option<Arc<Principal>>,
    pub(super) message: Option<Said>,
    pub(super) task: Option<Box<str>>,
    /// It has a place in the audit log.
    pub(super) audited: bool,
    /// What it asks for goes on as parts of it, which are entered by themselves.
    pub(super) parted: bool,
}

/// Who an HTTP request is from, and what its head says.
pub(crate) struct Http {
    pub(crate) address: IpAddr,
    /// These two are not known of what is refused before it is a request.
    pub(crate) method: Option<&'static str>,
    pub(crate) path: Option<Box<str>>,
    pub(crate) user_agent: Option<Box<str>>,
    /// The scheme of `Authorization`, without what it shows.
    pub(crate) scheme: Option<Box<str>>,
    /// A session, by what does not give it away.
    pub(crate) session: Option<String>,
    /// The span that the request comes from.
    pub(crate) caller: Option<Caller>,
}

/// What a message says.
#[derive(Clone)]
pub(crate) struct Said {
    pub(crate) method: Option<&'static str>,
    /// The id of the request, as JSON.
    pub(crate) id: String,
    /// The revision it is of.
    pub(crate) version: &'static str,
    /// What the client calls itself.
    pub(crate) client: Option<Box<str>>,
    /// The tool that is called, whether or not there is one of this name.
    pub(crate) tool: Option<Box<str>>,
    /// What else it is about: a prompt by its name, a resource by its URI.
    #[cfg(feature = "otlp")]
    pub(crate) target: Option<Box<str>>,
    pub(crate) arguments: Option<String>,
    /// The span that the message comes from.
    pub(crate) caller: Option<Caller>,
}

impl Observation {
    /// A request that began at this time.
    pub(crate) fn new(ledger: &Arc<Ledger>, began_ns: u64) -> Arc<Observation> {
        let ledger = ledger.clone();
        Arc::new(Observation { ledger, began_ns, state: Mutex::default() })
    }

    /// A part of this request that has an end of its own: one of a batch, or a task. What is said
    /// of it here is not said of the whole.
    pub(crate) fn part(&self) -> Arc<Observation> {
        let mut whole = self.state.lock();
        whole.parted = true;
        let state = State {
            http: whole.http.clone(),
            principal: whole.principal.clone(),
            message: whole.message.clone(),
            audited: std::mem::take(&mut whole.audited),
            ..State::default()
        };
        let (ledger, began_ns) = (self.ledger.clone(), self.began_ns);
        Arc::new(Observation { ledger, began_ns, state: Mutex::new(state) })
    }

    pub(crate) fn came_by(&self, http: Http) {
        self.state.lock().http = Some(Arc::new(http));
    }

    pub(crate) fn is_of(&self, principal: Option<&Arc<Principal>>) {
        self.state.lock().principal = principal.cloned();
    }

    /// Whether anybody wants to be told of it; and what of arguments, if anything.
    pub(crate) fn is_told(&self) -> Option<Option<AuditArguments>> {
        self.ledger.is_telling.then(|| self.ledger.audits())
    }

    pub(crate) fn says(&self, said: Said) {
        self.state.lock().message = Some(said);
    }

    /// It is worked on as this task.
    pub(crate) fn is_task(&self, id: &str) {
        self.state.lock().task = Some(id.into());
    }

    /// Takes a place in the audit log. Says whether the request may go on.
    pub(crate) fn reserve(&self) -> bool {
        let Some(audit) = &self.ledger.logs.audit else { return true };
        let mut state = self.state.lock();
        if !state.audited {
            state.audited = audit.reserve();
        }
        state.audited || audit.may_go_on()
    }

    /// What was asked, and what came of it.
    pub(crate) fn ended(&self, operation: Operation, outcome: Outcome) {
        let mut state = self.state.lock();
        let status = state.observed.map_or(0, |observed| observed.status);
        state.observed = Some(Observed { operation, outcome, status });
    }

    /// It was not answered as it might have been.
    pub(crate) fn failed(&self, outcome: Outcome) {
        let mut state = self.state.lock();
        let before = state.observed.unwrap_or(Observed::NOTHING);
        state.observed = Some(Observed { outcome, ..before });
    }

    /// This response was written in place of an answer.
    pub(crate) fn refused(&self, response: &[u8]) {
        let mut state = self.state.lock();
        let mut observed = state.observed.unwrap_or(Observed::NOTHING);
        observed.outcome = Outcome::Ok;
        observed.status = status_of(response, &mut observed.outcome, &self.ledger.gauges);
        state.observed = Some(observed);
        state.bytes += response.len() as u64;
    }

    /// The response has this status.
    pub(crate) fn answered(&self, status: u16) {
        let mut state = self.state.lock();
        let before = state.observed.unwrap_or(Observed::NOTHING);
        state.observed = Some(Observed { status, ..before });
    }

    /// So much of a response was written.
    pub(crate) fn wrote(&self, bytes: usize) {
        if self.ledger.is_telling {
            self.state.lock().bytes += bytes as u64;
        }
    }

    /// All of it: what was observed, the bytes of the response, and when they were written.
    pub(super) fn close(&self, observed: Observed, bytes: u64) {
        let mut state = self.state.lock();
        (state.observed, state.bytes) = (Some(observed), bytes);
    }

    pub(super) fn ended_at(&self, now_ns: u64) {
        self.state.lock().ended_ns = Some(now_ns);
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        let ledger = self.ledger.clone();
        ledger.enter(self.began_ns, self.state.get_mut());
    }
}

impl std::fmt::Debug for Observation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observation")
    }
}
