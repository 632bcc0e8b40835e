//! Streamable HTTP: a request in; an answer out, or a stream, or the word that it comes later.
//!
//! [`respond`] is the table of contents of the server.

use super::admit::admit;
use super::fields::Fields;
use super::message::{Sender, after, answer_body, json_response};
use super::route::{Route, route};
use super::{Local, Next, Shared, session_http};
use crate::app::Handler;
use crate::http::{
    Connection as Persistence, Head, Method, Request, Response, Status, StreamFraming,
};

const HEALTHY: &[u8] = br#"{"status":"ok"}"#;

/// Answers a whole request: appends the response to `out`, or says where it comes from.
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
    let found = find_route(&head, shared);
    if let Err(refusal) = admit(found, &head, &fields, shared) {
        refusal.write(persistence, head.method == Method::Head, &local.date, out);
        return after(persistence);
    }
    let framing = StreamFraming::of(&head);
    let sender = Sender { fields: &fields, persistence, framing, principal: None };
    match found {
        Route::Message => answer_body(body, &sender, shared, local, out),
        Route::Listen => session_http::listen(&sender, shared, local, out),
        Route::EndSession => session_http::end(&sender, shared, local, out),
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
    match admit(find_route(head, shared), head, &fields, shared) {
        Ok(()) => true,
        Err(refusal) => {
            refusal.write(Persistence::Close, head.method == Method::Head, &local.date, out);
            false
        }
    }
}

#[inline]
fn find_route<H>(head: &Head<'_>, shared: &Shared<H>) -> Route {
    route(head, &shared.path, shared.hub.sessions.limits.sessions_max > 0)
}

#[inline]
fn persistence_of(head: &Head<'_>, local: &Local) -> Persistence {
    if local.stopping { Persistence::Close } else { head.connection() }
}
