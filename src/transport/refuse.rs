//! Refusals of HTTP, as JSON-RPC error bodies that say what was wrong and which limit it met.

use std::borrow::Cow;

use crate::http::{Connection as Persistence, ContentType, Date, Error, Response, Status};
use crate::json;
use crate::rpc::{self, ErrorCode};

/// What the official SDKs say of a session that is not there.
const SESSION_NOT_FOUND: ErrorCode = ErrorCode(-32001);

/// A refusal that HTTP has a status for.
#[derive(Debug)]
pub(crate) struct HttpRefusal {
    pub(crate) status: Status,
    message: Cow<'static, str>,
    allow: Option<&'static str>,
    limit: Option<&'static str>,
    retry_after_s: Option<u32>,
    code: Option<ErrorCode>,
    challenge: Option<&'static str>,
}

impl HttpRefusal {
    #[cold]
    pub(crate) fn new(status: Status, message: impl Into<Cow<'static, str>>) -> Self {
        HttpRefusal {
            status,
            message: message.into(),
            allow: None,
            limit: None,
            retry_after_s: None,
            code: None,
            challenge: None,
        }
    }

    /// 405, with what is allowed (RFC 9110 §15.5.6).
    #[cold]
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let message = format!("this target takes {allow}");
        let mut refusal = HttpRefusal::new(Status::METHOD_NOT_ALLOWED, message);
        refusal.allow = Some(allow);
        refusal
    }

    /// 404 for a session that is not there, never was, or is somebody else's, which look alike.
    /// The client is to begin a new one (2025-11-25, "Session Management").
    #[cold]
    pub(crate) fn session_not_found() -> Self {
        let text = "Session not found: begin a new one with `initialize`";
        let mut refusal = HttpRefusal::new(Status::NOT_FOUND, text);
        refusal.code = Some(SESSION_NOT_FOUND);
        refusal
    }

    /// 401, with the challenge (RFC 6750 §3: no `error` where nothing was shown).
    #[cold]
    pub(crate) fn unauthorized(something_was_shown: bool) -> Self {
        let text = "Authorization is missing, or is not accepted";
        let mut refusal = HttpRefusal::new(Status::UNAUTHORIZED, text);
        refusal.challenge = Some(match something_was_shown {
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
        refusal.limit = Some("replay_window");
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

    /// 503: the application has no room for the message; the bound that it met.
    #[cold]
    pub(crate) fn no_room(limit: &'static str) -> Self {
        HttpRefusal::overload("the application has no room; try again later", limit)
    }

    #[cold]
    fn overload(text: &'static str, limit: &'static str) -> Self {
        let mut refusal = HttpRefusal::new(Status::SERVICE_UNAVAILABLE, text);
        refusal.limit = Some(limit);
        refusal.retry_after_s = Some(1);
        refusal
    }

    /// Appends the response.
    #[cold]
    pub(crate) fn write(
        &self,
        persistence: Persistence,
        head_only: bool,
        date: &Date,
        out: &mut Vec<u8>,
    ) {
        let mut body = Vec::new();
        let code = self.code.unwrap_or(match self.status.code() {
            500.. => ErrorCode::INTERNAL_ERROR,
            _ => ErrorCode::INVALID_REQUEST,
        });
        rpc::write_error(&mut body, None, code, &self.message, |out| {
            if let Some(limit) = self.limit {
                out.extend_from_slice(br#"{"limit":"#);
                json::write_string(out, limit);
                out.push(b'}');
            }
        });
        let retry_after = self.retry_after_s.map(|seconds| seconds.to_string());
        let mut fields = Vec::new();
        fields.extend(self.allow.map(|allow| ("Allow", allow)));
        fields.extend(self.challenge.map(|challenge| ("WWW-Authenticate", challenge)));
        fields.extend(retry_after.as_deref().map(|seconds| ("Retry-After", seconds)));
        let response = Response {
            connection: persistence,
            content_type: Some(ContentType::Json),
            fields: &fields,
            ..Response::new(self.status, date)
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
pub(crate) fn refuse_framing(error: Error, unread: &[u8], date: &Date, out: &mut Vec<u8>) {
    let mut refusal = HttpRefusal::new(error.status(), error.to_string());
    refusal.limit = error.limit();
    refusal.write(Persistence::Close, unread.starts_with(b"HEAD "), date, out);
}

/// 408: the request took longer than the limit of this name; the connection ends with it.
#[cold]
pub(crate) fn refuse_timeout(limit: &'static str, date: &Date, out: &mut Vec<u8>) {
    let message = format!("the request took longer than {limit}");
    let mut refusal = HttpRefusal::new(Status::REQUEST_TIMEOUT, message);
    refusal.limit = Some(limit);
    refusal.write(Persistence::Close, false, date, out);
}

/// 503: no worker has room for the call.
#[cold]
pub(crate) fn refuse_overload(persistence: Persistence, date: &Date, out: &mut Vec<u8>) {
    let message = "every worker is busy and their queue is full (deferred_max); try again later";
    let refusal = HttpRefusal::overload(message, "deferred_max");
    refusal.write(persistence, false, date, out);
}
