//! Why a message is not answered with a result.

use std::borrow::Cow;

use crate::json;
use crate::protocol::{Capability, Era, ProtocolVersion};
use crate::rpc::{self, ErrorCode, Id};

/// Where on its way a request was refused; what carries the answer makes a status of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The message itself breaks the rules: nothing of it was looked at further.
    Envelope,
    /// The method does not exist.
    Method,
    /// The method was understood; this is its answer.
    InBand,
}

/// `error.data`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Data<'b> {
    None,
    /// Of -32022.
    Versions {
        requested: String,
    },
    /// Of a resource that is not there.
    Uri(&'b str),
    /// Of -32021.
    Capability(Capability),
    /// Of a limit that was met: its setting, and when to come again, where that is known.
    Limit {
        limit: &'static str,
        retry_after_ms: Option<u64>,
    },
}

/// An error response, not yet written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal<'b> {
    pub(crate) stage: Stage,
    pub(crate) code: ErrorCode,
    pub(crate) message: Cow<'static, str>,
    pub(crate) data: Data<'b>,
}

/// The headers and the body say different things (2026-07-28).
pub(crate) const HEADER_MISMATCH: ErrorCode = ErrorCode(-32020);
/// The client did not declare what the request needs (2026-07-28).
pub(crate) const MISSING_CAPABILITY: ErrorCode = ErrorCode(-32021);
/// The revision is not one of ours (2026-07-28).
pub(crate) const UNSUPPORTED_PROTOCOL_VERSION: ErrorCode = ErrorCode(-32022);
/// No such resource, up to 2025-11-25.
pub(crate) const RESOURCE_NOT_FOUND: ErrorCode = ErrorCode(-32002);

impl<'b> Refusal<'b> {
    pub(crate) fn new(
        stage: Stage,
        code: ErrorCode,
        message: impl Into<Cow<'static, str>>,
    ) -> Refusal<'b> {
        Refusal { stage, code, message: message.into(), data: Data::None }
    }

    /// -32602 for parameters that do not fit the method.
    pub(crate) fn invalid_params(message: impl Into<Cow<'static, str>>) -> Refusal<'b> {
        Refusal::new(Stage::InBand, ErrorCode::INVALID_PARAMS, message)
    }

    /// -32602 for a tool or a prompt that is not there.
    #[cold]
    pub(crate) fn unknown(what: &str, name: &str) -> Refusal<'b> {
        Refusal::invalid_params(format!("Unknown {what}: {name}"))
    }

    /// -32602 for a `_meta` that lacks what each request must carry.
    pub(crate) fn malformed_meta(message: &'static str) -> Refusal<'b> {
        Refusal::new(Stage::Envelope, ErrorCode::INVALID_PARAMS, message)
    }

    /// -32020.
    pub(crate) fn header_mismatch(message: impl Into<Cow<'static, str>>) -> Refusal<'b> {
        Refusal::new(Stage::Envelope, HEADER_MISMATCH, message)
    }

    /// -32022, with what is supported.
    #[cold]
    pub(crate) fn unsupported_version(requested: String) -> Refusal<'b> {
        let message = "Unsupported protocol version";
        let mut refusal = Refusal::new(Stage::Envelope, UNSUPPORTED_PROTOCOL_VERSION, message);
        refusal.data = Data::Versions { requested };
        refusal
    }

    /// -32021.
    pub(crate) fn missing_capability(capability: Capability) -> Refusal<'b> {
        let message = format!("Missing required client capability: {capability}");
        let mut refusal = Refusal::new(Stage::Envelope, MISSING_CAPABILITY, message);
        refusal.data = Data::Capability(capability);
        refusal
    }

    /// It was refused for this limit; to come again would be in vain.
    pub(crate) fn at_limit(mut self, limit: &'static str) -> Refusal<'b> {
        self.data = Data::Limit { limit, retry_after_ms: None };
        self
    }

    /// A limit was met.
    #[cold]
    pub(crate) fn limited(
        code: ErrorCode,
        message: impl Into<Cow<'static, str>>,
        limit: &'static str,
        retry_after_ms: Option<u64>,
    ) -> Refusal<'b> {
        let mut refusal = Refusal::new(Stage::InBand, code, message);
        refusal.data = Data::Limit { limit, retry_after_ms };
        refusal
    }

    /// -32700.
    #[cold]
    pub(crate) fn not_json(error: &json::Error) -> Refusal<'b> {
        let refusal = Refusal::new(Stage::Envelope, ErrorCode::PARSE_ERROR, error.to_string());
        match error.limit() {
            Some(limit) => refusal.at_limit(limit),
            None => refusal,
        }
    }

    /// -32601.
    pub(crate) fn method_not_found(method: &str) -> Refusal<'b> {
        let message = format!("Method not found: {method}");
        Refusal::new(Stage::Method, ErrorCode::METHOD_NOT_FOUND, message)
    }

    /// No such resource: -32602, or -32002 in the legacy era (resources page, "Error Handling").
    pub(crate) fn resource_not_found(era: Era, uri: &'b str) -> Refusal<'b> {
        let code = match era {
            Era::Modern => ErrorCode::INVALID_PARAMS,
            Era::Legacy => RESOURCE_NOT_FOUND,
        };
        let mut refusal = Refusal::new(Stage::InBand, code, "Resource not found");
        refusal.data = Data::Uri(uri);
        refusal
    }

    /// Appends the error response.
    pub(crate) fn write(&self, id: Option<Id<'_>>, out: &mut Vec<u8>) {
        rpc::write_error(out, id, self.code, &self.message, |out| self.data.write(out));
    }
}

impl Refusal<'_> {
    /// Appends the value of `error` alone.
    pub(crate) fn write_error(&self, out: &mut Vec<u8>) {
        rpc::write_error_object(out, self.code, &self.message, |out| self.data.write(out));
    }
}

impl Data<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Data::None => {}
            Data::Versions { requested } => {
                out.extend_from_slice(br#"{"supported":"#);
                write_modern_versions(out);
                out.extend_from_slice(br#","requested":"#);
                json::write_string(out, requested);
                out.push(b'}');
            }
            Data::Capability(capability) => {
                out.extend_from_slice(br#"{"requiredCapabilities":"#);
                out.extend_from_slice(capability.declaration().as_bytes());
                out.push(b'}');
            }
            Data::Limit { limit, retry_after_ms } => write_limit(out, limit, *retry_after_ms),
            Data::Uri(uri) => {
                out.extend_from_slice(br#"{"uri":"#);
                json::write_string(out, uri);
                out.push(b'}');
            }
        }
    }
}

/// `error.data` of a limit that was met.
pub(crate) fn write_limit(out: &mut Vec<u8>, limit: &str, retry_after_ms: Option<u64>) {
    out.extend_from_slice(br#"{"limit":"#);
    json::write_string(out, limit);
    if let Some(retry_after_ms) = retry_after_ms {
        out.extend_from_slice(br#","retryAfterMs":"#);
        json::write_unsigned(out, retry_after_ms);
    }
    out.push(b'}');
}

/// The revisions a modern client may choose from. Those with `initialize` are not among them: what
/// a client reads here it puts into its next request's `_meta`.
pub(super) fn write_modern_versions(out: &mut Vec<u8>) {
    out.push(b'[');
    let modern = ProtocolVersion::ALL.iter().rev().filter(|version| version.era() == Era::Modern);
    for (index, version) in modern.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json::write_string(out, version.as_str());
    }
    out.push(b']');
}
