//! JSON-RPC 2.0: messages, ids, error codes, envelopes. Has not heard of MCP or HTTP.
//!
//! A message is read strictly (<https://www.jsonrpc.org/specification>, and MCP's narrowing of it):
//! `jsonrpc` is `"2.0"`, an id is a string or an integer and never null, `params` is an object, and
//! no member of the envelope is repeated.

#[cfg(test)]
mod tests;

use crate::json::{self, Kind, Value};

/// A JSON-RPC error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode(pub i32);

impl ErrorCode {
    /// The text is not JSON.
    pub const PARSE_ERROR: ErrorCode = ErrorCode(-32700);
    /// The JSON is not a JSON-RPC message.
    pub const INVALID_REQUEST: ErrorCode = ErrorCode(-32600);
    /// No such method.
    pub const METHOD_NOT_FOUND: ErrorCode = ErrorCode(-32601);
    /// The parameters do not fit the method.
    pub const INVALID_PARAMS: ErrorCode = ErrorCode(-32602);
    /// The server failed.
    pub const INTERNAL_ERROR: ErrorCode = ErrorCode(-32603);
}

/// The id of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Id<'b> {
    /// An integer that fits `i64`.
    Signed(i64),
    /// An integer above `i64::MAX`.
    Unsigned(u64),
    /// An integer written as a double (`1.0`), below 2^53.
    Float(f64),
    /// A string.
    Text(&'b str),
}

impl<'b> Id<'b> {
    fn read(value: Value<'b>) -> Option<Id<'b>> {
        match value.kind() {
            Kind::String => value.as_str().map(Id::Text),
            Kind::Integer => match value.as_i64() {
                Some(id) => Some(Id::Signed(id)),
                None => value.as_u64().map(Id::Unsigned),
            },
            Kind::Float => value.as_float().filter(|id| is_integer(*id)).map(Id::Float),
            Kind::Null | Kind::Boolean | Kind::Array | Kind::Object => None,
        }
    }

    /// Appends it as JSON.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        match self {
            Id::Signed(id) => json::write_integer(out, id),
            Id::Unsigned(id) => json::write_unsigned(out, id),
            Id::Float(id) => json::write_float(out, id),
            Id::Text(id) => json::write_string(out, id),
        }
    }
}

fn is_integer(id: f64) -> bool {
    json::is_safe_integer(id)
}

/// One message from the peer.
#[derive(Debug, Clone, Copy)]
pub enum Message<'b> {
    /// Wants an answer.
    Request {
        /// What the answer will carry.
        id: Id<'b>,
        /// The method's name.
        method: &'b str,
        /// `params`, an object; `{}` when it was left out.
        params: Value<'b>,
    },
    /// Wants none.
    Notification {
        /// The method's name.
        method: &'b str,
        /// `params`, an object; `{}` when it was left out.
        params: Value<'b>,
    },
    /// Answers a request of ours.
    Response {
        /// The request's id.
        id: Id<'b>,
        /// `result`, or `error`.
        outcome: Result<Value<'b>, Value<'b>>,
    },
}

/// Why a JSON value is not a message. The id is there when it could be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Invalid<'b> {
    /// The id to answer with.
    pub id: Option<Id<'b>>,
    /// What was wrong.
    pub message: &'static str,
}

#[derive(Default)]
struct Envelope<'b> {
    jsonrpc: Option<Value<'b>>,
    id: Option<Value<'b>>,
    method: Option<Value<'b>>,
    params: Option<Value<'b>>,
    result: Option<Value<'b>>,
    error: Option<Value<'b>>,
    repeated: bool,
}

