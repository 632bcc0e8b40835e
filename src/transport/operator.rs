//! The pages of operators: alive, ready, and what is counted. On the port of the MCP endpoint, or
//! on a listener of their own.
//!
//! No id, token or name of anybody stands on them: they are often read by whoever can reach them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::message::{after, json_response};
use super::refuse::HttpRefusal;
use super::route::{Route, page};
use super::{Local, Next, Shared, metrics};
use crate::app::{Handler, Readiness};
use crate::http::{
    Connection as Persistence, ContentType, Method, Request, Response, Stamp, Status,
};
use crate::json;

/// Where the pages are, and for whom.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pages {
    /// They have a listener of their own.
    pub(crate) elsewhere: bool,
    /// That can be reached from this machine alone.
    pub(crate) is_local: bool,
    /// What is counted is for everybody.
    pub(crate) metrics_public: bool,
}

const NO_KEYS: &str = "its keys could not be fetched yet, and none of its tokens can be checked";
const HEALTHY: &[u8] = br#"{"status":"ok"}"#;

/// Answers a request on the listener for operators, who are not asked who they are.
#[cold]
pub(crate) fn operate<H: Handler>(
    request: &Request<'_>,
    shared: &Shared<H>,
    local: &Local,
    out: &mut Vec<u8>,
) -> Next {
    local.watch.begin_unseen();
    let head = &request.head;
    let persistence = if local.leaving { Persistence::Close } else { head.connection() };
    let stamp = Stamp { date: &local.date, lines: &[] };
    let found = page(head.target.path, head.method, false);
    let refusal = match (misdirected(found, head.host, shared), found) {
        (Some(refusal), _) => refusal,
        (None, Route::Health | Route::Ready | Route::Metrics) => {
            return write(found, head.method, (persistence, stamp), shared, out);
        }
        (None, Route::Options { .. } | Route::MethodNotAllowed { .. }) => {
            HttpRefusal::method_not_allowed("GET, HEAD")
        }
        _ => {
            let text = "nothing is here but /health, /ready and /metrics";
            HttpRefusal::new(Status::NOT_FOUND, text)
        }
    };
    refusal.write(persistence, head.method == Method::Head, stamp, out);
    after(persistence)
}

/// What a page of a browser is told that has made its own name point here (DNS rebinding). Beyond
/// this machine, probes ask by whatever name the process has where it runs.
fn misdirected<H>(found: Route, host: &[u8], shared: &Shared<H>) -> Option<HttpRefusal> {
    let is_local = shared.pages.is_local;
    match found.is_for_probes() && !is_local {
        true => None,
        false => shared.guard.admit_operator(host, is_local).err(),
    }
}

/// Writes a page.
#[cold]
pub(super) fn write<H: Handler>(
    found: Route,
    method: Method,
    (persistence, stamp): (Persistence, Stamp<'_>),
    shared: &Shared<H>,
    out: &mut Vec<u8>,
) -> Next {
    let (status, content_type, body) = match found {
        Route::Metrics => (Status::OK, ContentType::Metrics, metrics::text(shared).into()),
        Route::Ready => {
            let (is_ready, body) = readiness(shared);
            let status = if is_ready { Status::OK } else { Status::SERVICE_UNAVAILABLE };
            (status, ContentType::Json, body)
        }
        _ => (Status::OK, ContentType::Json, HEALTHY.to_vec()),
    };
    let response = json_response(status, persistence, stamp);
    let response = Response { content_type: Some(content_type), ..response };
    match method {
        Method::Head => response.head_only(out, body.len()),
        _ => response.fixed(out, &body),
    }
    after(persistence)
}

/// Whether the server is ready for requests; and what it depends on, as JSON.
fn readiness<H: Handler>(shared: &Shared<H>) -> (bool, Vec<u8>) {
    let mut found = Readiness::default();
    match shared.hub.is_draining() {
        false => found.ready("server"),
        true => found.not_ready("server", "it stops"),
    }
    for health in shared.handler.issuers() {
        // What went wrong is logged: it may name what is nobody's business.
        match health.is_ready {
            true => found.ready(format!("issuer {}", health.issuer)),
            false => found.not_ready(format!("issuer {}", health.issuer), NO_KEYS),
        }
    }
    if let Some(audit) = &shared.hub.ledger.logs.audit {
        match audit.is_refusing() {
            false => found.ready("audit_log"),
            true => found.not_ready("audit_log", "it cannot be written, and calls are refused"),
        }
    }
    let asked = catch_unwind(AssertUnwindSafe(|| shared.handler.ready(&mut found)));
    if asked.is_err() {
        found.not_ready("application", "it panicked when it was asked");
    }
    let is_ready = found.is_ready();
    let mut body = Vec::new();
    body.extend_from_slice(match is_ready {
        true => br#"{"status":"ready","dependencies":{"#.as_slice(),
        false => br#"{"status":"not ready","dependencies":{"#.as_slice(),
    });
    for (index, (name, problem)) in found.all().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        json::write_string(&mut body, name);
        body.push(b':');
        json::write_string(&mut body, problem.unwrap_or("ready"));
    }
    body.extend_from_slice(b"}}");
    (is_ready, body)
}
