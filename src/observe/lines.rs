//! What stands in a line of a log: no token, no session id, nothing that a client could break a
//! line with.

use std::borrow::Cow;

use super::ledger::Ledger;
use super::observation::State;
use super::outcome::{Observed, Outcome};
use super::rules::AccessFormat;
use super::trace::to_hex;
use crate::calendar::timestamp;
use crate::json;

/// A request that has ended.
pub(super) struct Entry<'e> {
    pub(super) ledger: &'e Ledger,
    /// When it ended, since 1970.
    pub(super) unix_ns: u64,
    pub(super) ns: u64,
    pub(super) observed: Observed,
    pub(super) state: &'e State,
}

impl Entry<'_> {
    fn unix_ms(&self) -> u64 {
        self.unix_ns / 1_000_000
    }
}

/// An object of JSON on a line of its own. What is not known is not there.
struct Object(Vec<u8>);

impl Object {
    fn begin(unix_ms: u64) -> Object {
        let mut object = Object(Vec::with_capacity(512));
        object.0.push(b'{');
        object.text("time", Some(&timestamp(unix_ms)));
        object
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        json::write_string(&mut self.0, key);
        self.0.push(b':');
    }

    fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.key(key);
            json::write_string(&mut self.0, value);
        }
    }

    /// What is JSON already.
    fn raw(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.key(key);
            self.0.extend_from_slice(value.as_bytes());
        }
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"}\n");
        self.0
    }
}

/// A line of the access log.
pub(super) fn write_access(entry: &Entry<'_>, format: AccessFormat) -> Vec<u8> {
    match format {
        AccessFormat::Json => access_object(entry),
        AccessFormat::Text => access_text(entry),
    }
}

fn access_object(entry: &Entry<'_>) -> Vec<u8> {
    let Entry { observed: Observed { outcome, status, .. }, state, .. } = entry;
    let (http, said) = (state.http.as_deref(), state.message.as_ref());
    let mut line = Object::begin(entry.unix_ms());
    line.text("address", http.map(|http| http.address.to_string()).as_deref());
    line.text("principal", state.principal.as_ref().map(|principal| &*principal.name));
    line.text("method", http.and_then(|http| http.method));
    line.text("path", http.and_then(|http| http.path.as_deref()));
    line.raw("status", Some(&status.to_string()));
    line.text("outcome", Some(outcome.class()));
    line.text("error_type", error_type(entry.observed).as_deref());
    line.text("mcp_method", method(entry));
    line.text("tool", tool(entry));
    line.text("protocol_version", version(entry));
    line.raw("request_id", said.map(|said| &*said.id).filter(|id| !id.is_empty()));
    line.text("session", http.and_then(|http| http.session.as_deref()));
    line.raw("bytes", Some(&state.bytes.to_string()));
    line.raw("duration_ms", Some(&duration_ms(entry.ns)));
    line.text("user_agent", http.and_then(|http| http.user_agent.as_deref()));
    line.text("trace_id", trace(entry).as_deref());
    line.end()
}

/// Words, as the servers of the web write them; what a client may have put in is escaped.
fn access_text(entry: &Entry<'_>) -> Vec<u8> {
    let Entry { observed: Observed { outcome, status, .. }, state, .. } = entry;
    let http = state.http.as_deref();
    let text = |text: Option<&str>| match text {
        Some(text) => text.escape_default().to_string(),
        None => "-".to_owned(),
    };
    // A column of its own, whoever chose the name.
    let word =
        |name: Option<&str>| text(name.filter(|name| !name.is_empty())).replace(' ', "\\u{20}");
    let line = format!(
        "{} {} [{}] \"{} {}\" {status} {} {} {} {} {} \"{}\"\n",
        text(http.map(|http| http.address.to_string()).as_deref()),
        word(state.principal.as_ref().map(|principal| &*principal.name)),
        timestamp(entry.unix_ms()),
        text(http.and_then(|http| http.method)),
        text(http.and_then(|http| http.path.as_deref())),
        state.bytes,
        duration_ms(entry.ns),
        word(method(entry)),
        word(tool(entry)),
        error_type(entry.observed).as_deref().unwrap_or(outcome.class()),
        text(http.and_then(|http| http.user_agent.as_deref())),
    );
    line.into_bytes()
}

