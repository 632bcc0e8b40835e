//! Streamable HTTP: a POST with a message in, a JSON answer out.
//!
//! [`respond`] is the table of contents of the server.

use std::sync::atomic::AtomicBool;

use super::admit::admit;
use super::fields::Fields;
use super::headers;
use super::refuse::HttpRefusal;
use super::route::{Route, route};
use super::{Deferred, Local, Next, Shared};
use crate::app::Handler;
use crate::http::{
    Connection as Persistence, ContentType, Date, Head, Method, Request, Response, Status,
};
use crate::json::Parser;
use crate::mcp::{self, Era, Plan, Refusal, Stage, plan};
use crate::rpc::{self, ErrorCode, Id, Message};

const HEALTHY: &[u8] = br#"{"status":"ok"}"#;

/// Answers a whole request: appends the response to `out`, or says that a worker will.
#[inline]
pub(crate) fn respond<H: Handler>(
    request: Request<'_>,
    shared: &Shared<H>,
    local: &mut Local,
    out: &mut Vec<u8>,
) -> Next {
    let Request { head, body } = request;
    let persistence = persistence_of(&head, local);
    let fields = Fields::read(head.fields);
    let found = route(&head, &shared.path);
    if let Err(refusal) = admit(found, &head, &fields, shared) {
        refusal.write(persistence, head.method == Method::Head, &local.date, out);
        return after(persistence);
    }
    match found {
        Route::Message => answer_message(body, &fields, persistence, shared, local, out),
        Route::Options { allow } => {
            let fields = &[("Allow", allow)];
            let response = Response::new(Status::NO_CONTENT, &local.date);
            Response { connection: persistence, fields, ..response }.empty(out);
            after(persistence)
        }
        Route::Health | Route::NotFound | Route::MethodNotAllowed { .. } => {
            let response = json_response(Status::OK, persistence, &local.date);
            match head.method {
                Method::Head => response.head_only(out, HEALTHY.len()),
                _ => response.fixed(out, HEALTHY),
            }
            after(persistence)
        }
    }
}

/// The head of a request is here and its body is not: whether to read on.
///
/// A refusal is written to `out`, and the connection ends with it: a body that was not read cannot
/// be told from the next request (RFC 9112 §9.3).
pub(crate) fn expect<H>(
    head: &Head<'_>,
    shared: &Shared<H>,
    local: &Local,
    out: &mut Vec<u8>,
) -> bool {
    let fields = Fields::read(head.fields);
    match admit(route(head, &shared.path), head, &fields, shared) {
        Ok(()) => true,
        Err(refusal) => {
            refusal.write(Persistence::Close, head.method == Method::Head, &local.date, out);
            false
        }
    }
}

#[inline]
fn answer_message<H: Handler>(
    body: &mut [u8],
    fields: &Fields<'_>,
    persistence: Persistence,
    shared: &Shared<H>,
    local: &mut Local,
    out: &mut Vec<u8>,
) -> Next {
    let Local { parser, date, .. } = local;
    let document = match parser.parse(body) {
        Ok(document) => document,
        Err(error) => {
            let refusal = Refusal::new(Stage::Envelope, ErrorCode::PARSE_ERROR, error.to_string());
            return refuse(&refusal, None, Era::Legacy, persistence, date, out);
        }
    };
    let message = match Message::read(document.root()) {
        Ok(message) => message,
        Err(invalid) => {
            let refusal =
                Refusal::new(Stage::Envelope, ErrorCode::INVALID_REQUEST, invalid.message);
            return refuse(&refusal, invalid.id, Era::Legacy, persistence, date, out);
        }
    };
    let context = match mcp::open(&message, headers::claims(fields)) {
        Ok(context) => context,
        Err(refusal) => return refuse(&refusal, id(&message), Era::Modern, persistence, date, out),
    };
    let era = context.era();
    if let Err(refusal) = headers::check(&context, fields, shared.handler.catalog()) {
        return refuse(&refusal, id(&message), era, persistence, date, out);
    }
    match plan(&message, &context, shared.handler.catalog(), false) {
        Plan::Accept => accept(&message, era, persistence, date, out),
        Plan::Defer => {
            let mut text = Vec::new();
            document.root().write(&mut text);
            Next::Defer(Deferred { message: text, version: context.version, persistence })
        }
        Plan::Answer(answer) => {
            let status = status_of(&answer, era);
            let body = json_response(status, persistence, date).open(out);
            if let Some(id) = id(&message) {
                mcp::answer(&answer, id, &context, &shared.handler, None, out);
            }
            body.finish(out);
            after(persistence)
        }
    }
}

