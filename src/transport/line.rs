//! Messages on a line: of a client that has one channel for everything it is told, whatever
//! brings its messages (HTTP+SSE of 2024-11-05, stdio).
//!
//! What is an answer elsewhere is pushed to the line here, in the order in which answers are ready.

use std::net::IpAddr;
use std::sync::Arc;

use super::access::Judge;
use super::inbound::{Heard, client_of, take_in};
use super::message::{id, id_text};
use super::observed::{operation_of, outcome_of, tell_of_part};
use super::{Deferred, ROOTS_CHANGED, Shared, batch};
use crate::app::call::Link;
use crate::app::{Handler, Missing, Principal};
use crate::json::{Kind, Parser, Value};
use crate::limits;
use crate::mcp::plan::Answer;
use crate::mcp::{self, Accepted, Claims, Context, Plan, Refusal, Stage, plan, subscriptions};
use crate::observe::{Observation, Outcome, Watch};
use crate::protocol::{Era, ProtocolVersion};
use crate::rpc::{ErrorCode, Id, Message};
use crate::store::{Filter, Kind as EventKind, Listener, Overload, Owner, Reader, Session, Stream};

mod errors;
mod forward;
mod task;

pub(super) use errors::overload_error;
pub(crate) use errors::too_long;
use errors::{error_of, invalid, not_json};

/// What a message leads to, besides what was pushed to the line.
pub(crate) enum Then {
    Nothing,
    /// A worker has something to do; what to say when it has it, or nobody does.
    Work(Box<Deferred>, Promise),
    /// The client listens to notices from now on.
    Listen(Arc<Listener>),
    /// A request was not taken in: too much waits to be read.
    Full,
    /// It was not taken in: whoever sent it may not do that.
    Forbidden(Missing),
}

/// What is said of something that a worker is to do.
pub(crate) struct Promise {
    line: Arc<Stream>,
    /// The id of the request, as JSON, and empty of a batch; `None` where nothing was requested.
    request: Option<Vec<u8>>,
    /// The handle of a task; empty where it is none.
    handle: Vec<u8>,
}

impl Promise {
    /// A worker has it.
    pub(crate) fn taken(&self) {
        if !self.handle.is_empty() {
            self.line.push(EventKind::Response, self.handle.clone());
        }
    }

    /// No worker takes it: whoever asked is told so.
    #[cold]
    pub(crate) fn refused(&self, overload: Overload) {
        if let Some(request) = &self.request {
            self.line.push(EventKind::Response, overload_error(request, overload));
        }
    }
}

/// Where messages on a line are taken in.
pub(crate) struct Line<'r, H> {
    pub(crate) shared: &'r Shared<H>,
    pub(crate) session: &'r Arc<Session>,
    pub(crate) stream: &'r Arc<Stream>,
    pub(crate) watch: &'r Watch,
    /// Whoever sent the message: the session's, with the scopes that they have now.
    pub(crate) principal: Option<&'r Arc<Principal>>,
    /// What they may do is for the application to decide.
    pub(crate) guarded: bool,
    /// The era is that of each message; otherwise it is that of the session.
    pub(crate) both_eras: bool,
    /// Requests are taken in while there is room for their answers; otherwise whoever brings them
    /// waits for it.
    pub(crate) while_room: bool,
    /// The address that messages come from, where there is one.
    pub(crate) from: Option<IpAddr>,
}

