//! Errors that are said on a line.

use crate::json;
use crate::mcp;
use crate::rpc::{self, ErrorCode, Id};
use crate::store::Overload;
use crate::transport::refuse::overload_text;

/// A message that is longer than any may be.
#[cold]
pub(crate) fn too_long(bytes_max: usize) -> Vec<u8> {
    let text = format!("the message is longer than {bytes_max} bytes (http.body_bytes_max)");
    let mut out = Vec::new();
    rpc::write_error(&mut out, None, ErrorCode::INVALID_REQUEST, &text, |out| {
        out.extend_from_slice(br#"{"limit":"http.body_bytes_max"}"#);
    });
    out
}

#[cold]
pub(super) fn not_json(error: &json::Error) -> Vec<u8> {
    let mut out = Vec::new();
    rpc::write_error(&mut out, None, ErrorCode::PARSE_ERROR, &error.to_string(), |out| {
        if let Some(limit) = error.limit() {
            mcp::write_limit(out, limit, None);
        }
    });
    out
}

#[cold]
pub(super) fn invalid(id: Option<Id<'_>>, code: ErrorCode, text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    rpc::write_error(&mut out, id, code, text, |_| ());
    out
}

/// The answer to a request, by its id as JSON, that there is no room for; a batch has none.
#[cold]
pub(super) fn error_of(
    request: &[u8],
    text: &str,
    limit: &str,
    retry_after_ms: Option<u64>,
) -> Vec<u8> {
    let id = if request.is_empty() { b"null" } else { request };
    let mut out = Vec::new();
    rpc::write_error_raw(&mut out, id, |out| {
        rpc::write_error_object(out, ErrorCode::INTERNAL_ERROR, text, |out| {
            mcp::write_limit(out, limit, retry_after_ms);
        });
    });
    out
}

/// The same where no worker takes it, which is the answer over HTTP, too.
#[cold]
pub(in crate::transport) fn overload_error(request: &[u8], overload: Overload) -> Vec<u8> {
    let Overload { limit, retry_after_ms } = overload;
    error_of(request, overload_text(overload), limit, Some(retry_after_ms))
}
