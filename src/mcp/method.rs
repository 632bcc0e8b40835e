//! The methods this server answers, and the era each belongs to.

use super::params::Params;
use super::version::Era;

/// A method a client may request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Initialize,
    Ping,
    Discover,
    ListTools,
    CallTool,
    ListResources,
    ListResourceTemplates,
    ReadResource,
    ListPrompts,
    GetPrompt,
    Complete,
}

impl Method {
    /// The method of this name, if it exists in the era.
    pub(crate) fn find(name: &str, era: Era) -> Option<Method> {
        use Method::*;
        let method = match name {
            "tools/call" => CallTool,
            "tools/list" => ListTools,
            "resources/read" => ReadResource,
            "resources/list" => ListResources,
            "resources/templates/list" => ListResourceTemplates,
            "prompts/get" => GetPrompt,
            "prompts/list" => ListPrompts,
            "completion/complete" => Complete,
            "server/discover" => Discover,
            "initialize" => Initialize,
            "ping" => Ping,
            _ => return None,
        };
        let exists = match method {
            Initialize | Ping => era == Era::Legacy,
            Discover => era == Era::Modern,
            _ => true,
        };
        exists.then_some(method)
    }

    /// The parameter that `Mcp-Name` repeats (2026-07-28, "Standard Request Headers"), where the
    /// method has one and it is a string.
    #[inline]
    pub(crate) fn named_by<'b>(self, params: &Params<'b>) -> Option<&'b str> {
        match self {
            Method::CallTool | Method::GetPrompt => params.name(),
            Method::ReadResource => params.uri(),
            _ => None,
        }
    }
}
