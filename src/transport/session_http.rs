//! Sessions over HTTP: the stream that a GET opens, and DELETE, which ends a session
//! (2025-11-25, "Listening for Messages from the Server", "Session Management").

use super::inbound::client_of;
use super::message::{Desk, json_response};
use super::observed::{operation_of, outcome_of};
use super::refuse::HttpRefusal;
use super::reply::{Reply, ReplyTo};
use super::sender::Sender;
use super::{Local, Next, Shared, message};
use crate::app::Handler;
use crate::http::{Response, Status};
use crate::mcp::{self, Context};
use crate::protocol::ProtocolVersion;
use crate::rpc::Message;
use crate::store::{Begun, Session, session};
use std::sync::Arc;

/// Opens the stream of a session, or goes on with one after the event that `Last-Event-ID` names.
#[cold]
pub(super) fn listen<H: Handler>(
    sender: &Sender<'_>,
    shared: &Shared<H>,
    local: &Local,
    out: &mut Vec<u8>,
) -> Next {
    match reply(sender, shared, local) {
        Ok(reply) => Next::Wait(reply),
        Err(refusal) => {
            refusal.write(sender.persistence, false, sender.stamp(&local.date), out);
            message::after(sender.persistence)
        }
    }
}

fn reply<H: Handler>(
    sender: &Sender<'_>,
    shared: &Shared<H>,
    local: &Local,
) -> Result<Box<Reply>, HttpRefusal> {
    let session = find(sender, shared, local)?;
    let share =
        shared.hub.shares.stream(sender.principal.as_ref(), sender.asking.caller.peer.address);
    let to = ReplyTo {
        right: sender.right(shared),
        share: share.map_err(HttpRefusal::too_many)?,
        session: Some(session.clone()),
        version: session.version(),
        persistence: sender.persistence,
        framing: Some(sender.framing),
        lines: sender.lines.into(),
        hub: shared.hub.clone(),
        observation: local.watch.hand_over(),
    };
    let Some(last) = sender.fields.last_event_id.filter(|last| !last.is_empty()) else {
        return Ok(Reply::events(to, shared.hub.open_events(&session), None));
    };
    let (number, after) = read_event_id(last).ok_or_else(HttpRefusal::unknown_event)?;
    let stream = session.stream(number).ok_or_else(HttpRefusal::unknown_event)?;
    // Nor can a stream be gone on with that has ended, with nothing after the event: a client that
    // got an empty one would come again and again.
    if !stream.has_had(after) || stream.has_ended_by(after) {
        return Err(HttpRefusal::unknown_event());
    }
    Ok(match number {
        session::EVENTS => Reply::events(to, stream, Some(after)),
        _ => Reply::resumed(to, stream, after),
    })
}

/// An event's id: its stream within the session, and its number within the stream.
fn read_event_id(id: &[u8]) -> Option<(u32, u64)> {
    let (stream, event) = std::str::from_utf8(id).ok()?.split_once('-')?;
    Some((stream.parse().ok()?, event.parse().ok()?))
}

/// Ends the session.
#[cold]
pub(super) fn end<H>(
    sender: &Sender<'_>,
    shared: &Shared<H>,
    local: &Local,
    out: &mut Vec<u8>,
) -> Next {
    let stamp = sender.stamp(&local.date);
    match find(sender, shared, local) {
        Ok(session) => {
            shared.hub.sessions.end(&session);
            let response = Response::new(Status::NO_CONTENT, stamp);
            Response { connection: sender.persistence, ..response }.empty(out);
        }
        Err(refusal) => refusal.write(sender.persistence, false, stamp, out),
    }
    message::after(sender.persistence)
}

fn find<H>(
    sender: &Sender<'_>,
    shared: &Shared<H>,
    local: &Local,
) -> Result<Arc<Session>, HttpRefusal> {
    let Some(named) = sender.fields.session_id else {
        let text = "Mcp-Session-Id is missing: `initialize` begins a session and names it";
        return Err(HttpRefusal::new(Status::BAD_REQUEST, text));
    };
    sender.session(named, shared, local.now_ms)
}

impl<H: Handler> Desk<'_, H> {
    /// Begins a session, and names it in the answer's head (2025-11-25, "Session Management").
    #[cold]
    pub(super) fn initialize(
        &self,
        answer: &mcp::plan::Answer<'_>,
        version: ProtocolVersion,
        message: &Message<'_>,
        context: &Context<'_>,
        out: &mut Vec<u8>,
    ) -> Next {
        let hub = &self.shared.hub;
        let mut body = Vec::new();
        let written = self.write(answer, message, context, None, &mut body);
        self.watch.note(operation_of(answer, context), outcome_of(written.came));
        let response = json_response(Status::OK, self.sender.persistence, self.stamp);
        if hub.sessions.limits.sessions_max() == 0 {
            response.fixed(out, &body);
            return self.after();
        }
        let client = Some(client_of(message.params(), version));
        let begun = Begun { principal: self.sender.principal.clone(), client, line: None };
        let Some(session) = hub.sessions.begin(begun, hub.now_s()) else {
            return self.refuse_http(&HttpRefusal::too_many_sessions(), out);
        };
        let id = session.id.to_string();
        Response { fields: &[("Mcp-Session-Id", &id)], ..response }.fixed(out, &body);
        self.after()
    }
}
