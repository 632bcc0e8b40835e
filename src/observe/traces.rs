//! Spans: what is told of a request to a collector of traces, by the words of OpenTelemetry's
//! conventions for MCP. No session id, principal or argument is in them.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use prost::Message as _;

use super::counters::Counter;
use super::lines::{Entry, method, tool};
use super::observation::{Http, Said};
use super::outcome::{Observed, Outcome};
use super::queue::Queue;
use super::rules::TraceSample;
use super::span::{
    FLAG_HAS_IS_REMOTE, FLAG_IS_REMOTE, KIND_SERVER, KeyValue, Link, STATUS_ERROR, Span, Status,
};
use super::trace::Caller;

/// The flag of `traceparent` that says that its trace is recorded (W3C Trace Context §3.2.2.5.1).
const SAMPLED: u8 = 1;

/// The spans of requests, on their way to a collector.
#[derive(Debug)]
pub(crate) struct Traces {
    /// Each is encoded.
    pub(crate) spans: Queue<Vec<u8>>,
    sample: TraceSample,
    /// Numbers that nobody can foresee are hashes of what is counted here.
    ids: RandomState,
    made: AtomicU64,
}

impl Traces {
    /// With room for so many.
    pub(crate) fn new(room: usize, sample: TraceSample) -> Traces {
        let (ids, made) = (RandomState::new(), AtomicU64::new(0));
        Traces { spans: Queue::new(room), sample, ids, made }
    }

    /// Spans that were dropped, and those that are done with.
    pub(crate) fn counters(&self) -> (&Counter, &Counter) {
        (&self.spans.dropped, &self.spans.written)
    }

    /// Makes a span of a request that has ended, if it is one that is traced.
    pub(super) fn enter(&self, entry: &Entry<'_>) {
        let Some(name) = name(entry) else { return };
        let http = entry.state.http.as_ref().and_then(|http| http.caller.as_ref());
        let said = entry.state.message.as_ref().and_then(|said| said.caller.as_ref());
        let caller = said.or(http);
        let trace = match caller {
            Some(caller) => caller.parent.trace,
            None => (u128::from(self.id()) << 64 | u128::from(self.id())).to_be_bytes(),
        };
        if self.is_sampled(caller, trace) {
            // Where the message and the request that brought it say different things, the message
            // counts; the other is linked.
            let other = http.filter(|http| caller.is_some_and(|caller| caller != *http));
            self.spans.put(|| self.span(name, trace, caller, other, entry).encode_to_vec());
        }
    }

    fn span(
        &self,
        name: String,
        trace: [u8; 16],
        caller: Option<&Caller>,
        other: Option<&Caller>,
        entry: &Entry<'_>,
    ) -> Span {
        let parent = caller.map(|caller| caller.parent);
        let flags = parent.map_or(0, |parent| FLAG_IS_REMOTE | u32::from(parent.flags));
        let failed = entry.observed.outcome.error_type().is_some();
        Span {
            trace_id: trace.to_vec(),
            span_id: self.id().to_be_bytes().to_vec(),
            trace_state: caller.map(|caller| caller.state.clone()).unwrap_or_default(),
            parent_span_id: parent.map(|parent| parent.span.to_vec()).unwrap_or_default(),
            name,
            kind: KIND_SERVER,
            start_time_unix_nano: entry.unix_ns.saturating_sub(entry.ns),
            end_time_unix_nano: entry.unix_ns,
            attributes: attributes(entry),
            links: other.map(link).into_iter().collect(),
            status: failed.then_some(Status { code: STATUS_ERROR }),
            flags: flags | FLAG_HAS_IS_REMOTE | u32::from(SAMPLED),
        }
    }

    /// Whether a trace is recorded: as its caller says, where one says anything.
    fn is_sampled(&self, caller: Option<&Caller>, trace: [u8; 16]) -> bool {
        match (self.sample, caller) {
            (TraceSample::All, _) => true,
            (TraceSample::Part(_), Some(caller)) => caller.parent.flags & SAMPLED != 0,
            (TraceSample::Part(part), None) => {
                // By what is random in it, of which 53 bits fit into a number with a fraction.
                let number = u64::from_be_bytes(*trace.last_chunk().unwrap_or(&[0; 8])) >> 11;
                (number as f64) < part * (1_u64 << 53) as f64
            }
        }
    }

