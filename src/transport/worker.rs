//! A worker's part: answering what was left to it.

use super::inbound::{Heard, take_in};
use super::line::overload_error;
use super::message::{id, id_text};
use super::observed::{operation_of, outcome_of, tell_of_part};
use super::{Deferred, Shared, batch};
use crate::app::call::Link;
use crate::app::{Call, Handler};
use crate::json::{Kind, Parser, Value};
use crate::mcp::plan::Answer;
use crate::mcp::{self, Context, Plan, Written, plan};
use crate::observe::{Observation, Outcome as Observed};
use crate::rpc::{self, ErrorCode, Message};
use crate::store::{Hub, Kind as EventKind, Outcome, Overload};

/// Answers a deferred message, and brings the answer to its stream.
pub(crate) fn run_deferred<H: Handler>(
    deferred: &mut Deferred,
    shared: &Shared<H>,
    parser: &mut Parser,
) {
    let mut text = std::mem::take(&mut deferred.message);
    let Ok(document) = parser.parse(&mut text) else { return fail_deferred(deferred, &shared.hub) };
    let root = document.root();
    if root.kind() == Kind::Array {
        let mut out = Vec::new();
        let session = deferred.session.clone();
        let answer =
            |answer: &Answer<'_>, message: &Message<'_>, context: &Context<'_>, out: &mut _| {
                let part = deferred.observation.as_ref().map(|whole| whole.part());
                let goes_on = part.as_ref().is_none_or(|part| {
                    let session = deferred.session.as_deref();
                    tell_of_part(part, message, context, session, shared, out)
                });
                if goes_on {
                    write(answer, message, context, deferred, shared, part.as_deref(), out);
                }
            };
        let heard = batch::write(root, shared, session.as_ref(), answer, &mut out);
        deferred.stream.finish(out, false);
        if heard == Heard::RootsChanged {
            roots_changed(deferred, shared);
        }
        return;
    }
    if answer_one(root, deferred, shared).is_none() {
        fail_deferred(deferred, &shared.hub);
    }
}

/// `None` when the message is not what it was when it was deferred: a mistake of ours.
fn answer_one<H: Handler>(root: Value<'_>, deferred: &Deferred, shared: &Shared<H>) -> Option<()> {
    let message = Message::read(root).ok()?;
    let context = Context::resumed(&message, deferred.version).ok()?;
    let catalog = shared.handler.catalog();
    match plan(&message, &context, catalog, &shared.hub.seal, true) {
        Plan::Answer(answer) => {
            let mut out = Vec::new();
            let observation = deferred.observation.as_deref();
            let written =
                write(&answer, &message, &context, deferred, shared, observation, &mut out);
            if !written.as_task {
                deferred.stream.finish(out, written.bad_request);
            }
        }
        Plan::Accept(accepted) => {
            if take_in(&accepted, deferred.session.as_ref()?, &shared.hub) == Heard::RootsChanged {
                roots_changed(deferred, shared);
            }
        }
        Plan::Defer | Plan::Task { .. } | Plan::AwaitTask { .. } | Plan::Listen(_) => return None,
    }
    Some(())
}

fn roots_changed<H: Handler>(deferred: &Deferred, shared: &Shared<H>) {
    let Some(session) = &deferred.session else { return };
    // What changes from now on is to be looked at again.
    session.roots_seen();
    // What is asked goes out on the session's own stream: no answer is waited for.
    let stream = shared.hub.open_events(session);
    let link = Link {
        version: deferred.version,
        meta: None,
        hub: &shared.hub,
        session: Some(session),
        principal: deferred.principal.as_ref(),
        stream: Some(&stream),
        streams: true,
        request: &[],
        inputs: None,
        server_meta: &shared.handler.catalog().server_meta,
        filters: deferred.filters,
    };
    shared.handler.roots_changed(&Call::new(link, None));
}

fn write<H: Handler>(
    answer: &Answer<'_>,
    message: &Message<'_>,
    context: &Context<'_>,
    deferred: &Deferred,
    shared: &Shared<H>,
    observation: Option<&Observation>,
    out: &mut Vec<u8>,
) -> Written {
    let Some(id) = id(message) else { return Written::default() };
    let request = id_text(message);
    let link = link(context, deferred, shared, &request);
    let task = deferred.task.clone();
    let written = mcp::answer(answer, id, &context.params, &*shared.handler, link, task, out);
    if let Some(observation) = observation {
        observation.ended(operation_of(answer, context), outcome_of(written.came));
    }
    written
}

fn link<'l, H: Handler>(
    context: &Context<'l>,
    deferred: &'l Deferred,
    shared: &'l Shared<H>,
    request: &'l [u8],
) -> Link<'l> {
    Link {
        version: context.version,
        meta: context.params.meta,
        hub: &shared.hub,
        session: deferred.session.as_ref(),
        principal: deferred.principal.as_ref(),
        stream: Some(&deferred.stream),
        streams: deferred.streams,
        request,
        inputs: None,
        server_meta: &shared.handler.catalog().server_meta,
        filters: deferred.filters,
    }
}

/// Answers a deferred message that could not be answered.
#[cold]
pub(crate) fn fail_deferred(deferred: &Deferred, hub: &Hub) {
    tracing::error!("a deferred request could not be answered");
    if let Some(observation) = &deferred.observation {
        observation.failed(Observed::InternalError);
    }
    let mut out = Vec::new();
    if let Some(task) = &deferred.task {
        let (code, message) = (ErrorCode::INTERNAL_ERROR, "Internal error");
        rpc::write_error_object(&mut out, code, message, |_| ());
        return task.finish(Outcome::Error(out), (hub.clock.unix_ms)());
    }
    rpc::write_error(&mut out, None, ErrorCode::INTERNAL_ERROR, "Internal error", |_| ());
    deferred.stream.finish(out, false);
}

/// A deferred request has waited for too long: it is refused after all.
#[cold]
pub(crate) fn refuse_deferred(deferred: &Deferred, overload: Overload, hub: &Hub) {
    let kind = EventKind::Overloaded(overload.retry_after_ms);
    let is_heard = deferred.stream.finish_as(kind, overload_error(&deferred.request, overload));
    if !is_heard {
        // It was cancelled, or its time was over, in this very moment.
        return;
    }
    hub.ledger.gauges.limited.add(overload.limit);
    if let Some(observation) = &deferred.observation {
        observation.failed(Observed::Overloaded);
    }
}

/// A request in the background was not taken by the workers: what was begun for it ends.
#[cold]
pub(crate) fn withdraw(deferred: &Deferred, hub: &Hub) {
    if let Some(observation) = &deferred.observation {
        observation.failed(Observed::Overloaded);
    }
    match (&deferred.task, &deferred.session) {
        (Some(task), _) => {
            task.cancel((hub.clock.unix_ms)());
        }
        // It was a request on a line, or about the client's roots, which may be looked at again.
        (None, Some(session)) => {
            deferred.stream.cancel();
            session.roots_seen();
        }
        (None, None) => deferred.stream.cancel(),
    }
}
