//! Applications that speak MCP by themselves: what they are handed, and where they answer.
//!
//! The engine does for them what has to do with HTTP, and with who speaks to whom: it reads and
//! refuses, knows sessions and their streams, replays, keeps alive. What a message means it does
//! not ask. `adapter` is made of this; see [`Handler::receive`](super::Handler::receive).

use std::fmt;
use std::sync::Arc;

use crossbeam_channel::Sender;

use super::catalog::{ParamHeader, param_headers};
use crate::json::Value;
use crate::protocol::{Era, Principal, ProtocolVersion};
use crate::rpc::{self, ErrorCode, Id};
use crate::store::{Farewell, Hub, Kind, Session, Stream};

/// A message for an application that speaks MCP by itself: a request, a notification of a session,
/// or an answer to what the application asked in one.
pub struct Incoming<'m> {
    /// The message, parsed.
    pub message: Value<'m>,
    /// The method of a request that wants an answer.
    pub request: Option<&'m str>,
    /// Who was authenticated, if anybody was.
    pub principal: Option<&'m Arc<Principal>>,
    /// The target of the HTTP request: its path, and its query.
    pub target: (&'m str, Option<&'m str>),
    pub(crate) fields: &'m [httparse::Header<'m>],
    pub(crate) mismatch: Mismatch,
    pub(crate) id: Option<Id<'m>>,
    pub(crate) version: ProtocolVersion,
    pub(crate) session: Option<&'m Arc<Session>>,
    /// The session begins with the answer.
    pub(crate) begins: bool,
    /// The client takes events before the answer.
    pub(crate) streams: bool,
    pub(crate) hub: &'m Arc<Hub>,
    /// Where the answer goes, once that was asked for.
    pub(crate) stream: Option<Arc<Stream>>,
}

/// Says how a header and the argument that it repeats differ, if they do.
pub(crate) type Mismatch =
    fn(&ParamHeader, Option<Value<'_>>, &[httparse::Header<'_>]) -> Option<String>;

/// What an application makes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reception {
    /// The answer was appended to `out`; the code of its error, where it is one.
    Answered(Option<i32>),
    /// The answer goes to what [`Incoming::later`] gave; or none is wanted.
    Taken,
    /// There is no room (503): the bound of [`limits`](crate::limits) that was met.
    Full(&'static str),
}

impl<'m> Incoming<'m> {
    /// The name of the revision: of the session, or of the request.
    pub fn version(&self) -> &'static str {
        self.version.as_str()
    }

    /// The session it belongs to (up to 2025-11-25). An `initialize` belongs to the one that its
    /// answer begins, unless it is an error.
    pub fn session(&self) -> Option<SessionHandle> {
        let session = self.session?.clone();
        Some(SessionHandle { session, hub: self.hub.clone() })
    }

    /// Whether its answer begins its session.
    pub fn begins_session(&self) -> bool {
        self.begins
    }

    /// The name that the application gave to the session, to be told of its end.
    pub fn session_name(&self) -> Option<u64> {
        self.session?.name()
    }

    /// The fields of the HTTP request's head, as they were sent.
    pub fn fields(&self) -> impl Iterator<Item = (&'m str, &'m [u8])> {
        self.fields.iter().map(|field| (field.name, field.value))
    }

    /// How the `Mcp-Param-*` headers of a `tools/call` differ from its arguments, if they do
    /// (-32020; 2026-07-28, "Server Validation"): `input` is the tool's input schema.
    pub fn header_mismatch(&self, input: &serde_json::Value) -> Option<String> {
        let arguments = self.message.get("params").and_then(|params| params.get("arguments"));
        // A schema that breaks the rules for such headers has none.
        let headers = param_headers(input).unwrap_or_default();
        headers.iter().find_map(|header| (self.mismatch)(header, arguments, self.fields))
    }

    /// The place for an answer that is not there yet, and for what is said before it.
    ///
    /// # Errors
    /// [`Reception::Full`] when too much is under way in the session.
    pub fn later(&mut self) -> Result<Outgoing, Reception> {
        let mut id = Vec::new();
        if let Some(request) = self.id {
            request.write(&mut id);
        }
        let Incoming { hub, version, streams, .. } = *self;
        let bounds = hub.streams.bounds();
        let has_begun = |session: &&Arc<Session>| !self.begins || session.line.is_some();
        let stream = match self.session.filter(has_begun) {
            None => Arc::new(Stream::new(bounds)),
            Some(session) => session
                .begin(&id, bounds, hub.sessions.limits.all().replay_bytes)
                .ok_or(Reception::Full("session_calls_max"))?,
        };
        self.stream = Some(stream.clone());
        let begins = self.session().filter(|begun| self.begins && begun.session.line.is_none());
        let (id, is_open) = (id.into(), true);
        Ok(Outgoing { stream, id, version, streams, begins, is_open })
    }
}