    /// A number that is not 0.
    fn id(&self) -> u64 {
        self.ids.hash_one(self.made.fetch_add(1, Ordering::Relaxed)).max(1)
    }
}

/// The name of the span of a request; nothing, if it has none: a page, a stream, or a request whose
/// parts have their own. A POST that was refused before it was known what it asks for has the name
/// that the conventions for HTTP give it.
fn name(entry: &Entry<'_>) -> Option<String> {
    let Observed { operation, outcome, .. } = entry.observed;
    let operations = &entry.ledger.operations;
    if operations.method(operation).is_none() {
        let http = entry.state.http.as_deref()?;
        let is_refused = |method: &&str| *method == "POST" && outcome.error_type().is_some();
        return http.method.filter(is_refused).map(str::to_owned);
    }
    let method = method(entry)?;
    // Names that anybody can make up are not for the names of spans.
    let prompt = prompt(entry).filter(|_| outcome.error_type().is_none());
    match operations.known_tool(operation).or(prompt) {
        Some(target) => Some(format!("{method} {target}")),
        None => Some(method.to_owned()),
    }
}

fn prompt<'e>(entry: &'e Entry<'_>) -> Option<&'e str> {
    let said = entry.state.message.as_ref()?;
    said.target.as_deref().filter(|_| said.method == Some("prompts/get"))
}

fn link(other: &Caller) -> Link {
    Link {
        trace_id: other.parent.trace.to_vec(),
        span_id: other.parent.span.to_vec(),
        trace_state: other.state.clone(),
        flags: FLAG_HAS_IS_REMOTE | FLAG_IS_REMOTE | u32::from(other.parent.flags),
    }
}

fn attributes(entry: &Entry<'_>) -> Vec<KeyValue> {
    let mut all = Vec::with_capacity(14);
    let is_operation = entry.ledger.operations.method(entry.observed.operation).is_some();
    if let Some(method) = method(entry).filter(|_| is_operation) {
        all.push(KeyValue::text("mcp.method.name", method));
    }
    if let Some(tool) = tool(entry) {
        all.push(KeyValue::text("gen_ai.operation.name", "execute_tool"));
        all.push(KeyValue::text("gen_ai.tool.name", tool));
    }
    if let Some(said) = &entry.state.message {
        of_message(said, &mut all);
    }
    of_outcome(entry.observed, &mut all);
    match entry.state.http.as_deref() {
        Some(http) => of_http(http, entry.observed.status, &mut all),
        None => all.push(KeyValue::text("network.transport", "pipe")),
    }
    all
}

fn of_message(said: &Said, all: &mut Vec<KeyValue>) {
    all.push(KeyValue::text("mcp.protocol.version", said.version));
    if let Some(id) = text_of_id(&said.id) {
        all.push(KeyValue::text("jsonrpc.request.id", id));
    }
    match (said.method, &said.target) {
        (Some("prompts/get"), Some(name)) => {
            all.push(KeyValue::text("gen_ai.prompt.name", &**name))
        }
        (Some(method), Some(uri)) if method.starts_with("resources/") => {
            all.push(KeyValue::text("mcp.resource.uri", &**uri));
        }
        _ => {}
    }
}

/// An id is a number or a string, and text in either case.
fn text_of_id(id: &str) -> Option<String> {
    match id {
        "" | "null" => None,
        id if id.starts_with('"') => serde_json::from_str(id).ok(),
        id => Some(id.to_owned()),
    }
}

fn of_outcome(Observed { outcome, status, .. }: Observed, all: &mut Vec<KeyValue>) {
    let Some(kind) = outcome.error_type() else { return };
    match outcome {
        Outcome::Refused => all.push(KeyValue::text("error.type", status.to_string())),
        _ => all.push(KeyValue::text("error.type", kind)),
    }
    if kind.starts_with('-') {
        all.push(KeyValue::text("rpc.response.status_code", kind));
    }
}

fn of_http(http: &Http, status: u16, all: &mut Vec<KeyValue>) {
    all.push(KeyValue::text("network.transport", "tcp"));
    all.push(KeyValue::text("network.protocol.name", "http"));
    all.push(KeyValue::text("client.address", http.address.to_string()));
    all.extend(http.method.map(|method| KeyValue::text("http.request.method", method)));
    all.extend(http.path.as_deref().map(|path| KeyValue::text("url.path", path)));
    if status != 0 {
        all.push(KeyValue::integer("http.response.status_code", status));
    }
}