impl<'b> Envelope<'b> {
    #[inline]
    fn read(root: Value<'b>) -> Option<Envelope<'b>> {
        let mut envelope = Envelope::default();
        for (key, value) in root.members()? {
            let slot = match key {
                "jsonrpc" => &mut envelope.jsonrpc,
                "id" => &mut envelope.id,
                "method" => &mut envelope.method,
                "params" => &mut envelope.params,
                "result" => &mut envelope.result,
                "error" => &mut envelope.error,
                _ => continue,
            };
            envelope.repeated |= slot.replace(value).is_some();
        }
        Some(envelope)
    }
}

impl<'b> Message<'b> {
    /// `params`; `{}` where there are none.
    #[inline]
    pub fn params(&self) -> Value<'b> {
        match *self {
            Message::Request { params, .. } | Message::Notification { params, .. } => params,
            Message::Response { .. } => Value::EMPTY_OBJECT,
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`Invalid`] (code -32600) for anything that is not one JSON-RPC 2.0 message.
    pub fn read(root: Value<'b>) -> Result<Message<'b>, Invalid<'b>> {
        let Some(envelope) = Envelope::read(root) else {
            return Err(Invalid { id: None, message: not_an_object(root.kind()) });
        };
        if envelope.repeated {
            // Which id was meant cannot be known, even if it is not the id that is repeated.
            return Err(Invalid { id: None, message: "a member of the envelope is repeated" });
        }
        let id = envelope.id.and_then(Id::read);
        let invalid = |message| Err(Invalid { id, message });
        if envelope.jsonrpc.and_then(|version| version.as_str()) != Some("2.0") {
            return invalid("`jsonrpc` must be \"2.0\"");
        }
        if envelope.id.is_some() && id.is_none() {
            return invalid("`id` must be a string or an integer");
        }
        let params = envelope.params.unwrap_or(Value::EMPTY_OBJECT);
        if params.kind() != Kind::Object {
            return invalid("`params` must be an object");
        }
        let outcome = match (envelope.result, envelope.error) {
            (None, None) => None,
            (Some(result), None) => Some(Ok(result)),
            (None, Some(error)) => Some(Err(error)),
            (Some(_), Some(_)) => return invalid("`result` and `error` exclude each other"),
        };
        match (envelope.method.map(|method| method.as_str()), id, outcome) {
            (Some(Some(method)), Some(id), None) => Ok(Message::Request { id, method, params }),
            (Some(Some(method)), None, None) => Ok(Message::Notification { method, params }),
            (None, Some(id), Some(outcome)) => Ok(Message::Response { id, outcome }),
            (Some(None), ..) => invalid("`method` must be a string"),
            (Some(_), _, Some(_)) => invalid("`method` and `result` or `error` exclude each other"),
            (None, None, Some(_)) => invalid("a response needs the `id` of its request"),
            (None, _, None) => invalid("`method` is missing"),
        }
    }
}

fn not_an_object(kind: Kind) -> &'static str {
    match kind {
        Kind::Array => "a batch is no message: messages of a batch are objects",
        _ => "a JSON-RPC message must be an object",
    }
}

/// Appends `{"jsonrpc":"2.0","id":…,"result":`, for the caller to go on with the result.
#[inline]
pub fn begin_result(out: &mut Vec<u8>, id: Id<'_>) {
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    id.write(out);
    out.extend_from_slice(br#","result":"#);
}

/// Ends a result that is an object, and with it what [`begin_result`] began.
#[inline]
pub fn end_result_object(out: &mut Vec<u8>) {
    out.extend_from_slice(b"}}");
}

/// Appends an error response; `data` appends the value of `error.data`, or nothing.
pub fn write_error(
    out: &mut Vec<u8>,
    id: Option<Id<'_>>,
    code: ErrorCode,
    message: &str,
    data: impl FnOnce(&mut Vec<u8>),
) {
    let mut text = Vec::new();
    match id {
        Some(id) => id.write(&mut text),
        None => text.extend_from_slice(b"null"),
    }
    write_error_raw(out, &text, |out| write_error_object(out, code, message, data));
}

/// Appends an error response to the request whose id is this JSON text; `error` appends the error.
pub(crate) fn write_error_raw(out: &mut Vec<u8>, id: &[u8], error: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id);
    out.extend_from_slice(br#","error":"#);
    error(out);
    out.push(b'}');
}

/// Appends the value of `error`.
pub(crate) fn write_error_object(
    out: &mut Vec<u8>,
    code: ErrorCode,
    message: &str,
    data: impl FnOnce(&mut Vec<u8>),
) {
    out.extend_from_slice(br#"{"code":"#);
    json::write_integer(out, i64::from(code.0));
    out.extend_from_slice(br#","message":"#);
    json::write_string(out, message);
    let before = out.len();
    out.extend_from_slice(br#","data":"#);
    let data_at = out.len();
    data(out);
    if out.len() == data_at {
        out.truncate(before);
    }
    out.push(b'}');
}

/// Appends `{"jsonrpc":"2.0","method":…,"params":`, for the caller to go on with the parameters
/// and to end with `}`.
pub(crate) fn begin_notification(out: &mut Vec<u8>, method: &str) {
    out.extend_from_slice(br#"{"jsonrpc":"2.0","method":"#);
    json::write_string(out, method);
    out.extend_from_slice(br#","params":"#);
}
