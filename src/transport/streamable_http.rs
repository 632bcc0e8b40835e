//! Streamable HTTP: a request in; an answer out, or a stream, or the word that it comes later.
//!
//! [`respond`] is the table of contents of the server.

use std::sync::Arc;

use super::access::{Asking, Stopped, identify};
use super::admit::admit;
use super::fields::Fields;
use super::guard::{Caller, Verdict};
use super::message::{after, answer_body};
use super::observed::{asked_by_head, tell_of_head};
use super::rates::Counted;
use super::refuse::{HttpRefusal, http_sse_of};
use super::route::{Route, route};
use super::sender::Sender;
use super::{Local, Next, Shared, http_sse, metadata, operator, rates, session_http};
use crate::app::{Handler, Peer};
use crate::http::{
    Connection as Persistence, Framing, Head, Method, Request, Response, Stamp, Status,
    StreamFraming,
};
use crate::limits;
use crate::observe::Outcome;
use crate::protocol::Principal;
use crate::store::{Rates, SHORT_OF_MEMORY};

/// Answers a whole request: appends the response to `out`, or says where it comes from.
// Within its caller the two of them would fight for registers (40 instructions).
#[inline(never)]
pub(crate) fn respond<H: Handler>(
    request: &mut Request<'_>,
    peer: &Peer,
    counted: &mut Counted,
    shared: &Shared<H>,
    local: &mut Local,
    out: &mut Vec<u8>,
) -> Next {
    let Request { head, body } = request;
    let persistence = persistence_of(head, local);
    let mut fields = Fields::of(head.fields);
    fields.read();
    local.watch.begin();
    let found = route(head, shared);
    let behind = shared.guard.behind(peer, head.fields);
    let caller = Caller::of(peer, behind.as_ref(), head);
    if local.watch.is_telling() {
        tell_of_head(&local.watch, caller.peer, head, &fields);
    }
    let verdict = shared.guard.judge(fields.origin);
    let lines = &*shared.guard.lines(found, head.method, fields.origin, verdict);
    let asking = Asking { head, caller };
    let counting = rates::counting(found, shared).map(|rates| (rates, counted));
    let principal = match let_in(found, &asking, &fields, verdict, counting, shared, local) {
        Ok(principal) => principal,
        Err(Stopped::Later(verdict)) => return Next::Park(verdict),
        Err(Stopped::Refused(refusal)) => {
            asked_by_head(&local.watch, found, &fields, outcome_of(&refusal), shared);
            let refusal = rates::answering(refusal, found, body, shared, local);
            let refusal = refusal.about(http_sse_of(head.target.path, shared));
            let stamp = Stamp { date: &local.date, lines };
            refusal.write(persistence, head.method == Method::Head, stamp, out);
            return after(persistence);
        }
    };
    let framing = StreamFraming::of(head);
    let sender =
        Sender { fields: &fields, asking: &asking, persistence, framing, principal, lines };
    match (found, &shared.http_sse) {
        (Route::Message, _) => answer_body(body, &sender, shared, local, out),
        (Route::Listen, _) => session_http::listen(&sender, shared, local, out),
        (Route::EndSession, _) => session_http::end(&sender, shared, local, out),
        (Route::OpenLine, Some(http_sse)) => http_sse::open(http_sse, &sender, shared, local, out),
        (Route::LineMessage, Some(http_sse)) => {
            http_sse::hear(head, body, http_sse, &sender, shared, local, out)
        }
        (Route::ResourceMetadata, _) => metadata::answer(&sender, shared, local, out),
        (Route::Options { allow, .. }, _) => options(head, allow, &sender, shared, local, out),
        _ => {
            let stamp = sender.stamp(&local.date);
            operator::write(found, head.method, (persistence, stamp), shared, out)
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

/// The head of a request is here and its body is not: whether to read on.
///
/// A refusal is written to `out`, and the connection ends with it: a body that was not read cannot
/// be told from the next request (RFC 9112 §9.3).
pub(crate) fn expect<H: Handler>(
    head: &Head<'_>,
    peer: &Peer,
    counted: &mut Counted,
    shared: &Shared<H>,
    local: &mut Local,
    out: &mut Vec<u8>,
) -> bool {
    let mut fields = Fields::of(head.fields);
    fields.read();
    local.watch.begin();
    let found = route(head, shared);
    let behind = shared.guard.behind(peer, head.fields);
    let caller = Caller::of(peer, behind.as_ref(), head);
    if local.watch.is_telling() {
        tell_of_head(&local.watch, caller.peer, head, &fields);
    }
    let verdict = shared.guard.judge(fields.origin);
    let counting = rates::counting_head(found, shared).map(|rates| (rates, counted));
    let asking = Asking { head, caller };
    match let_in(found, &asking, &fields, verdict, counting, shared, local) {
        // Whoever it is, the body is read meanwhile.
        Ok(_) | Err(Stopped::Later(_))
            if !(is_large(head) && shared.hub.load.is_short_of_memory()) =>
        {
            true
        }
        let_in => {
            let short = || HttpRefusal::overloaded(SHORT_OF_MEMORY);
            let refusal = match let_in {
                Err(Stopped::Refused(refusal)) => refusal,
                _ => short(),
            };
            asked_by_head(&local.watch, found, &fields, outcome_of(&refusal), shared);
            let lines = &*shared.guard.lines(found, head.method, fields.origin, verdict);
            let stamp = Stamp { date: &local.date, lines };
            let refusal = refusal.about(http_sse_of(head.target.path, shared));
            refusal.write(Persistence::Close, head.method == Method::Head, stamp, out);
            false
        }
    }
}

/// What is known of the outcome without the status, which may be 200 (`rate.reject_status`).
fn outcome_of(refusal: &HttpRefusal) -> Outcome {
    if refusal.is_too_often() { Outcome::RateLimited } else { Outcome::Ok }
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
// All that it is told is at hand in its callers, who are on the way of every request.
#[inline(always)]
fn let_in<H: Handler>(
    route: Route,
    asking: &Asking<'_>,
    fields: &Fields<'_>,
    verdict: Verdict,
    mut counting: Option<(&Rates, &mut Counted)>,
    shared: &Shared<H>,
    local: &mut Local,
) -> Result<Option<Arc<Principal>>, Stopped> {
    let Asking { head, caller } = *asking;
    if let Some((rates, counted)) = &mut counting {
        rates::arrive(rates, counted, caller.peer, local.now_ms)?;
    }
    admit(route, head, fields, verdict, &caller, shared, local)?;
    let principal = identify(route, asking, fields, shared, local)?;
    if let Some((rates, counted)) = counting {
        rates::ask(rates, counted, route, principal.as_deref(), fields, local.now_ms)?;
    }
    Ok(principal)
}

#[inline]
fn persistence_of(head: &Head<'_>, local: &Local) -> Persistence {
    if local.closing { Persistence::Close } else { head.connection() }
}
