//! One JSON-RPC message: from its text to its answer, or to whoever will answer it.

use std::sync::Arc;

use super::access::{Judge, forbidden};
use super::inbound::{Heard, take_in};
use super::observed::{operation_of, outcome_of};
use super::refuse::{HttpRefusal, status_of, status_of_refusal};
use super::reply::{Reply, ReplyTo};
use super::sender::Sender;
use super::{Deferred, Local, Next, Shared, batch, headers};
use crate::app::call::Link;
use crate::app::{Handler, Missing};
use crate::http::{Connection as Persistence, ContentType, Response, Stamp, Status, StreamFraming};
use crate::json::{Kind, Value};
use crate::mcp::{self, Accepted, Context, Plan, Refusal, Stage, Written, plan};
use crate::observe::{Operation, Outcome, Watch};
use crate::protocol::{Era, ProtocolVersion};
use crate::rpc::{ErrorCode, Id, Message};
use crate::store::{Session, Stream};

/// Everything an answer is made with.
pub(super) struct Desk<'r, H> {
    pub(super) sender: &'r Sender<'r>,
    pub(super) shared: &'r Shared<H>,
    pub(super) stamp: Stamp<'r>,
    pub(super) watch: &'r Watch,
    pub(super) now_ms: u64,
}

/// Answers the body of a POST.
#[inline]
pub(super) fn answer_body<H: Handler>(
    body: &mut [u8],
    sender: &Sender<'_>,
    shared: &Shared<H>,
    local: &mut Local,
    out: &mut Vec<u8>,
) -> Next {
    let Local { parser, date, watch, now_ms, .. } = local;
    let stamp = Stamp { date, lines: sender.lines };
    let desk = Desk { sender, shared, stamp, watch, now_ms: *now_ms };
    let document = match parser.parse(body) {
        Ok(document) => document,
        Err(error) => {
            return desk.refuse(&Refusal::not_json(&error), None, Era::Legacy, out);
        }
    };
    let root = document.root();
    if root.kind() == Kind::Array {
        return batch::answer(root, &desk, out);
    }
    let message = match Message::read(root) {
        Ok(message) => message,
        Err(invalid) => {
            let refusal =
                Refusal::new(Stage::Envelope, ErrorCode::INVALID_REQUEST, invalid.message);
            return desk.refuse(&refusal, invalid.id, Era::Legacy, out);
        }
    };
    // Left where it is: a context is large, and moving it costs 30 instructions.
    let opened = mcp::open(&message, headers::claims(sender.fields));
    let context = match &opened {
        Ok(context) => context,
        Err(refusal) => return desk.refuse(refusal, id(&message), Era::Modern, out),
    };
    if context.era() == Era::Legacy {
        let begins = context.method == Some(mcp::Method::Initialize);
        return match desk.session(begins) {
            Ok(None) => desk.answer(root, &message, context, None, out),
            Ok(Some(session)) => {
                let context = context.agreed(&message, session.version());
                desk.answer(root, &message, &context, Some(session), out)
            }
            Err(refusal) => {
                desk.asked(&message, context);
                desk.refuse_http(&refusal, out)
            }
        };
    }
    if let Err(refusal) = headers::check(context, sender.fields, shared.handler.catalog()) {
        return desk.refuse(&refusal, id(&message), Era::Modern, out);
    }
    desk.answer(root, &message, context, None, out)
}

