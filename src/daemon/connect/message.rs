//! A JSON-RPC message as far as its carrier has to understand it. It is passed on as it came.

use serde_json::{Value, json};

/// Where a modern request says which revision it speaks (2026-07-28, "_meta").
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// A message, and the text that it came as.
pub(super) struct Message {
    pub(super) text: String,
    pub(super) json: Value,
}

/// What the carrier does with it.
pub(super) enum Kind {
    /// `initialize`: it begins a session.
    Initialize,
    /// It wants an answer.
    Request,
    /// It ends a request of this id.
    Cancelled(Value),
    /// Any other notification, or an answer to a question of the server.
    Told,
}

impl Message {
    /// Reads one message, or a batch of them (2025-03-26).
    ///
    /// # Errors
    /// A whole JSON-RPC error for the one who sent it.
    pub(super) fn read(line: Vec<u8>) -> Result<Message, Value> {
        let invalid = |why: String| failure(&Value::Null, &error(-32700, &why));
        let text = String::from_utf8(line)
            .map_err(|_| invalid("Parse error: the line is not UTF-8".to_owned()))?;
        let json: Value = serde_json::from_str(&text)
            .map_err(|e| invalid(format!("Parse error: the line is not JSON: {e}")))?;
        if !(json.is_object() || json.as_array().is_some_and(|batch| !batch.is_empty())) {
            return Err(failure(&Value::Null, &error(-32600, "Invalid Request: not an object")));
        }
        Ok(Message { text, json })
    }

    pub(super) fn kind(&self) -> Kind {
        match self.method() {
            Some("initialize") if !self.ids().is_empty() => Kind::Initialize,
            Some("notifications/cancelled") => {
                Kind::Cancelled(self.json["params"]["requestId"].clone())
            }
            _ if self.ids().is_empty() => Kind::Told,
            _ => Kind::Request,
        }
    }

    /// The method, unless this is an answer or a batch.
    pub(super) fn method(&self) -> Option<&str> {
        self.json.get("method")?.as_str()
    }

    /// The ids that wait for answers: of the request, or of those in the batch.
    pub(super) fn ids(&self) -> Vec<Value> {
        let is_request = |one: &&Value| one.get("method").is_some() && one.get("id").is_some();
        each(&self.json).iter().filter(is_request).map(|one| one["id"].clone()).collect()
    }

    /// The revision that a modern request names.
    pub(super) fn modern_version(&self) -> Option<&str> {
        self.json.get("params")?.get("_meta")?.get(VERSION)?.as_str()
    }
}

/// The messages in a batch, or the one that it is.
pub(super) fn each(json: &Value) -> &[Value] {
    json.as_array().map_or(std::slice::from_ref(json), Vec::as_slice)
}

/// The id that a message answers.
pub(super) fn answered(json: &Value) -> Option<&Value> {
    json.get("id").filter(|_| json.get("method").is_none())
}

/// The JSON of what the server sent, if it is a message at all: nothing else may be passed on.
pub(super) fn parsed(text: &str) -> Option<Value> {
    let json: Option<Value> = serde_json::from_str(text).ok();
    let is_message = |one: &Value| one.get("method").is_some() || one.get("id").is_some();
    let json = json.filter(|json| each(json).iter().all(is_message));
    if json.is_none() {
        tracing::warn!("the server sent something that is no message: it is left out");
    }
    json
}

/// What JSON-RPC calls an error object.
pub(super) fn error(code: i64, message: &str) -> Value {
    json!({ "code": code, "message": message })
}

/// An answer that is an error.
pub(super) fn failure(id: &Value, error: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": error })
}

/// Why a request has no answer of its server's: an error object.
#[derive(Debug, Clone)]
pub(super) struct Trouble(pub(super) Value);

impl Trouble {
    /// Something went wrong on the way.
    pub(super) fn new(message: impl AsRef<str>) -> Trouble {
        Trouble(error(-32603, message.as_ref()))
    }

    pub(super) fn message(&self) -> &str {
        self.0["message"].as_str().unwrap_or("an error without a message")
    }
}
