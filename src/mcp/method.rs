//! The methods this server answers, and the revisions each belongs to.

use super::params::Params;
use crate::protocol::{Era, ProtocolVersion};

/// A method a client may request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Initialize,
    Ping,
    SetLogLevel,
    Subscribe,
    Unsubscribe,
    Discover,
    Listen,
    ListTools,
    CallTool,
    ListResources,
    ListResourceTemplates,
    ReadResource,
    ListPrompts,
    GetPrompt,
    Complete,
    GetTask,
    UpdateTask,
    CancelTask,
    TaskResult,
    ListTasks,
}

impl Method {
    /// The names of all methods, in the order in which they stand above.
    pub(crate) const NAMES: [&str; Method::ListTasks as usize + 1] = [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "server/discover",
        "subscriptions/listen",
        "tools/list",
        "tools/call",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "prompts/list",
        "prompts/get",
        "completion/complete",
        "tasks/get",
        "tasks/update",
        "tasks/cancel",
        "tasks/result",
        "tasks/list",
    ];

    /// The method of this name, if it exists in the revision.
    pub(crate) fn find(name: &str, version: ProtocolVersion) -> Option<Method> {
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
            "subscriptions/listen" => Listen,
            "initialize" => Initialize,
            "ping" => Ping,
            "logging/setLevel" => SetLogLevel,
            "resources/subscribe" => Subscribe,
            "resources/unsubscribe" => Unsubscribe,
            "tasks/get" => GetTask,
            "tasks/update" => UpdateTask,
            "tasks/cancel" => CancelTask,
            "tasks/result" => TaskResult,
            "tasks/list" => ListTasks,
            _ => return None,
        };
        let exists = match method {
            Initialize | Ping | SetLogLevel | Subscribe | Unsubscribe => {
                version.era() == Era::Legacy
            }
            Discover | Listen | UpdateTask => version.era() == Era::Modern,
            GetTask | CancelTask => version >= ProtocolVersion::V2025_11_25,
            TaskResult | ListTasks => version == ProtocolVersion::V2025_11_25,
            _ => true,
        };
        exists.then_some(method)
    }

    /// The parameter that `Mcp-Name` repeats (2026-07-28, "Standard Request Headers"; tasks
    /// extension, "Routing Headers"), where the method has one and it is a string.
    #[inline]
    pub(crate) fn named_by<'b>(self, params: &Params<'b>) -> Option<&'b str> {
        match self {
            Method::CallTool | Method::GetPrompt => params.name(),
            Method::ReadResource => params.uri(),
            Method::GetTask | Method::UpdateTask | Method::CancelTask => params.task_id(),
            _ => None,
        }
    }
}
