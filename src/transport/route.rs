//! From method and target to what is meant.

use super::{Shared, metadata};
use crate::http::{Head, Method};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// A message to the MCP endpoint.
    Message,
    /// The stream of a session.
    Listen,
    /// The end of a session.
    EndSession,
    /// The stream of a client of HTTP+SSE.
    OpenLine,
    /// A message of one.
    LineMessage,
    /// Whether the process is alive.
    Health,
    /// Whether the server is ready for requests.
    Ready,
    /// What the server counts.
    Metrics,
    /// Where tokens come from.
    ResourceMetadata,
    /// Which methods a target takes.
    Options { allow: &'static str, public: bool },
    /// A target that does not take this method.
    MethodNotAllowed { allow: &'static str },
    /// A target that is not here.
    NotFound,
}

impl Route {
    /// Nobody has to say who they are.
    #[inline]
    pub(super) fn is_for_everybody(self) -> bool {
        matches!(
            self,
            Route::Health | Route::Ready | Route::ResourceMetadata | Route::Options { .. }
        )
    }

    /// Whether pages of every origin may read it: nothing of it is for some alone, and a client in
    /// a browser needs it before it has been allowed anything. What the server depends on
    /// (`/ready`) is no business of theirs.
    pub(super) fn is_public(self) -> bool {
        matches!(
            self,
            Route::Health | Route::ResourceMetadata | Route::Options { public: true, .. }
        )
    }

    /// Whether it is there for those who look after the process, and ask for it by its address
    /// (Kubernetes does): any `Host` will do.
    #[inline]
    pub(super) fn is_for_probes(self) -> bool {
        matches!(self, Route::Health | Route::Ready)
    }
}

/// What the endpoint takes where there are no sessions.
pub(super) const MODERN_METHODS: &str = "POST, OPTIONS";
const MESSAGE_METHODS: &str = "GET, POST, DELETE, OPTIONS";
const GET_METHODS: &str = "GET, HEAD, OPTIONS";
const STREAM_METHODS: &str = "GET, OPTIONS";
const ALL_METHODS: &str = "GET, HEAD, POST, DELETE, OPTIONS";

/// Finds the route of a request. Paths and methods are case-sensitive (RFC 9110 §4.2.3, §9.1).
#[inline]
pub(crate) fn route<H>(head: &Head<'_>, shared: &Shared<H>) -> Route {
    let path = head.target.path;
    if path == shared.path {
        let sessions = shared.hub.sessions.limits.sessions_max() > 0;
        return match head.method {
            Method::Post => Route::Message,
            Method::Get if sessions => Route::Listen,
            Method::Delete if sessions => Route::EndSession,
            Method::Options => Route::Options { allow: endpoint_methods(sessions), public: false },
            _ => Route::MethodNotAllowed { allow: endpoint_methods(sessions) },
        };
    }
    elsewhere(path, head.method, shared)
}

#[cold]
fn elsewhere<H>(path: &str, method: Method, shared: &Shared<H>) -> Route {
    if metadata::endpoint_of(path, shared).is_some() {
        return match method {
            Method::Get | Method::Head => Route::ResourceMetadata,
            Method::Options => Route::Options { allow: GET_METHODS, public: true },
            _ => Route::MethodNotAllowed { allow: GET_METHODS },
        };
    }
    if let Some(http_sse) = &shared.http_sse {
        let allow = match path {
            _ if path == http_sse.stream_path => STREAM_METHODS,
            _ if http_sse.takes_messages_at(path) => MODERN_METHODS,
            _ => return page(path, method, shared.pages.elsewhere),
        };
        return match method {
            Method::Get if allow == STREAM_METHODS => Route::OpenLine,
            Method::Post if allow == MODERN_METHODS => Route::LineMessage,
            Method::Options => Route::Options { allow, public: false },
            _ => Route::MethodNotAllowed { allow },
        };
    }
    page(path, method, shared.pages.elsewhere)
}

/// The pages of operators. Where those have a listener of their own, `/health` alone is here too:
/// a balancer wants to know about the port that it sends requests to.
pub(super) fn page(path: &str, method: Method, elsewhere: bool) -> Route {
    if elsewhere && matches!(path, "/ready" | "/metrics") {
        return Route::NotFound;
    }
    match (path, method) {
        ("/health", Method::Get | Method::Head) => Route::Health,
        ("/ready", Method::Get | Method::Head) => Route::Ready,
        ("/metrics", Method::Get | Method::Head) => Route::Metrics,
        ("/health" | "/ready" | "/metrics", Method::Options) => {
            Route::Options { allow: GET_METHODS, public: path == "/health" }
        }
        ("/health" | "/ready" | "/metrics", _) => Route::MethodNotAllowed { allow: GET_METHODS },
        ("*", _) => Route::Options { allow: ALL_METHODS, public: false },
        _ => Route::NotFound,
    }
}

fn endpoint_methods(sessions: bool) -> &'static str {
    if sessions { MESSAGE_METHODS } else { MODERN_METHODS }
}
