//! Batches of JSON-RPC messages, which 2025-03-26 has and no other revision ("Batching").

use std::sync::Arc;

use super::access::{Judge, also};
use super::inbound::{Heard, take_in};
use super::message::{Desk, id, json_response};
use super::observed::{operation_of, outcome_of, tell_of_part};
use super::refuse::HttpRefusal;
use super::{Next, Shared};
use crate::app::{Handler, Missing};
use crate::http::{Response, Status};
use crate::json::Value;
use crate::limits;
use crate::mcp::plan::Answer;
use crate::mcp::{Context, Method, Plan, Refusal, Stage, plan};
use crate::protocol::{Era, ProtocolVersion};
use crate::rpc::{ErrorCode, Id, Message};
use crate::store::{SHORT_OF_MEMORY, Session};

/// Answers a batch: with the answers of its requests, in their order, or 202 when there are none.
/// If any of its requests needs a worker, the worker answers them all; none of them can then be
/// cancelled by itself, which the revision allows ("Cancellation": a receiver may ignore it).
#[cold]
pub(super) fn answer<H: Handler>(root: Value<'_>, desk: &Desk<'_, H>, out: &mut Vec<u8>) -> Next {
    if H::SPEAKS_MCP {
        let refusal = invalid("this server takes no batches: send one message");
        return desk.refuse(&refusal, None, Era::Legacy, out);
    }
    let session = match desk.session(false) {
        Ok(session) => session,
        Err(refusal) => return desk.refuse_http(&refusal, out),
    };
    if let Err(refusal) = check(root, version(desk, session.as_ref())) {
        return desk.refuse(&refusal, None, Era::Legacy, out);
    }
    if desk.shared.handler.authorizes()
        && let Err(missing) = allow(root, ProtocolVersion::V2025_03_26, &desk.judge())
    {
        return desk.forbid(&missing, Vec::new(), out);
    }
    if let Some(refusal) = desk.batch_too_often(root) {
        return desk.refuse_http(&refusal, out);
    }
    // Its answer may be hundreds of times as long.
    if desk.shared.hub.load.is_short_of_memory() {
        return desk.refuse_http(&HttpRefusal::overloaded(SHORT_OF_MEMORY), out);
    }
    if needs_worker(root, desk.shared) {
        return desk.defer(root, Vec::new(), ProtocolVersion::V2025_03_26, session, out);
    }
    let (mut body, mut said) = (Vec::new(), Vec::new());
    let answer =
        |answer: &Answer<'_>, message: &Message<'_>, context: &Context<'_>, out: &mut _| {
            let observation = desk.watch.part();
            let of = session.as_deref();
            if !tell_of_part(&observation, message, context, of, desk.shared, out) {
                return;
            }
            let written = desk.write(answer, message, context, session.as_ref(), out);
            observation.ended(operation_of(answer, context), outcome_of(written.came));
            said.extend(written.said);
        };
    let heard = write(root, desk.shared, session.as_ref(), answer, &mut body);
    if !said.is_empty() {
        return desk.write_again(said, false, body, out);
    }
    if let (Heard::RootsChanged, Some(session)) = (heard, &session)
        && desk.shared.handler.catalog().hears_roots
    {
        return desk.tell_roots_changed(session.clone(), body, out);
    }
    if body.is_empty() {
        let response = Response::new(Status::ACCEPTED, desk.stamp);
        Response { connection: desk.sender.persistence, ..response }.empty(out);
    } else {
        json_response(Status::OK, desk.sender.persistence, desk.stamp).fixed(out, &body);
    }
    desk.after()
}

/// The revision a batch is of: the session's, or the one that is named, or not.
fn version<H>(desk: &Desk<'_, H>, session: Option<&Arc<Session>>) -> Option<ProtocolVersion> {
    match (session, desk.sender.fields.protocol_version) {
        (Some(session), _) => Some(session.version()),
        (None, None) => Some(ProtocolVersion::UNNAMED),
        (None, Some(named)) => ProtocolVersion::from_name(named),
    }
}

