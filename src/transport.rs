//! The bindings of the protocol to HTTP, pure: a request in, response bytes out, and what to do
//! next. No sockets, no threads, no clock.

mod access;
mod admit;
mod batch;
mod challenge;
mod cors;
mod fields;
mod forward;
mod guard;
mod headers;
pub(crate) mod http_sse;
mod inbound;
pub(crate) mod line;
mod message;
mod metadata;
mod metrics;
mod observed;
mod operator;
mod rates;
mod refuse;
mod reply;
mod route;
mod said;
mod sender;
mod session_http;
mod stdio;
pub(crate) mod streamable_http;
mod subscribe;
mod task;
mod worker;

#[cfg(test)]
mod tests;

use std::ops::Deref;
use std::sync::Arc;

use crate::http::{Connection as Persistence, Date, HttpLimits, Response, Stamp, Status};
use crate::json::{Parser, Value};
use crate::observe::{Observation, Watch};
use crate::protocol::{Principal, ProtocolVersion};
use crate::store::{CallShare, Due, Hub, Overload, Rates, Session, Stream, Task, Verdict};

pub(crate) use cors::Cors;
pub(crate) use guard::Guard;
pub use headers::mismatch;
pub(crate) use http_sse::HttpSse;
pub(crate) use line::{Line, Promise, Then, close_subscription, too_long};
pub(crate) use metadata::{Endpoint, ResourceMetadata};
pub(crate) use observed::{begin_unread, operations};
pub(crate) use operator::{Pages, operate};
pub(crate) use rates::Counted;
#[cfg(feature = "tls")]
pub(crate) use refuse::refuse_plain;
pub(crate) use refuse::{
    refuse_connection, refuse_framing, refuse_overload, refuse_timeout, refuse_undecided,
};
pub(crate) use reply::{Delivery, Reply, Standing};
pub(crate) use stdio::{Found, Lines};
pub(crate) use streamable_http::{expect, respond};
pub(crate) use worker::{fail_deferred, refuse_deferred, run_deferred, withdraw};

/// What every shard and worker reads, and nobody writes (but for the hub, which has locks).
///
/// Each shard has its own, so that a reload replaces it by mail. It reads as its settings.
pub(crate) struct Shared<H> {
    pub(crate) handler: Arc<H>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) settings: Settings,
}

impl<H> Deref for Shared<H> {
    type Target = Settings;

    #[inline]
    fn deref(&self) -> &Settings {
        &self.settings
    }
}

/// What is set, as requests need it; a reload brings other ones.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) limits: HttpLimits,
    pub(crate) json_depth_max: usize,
    /// The path of the MCP endpoint.
    pub(crate) path: String,
    /// HTTP+SSE, where it is served.
    pub(crate) http_sse: Option<Arc<HttpSse>>,
    /// Which hosts, origins and proxies are ours.
    pub(crate) guard: Guard,
    /// How often who may ask; `None` where nothing is counted.
    pub(crate) rates: Option<Arc<Rates>>,
    pub(crate) pages: Pages,
    /// What is said of where tokens come from, where they are taken.
    pub(crate) metadata: Option<ResourceMetadata>,
}

/// What a thread keeps for itself between requests.
pub(crate) struct Local {
    pub(crate) parser: Parser,
    pub(crate) date: Date,
    /// The hub's steady clock, read once a turn.
    pub(crate) now_ms: u64,
    /// Seconds since 1970, as in `date`.
    pub(crate) unix_s: u64,
    /// How often it was said that who was let in may not be let in any more.
    pub(crate) rights: u32,
    /// What is noted of requests.
    pub(crate) watch: Watch,
    /// A stop was asked for: every answer is the last one of its connection.
    pub(crate) leaving: bool,
    /// The server is stopping: what has no end of its own is ended.
    pub(crate) stopping: bool,
    /// The next answer is the last one of its connection, because of that or by itself.
    pub(crate) closing: bool,
    /// The last `Host` that turned out to be ours: nearly every request names the same.
    pub(crate) known_host: Vec<u8>,
}

/// What the connection does after a request.
#[derive(Debug)]
pub(crate) enum Next {
    /// Who it is from is being found out: it stays where it is, and is looked at again then.
    Park(Arc<Verdict>),
    /// The answer is written: on to the next request.
    Done,
    /// The answer is written, and is the last one of the connection.
    Close,
    /// The answer comes on a stream: of events, or from whoever finishes a task.
    Wait(Box<Reply>),
    /// The answer comes from a worker.
    Defer(Box<Reply>, Box<Deferred>),
    /// A worker has something to do, and the answer is this, or 503 when it cannot be done.
    Background(Box<Deferred>, Box<Taken>),
}

