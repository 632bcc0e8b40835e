//! Streamable HTTP: a request in; an answer out, or a stream, or the word that it comes later.
//!
//! [`respond`] is the table of contents of the server.

use std::sync::Arc;

use super::admit::admit;
use super::fields::Fields;
use super::guard::{Caller, Verdict};
use super::message::{after, answer_body, json_response};
use super::refuse::{HttpRefusal, http_sse_of};
use super::route::{Route, route};
use super::sender::Sender;
use super::{Local, Next, Shared, http_sse, metrics, rates, session_http};
use crate::app::{Access, Credentials, Handler, Peer};
use crate::http::{
    Connection as Persistence, ContentType, Framing, Head, Method, Request, Response, Stamp,
    Status, StreamFraming,
};
use crate::limits;
use crate::protocol::Principal;
use crate::store::{Rates, SHORT_OF_MEMORY};

const HEALTHY: &[u8] = br#"{"status":"ok"}"#;

/// Answers a whole request: appends the response to `out`, or says where it comes from.
#[inline]
pub(crate) fn respond<H: Handler>(
    request: Request<'_>,
    peer: &Peer,
    shared: &Shared<H>,
    local: &mut Local,
    out: &mut Vec<u8>,
) -> Next {
    let Request { head, body, announced } = request;
    let persistence = persistence_of(&head, local);
    let fields = Fields::read(head.fields);
    let found = route(&head, shared);
    let behind = shared.guard.behind(peer, head.fields);
    let caller = Caller::of(peer, behind.as_ref(), &head);
    let verdict = shared.guard.judge(fields.origin);
    let lines = &*shared.guard.lines(found, head.method, fields.origin, verdict);
    let counting = rates::counting(found, announced, shared);
    let who = (verdict, caller);
    let principal = match let_in(found, &head, &fields, who, counting, shared, local) {
        Ok(principal) => principal,
        Err(refusal) => {
            let refusal = rates::answering(refusal, found, body, shared, local);
            let refusal = refusal.about(http_sse_of(head.target.path, shared));
            let stamp = Stamp { date: &local.date, lines };
            refusal.write(persistence, head.method == Method::Head, stamp, out);
            return after(persistence);
        }
    };
    let framing = StreamFraming::of(&head);
    let target = H::SPEAKS_MCP.then_some(head.target);
    let sender = Sender { fields: &fields, target, persistence, framing, principal, caller, lines };
    match (found, &shared.http_sse) {
        (Route::Message, _) => answer_body(body, &sender, shared, local, out),
        (Route::Listen, _) => session_http::listen(&sender, shared, local, out),
        (Route::EndSession, _) => session_http::end(&sender, shared, local, out),
        (Route::OpenLine, Some(http_sse)) => http_sse::open(http_sse, &sender, shared, local, out),
        (Route::LineMessage, Some(http_sse)) => {
            http_sse::hear(&head, body, http_sse, &sender, shared, local, out)
        }
        (Route::Options { allow, .. }, _) => options(&head, allow, &sender, shared, local, out),
        (Route::Metrics, _) => {
            let text = metrics::text(&shared.hub);
            let response = Response::new(Status::OK, sender.stamp(&local.date));
            let content_type = Some(ContentType::Metrics);
            let response = Response { connection: persistence, content_type, ..response };
            content(&response, head.method, text.as_bytes(), out)
        }
        _ => {
            let response = json_response(Status::OK, persistence, sender.stamp(&local.date));
            content(&response, head.method, HEALTHY, out)
        }
    }
}

/// Which methods a target takes, and what a page's request may have besides.
#[cold]
fn options<H: Handler>(
    head: &Head<'_>,
    allow: &'static str,
    sender: &Sender<'_>,
    shared: &Shared<H>,
    local: &Local,
    out: &mut Vec<u8>,
) -> Next {
    let about = http_sse_of(head.target.path, shared);
    let preflight = shared.guard.preflight(sender.fields, allow, shared.handler.catalog());
    let mut fields = about.map(|http_sse| http_sse.fields()).unwrap_or_default();
    fields.push(("Allow", allow));
    fields.extend(preflight.iter().map(|(name, value)| (*name, value.as_str())));
    let response = Response::new(Status::NO_CONTENT, sender.stamp(&local.date));
    Response { connection: sender.persistence, fields: &fields, ..response }.empty(out);
    after(sender.persistence)
}

