//! Which era a message belongs to, decided here and nowhere else.

use super::method::Method;
use super::params::{Params, members};
use super::plan::log_level;
use super::refusal::Refusal;
use crate::json::Kind;
use crate::protocol::{Era, ProtocolVersion};
use crate::rpc::Message;

/// What the transport says about a message beside it: the headers `MCP-Protocol-Version` and
/// `Mcp-Method`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Claims<'h> {
    pub(crate) version: Option<&'h [u8]>,
    pub(crate) method: Option<&'h [u8]>,
    /// A header that may stand once and stands more often: nobody knows which one others read.
    pub(crate) repeated: Option<&'static str>,
}

impl<'b> Claims<'b> {
    /// Where there are no headers (stdio): what those of this message would be.
    pub(crate) fn of(message: &Message<'b>) -> Claims<'b> {
        let version = message.params().get("_meta").and_then(|meta| meta.get(PROTOCOL_VERSION));
        let version = version.and_then(|version| version.as_str()).map(str::as_bytes);
        let method = match *message {
            Message::Request { method, .. } => Some(method.as_bytes()),
            Message::Notification { .. } | Message::Response { .. } => None,
        };
        Claims { version, method, repeated: None }
    }
}

/// What a message brings with it: its revision, and its parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'b> {
    pub(crate) version: ProtocolVersion,
    /// The method of a request, if its era has it.
    pub(crate) method: Option<Method>,
    pub(crate) params: Params<'b>,
}

impl<'b> Context<'b> {
    /// The context of a message that was opened before, on its way to a worker.
    pub(crate) fn resumed(
        message: &Message<'b>,
        version: ProtocolVersion,
    ) -> Result<Context<'b>, Refusal<'b>> {
        Ok(Context::new(message, version, Params::read(message.params())?))
    }

    #[inline]
    fn new(message: &Message<'b>, version: ProtocolVersion, params: Params<'b>) -> Context<'b> {
        let method = match *message {
            Message::Request { method, .. } => Method::find(method, version),
            Message::Notification { .. } | Message::Response { .. } => None,
        };
        Context { version, method, params }
    }

    /// The same message in the revision that its session agreed on.
    pub(crate) fn agreed(&self, message: &Message<'b>, version: ProtocolVersion) -> Context<'b> {
        Context::new(message, version, self.params)
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
/// 1. no header that is compared with the body is repeated (-32020; in the legacy era too);
/// 2. a revision named alike by `_meta` and header, or by one of them alone, is one of ours
///    (-32022);
/// 3. `Mcp-Method` is there and is the method (-32020);
/// 4. `_meta` has a revision and the client's capabilities (-32602);
/// 5. `MCP-Protocol-Version` is there and is that revision (-32020);
/// 6. the log level, if one is asked for, is one (-32602).
///
/// # Errors
/// The [`Refusal`] of the first rule that is broken.
// With what it calls, inlined into the way of each request over HTTP as if it had no other caller:
// otherwise a call costs 120 instructions more (1%).
#[inline(always)]
pub(crate) fn open<'b>(
    message: &Message<'b>,
    claims: Claims<'_>,
) -> Result<Context<'b>, Refusal<'b>> {
    if let Some(name) = claims.repeated {
        return Err(Refusal::header_mismatch(format!("Header mismatch: {name} is repeated")));
    }
    let params = Params::read(message.params())?;
    let [named, capabilities, level] = match params.meta {
        Some(meta) => members(meta, [PROTOCOL_VERSION, CLIENT_CAPABILITIES, LOG_LEVEL])?,
        None => [None; 3],
    };
    if named.is_none()
        && let Some(version) = legacy_version(claims)
    {
        return Ok(Context::new(message, version, params));
    }
    let named_text = named.and_then(|named| named.as_str());
    let agrees = named_text.is_some() && named_text.map(str::as_bytes) == claims.version;
    let version = modern_version(named_text, claims, agrees)?;
    let Message::Request { method, .. } = *message else {
        // No revision so far defines the headers of a notification (2026-07-28, "Sending
        // Messages"), so no more is asked of one.
        return Ok(Context::new(message, version, params));
    };
    check_method(method, claims)?;
    let Some(named) = named_text else {
        return Err(Refusal::malformed_meta(
            "params._meta must carry io.modelcontextprotocol/protocolVersion, a string",
        ));
    };
    if capabilities.map(|capabilities| capabilities.kind()) != Some(Kind::Object) {
        return Err(Refusal::malformed_meta(
            "params._meta must carry io.modelcontextprotocol/clientCapabilities, an object",
        ));
    }
    if !agrees {
        return Err(version_differs(named, claims));
    }
    if level.is_some() {
        log_level(level, "params._meta[\"io.modelcontextprotocol/logLevel\"]")?;
    }
    Ok(Context::new(message, version, params))
}

/// The revision of a modern message. One that is not ours is refused as such when nothing
/// contradicts it; where `_meta` and the header differ, that is what is wrong, and is found later.
#[inline(always)]
fn modern_version<'b>(
    named: Option<&'b str>,
    claims: Claims<'_>,
    agrees: bool,
) -> Result<ProtocolVersion, Refusal<'b>> {
    let ours = |name: &[u8]| {
        ProtocolVersion::from_name(name).filter(|version| version.era() == Era::Modern)
    };
    match (named, claims.version) {
        (Some(_), Some(_)) if !agrees => Ok(LATEST_MODERN),
        (Some(named), _) => {
            ours(named.as_bytes()).ok_or_else(|| Refusal::unsupported_version(named.to_owned()))
        }
        (None, Some(claimed)) => ours(claimed).ok_or_else(|| {
            Refusal::unsupported_version(String::from_utf8_lossy(claimed).into_owned())
        }),
        (None, None) => Ok(LATEST_MODERN),
    }
}

const LATEST_MODERN: ProtocolVersion = ProtocolVersion::V2026_07_28;

/// The legacy revision that the transport names, or leaves unnamed; `None` when it names another.
#[inline]
fn legacy_version(claims: Claims<'_>) -> Option<ProtocolVersion> {
    match claims.version {
        None => Some(ProtocolVersion::UNNAMED),
        Some(claimed) => {
            ProtocolVersion::from_name(claimed).filter(|version| version.era() == Era::Legacy)
        }
    }
}

const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
pub(super) const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

#[inline(always)]
fn check_method<'b>(method: &str, claims: Claims<'_>) -> Result<(), Refusal<'b>> {
    match claims.method {
        Some(claimed) if claimed == method.as_bytes() => Ok(()),
        Some(claimed) => Err(Refusal::header_mismatch(format!(
            "Header mismatch: Mcp-Method is `{}`, the body's method is `{method}`",
            String::from_utf8_lossy(claimed)
        ))),
        None => Err(Refusal::header_mismatch(
            "Header mismatch: Mcp-Method is missing; it must repeat the body's method",
        )),
    }
}

#[cold]
fn version_differs<'b>(named: &str, claims: Claims<'_>) -> Refusal<'b> {
    match claims.version {
        Some(claimed) => Refusal::header_mismatch(format!(
            "Header mismatch: MCP-Protocol-Version is `{}`, _meta says `{named}`",
            String::from_utf8_lossy(claimed)
        )),
        None => Refusal::header_mismatch(
            "Header mismatch: MCP-Protocol-Version is missing; it must repeat _meta's revision",
        ),
    }
}
