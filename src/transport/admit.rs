//! Whether a request may be read at all: decided from its head, before its body arrives.

use super::challenge::Challenge;
use super::fields::{Fields, accepts};
use super::guard::{Caller, Verdict, refuse_origin};
use super::refuse::HttpRefusal;
use super::route::{MODERN_METHODS, Route};
use super::{Local, Shared};
use crate::http::{Framing, Head, Status};
use crate::protocol::{Era, ProtocolVersion};

/// Checks the head of a request, in this order:
///
/// 1. the host is ours (421), unless it is a probe that asks;
/// 2. the route exists and takes the method (404, 405);
/// 3. `Origin` and `Content-Type` stand once (400);
/// 4. the origin may call (403; 2026-07-28, Streamable HTTP, "Security & Endpoint");
/// 5. GET and DELETE are of a revision that has them (405), and GET accepts events (406);
/// 6. a message has a length (411), is JSON (415), and JSON is acceptable as its answer (406).
#[inline(always)]
pub(crate) fn admit<H>(
    route: Route,
    head: &Head<'_>,
    fields: &Fields<'_>,
    verdict: Verdict,
    caller: &Caller<'_>,
    shared: &Shared<H>,
    local: &mut Local,
) -> Result<(), HttpRefusal> {
    // Nobody probes this machine's own address by a name that is not its; a page of a browser that
    // has made its name point here might, to read what the server depends on.
    let is_probe = route.is_for_probes() && !(shared.guard.loopback && route == Route::Ready);
    if caller.host != local.known_host && !is_probe {
        shared.guard.admit_host(caller)?;
        local.known_host.clear();
        local.known_host.extend_from_slice(caller.host);
    }
    match route {
        Route::NotFound => return Err(not_found(&shared.path)),
        Route::MethodNotAllowed { allow } => return Err(HttpRefusal::method_not_allowed(allow)),
        _ => {}
    }
    match (fields.repeated, route) {
        (Some(name @ ("Origin" | "Content-Type" | "Authorization" | "X-API-Key")), _)
        | (Some(name), Route::Listen | Route::EndSession | Route::OpenLine) => {
            let message = format!("{name} is repeated; it may stand once");
            if let "Authorization" | "X-API-Key" = name {
                // RFC 6750 §3.1.
                let challenge =
                    Challenge { error: Some("invalid_request"), ..Challenge::default() };
                return Err(HttpRefusal::challenged(Status::BAD_REQUEST, message, &challenge));
            }
            return Err(HttpRefusal::new(Status::BAD_REQUEST, message));
        }
        // Others are for the era of the message to refuse.
        _ => {}
    }
    if verdict == Verdict::Refused && !route.is_public() {
        return Err(refuse_origin(fields.origin.unwrap_or_default()));
    }
    match route {
        Route::Message => admit_message(head, fields, true),
        Route::LineMessage => admit_message(head, fields, false),
        Route::Listen => admit_session(fields).and_then(|()| admit_stream(fields)),
        Route::EndSession => admit_session(fields),
        Route::OpenLine => admit_stream(fields),
        Route::Health
        | Route::Ready
        | Route::Metrics
        | Route::ResourceMetadata
        | Route::Options { .. }
        | Route::NotFound
        | Route::MethodNotAllowed { .. } => Ok(()),
    }
}

fn admit_stream(fields: &Fields<'_>) -> Result<(), HttpRefusal> {
    match fields.accepts_events() {
        true => Ok(()),
        false => Err(HttpRefusal::needs_event_stream()),
    }
}

/// `answered` says that the response is the answer.
#[inline(always)]
fn admit_message(head: &Head<'_>, fields: &Fields<'_>, answered: bool) -> Result<(), HttpRefusal> {
    if head.framing == Framing::None {
        let message = "a POST needs Content-Length or Transfer-Encoding: chunked";
        return Err(HttpRefusal::new(Status::LENGTH_REQUIRED, message));
    }
    if !is_json(fields.content_type) {
        let message = "Content-Type must be application/json (in UTF-8)";
        return Err(HttpRefusal::new(Status::UNSUPPORTED_MEDIA_TYPE, message));
    }
    if answered && !json_acceptable(fields) {
        let message = "Accept must allow application/json (and should allow text/event-stream)";
        return Err(HttpRefusal::new(Status::NOT_ACCEPTABLE, message));
    }
    Ok(())
}

/// GET and DELETE are for clients with a session: from 2026-07-28 on there is neither ("Earlier
/// Streamable HTTP Revisions"), and who names neither a session nor a revision that has them is
/// told what there is (405). A revision that is not ours is refused (400; 2025-11-25, "Protocol
/// Version Header").
fn admit_session(fields: &Fields<'_>) -> Result<(), HttpRefusal> {
    let named = fields.protocol_version.map(ProtocolVersion::from_name);
    match named.map(|version| version.map(ProtocolVersion::era)) {
        Some(Some(Era::Legacy)) => Ok(()),
        None if fields.session_id.is_some() => Ok(()),
        None | Some(Some(Era::Modern)) => Err(HttpRefusal::method_not_allowed(MODERN_METHODS)),
        Some(None) => {
            let text = "MCP-Protocol-Version is not a revision that this server speaks";
            Err(HttpRefusal::new(Status::BAD_REQUEST, text))
        }
    }
}

#[cold]
fn not_found(endpoint: &str) -> HttpRefusal {
    let message = format!("nothing is here; the MCP endpoint is {endpoint}");
    HttpRefusal::new(Status::NOT_FOUND, message)
}

/// `application/json`, with no charset but UTF-8 (RFC 8259 §8.1).
#[inline]
fn is_json(content_type: Option<&[u8]>) -> bool {
    let Some(content_type) = content_type else { return false };
    content_type == b"application/json" || is_json_with_parameters(content_type)
}

fn is_json_with_parameters(content_type: &[u8]) -> bool {
    let mut parts = content_type.split(|&byte| byte == b';');
    let media_type = parts.next().unwrap_or_default();
    trimmed(media_type).eq_ignore_ascii_case(b"application/json")
        && parts.all(|parameter| {
            let Some((name, value)) = split_once(parameter, b'=') else { return true };
            !trimmed(name).eq_ignore_ascii_case(b"charset")
                || unquoted(trimmed(value)).eq_ignore_ascii_case(b"utf-8")
        })
}

fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

fn split_once(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == at)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// Whether `Accept` allows JSON: the most specific range that matches decides, by its weight
/// (RFC 9110 §12.5.1).
#[inline(always)]
fn json_acceptable(fields: &Fields<'_>) -> bool {
    match fields.accept.map(|accept| accept.strip_prefix(b"application/json")) {
        None => true,
        // Nothing is more specific than a range that leads the list and has no weight.
        Some(Some([] | [b',', ..])) => true,
        Some(_) => accepts(fields.values("accept"), b"application/json", b"application/*"),
    }
}

/// Without optional white space: SP and HTAB (RFC 9110 §5.6.3).
fn trimmed(value: &[u8]) -> &[u8] {
    value.trim_ascii()
}