fn content(response: &Response<'_>, method: Method, body: &[u8], out: &mut Vec<u8>) -> Next {
    match method {
        Method::Head => response.head_only(out, body.len()),
        _ => response.fixed(out, body),
    }
    after(response.connection)
}

/// The head of a request is here and its body is not: whether to read on.
///
/// A refusal is written to `out`, and the connection ends with it: a body that was not read cannot
/// be told from the next request (RFC 9112 §9.3).
pub(crate) fn expect<H: Handler>(
    head: &Head<'_>,
    peer: &Peer,
    shared: &Shared<H>,
    local: &mut Local,
    out: &mut Vec<u8>,
) -> bool {
    let fields = Fields::read(head.fields);
    let found = route(head, shared);
    let behind = shared.guard.behind(peer, head.fields);
    let caller = Caller::of(peer, behind.as_ref(), head);
    let verdict = shared.guard.judge(fields.origin);
    let counting = rates::counting_head(found, shared);
    match let_in(found, head, &fields, (verdict, caller), counting, shared, local) {
        Ok(_) if !(is_large(head) && shared.hub.load.is_short_of_memory()) => true,
        let_in => {
            let short = || HttpRefusal::overloaded(SHORT_OF_MEMORY);
            let refusal = let_in.err().unwrap_or_else(short);
            let lines = &*shared.guard.lines(found, head.method, fields.origin, verdict);
            let stamp = Stamp { date: &local.date, lines };
            let refusal = refusal.about(http_sse_of(head.target.path, shared));
            refusal.write(Persistence::Close, head.method == Method::Head, stamp, out);
            false
        }
    }
}

/// Whether a body is more than we have room for where memory is short.
fn is_large(head: &Head<'_>) -> bool {
    match head.framing {
        Framing::None => false,
        Framing::Length(len) => len > limits::MEMORY_LARGE_BODY,
        Framing::Chunked => true,
    }
}

/// Whether a request may be read, counted where that is wanted; and who is asking.
#[inline]
fn let_in<H: Handler>(
    route: Route,
    head: &Head<'_>,
    fields: &Fields<'_>,
    (verdict, caller): (Verdict, Caller<'_>),
    counting: Option<&Rates>,
    shared: &Shared<H>,
    local: &mut Local,
) -> Result<Option<Arc<Principal>>, HttpRefusal> {
    if let Some(rates) = counting {
        rates::arrive(rates, caller.peer, local.now_ms)?;
    }
    admit(route, head, fields, verdict, caller.host, shared, local)?;
    let principal = principal_of(route, fields, caller.peer, shared, local)?;
    if let Some(rates) = counting {
        rates::ask(rates, route, principal.as_deref(), fields, local.now_ms)?;
    }
    Ok(principal)
}

/// Who is asking, where it matters.
#[inline]
fn principal_of<H: Handler>(
    route: Route,
    fields: &Fields<'_>,
    peer: &Peer,
    shared: &Shared<H>,
    local: &Local,
) -> Result<Option<Arc<Principal>>, HttpRefusal> {
    if let Route::Health | Route::Options { .. } = route {
        return Ok(None);
    }
    let authorization = fields.authorization.and_then(|value| std::str::from_utf8(value).ok());
    match shared.handler.authenticate(&Credentials { authorization, peer, unix_s: local.unix_s }) {
        Access::Anonymous => Ok(None),
        Access::Principal(principal) => Ok(Some(principal)),
        Access::Denied => Err(HttpRefusal::unauthorized(authorization.is_some())),
    }
}

#[inline]
fn persistence_of(head: &Head<'_>, local: &Local) -> Persistence {
    if local.closing { Persistence::Close } else { head.connection() }
}
