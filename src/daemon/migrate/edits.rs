//! What has to change in a server's settings, whatever they are written in.

use std::fmt;
use std::time::Duration;

use mcp_fastd::config::file::RawConfig;
use mcp_fastd::limits;

/// A change of one key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Edit {
    /// The key, with the names of its tables before it.
    pub(super) key: &'static [&'static str],
    /// Its new value; `None` removes it.
    pub(super) value: Option<Value>,
    /// Why.
    why: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Truth(bool),
    Number(i64),
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Truth(truth) => write!(f, "{truth}"),
            Value::Number(number) => write!(f, "{number}"),
            Value::Text(text) => write!(f, "{text:?}"),
        }
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.join(".");
        let change = match &self.value {
            Some(value) => format!("{key} = {value}"),
            None => format!("{key} is removed"),
        };
        write!(f, "{change:<38} {}", self.why)
    }
}

/// The path that Streamable HTTP is served at, where nothing says otherwise.
const PATH: &str = "/mcp";

/// The changes, in the order in which they are to be told.
pub(super) fn of(raw: &RawConfig) -> Vec<Edit> {
    let http_sse = &raw.http_sse;
    let mut edits = Vec::new();
    let mut set = |key: &'static [&'static str], value: Value, why: String| {
        edits.push(Edit { key, value: Some(value), why });
    };
    let sse_endpoint = http_sse.sse_endpoint.as_deref().unwrap_or("/sse");
    if raw.path.is_none() {
        let why = "where Streamable HTTP is served already".to_owned();
        set(&["path"], Value::Text(PATH.to_owned()), why);
    }
    if let (Some(connections), None) = (http_sse.connections_max, raw.sessions_max) {
        let number = i64::try_from(connections).unwrap_or(i64::MAX);
        let why = "as http_sse.connections_max; more, if others come to /mcp already".to_owned();
        set(&["sessions_max"], Value::Number(number), why);
    }
    if let Some(time) = http_sse.session_timeout {
        if raw.replay_window.is_none() {
            let why = "was http_sse.session_timeout: how long a client can come back".to_owned();
            set(&["replay_window"], Value::Text(text_of(time.0)), why);
        }
        if raw.session_idle_timeout.is_none() {
            // A client without a stream is idle between its requests, too.
            let why = "the same, and 5 minutes at least: how long one may say nothing".to_owned();
            let time = time.0.max(limits::HTTP_SSE_SESSION_TIMEOUT);
            set(&["session_idle_timeout"], Value::Text(text_of(time)), why);
        }
    }
    let settings: [(&'static [&'static str], bool); 5] = [
        (&["http_sse", "sse_endpoint"], http_sse.sse_endpoint.is_some()),
        (&["http_sse", "messages_endpoint"], http_sse.messages_endpoint.is_some()),
        (&["http_sse", "connections_max"], http_sse.connections_max.is_some()),
        (&["http_sse", "session_timeout"], http_sse.session_timeout.is_some()),
        (&["http_sse", "deprecation"], http_sse.deprecation != Default::default()),
    ];
    for (key, _) in settings.into_iter().filter(|(_, is_set)| *is_set) {
        edits.push(Edit { key, value: None, why: "HTTP+SSE has it no more".to_owned() });
    }
    let why = format!("nothing is served at {sse_endpoint} any more; set it last of all");
    edits.push(Edit { key: &["http_sse", "enabled"], value: Some(Value::Truth(false)), why });
    edits
}

fn text_of(time: Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{}s", time.as_secs()),
        _ => format!("{}ms", time.as_millis()),
    }
}
