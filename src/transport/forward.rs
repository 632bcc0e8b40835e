//! Messages for an application that speaks MCP by itself: who sends them and where answers go is
//! settled here, what they mean is not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::inbound::{client_of, take_in};
use super::message::{Desk, id_text, json_response};
use super::refuse::HttpRefusal;
use super::reply::Reply;
use super::{Next, headers};
use crate::app::forwarded::kind_of_answer;
use crate::app::{Handler, Incoming, Reception};
use crate::http::{Response, Status};
use crate::json::Value;
use crate::mcp::{Accepted, Context, Method, Plan, plan};
use crate::protocol::{Era, ProtocolVersion};
use crate::rpc::{self, ErrorCode, Id, Message};
use crate::store::{Begun, Kind, Session, Stream};

impl<H: Handler> Desk<'_, H> {
    /// Hands a message over, and says where its answer comes from.
    #[inline]
    pub(super) fn forward(
        &self,
        root: Value<'_>,
        message: &Message<'_>,
        context: &Context<'_>,
        session: Option<Arc<Session>>,
        out: &mut Vec<u8>,
    ) -> Next {
        self.asked(message, context);
        let Message::Request { id, method, .. } = *message else {
            return self.forward_unasked(root, message, context, session, out);
        };
        if context.method == Some(Method::Listen) && self.framing().is_none() {
            return self.refuse_http(&HttpRefusal::needs_event_stream(), out);
        }
        let sessions_max = self.shared.hub.sessions.limits.sessions_max();
        if context.method == Some(Method::Initialize) && sessions_max > 0 {
            return self.forward_first(root, id, message, context, out);
        }
        let from = out.len();
        let body = json_response(Status::OK, self.sender.persistence, self.stamp).open(out);
        let body_from = out.len();
        let mut incoming = self.incoming(root, context, session.as_ref());
        (incoming.id, incoming.request) = (Some(id), Some(method));
        match hand_over(&*self.shared.handler, &mut incoming, out) {
            Reception::Answered(error) => {
                if let Some(code) = error {
                    self.went_wrong(ErrorCode(code));
                }
                let status = status_of_kind(kind_of_answer(context.version, error));
                if status == Status::OK {
                    body.finish(out);
                } else {
                    let answer = out.split_off(body_from);
                    out.truncate(from);
                    json_response(status, self.sender.persistence, self.stamp).fixed(out, &answer);
                }
                self.after()
            }
            reception => {
                let stream = incoming.stream;
                out.truncate(from);
                self.answered_later(reception, stream, message, context, session, out)
            }
        }
    }

    /// An `initialize`, with the session that its answer begins.
    #[cold]
    fn forward_first(
        &self,
        root: Value<'_>,
        id: Id<'_>,
        message: &Message<'_>,
        context: &Context<'_>,
        out: &mut Vec<u8>,
    ) -> Next {
        let hub = &self.shared.hub;
        let client = Some(client_of(message.params(), version_wanted(message)));
        let begun = Begun { principal: self.sender.principal.clone(), client, line: None };
        let Some(session) = hub.sessions.begin(begun, hub.now_s()) else {
            return self.refuse_http(&HttpRefusal::too_many_sessions(), out);
        };
        let mut incoming = self.incoming(root, context, Some(&session));
        (incoming.id, incoming.request, incoming.begins) = (Some(id), Some("initialize"), true);
        let mut body = Vec::new();
        let reception = hand_over(&*self.shared.handler, &mut incoming, &mut body);
        let stream = incoming.stream.take();
        match (reception, stream) {
            (Reception::Answered(error), _) => {
                if let Some(code) = error {
                    self.went_wrong(ErrorCode(code));
                }
                let response = json_response(Status::OK, self.sender.persistence, self.stamp);
                let name = session.id.to_string();
                let fields = [("Mcp-Session-Id", name.as_str())];
                let fields: &[_] = if error.is_some() { &[] } else { &fields };
                Response { fields, ..response }.fixed(out, &body);
                if error.is_some() {
                    hub.sessions.end(&session);
                }
                self.after()
            }
            (Reception::Taken, Some(stream)) => {
                let to = self.reply_to(context.version, None, self.framing());
                Next::Wait(Reply::first(to, stream, session, &id_text(message)))
            }
            (reception, _) => {
                hub.sessions.end(&session);
                self.answered_later(reception, None, message, context, None, out)
            }
        }
    }

    /// A notification, or the answer to a request of the application's: of a session, or nobody's.
    #[cold]
    fn forward_unasked(
        &self,
        root: Value<'_>,
        message: &Message<'_>,
        context: &Context<'_>,
        session: Option<Arc<Session>>,
        out: &mut Vec<u8>,
    ) -> Next {
        let hub = &self.shared.hub;
        let planned = plan(message, context, self.shared.handler.catalog(), &hub.seal, false);
        if let Some(session) = &session {
            if let Plan::Accept(accepted @ Accepted::Cancelled(_)) = &planned {
                take_in(accepted, session, hub);
            }
            let mut incoming = self.incoming(root, context, Some(session));
            let handler = &self.shared.handler;
            if let Reception::Full(limit) = hand_over(&**handler, &mut incoming, &mut Vec::new()) {
                return self.refuse_http(&HttpRefusal::no_room(limit), out);
            }
        }
        match planned {
            Plan::Accept(accepted @ Accepted::Response { .. }) => {
                self.accept(accepted, context.era(), None, out)
            }
            _ => self.accept(Accepted::Other, context.era(), None, out),
        }
    }

    fn incoming<'i>(
        &'i self,
        root: Value<'i>,
        context: &Context<'_>,
        session: Option<&'i Arc<Session>>,
    ) -> Incoming<'i> {
        let target = self.sender.asking.head.target;
        Incoming {
            message: root,
            request: None,
            principal: self.sender.principal.as_ref(),
            target: (target.path, target.query),
            fields: self.sender.fields.all,
            mismatch: headers::mismatch,
            id: None,
            version: context.version,
            session,
            begins: false,
            streams: self.framing().is_some(),
            hub: &self.shared.hub,
            stream: None,
        }
    }

    /// What was not answered at once: it is waited for, or there was no room.
    fn answered_later(
        &self,
        reception: Reception,
        stream: Option<Arc<Stream>>,
        message: &Message<'_>,
        context: &Context<'_>,
        session: Option<Arc<Session>>,
        out: &mut Vec<u8>,
    ) -> Next {
        let to = self.reply_to(context.version, session.clone(), self.framing());
        match (reception, stream) {
            (Reception::Taken, Some(stream)) if context.method == Some(Method::Listen) => {
                Next::Wait(Reply::subscription(to, stream, id_text(message).into()))
            }
            (Reception::Taken, Some(stream)) => {
                Next::Wait(Reply::answer(to, stream, &id_text(message)))
            }
            (Reception::Full(limit), stream) => {
                if let (Some(session), Some(stream)) = (session, stream) {
                    session.forget(&stream);
                }
                self.refuse_http(&HttpRefusal::no_room(limit), out)
            }
            // It took the request and left no way to answer it.
            _ => self.refuse_http(&HttpRefusal::no_room("speaks_mcp"), out),
        }
    }
}

