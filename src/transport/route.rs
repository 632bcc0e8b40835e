//! From method and target to what is meant.

use crate::http::{Head, Method};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// A message to the MCP endpoint.
    Message,
    /// Whether the process is alive.
    Health,
    /// Which methods a target takes.
    Options { allow: &'static str },
    /// A target that does not take this method.
    MethodNotAllowed { allow: &'static str },
    /// A target that is not here.
    NotFound,
}

const MESSAGE_METHODS: &str = "POST, OPTIONS";
const HEALTH_METHODS: &str = "GET, HEAD, OPTIONS";
const ALL_METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// Finds the route of a request. Paths and methods are case-sensitive (RFC 9110 §4.2.3, §9.1).
pub(crate) fn route(head: &Head<'_>, endpoint: &str) -> Route {
    let path = head.target.path;
    if path == endpoint {
        return match head.method {
            Method::Post => Route::Message,
            Method::Options => Route::Options { allow: MESSAGE_METHODS },
            _ => Route::MethodNotAllowed { allow: MESSAGE_METHODS },
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
