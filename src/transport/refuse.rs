//! Refusals of HTTP, as JSON-RPC error bodies that say what was wrong and which limit it met.

use std::borrow::Cow;
use std::sync::Arc;

use super::{HttpSse, Shared};
use crate::http::{Connection as Persistence, ContentType, Date, Error, Response, Stamp, Status};
use crate::json;
use crate::mcp::plan::Answer;
use crate::mcp::{Refusal, Stage};
use crate::protocol::Era;
use crate::rpc::{self, ErrorCode};

/// What the official SDKs say of a session that is not there.
const SESSION_NOT_FOUND: ErrorCode = ErrorCode(-32001);

/// A refusal that HTTP has a status for. In a box, since nearly every request goes without one.
#[derive(Debug)]
pub(crate) struct HttpRefusal(Box<Details>);

#[derive(Debug)]
struct Details {
    status: Status,
    text: Text,
    allow: Option<&'static str>,
    limit: Option<&'static str>,
    retry_after_s: Option<u32>,
    code: Option<ErrorCode>,
    challenge: Option<&'static str>,
    /// What HTTP+SSE says of its end, where it is about that.
    about: Option<Arc<HttpSse>>,
}

/// What is told.
#[derive(Debug)]
enum Text {
    Message(Cow<'static, str>),
    /// The whole body, a JSON-RPC error.
    Body(Vec<u8>),
}

impl HttpRefusal {
    #[cold]
    pub(crate) fn new(status: Status, message: impl Into<Cow<'static, str>>) -> Self {
        HttpRefusal(Box::new(Details {
            status,
            text: Text::Message(message.into()),
            allow: None,
            limit: None,
            retry_after_s: None,
            code: None,
            challenge: None,
            about: None,
        }))
    }

    /// 400 for what is no message, with this JSON-RPC error.
    #[cold]
    pub(crate) fn with_body(body: Vec<u8>) -> Self {
        let mut refusal = HttpRefusal::new(Status::BAD_REQUEST, "");
        refusal.0.text = Text::Body(body);
        refusal
    }

    /// The same as a response of HTTP+SSE, where it is one.
    #[cold]
    pub(crate) fn about(mut self, http_sse: Option<&Arc<HttpSse>>) -> Self {
        self.0.about = http_sse.cloned();
        self
    }

    /// 405, with what is allowed (RFC 9110 §15.5.6).
    #[cold]
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let message = format!("this target takes {allow}");
        let mut refusal = HttpRefusal::new(Status::METHOD_NOT_ALLOWED, message);
        refusal.0.allow = Some(allow);
        refusal
    }

    /// 404 for a session that is not there, never was, or is somebody else's, which look alike.
    /// The client is to begin a new one (2025-11-25, "Session Management").
    #[cold]
    pub(crate) fn session_not_found() -> Self {
        let text = "Session not found: begin a new one with `initialize`";
        let mut refusal = HttpRefusal::new(Status::NOT_FOUND, text);
        refusal.0.code = Some(SESSION_NOT_FOUND);
        refusal
    }

    /// The same, of HTTP+SSE.
    #[cold]
    pub(crate) fn line_not_found() -> Self {
        let text = "Session not found: open a new stream, without Last-Event-ID";
        let mut refusal = HttpRefusal::new(Status::NOT_FOUND, text);
        refusal.0.code = Some(SESSION_NOT_FOUND);
        refusal
    }

    /// 401, with the challenge (RFC 6750 §3: no `error` where nothing was shown).
    #[cold]
    pub(crate) fn unauthorized(something_was_shown: bool) -> Self {
        let text = "Authorization is missing, or is not accepted";
        let mut refusal = HttpRefusal::new(Status::UNAUTHORIZED, text);
        refusal.0.challenge = Some(match something_was_shown {
            true => "Bearer error=\"invalid_token\"",
            false => "Bearer",
        });
        refusal
    }

    /// 400 for a `Last-Event-ID` that cannot be gone on from.
    #[cold]
    pub(crate) fn unknown_event() -> Self {
        let text = "Last-Event-ID names no event of this session that is still known";
        let mut refusal = HttpRefusal::new(Status::BAD_REQUEST, text);
        refusal.0.limit = Some("replay_window");
        refusal
    }

