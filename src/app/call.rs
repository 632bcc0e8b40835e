//! What a running function may ask about the call it answers, and say to the client.

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::ask::Interrupted;
use super::notifier::Notifier;
use crate::json::Value;
use crate::protocol::{Capabilities, Capability, Principal, ProtocolVersion};
use crate::store::{Hub, Kind, Owner, Relieved, Session, Stream, Task};

mod questions;
mod saying;

/// The call that a function answers: who called, in which revision, whether anybody still waits;
/// and the ways to say something before the result.
pub struct Call<'c> {
    pub(crate) link: Link<'c>,
    notifier: OnceCell<Notifier>,
    capabilities: OnceCell<Capabilities>,
    task: OnceCell<Arc<Task>>,
    relieved: OnceCell<Relieved<'c>>,
    last_progress: Cell<f64>,
    /// What was said on a shard, where the answer follows at once.
    said: OnceCell<Box<Stream>>,
    interruption: RefCell<Option<Box<Interruption>>>,
}

/// What a call is connected to.
#[derive(Clone, Copy)]
pub(crate) struct Link<'c> {
    pub(crate) version: ProtocolVersion,
    pub(crate) meta: Option<Value<'c>>,
    pub(crate) hub: &'c Arc<Hub>,
    pub(crate) session: Option<&'c Arc<Session>>,
    pub(crate) principal: Option<&'c Arc<Principal>>,
    /// On a worker: where what is said goes. Without it the call runs on a shard.
    pub(crate) stream: Option<&'c Arc<Stream>>,
    /// The client takes an event stream as its answer.
    pub(crate) streams: bool,
    /// The id of the request, as JSON.
    pub(crate) request: &'c [u8],
    /// Answers that came with the request, and what was remembered for it.
    pub(crate) inputs: Option<&'c Inputs>,
    /// `_meta` of the server's results, as JSON.
    pub(crate) server_meta: &'c str,
    /// What the caller may not use is not listed.
    pub(crate) filters: bool,
}

/// What an earlier round of a call brought (2026-07-28, MRTR).
#[doc(hidden)]
#[derive(Debug, Default, PartialEq)]
pub struct Inputs {
    pub answers: Map<String, Json>,
    pub remembered: Option<Json>,
}

/// What keeps a call from its result, when its function comes back with an error.
#[derive(Debug, Default)]
pub(crate) struct Interruption {
    /// Questions by their keys: requests as JSON objects.
    pub(crate) questions: Vec<(String, Json)>,
    pub(crate) remembered: Option<Json>,
    pub(crate) missing: Option<Capability>,
    pub(crate) failed: Option<(i32, String)>,
}

/// How far a call has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// More than the last time.
    pub progress: f64,
    /// What it will be at the end, if that is known.
    pub total: Option<f64>,
    /// What is being done.
    pub message: Option<String>,
}

impl From<f64> for Progress {
    fn from(progress: f64) -> Self {
        Progress { progress, total: None, message: None }
    }
}

impl From<(f64, f64)> for Progress {
    fn from((progress, total): (f64, f64)) -> Self {
        Progress { progress, total: Some(total), message: None }
    }
}

/// The trace a call belongs to (W3C Trace Context and Baggage, from the request's `_meta`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct TraceContext<'c> {
    pub traceparent: Option<&'c str>,
    pub tracestate: Option<&'c str>,
    pub baggage: Option<&'c str>,
}

impl<'c> Call<'c> {
    #[inline]
    pub(crate) fn new(link: Link<'c>, task: Option<Arc<Task>>) -> Self {
        Call {
            link,
            notifier: OnceCell::new(),
            capabilities: OnceCell::new(),
            task: task.map_or_else(OnceCell::new, OnceCell::from),
            relieved: OnceCell::new(),
            last_progress: Cell::new(f64::NEG_INFINITY),
            said: OnceCell::new(),
            interruption: RefCell::default(),
        }
    }