/// The revision that an `initialize` asks for, which the application will agree to, if it can.
pub(super) fn version_wanted(message: &Message<'_>) -> ProtocolVersion {
    let wanted = message.params().get("protocolVersion").and_then(|name| name.as_str());
    wanted
        .and_then(|name| ProtocolVersion::from_name(name.as_bytes()))
        .filter(|version| version.era() == Era::Legacy)
        .unwrap_or(ProtocolVersion::LATEST_LEGACY)
}

/// A panic of the application costs one answer.
#[inline]
pub(super) fn hand_over<H: Handler>(
    handler: &H,
    incoming: &mut Incoming<'_>,
    out: &mut Vec<u8>,
) -> Reception {
    let from = out.len();
    let received = catch_unwind(AssertUnwindSafe(|| handler.receive(incoming, out)));
    received.unwrap_or_else(|_| {
        tracing::error!(method = incoming.request, "panicked while taking a message");
        out.truncate(from);
        let (code, message) = (ErrorCode::INTERNAL_ERROR, "Internal error: the server panicked");
        rpc::write_error(out, incoming.id, code, message, |_| ());
        Reception::Answered(Some(code.0))
    })
}

/// The status of an answer that comes alone.
pub(super) fn status_of_kind(kind: Kind) -> Status {
    match kind {
        Kind::Answer { bad_request: true } => Status::BAD_REQUEST,
        Kind::Unknown => Status::NOT_FOUND,
        Kind::Overloaded(_) => Status::SERVICE_UNAVAILABLE,
        _ => Status::OK,
    }
}