/// The answer to a request that a worker works on in the background.
pub(crate) struct Taken {
    /// The body, JSON; 202 without one.
    pub(crate) body: Vec<u8>,
    pub(crate) persistence: Persistence,
    /// What all responses to the request carry.
    pub(crate) lines: Box<[u8]>,
    /// For a message on a line: what is said there, and what the response says of HTTP+SSE.
    pub(crate) line: Option<(Promise, Arc<HttpSse>)>,
}

impl Taken {
    /// A worker has it: appends the response.
    pub(crate) fn write(&self, date: &Date, out: &mut Vec<u8>) -> Next {
        if self.body.is_empty() {
            let mut response = Response::new(Status::ACCEPTED, self.stamp(date));
            response.connection = self.persistence;
            match &self.line {
                None => response.empty(out),
                Some((promise, http_sse)) => {
                    promise.taken();
                    Response { fields: &http_sse.fields(), ..response }.empty(out);
                }
            }
        } else {
            message::json_response(Status::OK, self.persistence, self.stamp(date))
                .fixed(out, &self.body);
        }
        message::after(self.persistence)
    }

    fn stamp<'s>(&'s self, date: &'s Date) -> Stamp<'s> {
        Stamp { date, lines: &self.lines }
    }

    /// No worker takes it: appends 503.
    #[cold]
    pub(crate) fn refuse(
        &self,
        overload: Overload,
        refused: &Deferred,
        date: &Date,
        out: &mut Vec<u8>,
    ) {
        let about = self.line.as_ref().map(|(_, http_sse)| http_sse);
        refuse::HttpRefusal::no_worker(overload, refused).about(about).write(
            self.persistence,
            false,
            self.stamp(date),
            out,
        );
    }
}

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Taken({})", String::from_utf8_lossy(&self.body))
    }
}

/// A request on its way to a worker.
pub(crate) struct Deferred {
    /// The message, or the batch.
    pub(crate) message: Vec<u8>,
    pub(crate) version: ProtocolVersion,
    pub(crate) session: Option<Arc<Session>>,
    pub(crate) principal: Option<Arc<Principal>>,
    /// Where its answer goes.
    pub(crate) stream: Arc<Stream>,
    /// The client takes events before it.
    pub(crate) streams: bool,
    /// What the caller may not use is not listed.
    pub(crate) filters: bool,
    /// The task it is worked on for.
    pub(crate) task: Option<Arc<Task>>,
    /// The id of the request, as JSON; empty where there is none to answer.
    pub(crate) request: Vec<u8>,
    /// When it was taken in, in nanoseconds of the steady clock.
    pub(crate) since_ns: u64,
    /// When its time is over, once it is taken in.
    pub(crate) due: Option<Due>,
    /// What it is of what its principal may have.
    pub(crate) share: Option<CallShare>,
    /// What is known of the request; nothing where nobody asked for what is done.
    pub(crate) observation: Option<Arc<Observation>>,
}

impl Deferred {
    /// A message, or a batch.
    pub(crate) fn of(
        root: Value<'_>,
        version: ProtocolVersion,
        session: Option<Arc<Session>>,
        principal: Option<Arc<Principal>>,
        stream: Arc<Stream>,
        streams: bool,
    ) -> Box<Deferred> {
        let mut message = Vec::new();
        root.write(&mut message);
        let (task, request, due, share) = (None, Vec::new(), None, None);
        let (filters, since_ns, observation) = (true, 0, None);
        Box::new(Deferred {
            message,
            version,
            session,
            principal,
            stream,
            streams,
            filters,
            task,
            request,
            since_ns,
            due,
            share,
            observation,
        })
    }

    /// Whether it is a request that somebody waits for: no task, which has been promised, no batch
    /// and no notification.
    pub(crate) fn is_awaited(&self) -> bool {
        self.task.is_none() && !self.request.is_empty() && !self.stream.is_over()
    }
}

/// What a worker is given when a client works on other folders.
const ROOTS_CHANGED: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#;

impl std::fmt::Debug for Deferred {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Deferred({})", String::from_utf8_lossy(&self.message))
    }
}