/// Whether there may be such a batch in this revision; otherwise, why not.
pub(super) fn check(
    root: Value<'_>,
    version: Option<ProtocolVersion>,
) -> Result<(), Refusal<'static>> {
    if version != Some(ProtocolVersion::V2025_03_26) {
        return Err(invalid("batches are part of revision 2025-03-26 only: send one message"));
    }
    match root.elements().map_or(0, Iterator::count) {
        0 => Err(invalid("a batch must not be empty")),
        count if count > limits::BATCH_MAX => {
            let refusal = invalid("a batch may have 100 messages at most (batch_max)");
            Err(refusal.at_limit("batch_max"))
        }
        _ => Ok(()),
    }
}

fn invalid<'b>(text: &'static str) -> Refusal<'b> {
    Refusal::new(Stage::Envelope, ErrorCode::INVALID_REQUEST, text)
}

/// Whether whoever sent a batch may do all that it asks for: it is taken in as a whole, or not.
#[cold]
pub(super) fn allow<H: Handler>(
    root: Value<'_>,
    version: ProtocolVersion,
    judge: &Judge<'_, H>,
) -> Result<(), Missing> {
    let mut all = Ok(());
    for element in root.elements().into_iter().flatten() {
        let Ok(message) = Message::read(element) else { continue };
        let Ok(context) = Context::resumed(&message, version) else { continue };
        also(&mut all, judge.message(&message, &context));
    }
    all
}

/// Whether any request of a batch needs a worker.
pub(super) fn needs_worker<H: Handler>(root: Value<'_>, shared: &Shared<H>) -> bool {
    root.elements().into_iter().flatten().any(|element| {
        let Ok(message) = Message::read(element) else { return false };
        let Ok(context) = Context::resumed(&message, ProtocolVersion::V2025_03_26) else {
            return false;
        };
        let catalog = shared.handler.catalog();
        matches!(plan(&message, &context, catalog, &shared.hub.seal, false), Plan::Defer)
    })
}

/// Appends the answers of a batch as an array; nothing when there are none. `answer` appends the
/// answer of one request. Says whether somebody has to be told of something.
pub(super) fn write<H: Handler>(
    root: Value<'_>,
    shared: &Shared<H>,
    session: Option<&Arc<Session>>,
    mut answer: impl FnMut(&Answer<'_>, &Message<'_>, &Context<'_>, &mut Vec<u8>),
    out: &mut Vec<u8>,
) -> Heard {
    let mut heard = Heard::Nothing;
    for element in root.elements().into_iter().flatten() {
        let from = out.len();
        out.push(if from == 0 { b'[' } else { b',' });
        let answer_from = out.len();
        match read(element) {
            Err((refusal, id)) => refusal.write(id, out),
            Ok((message, context)) => {
                let seal = &shared.hub.seal;
                match plan(&message, &context, shared.handler.catalog(), seal, true) {
                    Plan::Answer(planned) => answer(&planned, &message, &context, out),
                    Plan::Accept(accepted) => {
                        if let Some(session) = session
                            && take_in(&accepted, session, &shared.hub) == Heard::RootsChanged
                        {
                            heard = Heard::RootsChanged;
                        }
                    }
                    // This revision has none of them.
                    Plan::Defer | Plan::Task { .. } | Plan::AwaitTask { .. } | Plan::Listen(_) => {}
                }
            }
        }
        if out.len() == answer_from {
            out.truncate(from);
        }
    }
    if !out.is_empty() {
        out.push(b']');
    }
    heard
}

/// Reads one message of a batch, or says how it is refused.
#[allow(clippy::type_complexity)]
fn read(element: Value<'_>) -> Result<(Message<'_>, Context<'_>), (Refusal<'_>, Option<Id<'_>>)> {
    let message = match Message::read(element) {
        Ok(message) => message,
        Err(wrong) => return Err((invalid(wrong.message), wrong.id)),
    };
    let context = match Context::resumed(&message, ProtocolVersion::V2025_03_26) {
        Ok(context) => context,
        Err(refusal) => return Err((refusal, id(&message))),
    };
    match context.method {
        // 2025-03-26, lifecycle, "Initialization".
        Some(Method::Initialize) => {
            Err((invalid("initialize must not be part of a batch"), id(&message)))
        }
        _ => Ok((message, context)),
    }
}