    /// The same, of HTTP+SSE.
    #[cold]
    pub(crate) fn unknown_line_event() -> Self {
        let text = "Last-Event-ID names no event of a session that is still known: open a new \
                    stream, without it";
        let mut refusal = HttpRefusal::new(Status::BAD_REQUEST, text);
        refusal.0.limit = Some("session_timeout");
        refusal
    }

    /// 406 for a stream that was asked for without accepting one.
    #[cold]
    pub(crate) fn needs_event_stream() -> Self {
        HttpRefusal::new(Status::NOT_ACCEPTABLE, "Accept must allow text/event-stream")
    }

    /// 503: the server ends before there is an answer.
    #[cold]
    pub(crate) fn stopping() -> Self {
        HttpRefusal::overload("the server stops, and could not wait longer", "shutdown_grace")
    }

    /// 503: all sessions are in use.
    #[cold]
    pub(crate) fn too_many_sessions() -> Self {
        let text = "every session is in use (sessions_max); try again later";
        HttpRefusal::overload(text, "sessions_max")
    }

    /// 503: the session has too much under way.
    #[cold]
    pub(crate) fn too_many_calls() -> Self {
        let text = "too many requests of this session are under way (session_calls_max)";
        HttpRefusal::overload(text, "session_calls_max")
    }

    /// 503: all streams of HTTP+SSE are in use.
    #[cold]
    pub(crate) fn too_many_lines() -> Self {
        let text = "every stream of HTTP+SSE is in use (http_sse.connections_max); use the \
                    Streamable HTTP endpoint, or try again later";
        HttpRefusal::overload(text, "connections_max")
    }

    /// 503: the client asks for more than it reads.
    #[cold]
    pub(crate) fn unread() -> Self {
        let text = "too much waits on the stream of this session (stream_bytes_max, \
                    stream_events_max): read it first";
        HttpRefusal::overload(text, "stream_bytes_max")
    }

    /// 503: no worker has room for the call.
    #[cold]
    pub(crate) fn no_worker() -> Self {
        let text = "every worker is busy and their queue is full (deferred_max); try again later";
        HttpRefusal::overload(text, "deferred_max")
    }

    /// 503: the audit log has no room for the call.
    #[cold]
    pub(crate) fn no_audit() -> Self {
        let text = "the audit log cannot be written fast enough, or not at all, and no call is made \
                    that is not in it (audit_log.when_full = \"drop\" would count it instead)";
        HttpRefusal::overload(text, "audit_log.when_full")
    }

    /// 503: the application has no room for the message; the bound that it met.
    #[cold]
    pub(crate) fn no_room(limit: &'static str) -> Self {
        HttpRefusal::overload("the application has no room; try again later", limit)
    }

    #[cold]
    fn overload(text: &'static str, limit: &'static str) -> Self {
        let mut refusal = HttpRefusal::new(Status::SERVICE_UNAVAILABLE, text);
        refusal.0.limit = Some(limit);
        refusal.0.retry_after_s = Some(1);
        refusal
    }