impl<H: Handler> Desk<'_, H> {
    /// The session that a legacy request names. One that begins a session needs none, and an old
    /// one that it names does not matter.
    pub(super) fn session(&self, begins: bool) -> Result<Option<Arc<Session>>, HttpRefusal> {
        match self.sender.fields.session_id {
            Some(named) if !begins => {
                self.sender.session(named, self.shared, self.now_ms).map(Some)
            }
            _ => Ok(None),
        }
    }

    #[inline]
    fn answer(
        &self,
        root: Value<'_>,
        message: &Message<'_>,
        context: &Context<'_>,
        session: Option<Arc<Session>>,
        out: &mut Vec<u8>,
    ) -> Next {
        if self.watch.is_telling() && !self.tell(message, context, session.as_ref()) {
            return self.refuse_http(&HttpRefusal::no_audit(id_text(message)), out);
        }
        if self.shared.handler.authorizes()
            && let Err(missing) = self.judge().message(message, context)
        {
            self.asked(message, context);
            return self.forbid(&missing, id_text(message), out);
        }
        // By the body, since no head says it; and only now, so that who may not call a tool cannot
        // use up what others may call of it.
        if context.era() == Era::Legacy
            && let Some(refusal) = self.too_often(message, context)
        {
            self.asked(message, context);
            self.watch.failed(Operation::NONE, Outcome::RateLimited);
            return self.refuse_http(&refusal, out);
        }
        if H::SPEAKS_MCP {
            return self.forward(root, message, context, session, out);
        }
        let catalog = self.shared.handler.catalog();
        let era = context.era();
        match plan(message, context, catalog, &self.shared.hub.seal, false) {
            Plan::Answer(answer) => self.answer_now(&answer, message, context, session, out),
            Plan::Defer => {
                self.asked(message, context);
                self.defer(root, id_text(message), context.version, session, out)
            }
            Plan::Task { ttl_ms } => self.begin_task(root, message, context, session, ttl_ms, out),
            Plan::AwaitTask { id } => self.await_task(id, message, context, session, out),
            Plan::Listen(filter) => self.subscribe(filter, message, context, out),
            Plan::Accept(accepted) => {
                self.asked(message, context);
                self.accept(accepted, era, session, out)
            }
        }
    }

    /// Writes an answer here and now.
    #[inline]
    fn answer_now(
        &self,
        answer: &mcp::plan::Answer<'_>,
        message: &Message<'_>,
        context: &Context<'_>,
        session: Option<Arc<Session>>,
        out: &mut Vec<u8>,
    ) -> Next {
        if let mcp::plan::Answer::Initialize { version } = *answer {
            self.asked(message, context);
            return self.initialize(answer, version, message, context, out);
        }
        let status = status_of(answer, context.era());
        let from = out.len();
        let body = json_response(status, self.sender.persistence, self.stamp).open(out);
        let body_from = out.len();
        let written = self.write(answer, message, context, session.as_ref(), out);
        self.watch.note(operation_of(answer, context), outcome_of(written.came));
        if written.said.is_some() || (written.bad_request && status == Status::OK) {
            let answer = out.split_off(body_from);
            out.truncate(from);
            return self.write_again(written.said, written.bad_request, answer, out);
        }
        body.finish(out);
        self.after()
    }

    /// Appends the JSON-RPC answer alone.
    #[inline]
    pub(super) fn write(
        &self,
        answer: &mcp::plan::Answer<'_>,
        message: &Message<'_>,
        context: &Context<'_>,
        session: Option<&Arc<Session>>,
        out: &mut Vec<u8>,
    ) -> Written {
        let Some(id) = id(message) else { return Written::default() };
        let link = self.link(context, session, &[]);
        mcp::answer(answer, id, &context.params, &*self.shared.handler, link, None, out)
    }

    #[inline]
    pub(super) fn link<'l>(
        &'l self,
        context: &Context<'l>,
        session: Option<&'l Arc<Session>>,
        request: &'l [u8],
    ) -> Link<'l> {
        Link {
            version: context.version,
            meta: context.params.meta,
            hub: &self.shared.hub,
            session,
            principal: self.sender.principal.as_ref(),
            stream: None,
            streams: true,
            request,
            inputs: None,
            server_meta: &self.shared.handler.catalog().server_meta,
            filters: self.shared.handler.authorizes(),
        }
    }

    /// A stream for the answer to a request, of its session where it has one. `None` when that
    /// has too many.
    pub(super) fn stream(
        &self,
        request: &[u8],
        session: Option<&Arc<Session>>,
    ) -> Option<Arc<Stream>> {
        let hub = &self.shared.hub;
        let bounds = hub.streams.bounds();
        match session {
            None => Some(Arc::new(Stream::new(bounds))),
            Some(session) => session.begin(request, bounds, hub.sessions.limits.all().replay_bytes),
        }
    }

    /// Leaves a message, or a batch, to a worker.
    #[cold]
    pub(super) fn defer(
        &self,
        root: Value<'_>,
        request: Vec<u8>,
        version: ProtocolVersion,
        session: Option<Arc<Session>>,
        out: &mut Vec<u8>,
    ) -> Next {
        let share = match self.shared.hub.shares.call(self.sender.principal.as_ref()) {
            Ok(share) => share,
            Err(limit) => return self.refuse_http(&HttpRefusal::too_many(limit), out),
        };
        let Some(stream) = self.stream(&request, session.as_ref()) else {
            return self.refuse_http(&HttpRefusal::too_many_calls(), out);
        };
        let framing = self.framing();
        let to = self.reply_to(version, session.clone(), framing);
        let observation = to.observation.clone();
        let reply = Reply::answer(to, stream.clone(), &request);
        let mut deferred = self.deferred(root, version, session, stream, framing.is_some());
        (deferred.request, deferred.share) = (request, share);
        deferred.observation = Some(observation);
        Next::Defer(reply, deferred)
    }

    pub(super) fn deferred(
        &self,
        root: Value<'_>,
        version: ProtocolVersion,
        session: Option<Arc<Session>>,
        stream: Arc<Stream>,
        streams: bool,
    ) -> Box<Deferred> {
        let principal = self.sender.principal.clone();
        let mut deferred = Deferred::of(root, version, session, principal, stream, streams);
        deferred.filters = self.shared.handler.authorizes();
        deferred
    }

    /// A notification or response gets 202; what the era does not allow, 400
    /// (2026-07-28, "Sending Messages": a client must not send responses).
    pub(super) fn accept(
        &self,
        accepted: Accepted<'_>,
        era: Era,
        session: Option<Arc<Session>>,
        out: &mut Vec<u8>,
    ) -> Next {
        if let (Accepted::Response { .. }, Era::Modern) = (&accepted, era) {
            let text = "responses are not part of this revision: nothing here asks the client";
            return self.refuse_http(&HttpRefusal::new(Status::BAD_REQUEST, text), out);
        }
        let persistence = self.sender.persistence;
        if let Some(session) = session {
            let heard = take_in(&accepted, &session, &self.shared.hub);
            if heard == Heard::RootsChanged && self.shared.handler.catalog().hears_roots {
                return self.tell_roots_changed(session, Vec::new(), out);
            }
        }
        let response = Response::new(Status::ACCEPTED, self.stamp);
        Response { connection: persistence, ..response }.empty(out);
        self.after()
    }

    /// How events are framed for this client; `None` when it takes none.
    pub(super) fn framing(&self) -> Option<StreamFraming> {
        self.sender.fields.accepts_events().then_some(self.sender.framing)
    }

    pub(super) fn reply_to(
        &self,
        version: ProtocolVersion,
        session: Option<Arc<Session>>,
        framing: Option<StreamFraming>,
    ) -> ReplyTo {
        let (lines, hub) = (self.stamp.lines.into(), self.shared.hub.clone());
        let (persistence, observation) = (self.sender.persistence, self.watch.hand_over());
        let (right, share) = (self.sender.right(self.shared), None);
        ReplyTo { session, version, persistence, framing, right, share, lines, hub, observation }
    }

    #[cold]
    pub(super) fn refuse(
        &self,
        refusal: &Refusal<'_>,
        id: Option<Id<'_>>,
        era: Era,
        out: &mut Vec<u8>,
    ) -> Next {
        self.went_wrong(refusal.code);
        let status = status_of_refusal(refusal, era);
        let body = json_response(status, self.sender.persistence, self.stamp).open(out);
        refusal.write(id, out);
        body.finish(out);
        self.after()
    }

    pub(super) fn judge(&self) -> Judge<'_, H> {
        Judge::new(&*self.shared.handler, self.sender.principal.as_deref())
    }

    /// Whoever asks may not do that; the id of the request, as JSON, where it is one.
    #[cold]
    pub(super) fn forbid(&self, missing: &Missing, id: Vec<u8>, out: &mut Vec<u8>) -> Next {
        let refusal = forbidden(missing, &self.judge(), self.sender.asking, self.shared);
        let refusal = if id.is_empty() { refusal } else { refusal.answering(id, false) };
        self.refuse_http(&refusal, out)
    }

    #[cold]
    pub(super) fn refuse_http(&self, refusal: &HttpRefusal, out: &mut Vec<u8>) -> Next {
        refusal.write(self.sender.persistence, false, self.stamp, out);
        self.after()
    }

    #[inline]
    pub(super) fn after(&self) -> Next {
        after(self.sender.persistence)
    }
}

#[inline]
pub(super) fn id<'b>(message: &Message<'b>) -> Option<Id<'b>> {
    match *message {
        Message::Request { id, .. } | Message::Response { id, .. } => Some(id),
        Message::Notification { .. } => None,
    }
}

/// The id of a request, as JSON.
pub(super) fn id_text(message: &Message<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    if let Some(id) = id(message) {
        id.write(&mut text);
    }
    text
}

#[inline]
pub(super) fn json_response(
    status: Status,
    connection: Persistence,
    stamp: Stamp<'_>,
) -> Response<'_> {
    let response = Response::new(status, stamp);
    Response { connection, content_type: Some(ContentType::Json), ..response }
}

#[inline]
pub(super) fn after(persistence: Persistence) -> Next {
    if persistence == Persistence::Close { Next::Close } else { Next::Done }
}
