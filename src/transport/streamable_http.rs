//! Streamable HTTP: a request in; an answer out, or a stream, or the word that it comes later.
//!
//! [`respond`] is the table of contents of the server.

use std::sync::Arc;

use super::access::{Asking, Stopped, let_in};
use super::admit::admit;
use super::fields::Fields;
use super::message::{after, answer_body, json_response};
use super::refuse::http_sse_of;
use super::route::{Route, route};
use super::sender::Sender;
use super::{Local, Next, Shared, http_sse, metadata, metrics, session_http};
use crate::app::{Handler, Peer};
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
    let asking = Asking { head: &head, peer };
    let principal = match who_comes(found, asking, &fields, shared, local) {
        Ok(principal) => principal,
        Err(Stopped::Later(verdict)) => return Next::Park(verdict),
        Err(Stopped::Refused(refusal)) => {
            let refusal = refusal.about(http_sse_of(head.target.path, shared));
            refusal.write(persistence, head.method == Method::Head, &local.date, out);
            return after(persistence);
        }
    };
    let framing = StreamFraming::of(&head);
    let sender = Sender { fields: &fields, asking, persistence, framing, principal };
    match (found, &shared.http_sse) {
        (Route::Message, _) => answer_body(body, &sender, shared, local, out),
        (Route::Listen, _) => session_http::listen(&sender, shared, local, out),
        (Route::EndSession, _) => session_http::end(&sender, shared, local, out),
        (Route::OpenLine, Some(http_sse)) => http_sse::open(http_sse, &sender, shared, local, out),
        (Route::LineMessage, Some(http_sse)) => {
            http_sse::hear(&head, body, http_sse, &sender, shared, local, out)
        }
        (Route::ResourceMetadata, _) => {
            metadata::answer(asking, persistence, shared, &local.date, out)
        }
        (Route::MetadataOptions, _) => {
            let response = Response::new(Status::NO_CONTENT, &local.date);
            let fields = &metadata::PREFLIGHT;
            Response { connection: persistence, fields, ..response }.empty(out);
            after(persistence)
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
    match who_comes(found, Asking { head, peer }, &fields, shared, local) {
        // Whoever it is, the body is read meanwhile.
        Ok(_) | Err(Stopped::Later(_)) => true,
        Err(Stopped::Refused(refusal)) => {
            let refusal = refusal.about(http_sse_of(head.target.path, shared));
            refusal.write(Persistence::Close, head.method == Method::Head, &local.date, out);
            false
        }
    }
}

/// Who is asking, where it matters, if they may.
#[inline]
fn who_comes<H: Handler>(
    route: Route,
    asking: Asking<'_>,
    fields: &Fields<'_>,
    shared: &Shared<H>,
    local: &Local,
) -> Result<Option<Arc<Principal>>, Stopped> {
    admit(route, asking.head, fields, shared)?;
    let_in(route, asking, fields, shared, local)
}

#[inline]
fn persistence_of(head: &Head<'_>, local: &Local) -> Persistence {
    if local.stopping { Persistence::Close } else { head.connection() }
}
