//! Streamable HTTP: a request in; an answer out, or a stream, or the word that it comes later.
//!
//! [`respond`] is the table of contents of the server.

use std::sync::Arc;

use super::admit::admit;
use super::fields::Fields;
use super::message::{Sender, after, answer_body, json_response};
use super::refuse::{HttpRefusal, http_sse_of};
use super::route::{Route, route};
use super::{Local, Next, Shared, http_sse, metrics, session_http};
use crate::app::{Access, Credentials, Handler, Peer};
use crate::http::{
    Connection as Persistence, ContentType, Head, Method, Request, Response, Status, StreamFraming,
};
use crate::protocol::Principal;

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
    let Request { head, body } = request;
    let persistence = persistence_of(&head, local);
    let fields = Fields::read(head.fields);
    let found = route(&head, shared);
    let admitted = admit(found, &head, &fields, shared);
    let principal = match admitted.and_then(|()| principal_of(found, &fields, peer, shared, local))
    {
        Ok(principal) => principal,
        Err(refusal) => {
            let refusal = refusal.about(http_sse_of(head.target.path, shared));
            refusal.write(persistence, head.method == Method::Head, &local.date, out);
            return after(persistence);
        }
    };
    let framing = StreamFraming::of(&head);
    let target = H::SPEAKS_MCP.then_some(head.target);
    let sender = Sender { fields: &fields, target, persistence, framing, principal };
    match (found, &shared.http_sse) {
        (Route::Message, _) => answer_body(body, &sender, shared, local, out),
        (Route::Listen, _) => session_http::listen(&sender, shared, local, out),
        (Route::EndSession, _) => session_http::end(&sender, shared, local, out),
        (Route::OpenLine, Some(http_sse)) => http_sse::open(http_sse, &sender, shared, local, out),
        (Route::LineMessage, Some(http_sse)) => {
            http_sse::hear(&head, body, http_sse, &sender, shared, local, out)
        }
        (Route::Options { allow }, _) => {
            let about = http_sse_of(head.target.path, shared);
            let mut fields = about.map(|http_sse| http_sse.fields()).unwrap_or_default();
            fields.push(("Allow", allow));
            let fields = &*fields;
            let response = Response::new(Status::NO_CONTENT, &local.date);
            Response { connection: persistence, fields, ..response }.empty(out);
            after(persistence)
        }
        (Route::Metrics, _) => {
            let text = metrics::text(&shared.hub);
            let response = Response::new(Status::OK, &local.date);
            let content_type = Some(ContentType::Metrics);
            let response = Response { connection: persistence, content_type, ..response };
            content(&response, head.method, text.as_bytes(), out)
        }
        _ => {
            let response = json_response(Status::OK, persistence, &local.date);
            content(&response, head.method, HEALTHY, out)
        }
    }
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
    local: &Local,
    out: &mut Vec<u8>,
) -> bool {
    let fields = Fields::read(head.fields);
    let found = route(head, shared);
    let admitted = admit(found, head, &fields, shared);
    match admitted.and_then(|()| principal_of(found, &fields, peer, shared, local)) {
        Ok(_) => true,
        Err(refusal) => {
            let refusal = refusal.about(http_sse_of(head.target.path, shared));
            refusal.write(Persistence::Close, head.method == Method::Head, &local.date, out);
            false
        }
    }
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
    if local.stopping { Persistence::Close } else { head.connection() }
}