    /// The protocol revision the client speaks: `2026-07-28`, say.
    pub fn protocol_version(&self) -> &'static str {
        self.link.version.as_str()
    }

    /// A member of the request's `_meta`: a key of your own, say.
    pub fn meta(&self, key: &str) -> Option<Value<'c>> {
        self.link.meta?.get(key)
    }

    /// The trace that the client says this call belongs to.
    pub fn trace(&self) -> TraceContext<'c> {
        let text = |key| self.meta(key).and_then(|value| value.as_str());
        TraceContext {
            traceparent: text("traceparent"),
            tracestate: text("tracestate"),
            baggage: text("baggage"),
        }
    }

    /// The client's name and version: from its session, or from the request where there are no
    /// sessions. They are what the client says of itself: for logs, not for decisions.
    pub fn client(&self) -> Option<(&'c str, &'c str)> {
        if let Some(session) = self.link.session {
            return session.client().map(|client| (&*client.name, &*client.release));
        }
        let info = self.meta("io.modelcontextprotocol/clientInfo")?;
        Some((info.get("name")?.as_str()?, info.get("version")?.as_str()?))
    }

    /// What tells the client's session from others: the first half of its id, with which nobody
    /// can take it over. `None` where there are no sessions.
    pub fn session(&self) -> Option<String> {
        let mut id = self.link.session?.id.to_string();
        id.truncate(id.len() / 2);
        Some(id)
    }

    /// Who was authenticated; `None` where nobody needs to be.
    pub fn principal(&self) -> Option<&'c str> {
        self.link.principal.map(|principal| &*principal.name)
    }

    /// Whether the client can do something for the server.
    pub fn supports(&self, capability: Capability) -> bool {
        let declared = || match self.link.session {
            Some(session) => session.client().map(|client| client.capabilities).unwrap_or_default(),
            None => self
                .meta("io.modelcontextprotocol/clientCapabilities")
                .map_or_else(Capabilities::default, Capabilities::read),
        };
        self.capabilities.get_or_init(declared).has(capability)
    }

    /// Goes on only with a client that can do something.
    ///
    /// # Errors
    /// [`Interrupted::MissingCapability`]; returned from the function, it tells the client what is
    /// missing (-32021 from 2026-07-28 on).
    pub fn require(&self, capability: Capability) -> Result<(), Interrupted> {
        if self.supports(capability) {
            return Ok(());
        }
        self.interrupt(|interruption| {
            interruption.missing.get_or_insert(capability);
        });
        Err(Interrupted::MissingCapability(capability))
    }

    /// An error of JSON-RPC, for the function to return, in place of an error that the model sees.
    pub fn protocol_error(&self, code: i32, message: impl Into<String>) -> Interrupted {
        let message = message.into();
        self.interrupt(|interruption| interruption.failed = Some((code, message.clone())));
        Interrupted::Failed(code, message)
    }

    /// Whether nobody wants the result any more: the client cancelled the call; or, from 2026-07-28
    /// on, where this is how a client cancels, closed its connection. A long-running function asks
    /// now and then, and stops.
    ///
    /// Always `false` on a shard, where functions are over before anybody could leave.
    pub fn cancelled(&self) -> bool {
        self.living().is_some_and(|stream| stream.cancelled())
    }

    /// Waits, on a worker. Ends early when the call is cancelled; says whether it was not.
    pub fn sleep(&self, time: Duration) -> bool {
        self.living().is_none_or(|stream| stream.sleep(time))
    }

    /// Runs what waits for something else than the CPU: a lock, a disk, another server. Meanwhile
    /// another worker takes the place of this one, so that calls which compute are not held up by
    /// calls that wait. Where too many wait already, or on a shard, it is just run.
    pub fn waiting<T>(&self, wait: impl FnOnce() -> T) -> T {
        let is_on_worker = self.living().is_some();
        let _relieved = is_on_worker.then(|| self.link.hub.relief.relieve());
        wait()
    }

    /// The stream that lives as long as the call: the task's, where it is one.
    fn living(&self) -> Option<&Arc<Stream>> {
        self.task.get().map(|task| &task.stream).or(self.link.stream)
    }

    /// Ends the response before the result is there: the client comes back for the rest, so that
    /// no connection is held (2025-11-25, "Sending Messages to the Server"). Does nothing where a
    /// client would not come back: in other revisions, and without a session.
    pub fn hang_up(&self) {
        let polls = self.link.version == ProtocolVersion::V2025_11_25;
        if let (Some(stream), Some(_), true) = (self.link.stream, self.link.session, polls) {
            self.say(Kind::HangUp, Vec::new());
            debug_assert!(stream.number().is_some(), "a session's streams are numbered");
        }
    }

    /// Tells clients that something changed.
    pub fn notifier(&self) -> &Notifier {
        self.notifier.get_or_init(|| Notifier::new(self.link.hub.clone()))
    }

    /// From here on the call is a task: the client gets its handle now, and the result when it
    /// asks for it (extension `io.modelcontextprotocol/tasks` of 2026-07-28).
    ///
    /// # Errors
    /// [`Interrupted::MissingCapability`] when the client takes no tasks; and
    /// [`Interrupted::Unreachable`] on a shard.
    pub fn start_task(&self) -> Result<(), Interrupted> {
        if self.task.get().is_some() {
            return Ok(());
        }
        self.require(Capability::Tasks)?;
        let Some(stream) = self.link.stream else {
            return Err(Interrupted::Unreachable(ON_SHARD));
        };
        if stream.cancelled() {
            return Err(Interrupted::Cancelled);
        }
        let hub = self.link.hub;
        let living = Arc::new(Stream::new(hub.streams.bounds()));
        let owner = Owner::of(self.link.version, self.link.session, self.link.principal);
        let begun = hub.tasks.begin(owner, living, None, hub.clock);
        let task = begun.ok_or_else(|| self.protocol_error(-32603, "too many tasks"))?;
        let mut handle = Vec::new();
        let Link { request, version, server_meta, .. } = self.link;
        task.write_handle(request, version, server_meta, &mut handle);
        if !stream.finish(handle, false) {
            // Nobody is there to take the handle.
            task.cancel((hub.clock.unix_ms)());
            return Err(Interrupted::Cancelled);
        }
        let _ = self.task.set(task);
        // A task may take long: its worker is replaced until the function comes back.
        if let Some(relieved) = hub.relief.relieve() {
            let _ = self.relieved.set(relieved);
        }
        Ok(())
    }

    /// The task that the call has become.
    pub(crate) fn task(&self) -> Option<&Arc<Task>> {
        self.task.get()
    }

    /// What was said on a shard.
    pub(crate) fn take_said(&mut self) -> Option<Box<Stream>> {
        self.said.take()
    }

    fn interrupt(&self, change: impl FnOnce(&mut Interruption)) {
        change(self.interruption.borrow_mut().get_or_insert_default());
    }

    /// What keeps the call from its result.
    pub(crate) fn take_interruption(&mut self) -> Option<Box<Interruption>> {
        self.interruption.get_mut().take()
    }
}

const ON_SHARD: &str = "the function runs on a shard; place it on a worker (`on_worker`)";
const NO_STREAM: &str = "it takes no event stream here, and has none open";
const TOO_MANY: &str =
    "too many calls wait for their clients (session_waiting_max, waiting_calls_max)";

/// A value that was remembered, as the type it had.
fn remembered<T: DeserializeOwned>(inputs: Option<&Inputs>) -> Option<T> {
    let value = inputs?.remembered.as_ref()?;
    serde_json::from_value(value.clone()).ok()
}
