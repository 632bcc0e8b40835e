//! Refusals of HTTP, as JSON-RPC error bodies that say what was wrong and which limit it met.

mod unread;

use std::borrow::Cow;
use std::sync::Arc;

use super::challenge::Challenge;
use super::observed::{NO_AUDIT, WHEN_FULL};
use super::{Deferred, HttpSse, Shared, rates};
use crate::app::Busy;
use crate::http::{Connection as Persistence, ContentType, Response, Stamp, Status};
use crate::mcp::plan::Answer;
use crate::mcp::{Refusal, Stage, write_limit};
use crate::protocol::Era;
use crate::rpc::{self, ErrorCode};
use crate::store::{Overload, TooOften};

#[cfg(feature = "tls")]
pub(crate) use self::unread::refuse_plain;
pub(crate) use self::unread::{
    refuse_connection, refuse_framing, refuse_timeout, refuse_undecided,
};

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
    retry_after_ms: Option<u64>,
    /// The id of the request, as JSON, where it is known.
    id: Option<Vec<u8>>,
    code: Option<ErrorCode>,
    challenge: Option<String>,
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
            retry_after_ms: None,
            id: None,
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

    /// 400, 401 or 403, with the challenge that says what would be accepted.
    #[cold]
    pub(super) fn challenged(
        status: Status,
        message: impl Into<Cow<'static, str>>,
        challenge: &Challenge<'_>,
    ) -> Self {
        let mut refusal = HttpRefusal::new(status, message);
        refusal.0.challenge = Some(challenge.write());
        refusal
    }

    /// 503: who somebody is cannot be found out now.
    #[cold]
    pub(crate) fn nobody_decides(busy: Busy) -> Self {
        let mut refusal = HttpRefusal::overload(busy.why, "");
        refusal.0.limit = busy.limit;
        refusal
    }

    /// 503: it was not found out in time.
    #[cold]
    pub(crate) fn undecided() -> Self {
        let text = "it could not be found out in time who this request is from \
                    (auth.decision_timeout); try again later";
        HttpRefusal::overload(text, "auth.decision_timeout")
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
        refusal.0.limit = Some("http_sse.session_timeout");
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
        HttpRefusal::overload(text, "http_sse.connections_max")
    }

    /// 503: the client asks for more than it reads.
    #[cold]
    pub(crate) fn unread() -> Self {
        let text = "too much waits on the stream of this session (stream_bytes_max, \
                    stream_events_max): read it first";
        HttpRefusal::overload(text, "stream_bytes_max")
    }

    /// 503: there is too much to do already.
    #[cold]
    pub(crate) fn overloaded(overload: Overload) -> Self {
        let mut refusal = HttpRefusal::overload(overload_text(overload), overload.limit);
        refusal.0.retry_after_ms = Some(overload.retry_after_ms);
        refusal
    }

    /// The same, to the request of a call.
    pub(super) fn no_worker(overload: Overload, refused: &Deferred) -> Self {
        let refusal = HttpRefusal::overloaded(overload);
        match refused.request.is_empty() {
            true => refusal,
            false => refusal.answering(refused.request.clone(), false),
        }
    }

    /// 503: the audit log has no room for the call of this id, as JSON.
    #[cold]
    pub(crate) fn no_audit(id: Vec<u8>) -> Self {
        HttpRefusal::overload(NO_AUDIT, WHEN_FULL).answering(id, false)
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
        refusal.0.retry_after_ms = Some(1000);
        refusal
    }

    /// 429: the client has as much at once as it may.
    #[cold]
    pub(crate) fn too_many(limit: &'static str) -> Self {
        let what = if limit.starts_with("calls") { "calls under way" } else { "streams open" };
        let text = format!("too many {what} ({limit}): wait until one of them has ended");
        let mut refusal = HttpRefusal::new(Status::TOO_MANY_REQUESTS, text);
        refusal.0.limit = Some(limit);
        refusal.0.retry_after_ms = Some(1000);
        refusal.0.code = Some(rates::LIMIT_EXCEEDED);
        refusal
    }

    /// 429 (RFC 6585 §4): when to come again is said in seconds for HTTP, and exactly in the body.
    #[cold]
    pub(crate) fn too_often(refused: TooOften) -> Self {
        let mut refusal = HttpRefusal::new(Status::TOO_MANY_REQUESTS, rates::text(refused));
        refusal.0.limit = Some(refused.limit);
        refusal.0.retry_after_ms = refused.retry_after_ms;
        refusal.0.code = Some(rates::LIMIT_EXCEEDED);
        refusal
    }

    /// The setting that was met.
    pub(super) fn limit(&self) -> Option<&'static str> {
        self.0.limit
    }

    pub(crate) fn is_too_often(&self) -> bool {
        self.0.status == Status::TOO_MANY_REQUESTS
    }

    /// The same as the answer to the request of this id, as JSON, with 200 where that is wanted.
    #[cold]
    pub(crate) fn answering(mut self, id: Vec<u8>, with_ok: bool) -> Self {
        if with_ok {
            self.0.status = Status::OK;
        }
        self.0.id = Some(id);
        self
    }

    /// The body: a JSON-RPC error.
    fn error(&self, message: &str) -> Vec<u8> {
        let code = self.0.code.unwrap_or(match self.0.status.code() {
            500.. => ErrorCode::INTERNAL_ERROR,
            _ => ErrorCode::INVALID_REQUEST,
        });
        let mut body = Vec::new();
        rpc::write_error_raw(&mut body, self.0.id.as_deref().unwrap_or(b"null"), |out| {
            rpc::write_error_object(out, code, message, |out| {
                if let Some(limit) = self.0.limit {
                    write_limit(out, limit, self.0.retry_after_ms);
                }
            });
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
        let retry_after = self.0.retry_after_ms.map(retry_after);
        let mut fields = self.0.about.as_deref().map(HttpSse::fields).unwrap_or_default();
        fields.extend(self.0.allow.map(|allow| ("Allow", allow)));
        fields.extend(self.0.challenge.as_deref().map(|challenge| ("WWW-Authenticate", challenge)));
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

/// `Retry-After`, in seconds (RFC 9110 §10.2.3).
pub(super) fn retry_after(ms: u64) -> String {
    ms.div_ceil(1000).to_string()
}

/// HTTP+SSE, where a path is one of its paths.
#[cold]
pub(super) fn http_sse_of<'s, H>(path: &str, shared: &'s Shared<H>) -> Option<&'s Arc<HttpSse>> {
    let about = |sse: &&Arc<HttpSse>| path == sse.stream_path || sse.takes_messages_at(path);
    shared.http_sse.as_ref().filter(|_| path != shared.path).filter(about)
}

/// 503: no worker takes the call.
#[cold]
pub(crate) fn refuse_overload(
    overload: Overload,
    refused: &Deferred,
    persistence: Persistence,
    stamp: Stamp<'_>,
    out: &mut Vec<u8>,
) {
    HttpRefusal::no_worker(overload, refused).write(persistence, false, stamp, out);
}

/// Why there is too much to do.
pub(super) fn overload_text(overload: Overload) -> &'static str {
    match overload.limit {
        "deferred_max" => {
            "every worker is busy and their queue is full (deferred_max); try again later"
        }
        "overload.memory_max" => {
            "the server has too much memory in use (overload.memory_max); try again later"
        }
        _ => {
            "every worker is busy and calls wait for too long (overload.queue_delay_target, \
             overload.queue_delay_factor); try again later"
        }
    }
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
