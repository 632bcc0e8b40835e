//! What the server says to one HTTP request, told apart.

use std::io::Read as _;

use mcp_fastd::limits::CONNECT_ANSWER_BYTES_MAX;
use serde_json::Value;
use ureq::Body;
use ureq::http::header::CONTENT_TYPE;
use ureq::http::{Response, StatusCode};

use super::message::Trouble;

/// How much of a refusal is read, and how much of one that is not JSON is told.
const REFUSAL_BYTES_MAX: u64 = 64 * 1024;
const TOLD_CHARS_MAX: usize = 200;

/// The codes by which a server of 2026-07-28 is known ("Backward Compatibility"): header mismatch,
/// missing capability, unsupported revision.
const MODERN_CODES: std::ops::RangeInclusive<i64> = -32022..=-32020;
const HEADER_MISMATCH: i64 = -32020;
const METHOD_NOT_FOUND: i64 = -32601;

/// An answer by its kind.
pub(super) enum Reply {
    /// One JSON text.
    Json(String),
    /// A stream of events.
    Events(Body),
    /// It was taken, and there is nothing to say.
    Accepted,
    Refused(Refused),
}

/// An answer with a status that is no success.
pub(super) struct Refused {
    pub(super) status: StatusCode,
    /// The JSON-RPC error in its body.
    error: Option<Value>,
    /// The body, if it is something else.
    text: String,
}

/// Reads an answer, but for the events of a stream.
pub(super) fn read(mut response: Response<Body>) -> Result<Reply, Trouble> {
    let status = response.status();
    if !status.is_success() {
        return Ok(Reply::Refused(refused(response)));
    }
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    if media_type.trim().eq_ignore_ascii_case("text/event-stream") {
        return Ok(Reply::Events(response.into_body()));
    }
    let max = CONNECT_ANSWER_BYTES_MAX as u64;
    let mut bytes = Vec::new();
    let mut reader = response.body_mut().as_reader().take(max + 1);
    reader.read_to_end(&mut bytes).map_err(|error| {
        Trouble::new(format!("the connection broke in the middle of the answer ({error})"))
    })?;
    if bytes.len() as u64 > max {
        return Err(too_long());
    }
    match String::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => Ok(Reply::Accepted),
        Ok(text) => Ok(Reply::Json(text)),
        Err(_) => Err(Trouble::new("the server's answer is not UTF-8")),
    }
}

/// A message of the server is longer than is taken.
pub(super) fn too_long() -> Trouble {
    Trouble::new(format!(
        "the server's answer is longer than CONNECT_ANSWER_BYTES_MAX ({CONNECT_ANSWER_BYTES_MAX} \
         bytes)"
    ))
}

fn refused(mut response: Response<Body>) -> Refused {
    let status = response.status();
    let mut bytes = Vec::new();
    // What cannot be read of it does not make it less of a refusal.
    let _ = response.body_mut().as_reader().take(REFUSAL_BYTES_MAX).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let json: Option<Value> = serde_json::from_str(&text).ok();
    let error = json.and_then(|mut json| json.get_mut("error").map(Value::take));
    let error = error.filter(|error| error["code"].is_i64() && error["message"].is_string());
    Refused { status, error, text }
}

impl Refused {
    /// What the client that asked is told: the server's own words where it had some.
    pub(super) fn trouble(&self) -> Trouble {
        let theirs = self.error.as_ref().and_then(|error| error["message"].as_str());
        let told: String = match theirs {
            Some(message) => message.to_owned(),
            None => self.text.trim().chars().take(TOLD_CHARS_MAX).collect(),
        };
        let told = if told.is_empty() { told } else { format!(": {told}") };
        let status = self.status;
        let what = match (status.as_u16(), &self.error) {
            (401, _) => format!(
                "the server answered {status}{told} (give it a valid token, with \
                 --bearer-token-file FILE, --bearer-token-env NAME or --header)"
            ),
            (403, _) => format!(
                "the server answered {status}{told} (this needs more rights, or another token: \
                 --bearer-token-file FILE, --bearer-token-env NAME or --header)"
            ),
            (_, Some(error)) => return Trouble(error.clone()),
            (_, None) => format!("the server answered {status}{told}"),
        };
        Trouble::new(what)
    }

    /// Whether a server that knows 2026-07-28 said this.
    fn is_modern(&self) -> bool {
        match self.error.as_ref().and_then(|error| error["code"].as_i64()) {
            Some(METHOD_NOT_FOUND) => self.status == StatusCode::NOT_FOUND,
            Some(code) => MODERN_CODES.contains(&code),
            None => false,
        }
    }

    /// Whether the server may be one of HTTP+SSE ("Backward Compatibility").
    pub(super) fn may_be_http_sse(&self) -> bool {
        matches!(self.status.as_u16(), 400 | 404 | 405) && !self.is_modern()
    }

    /// Whether the session is not there any more. The specification says 404; servers after the
    /// examples of the TypeScript SDK say 400 and "No valid session ID provided".
    pub(super) fn is_lost_session(&self) -> bool {
        match self.status {
            StatusCode::NOT_FOUND => true,
            StatusCode::BAD_REQUEST => self.text.to_ascii_lowercase().contains("session"),
            _ => false,
        }
    }

    /// Whether headers were missing that only the list of tools names.
    pub(super) fn is_header_mismatch(&self) -> bool {
        self.error.as_ref().is_some_and(|error| error["code"] == HEADER_MISMATCH)
    }

    /// Whether the same may be granted a moment later.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.status.as_u16(), 429 | 500 | 502..=599)
    }
}
