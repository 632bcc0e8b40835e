//! From method and target to what is meant.

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
    /// Whether the process is alive.
    Health,
    /// Which methods a target takes.
    Options { allow: &'static str },
    /// A target that does not take this method.
    MethodNotAllowed { allow: &'static str },
    /// A target that is not here.
    NotFound,
}

/// What the endpoint takes where there are no sessions.
pub(super) const MODERN_METHODS: &str = "POST, OPTIONS";
const MESSAGE_METHODS: &str = "GET, POST, DELETE, OPTIONS";
const HEALTH_METHODS: &str = "GET, HEAD, OPTIONS";
const ALL_METHODS: &str = "GET, HEAD, POST, DELETE, OPTIONS";

/// Finds the route of a request. Paths and methods are case-sensitive (RFC 9110 §4.2.3, §9.1).
pub(crate) fn route(head: &Head<'_>, endpoint: &str, sessions: bool) -> Route {
    let path = head.target.path;
    if path == endpoint {
        return match head.method {
            Method::Post => Route::Message,
            Method::Get if sessions => Route::Listen,
            Method::Delete if sessions => Route::EndSession,
            Method::Options => Route::Options { allow: endpoint_methods(sessions) },
            _ => Route::MethodNotAllowed { allow: endpoint_methods(sessions) },
        };
    }
    match (path, head.method) {
        ("/health", Method::Get | Method::Head) => Route::Health,
        ("/health", Method::Options) => Route::Options { allow: HEALTH_METHODS },
        ("/health", _) => Route::MethodNotAllowed { allow: HEALTH_METHODS },
        ("*", _) => Route::Options { allow: ALL_METHODS },
        _ => Route::NotFound,
    }
}

fn endpoint_methods(sessions: bool) -> &'static str {
    if sessions { MESSAGE_METHODS } else { MODERN_METHODS }
}
