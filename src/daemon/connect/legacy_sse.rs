//! HTTP+SSE, the transport of 2024-11-05: one stream for all that the server says, and an address
//! for what the client says. A stream that breaks takes its session along, unless its events have
//! ids to come back with; the next message of the client begins a new one.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crossbeam_channel::{Sender, bounded};
use mcp_fastd::limits::{self, RESUMES_MAX};
use parking_lot::Mutex;
use serde_json::Value;
use ureq::http::{HeaderMap, Method, Uri};

use super::Bridge;
use super::calls::{Call, CallKind, Underway};
use super::exchange::{Cursor, Heard};
use super::message::{Message, Trouble, answered, parsed};
use super::remote::{Outgoing, same_origin, without_query};
use super::reply::{self, Reply};
use super::session::Agreed;
use super::sse::Event;

/// A stream, and what waits for answers on it.
#[derive(Default)]
pub(super) struct LegacySse {
    endpoint: OnceLock<Uri>,
    broken: AtomicBool,
    pending: Mutex<Vec<Underway>>,
    /// The id of an answer that is ours, not the client's, and who waits for it.
    ours: Mutex<Option<(Value, Sender<()>)>>,
}

impl LegacySse {
    /// Nothing waits for this answer any more; whether something did.
    fn answered(&self, id: &Value) -> bool {
        let mut pending = self.pending.lock();
        let before = pending.len();
        pending.retain(|underway| !underway.call.ids.contains(id));
        pending.len() < before
    }

    /// Whether this answers a question that the client has not asked.
    fn is_ours(&self, json: &Value) -> bool {
        let mut ours = self.ours.lock();
        let matches = ours.as_ref().is_some_and(|(id, _)| answered(json) == Some(id));
        if let Some((_, waiting)) = ours.take_if(|_| matches) {
            let _ = waiting.try_send(());
        }
        matches
    }
}

impl Bridge {
    /// Opens the stream, and waits for the address.
    pub(super) fn open_sse(self: &Arc<Bridge>) -> Result<(), Trouble> {
        let agent = self.remote.stream_agent();
        let call = Arc::new(Call::new(Vec::new(), CallKind::Background, agent));
        let underway = self.calls.begin(call.clone());
        let sse = Arc::new(LegacySse::default());
        let (ready, opened) = bounded(2);
        let (bridge, stream) = (self.clone(), sse.clone());
        let read = move || {
            let why = bridge.read_sse(&underway.call, &stream, &ready);
            stream.broken.store(true, Ordering::SeqCst);
            let broken = Trouble::new(format!(
                "the server's event stream broke before the answer came ({}); the request is not \
                 repeated, since it may have had effects",
                why.message()
            ));
            // Not locked while it is written: who cancels does not wait for that.
            let pending = std::mem::take(&mut *stream.pending.lock());
            for waiting in pending {
                bridge.front.fail(&waiting.call.ids, &broken);
            }
            let _ = ready.try_send(Err(why));
        };
        let spawned = std::thread::Builder::new().spawn(read);
        spawned.map_err(|error| Trouble::new(format!("no thread for the stream: {error}")))?;
        let opened = opened.recv_timeout(limits::CONNECT_TIMEOUT);
        match opened.unwrap_or_else(|_| Err(Trouble::new("no `endpoint` event came in time"))) {
            Ok(()) => {
                *self.sse.lock() = Some(sse);
                Ok(())
            }
            Err(trouble) => {
                call.stop();
                Err(trouble)
            }
        }
    }

    /// Reads the stream to its end, on as many connections as its events' ids allow; gives the
    /// reason of its end.
    fn read_sse(
        &self,
        call: &Call,
        sse: &LegacySse,
        ready: &Sender<Result<(), Trouble>>,
    ) -> Trouble {
        let mut cursor = Cursor::default();
        loop {
            match self.get(call, &Agreed::default(), &cursor) {
                Ok(Ok(Reply::Events(body))) => {
                    cursor.backoff.failures = 0;
                    let take = |event| self.take_from_sse(call, sse, ready, event);
                    match self.follow(body, &mut cursor, take) {
                        Ok(true) => return Trouble::new("the server names another address"),
                        Ok(false) => {}
                        Err(trouble) => return trouble,
                    }
                }
                Ok(Ok(Reply::Refused(refused)))
                    if cursor.last_id.is_none() || !refused.is_passing() =>
                {
                    return refused.trouble();
                }
                Ok(Err(trouble)) => return trouble,
                Err(failure)
                    if cursor.last_id.is_none() || cursor.backoff.failures >= RESUMES_MAX =>
                {
                    return failure.into();
                }
                _ => cursor.backoff.failures += 1,
            }
            if cursor.last_id.is_none() || !call.pause(cursor.backoff.next()) {
                return Trouble::new("the server's event stream ended");
            }
        }
    }