impl<H: Handler> Line<'_, H> {
    /// Takes in a message, or a batch.
    ///
    /// # Errors
    /// A JSON-RPC error, for what is not a message and so cannot be answered as one.
    pub(crate) fn hear(&self, text: &mut [u8], parser: &mut Parser) -> Result<Then, Vec<u8>> {
        let document = match parser.parse(text) {
            Ok(document) => document,
            Err(error) => return Err(not_json(&error)),
        };
        let root = document.root();
        if root.kind() == Kind::Array {
            return self.batch(root);
        }
        let message = Message::read(root).map_err(|wrong| {
            // A response has the id of a request of ours, which is none of the client's.
            let id = wrong.id.filter(|_| root.get("method").is_some());
            invalid(id, ErrorCode::INVALID_REQUEST, wrong.message)
        })?;
        let is_request = matches!(message, Message::Request { .. });
        if self.while_room && is_request && !self.stream.has_room() {
            return Ok(Then::Full);
        }
        Ok(match self.open(&message) {
            Ok(context) => match self.allow(&message, &context) {
                Ok(()) => self.answer(root, &message, &context),
                Err(missing) => Then::Forbidden(missing),
            },
            Err(refusal) => {
                self.went_wrong(refusal.code);
                self.refuse(&refusal, id(&message))
            }
        })
    }

    fn allow(&self, message: &Message<'_>, context: &Context<'_>) -> Result<(), Missing> {
        match self.guarded {
            true => self.judge().message(message, context),
            false => Ok(()),
        }
    }

    fn judge(&self) -> Judge<'_, H> {
        Judge::new(&*self.shared.handler, self.principal.map(|principal| &**principal))
    }

    fn open<'b>(&self, message: &Message<'b>) -> Result<Context<'b>, Refusal<'b>> {
        let version = self.session.version();
        if !self.both_eras {
            return Context::resumed(message, version);
        }
        let context = mcp::open(message, Claims::of(message))?;
        Ok(match context.era() {
            Era::Modern => context,
            Era::Legacy => context.agreed(message, version),
        })
    }

    fn answer(&self, root: Value<'_>, message: &Message<'_>, context: &Context<'_>) -> Then {
        let observation = match self.observe(message, context) {
            Ok(observation) => observation,
            Err(then) => return then,
        };
        if let Some(refusal) = self.too_often(message, context) {
            return self.refuse(&refusal, id(message));
        }
        if H::SPEAKS_MCP {
            return self.forward(root, message, context);
        }
        let Shared { handler, hub, .. } = self.shared;
        match plan(message, context, handler.catalog(), &hub.seal, false) {
            Plan::Answer(answer) => self.answer_now(&answer, message, context, &observation),
            Plan::Defer => self.defer(root, id_text(message), context.version, observation),
            Plan::Task { ttl_ms } => self.begin_task(root, message, context, ttl_ms, observation),
            Plan::AwaitTask { id } => self.await_task(id, message, context),
            Plan::Listen(filter) => self.listen(filter, message, context),
            Plan::Accept(accepted) => self.accept(&accepted, context.version),
        }
    }

    fn answer_now(
        &self,
        answer: &Answer<'_>,
        message: &Message<'_>,
        context: &Context<'_>,
        observation: &Observation,
    ) -> Then {
        if let Answer::Initialize { version } = *answer
            && !self.session.agree(client_of(message.params(), version))
        {
            let refusal = Refusal::new(
                Stage::InBand,
                ErrorCode::INVALID_REQUEST,
                "already initialized: a client does it once, as the first thing",
            );
            observation.failed(Outcome::of_error(refusal.code));
            return self.refuse(&refusal, id(message));
        }
        let mut out = Vec::new();
        self.write(answer, message, context, observation, &mut out);
        self.push(out);
        Then::Nothing
    }

    /// Appends an answer; what its function said before it goes to the line.
    fn write(
        &self,
        answer: &Answer<'_>,
        message: &Message<'_>,
        context: &Context<'_>,
        observation: &Observation,
        out: &mut Vec<u8>,
    ) {
        let Some(id) = id(message) else { return };
        let Shared { handler, hub, .. } = self.shared;
        let link = Link {
            version: context.version,
            meta: context.params.meta,
            hub,
            session: self.session_of(context.version),
            principal: self.principal,
            stream: None,
            streams: true,
            request: &[],
            inputs: None,
            server_meta: &handler.catalog().server_meta,
            filters: self.guarded,
        };
        let written = mcp::answer(answer, id, &context.params, &**handler, link, None, out);
        observation.ended(operation_of(answer, context), outcome_of(written.came));
        let Some(said) = written.said else { return };
        let attachment = said.attach(Reader::untold(), None);
        said.read(attachment, (hub.clock.steady_ms)(), |event| {
            self.stream.push(event.kind, event.data.clone());
            true
        });
    }

    /// The session of a message; there is none from 2026-07-28 on.
    fn session_of(&self, version: ProtocolVersion) -> Option<&Arc<Session>> {
        (version.era() == Era::Legacy).then_some(self.session)
    }

    fn push(&self, message: Vec<u8>) {
        self.stream.push(EventKind::Response, message);
    }

    fn refuse(&self, refusal: &Refusal<'_>, id: Option<Id<'_>>) -> Then {
        // A notification is not answered, whatever is wrong with it.
        if id.is_some() {
            let mut out = Vec::new();
            refusal.write(id, &mut out);
            self.push(out);
        }
        Then::Nothing
    }

    /// A stream for what is said to a request; it flows into the line.
    fn begin(&self, request: &[u8]) -> Option<Arc<Stream>> {
        let hub = &self.shared.hub;
        self.session.begin(request, hub.streams.bounds(), 0)
    }

    #[cold]
    fn too_many(&self, request: &[u8]) -> Then {
        let text = "too many requests of this client are under way (session_calls_max)";
        self.push(error_of(request, text, "session_calls_max", None));
        Then::Nothing
    }

    fn work(
        &self,
        root: Value<'_>,
        version: ProtocolVersion,
        stream: Arc<Stream>,
        request: Option<Vec<u8>>,
        observation: Option<Arc<Observation>>,
    ) -> (Box<Deferred>, Promise) {
        let session = self.session_of(version).cloned();
        let principal = self.principal.cloned();
        let mut deferred = Deferred::of(root, version, session, principal, stream, true);
        deferred.filters = self.guarded;
        deferred.request = request.clone().unwrap_or_default();
        deferred.observation = observation;
        (deferred, Promise { line: self.stream.clone(), request, handle: Vec::new() })
    }

    fn defer(
        &self,
        root: Value<'_>,
        request: Vec<u8>,
        version: ProtocolVersion,
        observation: Arc<Observation>,
    ) -> Then {
        let share = match self.shared.hub.shares.call(self.session.principal.as_ref()) {
            Ok(share) => share,
            Err(limit) => {
                observation.failed(Outcome::Overloaded);
                let text = format!("too many calls under way ({limit}): wait for one of them");
                self.push(error_of(&request, &text, limit, Some(1000)));
                return Then::Nothing;
            }
        };
        match self.begin(&request) {
            None => {
                observation.failed(Outcome::Overloaded);
                self.too_many(&request)
            }
            Some(stream) => {
                let (mut deferred, promise) =
                    self.work(root, version, stream, Some(request), Some(observation));
                deferred.share = share;
                Then::Work(deferred, promise)
            }
        }
    }

    #[cold]
    fn listen(&self, filter: Filter, message: &Message<'_>, context: &Context<'_>) -> Then {
        let Shared { handler, hub, .. } = self.shared;
        let request = id_text(message);
        let Some(stream) = self.begin(&request) else { return self.too_many(&request) };
        let owner = Owner::of(context.version, None, self.principal);
        let filter = subscriptions::honored(filter, handler.catalog(), &owner, hub);
        let mut text = Vec::new();
        subscriptions::write_acknowledgement(&filter, &request, &mut text);
        stream.push(EventKind::Question, text);
        Then::Listen(Arc::new(Listener { filter, owner, id: request.into(), stream }))
    }

    fn accept(&self, accepted: &Accepted<'_>, version: ProtocolVersion) -> Then {
        let heard = take_in(accepted, self.session, &self.shared.hub);
        if heard == Heard::RootsChanged && self.shared.handler.catalog().hears_roots {
            return self.tell_roots_changed(version);
        }
        Then::Nothing
    }

    #[cold]
    fn tell_roots_changed(&self, version: ProtocolVersion) -> Then {
        if !self.session.roots_changed() {
            // The application is about to look at them anyway.
            return Then::Nothing;
        }
        let stream = Arc::new(Stream::new(self.shared.hub.streams.bounds()));
        let (mut deferred, promise) = self.work(Value::EMPTY_OBJECT, version, stream, None, None);
        deferred.message = ROOTS_CHANGED.to_vec();
        Then::Work(deferred, promise)
    }

    /// As over Streamable HTTP, batches are part of 2025-03-26 alone.
    #[cold]
    fn batch(&self, root: Value<'_>) -> Result<Then, Vec<u8>> {
        let version = self.session.version();
        if H::SPEAKS_MCP {
            let text = "this server takes no batches: send one message";
            return Err(invalid(None, ErrorCode::INVALID_REQUEST, text));
        }
        if let Err(refusal) = batch::check(root, Some(version)) {
            let mut out = Vec::new();
            refusal.write(None, &mut out);
            return Err(out);
        }
        if self.while_room && !self.stream.has_room() {
            return Ok(Then::Full);
        }
        if self.guarded
            && let Err(missing) = batch::allow(root, version, &self.judge())
        {
            return Ok(Then::Forbidden(missing));
        }
        if let Some(refusal) = self.batch_too_often(root) {
            return Err(refusal);
        }
        if batch::needs_worker(root, self.shared) {
            return Ok(self.defer(root, Vec::new(), version, self.watch.part()));
        }
        let mut out = Vec::new();
        let answer =
            |answer: &Answer<'_>, message: &Message<'_>, context: &Context<'_>, out: &mut _| {
                let part = self.watch.part();
                if tell_of_part(&part, message, context, Some(self.session), self.shared, out) {
                    self.write(answer, message, context, &part, out);
                }
            };
        let heard = batch::write(root, self.shared, Some(self.session), answer, &mut out);
        if !out.is_empty() {
            self.push(out);
        }
        if heard == Heard::RootsChanged && self.shared.handler.catalog().hears_roots {
            return Ok(self.tell_roots_changed(version));
        }
        Ok(Then::Nothing)
    }
}

/// Ends a subscription on the server's own account.
pub(crate) fn close_subscription(listener: &Listener) {
    let mut text = Vec::new();
    subscriptions::write_closure(&listener.id, &mut text);
    listener.stream.finish(text, false);
}

const _: () = assert!(limits::SESSION_CALLS_MAX < limits::DEFERRED_MAX);
