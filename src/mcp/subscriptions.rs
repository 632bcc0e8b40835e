//! Subscriptions: what a client wants to be told, and the first and last words of their streams
//! (2026-07-28, "Subscriptions").

use super::open::Context;
use super::params::{members, object};
use super::refusal::Refusal;
use crate::app::Catalog;
use crate::json::{self, Kind, Value};
use crate::limits;
use crate::protocol::{Capabilities, Capability};
use crate::rpc;
use crate::store::{Filter, Hub, Owner};

/// Reads the filter of `subscriptions/listen`.
pub(super) fn listen<'b>(context: &Context<'b>) -> Result<Filter, Refusal<'b>> {
    let wanted = context.params.all.get("notifications");
    if wanted.map(|wanted| wanted.kind()) != Some(Kind::Object) {
        return Err(Refusal::invalid_params("params.notifications must be an object"));
    }
    let wanted = object(wanted, "params.notifications")?;
    let names = [
        "toolsListChanged",
        "promptsListChanged",
        "resourcesListChanged",
        "resourceSubscriptions",
        "taskIds",
    ];
    let [tools, prompts, resources, uris, tasks] = members(wanted, names)?;
    if tasks.is_some() {
        require_tasks(context)?;
    }
    Ok(Filter {
        tools: flag(tools, names[0])?,
        prompts: flag(prompts, names[1])?,
        resources: flag(resources, names[2])?,
        uris: texts(uris, names[3])?,
        tasks: texts(tasks, names[4])?,
    })
}

/// -32021 for a client that did not declare the tasks extension with this request.
pub(super) fn require_tasks<'b>(context: &Context<'b>) -> Result<(), Refusal<'b>> {
    let declared = context.params.meta.and_then(|meta| meta.get(super::open::CLIENT_CAPABILITIES));
    match declared.map(Capabilities::read).unwrap_or_default().has(Capability::Tasks) {
        true => Ok(()),
        false => Err(Refusal::missing_capability(Capability::Tasks)),
    }
}

fn flag<'b>(value: Option<Value<'b>>, name: &str) -> Result<bool, Refusal<'b>> {
    match value.map(|value| value.as_bool()) {
        None => Ok(false),
        Some(Some(wanted)) => Ok(wanted),
        Some(None) => Err(wrong(name, "a boolean")),
    }
}

fn texts<'b>(value: Option<Value<'b>>, name: &str) -> Result<Vec<Box<str>>, Refusal<'b>> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let mut texts = Vec::new();
    let mut bytes = 0;
    for element in value.elements().ok_or_else(|| wrong(name, "a list of strings"))? {
        if texts.len() == limits::SUBSCRIPTIONS_MAX {
            let message = format!("at most {} (subscriptions_max)", limits::SUBSCRIPTIONS_MAX);
            return Err(wrong(name, &message));
        }
        bytes += element.as_str().map_or(0, str::len);
        if bytes > limits::SUBSCRIPTION_BYTES_MAX {
            let max = limits::SUBSCRIPTION_BYTES_MAX;
            return Err(wrong(name, &format!("{max} bytes at most (subscription_bytes_max)")));
        }
        texts.push(element.as_str().ok_or_else(|| wrong(name, "a list of strings"))?.into());
    }
    Ok(texts)
}

fn wrong<'b>(name: &str, expected: &str) -> Refusal<'b> {
    Refusal::invalid_params(format!("params.notifications.{name} must be {expected}"))
}

/// What of a filter this server can honor: notices about what it does not have, or what is somebody
/// else's, will not come.
pub(crate) fn honored(mut filter: Filter, catalog: &Catalog, owner: &Owner, hub: &Hub) -> Filter {
    filter.tools &= catalog.has_tools();
    filter.prompts &= catalog.has_prompts();
    filter.resources &= catalog.has_resources();
    if !catalog.has_resources() {
        filter.uris.clear();
    }
    let now_ms = (hub.clock.steady_ms)();
    filter.tasks.retain(|id| hub.tasks.find(id, owner, now_ms).is_some());
    filter
}

/// The first message of a subscription.
pub(crate) fn write_acknowledgement(filter: &Filter, id: &[u8], out: &mut Vec<u8>) {
    rpc::begin_notification(out, "notifications/subscriptions/acknowledged");
    out.push(b'{');
    crate::store::write_subscription(out, id);
    out.extend_from_slice(br#","notifications":{"#);
    let from = out.len();
    let flags = [
        ("toolsListChanged", filter.tools),
        ("promptsListChanged", filter.prompts),
        ("resourcesListChanged", filter.resources),
    ];
    for (name, _) in flags.into_iter().filter(|(_, wanted)| *wanted) {
        begin_member(name, from, out);
        out.extend_from_slice(b"true");
    }
    for (name, texts) in [("resourceSubscriptions", &filter.uris), ("taskIds", &filter.tasks)] {
        if texts.is_empty() {
            continue;
        }
        begin_member(name, from, out);
        out.push(b'[');
        for (index, text) in texts.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            json::write_string(out, text);
        }
        out.push(b']');
    }
    out.extend_from_slice(b"}}}");
}

fn begin_member(name: &str, from: usize, out: &mut Vec<u8>) {
    if out.len() > from {
        out.push(b',');
    }
    json::write_string(out, name);
    out.push(b':');
}

/// The last: the server ends the subscription on its own account ("Graceful Closure").
pub(crate) fn write_closure(id: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id);
    out.extend_from_slice(br#","result":{"resultType":"complete","#);
    crate::store::write_subscription(out, id);
    out.extend_from_slice(b"}}");
}