/// A line of the audit log.
pub(super) fn write_audit(entry: &Entry<'_>) -> Vec<u8> {
    let Entry { observed: Observed { outcome, status, .. }, state, .. } = entry;
    let (http, said) = (state.http.as_deref(), state.message.as_ref());
    let is_denied = matches!(outcome, Outcome::Unauthorized | Outcome::Forbidden);
    let mut line = Object::begin(entry.unix_ms());
    line.text("event", Some(if is_denied { "denied" } else { "call" }));
    line.text("principal", state.principal.as_ref().map(|principal| &*principal.name));
    line.text("authenticated_by", http.and_then(|http| http.scheme.as_deref()));
    line.text("client", said.and_then(|said| said.client.as_deref()));
    line.text("address", http.map(|http| http.address.to_string()).as_deref());
    line.text("transport", Some(if http.is_some() { "http" } else { "stdio" }));
    line.text("path", http.and_then(|http| http.path.as_deref()).filter(|_| is_denied));
    line.text("mcp_method", method(entry));
    line.text("tool", tool(entry));
    line.text("protocol_version", version(entry));
    line.raw("request_id", said.map(|said| &*said.id).filter(|id| !id.is_empty()));
    line.text("session", http.and_then(|http| http.session.as_deref()));
    line.text("task", state.task.as_deref());
    line.text("outcome", Some(outcome.class()));
    line.text("error_type", error_type(entry.observed).as_deref());
    line.raw("status", Some(&*status.to_string()).filter(|_| is_denied));
    line.raw("duration_ms", Some(&duration_ms(entry.ns)));
    line.raw("arguments", said.and_then(|said| said.arguments.as_deref()));
    line.text("trace_id", trace(entry).as_deref());
    line.end()
}

/// A line of the audit log about what an operator did.
pub(super) fn write_act(unix_ms: u64, action: &str, outcome: Result<&str, &str>) -> Vec<u8> {
    let (class, detail) = match outcome {
        Ok(detail) => ("ok", detail),
        Err(problem) => ("error", problem),
    };
    let mut line = Object::begin(unix_ms);
    line.text("event", Some("admin"));
    line.text("action", Some(action));
    line.text("outcome", Some(class));
    line.text("detail", Some(detail).filter(|detail| !detail.is_empty()));
    line.end()
}

/// As in the metrics; of a refusal that has no kind of its own there, its status.
fn error_type(observed: Observed) -> Option<Cow<'static, str>> {
    match observed.outcome {
        Outcome::Refused if observed.status != 0 => Some(observed.status.to_string().into()),
        outcome => outcome.error_type().map(Cow::Borrowed),
    }
}

fn version(entry: &Entry<'_>) -> Option<&'static str> {
    let said = entry.state.message.as_ref().map(|said| said.version);
    said.filter(|version| !version.is_empty())
}

/// The method that was asked for, by its name; nothing for what is no operation.
pub(super) fn method<'e>(entry: &'e Entry<'_>) -> Option<&'e str> {
    let said = entry.state.message.as_ref().and_then(|said| said.method);
    said.or(entry.ledger.operations.method(entry.observed.operation))
}

/// The tool by the name that was called, or by that of the catalog.
pub(super) fn tool<'e>(entry: &'e Entry<'_>) -> Option<&'e str> {
    let said = entry.state.message.as_ref().and_then(|said| said.tool.as_deref());
    said.or(entry.ledger.operations.tool(entry.observed.operation))
}

fn trace(entry: &Entry<'_>) -> Option<String> {
    let said = entry.state.message.as_ref().and_then(|said| said.caller.as_ref());
    let caller = said.or(entry.state.http.as_ref().and_then(|http| http.caller.as_ref()));
    caller.map(|caller| to_hex(&caller.parent.trace))
}

fn duration_ms(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000_000, ns / 1_000 % 1_000)
}
