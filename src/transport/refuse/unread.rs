//! Refusals of what has not become a request: of its bytes, as much as is there is read, for who is
//! to read the answer. The connection ends with each of them.

use std::sync::Arc;

use super::{HttpRefusal, http_sse_of, rates};
use crate::http::{Connection as Persistence, Date, Error, Stamp, Status};
use crate::transport::{HttpSse, Shared};

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
#[cfg(feature = "tls")]
#[cold]
pub(crate) fn refuse_plain<H>(unread: &[u8], shared: &Shared<H>, date: &Date, out: &mut Vec<u8>) {
    let text = "this port speaks HTTPS: use https:// (it is tls.cert, or --tls-cert, that makes it \
                so)";
    let refusal = HttpRefusal::new(Status::BAD_REQUEST, text);
    let stamp = Stamp { date, lines: &shared.guard.lines_of_unread(unread) };
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

/// 503: who the request is from, of which `unread` is there, is not known in time; the connection
/// ends with it.
#[cold]
pub(crate) fn refuse_undecided<H>(
    unread: &[u8],
    shared: &Shared<H>,
    date: &Date,
    out: &mut Vec<u8>,
) {
    let refusal = HttpRefusal::undecided().about(http_sse_of_unread(unread, shared));
    let stamp = Stamp { date, lines: &shared.guard.lines_of_unread(unread) };
    refusal.write(Persistence::Close, unread.starts_with(b"HEAD "), stamp, out);
}

/// 429: an address has as many connections as it may; this one, of which `unread` has come, ends
/// with its first request.
#[cold]
pub(crate) fn refuse_connection<H>(
    unread: &[u8],
    shared: &Shared<H>,
    date: &Date,
    out: &mut Vec<u8>,
) {
    let text = "too many connections from this address (connections_per_address_max): close some";
    let mut refusal = HttpRefusal::new(Status::TOO_MANY_REQUESTS, text);
    refusal.0.limit = Some("connections_per_address_max");
    refusal.0.retry_after_ms = Some(1000);
    refusal.0.code = Some(rates::LIMIT_EXCEEDED);
    let refusal = refusal.about(http_sse_of_unread(unread, shared));
    let stamp = Stamp { date, lines: &shared.guard.lines_of_unread(unread) };
    refusal.write(Persistence::Close, unread.starts_with(b"HEAD "), stamp, out);
}

/// HTTP+SSE, where what is there of a request looks like one of its requests.
fn http_sse_of_unread<'s, H>(unread: &[u8], shared: &'s Shared<H>) -> Option<&'s Arc<HttpSse>> {
    let target = unread.split(|byte| *byte == b' ').nth(1)?;
    let path = target.split(|byte| *byte == b'?').next()?;
    http_sse_of(std::str::from_utf8(path).ok()?, shared)
}