/// Where the answer to one request goes, from any thread; and what is said before it. Dropped
/// without an answer, it answers that there is none.
pub struct Outgoing {
    stream: Arc<Stream>,
    /// The request's, as JSON.
    id: Box<[u8]>,
    version: ProtocolVersion,
    streams: bool,
    begins: Option<SessionHandle>,
    is_open: bool,
}

impl Outgoing {
    /// The id of the request, as JSON text.
    pub fn id(&self) -> &[u8] {
        &self.id
    }

    /// Whether nothing more is taken: the request was cancelled, or its stream had to be cut.
    pub fn is_over(&self) -> bool {
        self.stream.is_over()
    }

    /// Whether the answer is hardly wanted any more.
    pub(crate) fn is_given_up(&self) -> bool {
        self.stream.cancelled()
    }

    /// Whether this is the place for the answer to a message.
    pub(crate) fn answers(&self, incoming: &Incoming<'_>) -> bool {
        incoming.stream.as_ref().is_some_and(|stream| Arc::ptr_eq(stream, &self.stream))
    }

    /// Whether the client takes anything before the answer.
    pub fn takes_events(&self) -> bool {
        self.streams
    }

    /// Says something before the answer: a JSON-RPC message on one line, of which `method` is the
    /// method. Says whether the client takes such things.
    pub fn push(&self, method: &str, message: Vec<u8>) -> bool {
        if self.streams {
            self.stream.push(kind_of(method), message);
        }
        self.streams
    }

    /// Gives the answer, a JSON-RPC response on one line; `error` is the code of its error.
    pub fn finish(mut self, answer: Vec<u8>, error: Option<i32>) {
        self.answer(answer, error);
    }

    /// Posts this name when the answer is hardly wanted any more: the client has cancelled, or is
    /// gone where that means the same. It may come more than once, and after the answer.
    pub(crate) fn watch(&self, to: Sender<u64>, name: u64) {
        self.stream.on_given_up(Farewell::new(to, name));
    }

    fn answer(&mut self, answer: Vec<u8>, error: Option<i32>) {
        self.is_open = false;
        if let (Some(begun), Some(_)) = (&self.begins, error) {
            // Before the answer, which would name it.
            begun.end();
        }
        self.stream.finish_as(kind_of_answer(self.version, error), answer);
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if self.is_open {
            let mut out = Vec::new();
            let (code, message) = (ErrorCode::INTERNAL_ERROR, "Internal error: nobody answered");
            rpc::write_error_raw(&mut out, &self.id, |out| {
                rpc::write_error_object(out, code, message, |_| ());
            });
            self.answer(out, Some(code.0));
        }
    }
}

/// A session of the revisions that have them.
#[derive(Clone)]
pub struct SessionHandle {
    session: Arc<Session>,
    hub: Arc<Hub>,
}

impl SessionHandle {
    /// What the client calls it: the value of `Mcp-Session-Id`.
    pub fn id(&self) -> String {
        self.session.id.to_string()
    }

    /// Says something that belongs to no request: a JSON-RPC message on one line, of which `method`
    /// is the method.
    pub fn push(&self, method: &str, message: Vec<u8>) {
        self.hub.open_events(&self.session).push(kind_of(method), message);
    }

    /// Whether it is over: deleted, idle for too long, or made room.
    pub fn has_ended(&self) -> bool {
        self.session.has_ended()
    }

    /// Ends it, and all that is under way in it.
    pub fn end(&self) {
        self.hub.end(&self.session);
    }

    /// Gives it a name, and posts that when the session ends; perhaps more than once.
    pub(crate) fn watch(&self, to: Sender<u64>, name: u64) {
        self.session.on_end(Farewell::new(to, name));
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionHandle({:?})", self.session.id)
    }
}

/// What may become of a message when there are too many.
fn kind_of(method: &str) -> Kind {
    match method {
        "notifications/progress" => Kind::Progress(0),
        "notifications/message" => Kind::Log,
        "notifications/tools/list_changed"
        | "notifications/prompts/list_changed"
        | "notifications/resources/list_changed"
        | "notifications/resources/updated" => Kind::Notice,
        // What we do not know is as dear as a question.
        _ => Kind::Question,
    }
}

/// An answer whose error is about the message itself has a status of its own from 2026-07-28 on
/// ("Protocol Version Header", "Server Validation").
pub(crate) fn kind_of_answer(version: ProtocolVersion, error: Option<i32>) -> Kind {
    match (version.era(), error) {
        (Era::Modern, Some(-32601)) => Kind::Unknown,
        (Era::Modern, Some(-32022..=-32020)) => Kind::Answer { bad_request: true },
        _ => Kind::Answer { bad_request: false },
    }
}
