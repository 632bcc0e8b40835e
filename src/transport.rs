//! The bindings of the protocol to HTTP, pure: a request in, response bytes out, and what to do
//! next. No sockets, no threads, no clock.

mod admit;
mod fields;
mod headers;
mod refuse;
mod route;
pub(crate) mod streamable_http;

#[cfg(test)]
mod tests;

use crate::http::{Connection as Persistence, Date, HttpLimits};
use crate::json::Parser;
use crate::mcp::ProtocolVersion;

pub(crate) use refuse::{refuse_framing, refuse_overload, refuse_timeout};
pub(crate) use streamable_http::{complete, expect, fail_deferred, respond, run_deferred};

/// What every shard and worker reads, and nobody writes.
pub(crate) struct Shared<H> {
    pub(crate) handler: H,
    pub(crate) limits: HttpLimits,
    /// The path of the MCP endpoint.
    pub(crate) path: String,
    /// Origins that may call besides those on loopback.
    pub(crate) allowed_origins: Vec<String>,
}

/// What a thread keeps for itself between requests.
pub(crate) struct Local {
    pub(crate) parser: Parser,
    pub(crate) date: Date,
    /// The server is stopping: every answer is the last one of its connection.
    pub(crate) stopping: bool,
}

/// What the connection does after a request.
#[derive(Debug)]
pub(crate) enum Next {
    /// The answer is written: on to the next request.
    Done,
    /// The answer is written, and is the last one of the connection.
    Close,
    /// The answer comes from a worker.
    Defer(Deferred),
}

/// A request on its way to a worker: the message, and what its answer says of the connection.
#[derive(Debug)]
pub(crate) struct Deferred {
    pub(crate) message: Vec<u8>,
    pub(crate) version: ProtocolVersion,
    pub(crate) persistence: Persistence,
}
