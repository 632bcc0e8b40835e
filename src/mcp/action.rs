//! What a message is about to do, for whoever decides whether it may.

use super::method::Method;
use super::open::Context;
use super::params::{members, object};
use crate::app::Action;
use crate::rpc::Message;

/// Visits each thing that a message is about to do. What it asks for wrongly is not among them: it
/// is refused as such.
pub(crate) fn each_action<'b>(
    message: &Message<'b>,
    context: &Context<'b>,
    mut visit: impl FnMut(Action<'b>),
) {
    let Message::Request { method, .. } = *message else { return };
    visit(Action::Method(method));
    let params = &context.params;
    match context.method {
        Some(Method::CallTool) => params.name().map(Action::Tool).into_iter().for_each(visit),
        Some(Method::GetPrompt) => params.name().map(Action::Prompt).into_iter().for_each(visit),
        Some(Method::ReadResource | Method::Subscribe | Method::Unsubscribe) => {
            params.uri().map(Action::Resource).into_iter().for_each(visit);
        }
        Some(Method::Complete) => {
            let reference = object(params.all.get("ref"), "params.ref");
            let named = reference.and_then(|reference| members(reference, ["name", "uri"]));
            let Ok(named) = named else { return };
            let [name, uri] = named.map(|value| value.and_then(|value| value.as_str()));
            name.map(Action::Prompt).into_iter().for_each(&mut visit);
            uri.map(Action::Resource).into_iter().for_each(visit);
        }
        Some(Method::Listen) => {
            let wanted = params.all.get("notifications");
            let uris = wanted.and_then(|wanted| wanted.get("resourceSubscriptions"));
            let uris = uris.and_then(|uris| uris.elements()).into_iter().flatten();
            uris.filter_map(|uri| uri.as_str()).map(Action::Resource).for_each(visit);
        }
        _ => {}
    }
}

/// What a method does with what `Mcp-Name` says.
pub(crate) fn action_named<'n>(method: &str, name: &'n str) -> Option<Action<'n>> {
    match method {
        "tools/call" => Some(Action::Tool(name)),
        "prompts/get" => Some(Action::Prompt(name)),
        "resources/read" => Some(Action::Resource(name)),
        _ => None,
    }
}