    /// Breaks when the stream is of another session than before, or none that can be used.
    fn take_from_sse(
        &self,
        call: &Call,
        sse: &LegacySse,
        ready: &Sender<Result<(), Trouble>>,
        event: Event,
    ) -> ControlFlow<(), Heard> {
        if event.name == "endpoint" {
            let text = event.data.trim();
            // Another origin's address would be given our credentials.
            let Some(endpoint) = same_origin(&self.remote.url, text) else {
                let shown = without_query(text);
                let what = format!("the server wants messages at {shown:?}, of another origin");
                let _ = ready.try_send(Err(Trouble::new(what)));
                return ControlFlow::Break(());
            };
            let is_ours = *sse.endpoint.get_or_init(|| endpoint.clone()) == endpoint;
            let _ = ready.try_send(Ok(()));
            return match is_ours {
                true => ControlFlow::Continue(Heard::Nothing),
                false => ControlFlow::Break(()),
            };
        }
        let Some(json) = parsed(&event.data) else { return ControlFlow::Continue(Heard::Nothing) };
        if !sse.is_ours(&json) {
            self.pass(call, &event.data);
        }
        if let Some(id) = answered(&json) {
            sse.answered(id);
        }
        ControlFlow::Continue(Heard::Message)
    }

    /// Sends a message; its answer, if it is to have one, comes on the stream.
    pub(super) fn send_over_sse(self: &Arc<Bridge>, underway: Underway, message: &Arc<Message>) {
        let call = underway.call.clone();
        let ids = &call.ids;
        let sse = match self.living_sse() {
            Ok(sse) => sse,
            Err(trouble) => return self.front.fail(ids, &trouble),
        };
        if let Some(id) = ids.first() {
            sse.pending.lock().push(underway);
            // Whoever cancelled it before has not found it there.
            if call.is_stopped() {
                sse.answered(id);
                return;
            }
        }
        // A stream that has ended meanwhile may have looked for who waits before this one did.
        let posted = match sse.broken.load(Ordering::SeqCst) {
            true => Err(Trouble::new("the server's event stream broke; send the request again")),
            false => self.post_to_sse(&sse, message),
        };
        if let Err(trouble) = posted {
            // The answer may have come all the same; there is one to each request.
            match ids.first().is_none_or(|id| sse.answered(id)) {
                true => self.front.fail(ids, &trouble),
                false => tracing::debug!("answered, but: {}", trouble.message()),
            }
        }
    }

    /// No answer is waited for any more.
    pub(super) fn forget_over_sse(&self, id: &Value) {
        if let Some(sse) = self.sse.lock().as_ref() {
            sse.answered(id);
        }
    }

    /// The stream; if it broke, another one, with the session begun again.
    fn living_sse(self: &Arc<Bridge>) -> Result<Arc<LegacySse>, Trouble> {
        let gone = || Trouble::new("the server's event stream is gone");
        let sse = self.sse.lock().clone().ok_or_else(gone)?;
        if !sse.broken.load(Ordering::SeqCst) {
            return Ok(sse);
        }
        tracing::warn!("the server's event stream broke: a new session is begun");
        self.open_sse()?;
        let sse = self.sse.lock().clone().ok_or_else(gone)?;
        let (Some(initialize), initialized) = self.session.opening() else { return Ok(sse) };
        let (sender, answered) = bounded(1);
        *sse.ours.lock() = initialize.ids().pop().map(|id| (id, sender));
        self.post_to_sse(&sse, &initialize)?;
        answered.recv_timeout(limits::CONNECT_NOTICE_TIMEOUT).map_err(|_| gone())?;
        if let Some(initialized) = initialized {
            self.post_to_sse(&sse, &initialized)?;
        }
        Ok(sse)
    }

    fn post_to_sse(&self, sse: &LegacySse, message: &Message) -> Result<(), Trouble> {
        let Some(url) = sse.endpoint.get() else {
            return Err(Trouble::new("the server has not said where messages go"));
        };
        let agent = self.remote.brief_agent(limits::CONNECT_NOTICE_TIMEOUT);
        let call = Call::new(Vec::new(), CallKind::Legacy, agent);
        let fields = HeaderMap::new();
        let outgoing = Outgoing { method: Method::POST, url, fields, body: &message.text };
        match reply::read(self.remote.send(&call, &outgoing)?)? {
            Reply::Refused(refused) => Err(refused.trouble()),
            _ => Ok(()),
        }
    }
}