/// A worker's part: appends the JSON-RPC answer of a deferred message.
pub(crate) fn run_deferred<H: Handler>(
    deferred: &mut Deferred,
    handler: &H,
    parser: &mut Parser,
    cancelled: &AtomicBool,
    out: &mut Vec<u8>,
) {
    if answer_deferred(deferred, handler, parser, cancelled, out).is_none() {
        fail_deferred(out);
    }
}

/// `None` when the message is not the request it was when it was deferred: a mistake of ours.
fn answer_deferred<H: Handler>(
    deferred: &mut Deferred,
    handler: &H,
    parser: &mut Parser,
    cancelled: &AtomicBool,
    out: &mut Vec<u8>,
) -> Option<()> {
    let document = parser.parse(&mut deferred.message).ok()?;
    let message = Message::read(document.root()).ok()?;
    let context = mcp::Context::resumed(&message, deferred.version).ok()?;
    let Plan::Answer(answer) = plan(&message, &context, handler.catalog(), true) else {
        return None;
    };
    mcp::answer(&answer, id(&message)?, &context, handler, Some(cancelled), out);
    Some(())
}

/// Appends the answer to a deferred message that could not be answered.
#[cold]
pub(crate) fn fail_deferred(out: &mut Vec<u8>) {
    tracing::error!("a deferred request could not be answered");
    rpc::write_error(out, None, ErrorCode::INTERNAL_ERROR, "Internal error", |_| ());
}

/// Frames what a worker wrote. Only results and in-band errors come this way, so the status is 200.
pub(crate) fn complete(
    body: &[u8],
    persistence: Persistence,
    date: &Date,
    out: &mut Vec<u8>,
) -> Next {
    json_response(Status::OK, persistence, date).fixed(out, body);
    after(persistence)
}

/// A notification or response gets 202; what the era does not allow, 400
/// (2026-07-28, "Sending Messages": a client must not send responses).
fn accept(
    message: &Message<'_>,
    era: Era,
    persistence: Persistence,
    date: &Date,
    out: &mut Vec<u8>,
) -> Next {
    if let (Message::Response { .. }, Era::Modern) = (message, era) {
        let text = "responses are not part of this revision: nothing here asks the client";
        HttpRefusal::new(Status::BAD_REQUEST, text).write(persistence, false, date, out);
        return after(persistence);
    }
    let response = Response::new(Status::ACCEPTED, date);
    Response { connection: persistence, ..response }.empty(out);
    after(persistence)
}

#[cold]
fn refuse(
    refusal: &Refusal<'_>,
    id: Option<Id<'_>>,
    era: Era,
    persistence: Persistence,
    date: &Date,
    out: &mut Vec<u8>,
) -> Next {
    let body = json_response(status_of_refusal(refusal, era), persistence, date).open(out);
    refusal.write(id, out);
    body.finish(out);
    after(persistence)
}

#[inline]
fn status_of(answer: &plan::Answer<'_>, era: Era) -> Status {
    match answer {
        plan::Answer::Refuse(refusal) => status_of_refusal(refusal, era),
        _ => Status::OK,
    }
}

/// Errors in band are answers like any other; a message that breaks the rules is a bad request;
/// a method we do not have is 404 from 2026-07-28 on ("Protocol Version Header").
fn status_of_refusal(refusal: &Refusal<'_>, era: Era) -> Status {
    match (refusal.stage, era) {
        (Stage::Envelope, _) => Status::BAD_REQUEST,
        (Stage::Method, Era::Modern) => Status::NOT_FOUND,
        (Stage::Method, Era::Legacy) | (Stage::InBand, _) => Status::OK,
    }
}

#[inline]
fn id<'b>(message: &Message<'b>) -> Option<Id<'b>> {
    match *message {
        Message::Request { id, .. } | Message::Response { id } => Some(id),
        Message::Notification { .. } => None,
    }
}

#[inline]
fn json_response(status: Status, connection: Persistence, date: &Date) -> Response<'_> {
    let response = Response::new(status, date);
    Response { connection, content_type: Some(ContentType::Json), ..response }
}

#[inline]
fn persistence_of(head: &Head<'_>, local: &Local) -> Persistence {
    if local.stopping { Persistence::Close } else { head.connection() }
}

#[inline]
fn after(persistence: Persistence) -> Next {
    if persistence == Persistence::Close { Next::Close } else { Next::Done }
}
