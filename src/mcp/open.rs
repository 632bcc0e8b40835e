//! Which era a message belongs to, decided here and nowhere else.

use super::params::members;
use super::refusal::Refusal;
use super::version::{Era, ProtocolVersion};
use crate::json::{Kind, Value};
use crate::rpc::Message;

/// What the transport says about a message beside it: the headers `MCP-Protocol-Version` and
/// `Mcp-Method`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Claims<'h> {
    pub(crate) version: Option<&'h str>,
    pub(crate) method: Option<&'h str>,
}

/// What a message brings with it: its revision, and its `_meta`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'b> {
    pub(crate) version: ProtocolVersion,
    pub(crate) meta: Option<Value<'b>>,
}

impl<'b> Context<'b> {
    /// The context of a message that was opened before, on its way to a worker.
    pub(crate) fn resumed(message: &Message<'b>, version: ProtocolVersion) -> Context<'b> {
        let meta = match message {
            Message::Request { params, .. } => params.get("_meta"),
            Message::Notification { .. } | Message::Response { .. } => None,
        };
        Context { version, meta }
    }

    #[inline]
    pub(crate) fn era(&self) -> Era {
        self.version.era()
    }
}

/// Decides the era of a message and checks what its era asks of the envelope.
///
/// A message is modern when its `_meta` names a revision, or when the transport names one that is
/// not a legacy revision; it is legacy otherwise. For a modern request, in this order:
///
/// 1. `Mcp-Method` is there and is the method (-32020);
/// 2. `_meta` has a revision and the client's capabilities (-32602);
/// 3. `MCP-Protocol-Version` is there and is that revision (-32020);
/// 4. the revision is one of ours (-32022).
///
/// # Errors
/// The [`Refusal`] of the first rule that is broken.
#[inline]
pub(crate) fn open<'b>(
    message: &Message<'b>,
    claims: Claims<'_>,
) -> Result<Context<'b>, Refusal<'b>> {
    let (method, params) = match *message {
        Message::Request { method, params, .. } => (Some(method), params),
        Message::Notification { params, .. } => (None, params),
        Message::Response { .. } => (None, Value::EMPTY_OBJECT),
    };
    let [meta] = members(params, ["_meta"])?;
    let [named, capabilities] = match meta {
        Some(meta) => members(meta, [PROTOCOL_VERSION, CLIENT_CAPABILITIES])?,
        None => [None; 2],
    };
    let claimed = claims.version.map(ProtocolVersion::from_name);
    let legacy_claimed = claimed.flatten().filter(|version| version.era() == Era::Legacy);
    if named.is_none() && (claims.version.is_none() || legacy_claimed.is_some()) {
        let version = legacy_claimed.unwrap_or(ProtocolVersion::UNNAMED);
        return Ok(Context { version, meta });
    }
    let Some(method) = method else {
        // No revision so far defines the headers of a notification (2026-07-28, "Sending
        // Messages"), so nothing is asked of one.
        return Ok(Context { version: ProtocolVersion::V2026_07_28, meta });
    };
    check_method(method, claims)?;
    let Some(named) = named.and_then(|named| named.as_str()) else {
        return Err(Refusal::malformed_meta(
            "params._meta must carry io.modelcontextprotocol/protocolVersion, a string",
        ));
    };
    if capabilities.map(|capabilities| capabilities.kind()) != Some(Kind::Object) {
        return Err(Refusal::malformed_meta(
            "params._meta must carry io.modelcontextprotocol/clientCapabilities, an object",
        ));
    }
    check_version(named, claims)?;
    match ProtocolVersion::from_name(named).filter(|version| version.era() == Era::Modern) {
        Some(version) => Ok(Context { version, meta }),
        None => Err(Refusal::unsupported_version(named)),
    }
}

const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

#[inline]
fn check_method<'b>(method: &str, claims: Claims<'_>) -> Result<(), Refusal<'b>> {
    match claims.method {
        Some(claimed) if claimed == method => Ok(()),
        Some(claimed) => Err(Refusal::header_mismatch(format!(
            "Header mismatch: Mcp-Method is `{claimed}`, the body's method is `{method}`"
        ))),
        None => Err(Refusal::header_mismatch(
            "Header mismatch: Mcp-Method is missing; it must repeat the body's method",
        )),
    }
}

#[inline]
fn check_version<'b>(named: &str, claims: Claims<'_>) -> Result<(), Refusal<'b>> {
    match claims.version {
        Some(claimed) if claimed == named => Ok(()),
        Some(claimed) => Err(Refusal::header_mismatch(format!(
            "Header mismatch: MCP-Protocol-Version is `{claimed}`, _meta says `{named}`"
        ))),
        None => Err(Refusal::header_mismatch(
            "Header mismatch: MCP-Protocol-Version is missing; it must repeat _meta's revision",
        )),
    }
}