    /// The body: a JSON-RPC error.
    fn error(&self, message: &str) -> Vec<u8> {
        let code = self.0.code.unwrap_or(match self.0.status.code() {
            500.. => ErrorCode::INTERNAL_ERROR,
            _ => ErrorCode::INVALID_REQUEST,
        });
        let mut body = Vec::new();
        rpc::write_error(&mut body, None, code, message, |out| {
            if let Some(limit) = self.0.limit {
                out.extend_from_slice(br#"{"limit":"#);
                json::write_string(out, limit);
                out.push(b'}');
            }
        });
        body
    }

    /// Appends the response.
    #[cold]
    pub(crate) fn write(
        &self,
        persistence: Persistence,
        head_only: bool,
        stamp: Stamp<'_>,
        out: &mut Vec<u8>,
    ) {
        let body = match &self.0.text {
            Text::Body(body) => Cow::Borrowed(body),
            Text::Message(message) => Cow::Owned(self.error(message)),
        };
        let retry_after = self.0.retry_after_s.map(|seconds| seconds.to_string());
        let mut fields = self.0.about.as_deref().map(HttpSse::fields).unwrap_or_default();
        fields.extend(self.0.allow.map(|allow| ("Allow", allow)));
        fields.extend(self.0.challenge.map(|challenge| ("WWW-Authenticate", challenge)));
        fields.extend(retry_after.as_deref().map(|seconds| ("Retry-After", seconds)));
        let response = Response {
            connection: persistence,
            content_type: Some(ContentType::Json),
            fields: &fields,
            ..Response::new(self.0.status, stamp)
        };
        match head_only {
            true => response.head_only(out, body.len()),
            false => response.fixed(out, &body),
        }
    }
}

/// Answers what is not HTTP, of which `unread` is the beginning; the connection ends with it. What
/// looks like a HEAD is answered without a body (RFC 9110 §9.3.2).
#[cold]
pub(crate) fn refuse_framing<H>(
    error: Error,
    unread: &[u8],
    shared: &Shared<H>,
    date: &Date,
    out: &mut Vec<u8>,
) {
    let mut refusal = HttpRefusal::new(error.status(), error.to_string());
    refusal.0.limit = error.limit();
    let refusal = refusal.about(http_sse_of_unread(unread, shared));
    let stamp = Stamp { date, lines: &shared.guard.lines_of_unread(unread) };
    refusal.write(Persistence::Close, unread.starts_with(b"HEAD "), stamp, out);
}

/// 400, in the clear: what came, of which `unread` is the beginning, is not TLS, which alone is
/// spoken here. The connection ends with it.
#[cold]
pub(crate) fn refuse_plain(unread: &[u8], date: &Date, out: &mut Vec<u8>) {
    let text = "this port speaks HTTPS: use https:// (it is tls.cert, or --tls-cert, that makes it \
                so)";
    let refusal = HttpRefusal::new(Status::BAD_REQUEST, text);
    let stamp = Stamp { date, lines: &[] };
    refusal.write(Persistence::Close, unread.starts_with(b"HEAD "), stamp, out);
}

/// 408: the request, of which `unread` is there, took longer than the limit of this name; the
/// connection ends with it.
#[cold]
pub(crate) fn refuse_timeout<H>(
    limit: &'static str,
    unread: &[u8],
    shared: &Shared<H>,
    date: &Date,
    out: &mut Vec<u8>,
) {
    let message = format!("the request took longer than {limit}");
    let mut refusal = HttpRefusal::new(Status::REQUEST_TIMEOUT, message);
    refusal.0.limit = Some(limit);
    let refusal = refusal.about(http_sse_of_unread(unread, shared));
    let stamp = Stamp { date, lines: &shared.guard.lines_of_unread(unread) };
    refusal.write(Persistence::Close, false, stamp, out);
}

/// HTTP+SSE, where what is there of a request looks like one of its requests.
fn http_sse_of_unread<'s, H>(unread: &[u8], shared: &'s Shared<H>) -> Option<&'s Arc<HttpSse>> {
    let target = unread.split(|byte| *byte == b' ').nth(1)?;
    let path = target.split(|byte| *byte == b'?').next()?;
    http_sse_of(std::str::from_utf8(path).ok()?, shared)
}

/// HTTP+SSE, where a path is one of its paths.
#[cold]
pub(super) fn http_sse_of<'s, H>(path: &str, shared: &'s Shared<H>) -> Option<&'s Arc<HttpSse>> {
    let about = |sse: &&Arc<HttpSse>| path == sse.stream_path || sse.takes_messages_at(path);
    shared.http_sse.as_ref().filter(|_| path != shared.path).filter(about)
}

/// 503: no worker has room for the call.
#[cold]
pub(crate) fn refuse_overload(persistence: Persistence, stamp: Stamp<'_>, out: &mut Vec<u8>) {
    HttpRefusal::no_worker().write(persistence, false, stamp, out);
}

#[inline]
pub(super) fn status_of(answer: &Answer<'_>, era: Era) -> Status {
    match answer {
        Answer::Refuse(refusal) => status_of_refusal(refusal, era),
        _ => Status::OK,
    }
}

/// Errors in band are answers like any other; a message that breaks the rules is a bad request;
/// a method we do not have is 404 from 2026-07-28 on ("Protocol Version Header").
pub(super) fn status_of_refusal(refusal: &Refusal<'_>, era: Era) -> Status {
    match (refusal.stage, era) {
        (Stage::Envelope, _) => Status::BAD_REQUEST,
        (Stage::Method, Era::Modern) => Status::NOT_FOUND,
        (Stage::Method, Era::Legacy) | (Stage::InBand, _) => Status::OK,
    }
}
