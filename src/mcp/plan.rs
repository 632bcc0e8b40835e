//! Deciding what a message gets.

use super::cursor::Cursor;
use super::lists::List;
use super::method::Method;
use super::open::Context;
use super::params::{Params, members, object, string};
use super::refusal::Refusal;
use super::{subscriptions, tasks};
use crate::app::{Catalog, CompletionRequest, Placement, PromptId, Reference, ToolId};
use crate::json::{Kind, Value};
use crate::protocol::{Era, LogLevel, ProtocolVersion};
use crate::rpc::{Id, Message};
use crate::store::{Filter, Seal};

/// What a message gets.
#[derive(Debug)]
pub(crate) enum Plan<'b> {
    /// An answer, now.
    Answer(Answer<'b>),
    /// An answer that a worker writes.
    Defer,
    /// The handle of a task now, which a worker works on; how long it is to be kept, in
    /// milliseconds, where the client says so.
    Task { ttl_ms: Option<u64> },
    /// The outcome of a task, when it is there.
    AwaitTask { id: &'b str },
    /// A stream of notices.
    Listen(Filter),
    /// Nothing: it was a notification, or a response.
    Accept(Accepted<'b>),
}

/// What needs no answer.
#[derive(Debug)]
pub(crate) enum Accepted<'b> {
    /// A request of the client is cancelled: its id.
    Cancelled(Value<'b>),
    RootsChanged,
    /// The client's answer to a request of ours.
    Response {
        id: Id<'b>,
        outcome: Result<Value<'b>, Value<'b>>,
    },
    /// What means nothing to us.
    Other,
}

/// An answer that is decided and not yet written. Tools and prompts without an id are those of the
/// providers.
#[derive(Debug)]
pub(crate) enum Answer<'b> {
    Refuse(Refusal<'b>),
    Empty,
    Initialize { version: ProtocolVersion },
    Discover,
    SetLogLevel(LogLevel),
    Subscribe { uri: &'b str },
    Unsubscribe { uri: &'b str },
    List { list: List, from: Cursor },
    CallTool { tool: Option<ToolId>, name: &'b str, arguments: Value<'b> },
    GetPrompt { prompt: Option<PromptId>, name: &'b str, arguments: Value<'b> },
    ReadResource { uri: &'b str },
    Complete(CompletionRequest<'b>),
    GetTask { id: &'b str },
    UpdateTask { id: &'b str, responses: Value<'b> },
    CancelTask { id: &'b str },
    ListTasks { after: Option<(u64, String)> },
}

impl Answer<'_> {
    /// Whether there may be more than one round of it (2026-07-28, MRTR, "Supported Requests").
    pub(super) fn may_continue(&self, version: ProtocolVersion) -> bool {
        version.era() == Era::Modern
            && matches!(
                self,
                Answer::CallTool { .. } | Answer::GetPrompt { .. } | Answer::ReadResource { .. }
            )
    }
}

/// Decides what a message gets. `worker` says that this is the worker: what would be deferred is
/// answered.
pub(crate) fn plan<'b>(
    message: &Message<'b>,
    context: &Context<'b>,
    catalog: &Catalog,
    seal: &Seal,
    worker: bool,
) -> Plan<'b> {
    let method = match *message {
        Message::Request { method, .. } => method,
        Message::Notification { method, .. } => return Plan::Accept(accept(method, context)),
        Message::Response { id, outcome } => {
            return Plan::Accept(Accepted::Response { id, outcome });
        }
    };
    let Some(found) = context.method.filter(|method| offered(*method, catalog)) else {
        return Plan::Answer(Answer::Refuse(Refusal::method_not_found(method)));
    };
    let planned = match found {
        Method::Listen => subscriptions::listen(context).map(Plan::Listen),
        Method::TaskResult => tasks::id(context).map(|id| Plan::AwaitTask { id }),
        _ => decide(found, context, catalog, seal).and_then(|(answer, placement)| {
            match (&answer, placement) {
                _ if worker => Ok(Plan::Answer(answer)),
                (&Answer::CallTool { tool, .. }, _) => {
                    let placed = tasks::place(tool, placement, context, catalog)?;
                    Ok(placed.unwrap_or(Plan::Answer(answer)))
                }
                (_, Placement::Worker) => Ok(Plan::Defer),
                (_, Placement::Shard) => Ok(Plan::Answer(answer)),
            }
        }),
    };
    planned.unwrap_or_else(|refusal| Plan::Answer(Answer::Refuse(refusal)))
}

fn accept<'b>(method: &str, context: &Context<'b>) -> Accepted<'b> {
    let params = &context.params;
    match (method, context.era()) {
        ("notifications/cancelled", _) => {
            params.all.get("requestId").map_or(Accepted::Other, Accepted::Cancelled)
        }
        ("notifications/roots/list_changed", Era::Legacy) => Accepted::RootsChanged,
        _ => Accepted::Other,
    }
}

/// Whether the application offers what a method is for.
#[inline]
fn offered(method: Method, catalog: &Catalog) -> bool {
    match method {
        Method::Initialize | Method::Ping | Method::Discover | Method::Listen => true,
        Method::SetLogLevel => catalog.logs,
        Method::GetTask
        | Method::UpdateTask
        | Method::CancelTask
        | Method::TaskResult
        | Method::ListTasks => catalog.has_tasks(),
        Method::ListTools | Method::CallTool => catalog.has_tools(),
        Method::ListPrompts | Method::GetPrompt => catalog.has_prompts(),
        Method::ListResources
        | Method::ListResourceTemplates
        | Method::ReadResource
        | Method::Subscribe
        | Method::Unsubscribe => catalog.has_resources(),
        Method::Complete => catalog.completes.is_some(),
    }
}

type Decided<'b> = Result<(Answer<'b>, Placement), Refusal<'b>>;

fn decide<'b>(
    method: Method,
    context: &Context<'b>,
    catalog: &Catalog,
    seal: &Seal,
) -> Decided<'b> {
    let params = &context.params;
    let here = |answer| Ok((answer, Placement::Shard));
    match method {
        Method::CallTool => call_tool(params, catalog),
        Method::ReadResource => read_resource(context, catalog),
        Method::GetPrompt => get_prompt(params, catalog),
        Method::Complete => complete(params, catalog),
        Method::ListTools => list(List::Tools, params, catalog, seal),
        Method::ListPrompts => list(List::Prompts, params, catalog, seal),
        Method::ListResourceTemplates => list(List::ResourceTemplates, params, catalog, seal),
        Method::ListResources => list(List::Resources, params, catalog, seal),
        Method::Discover => here(Answer::Discover),
        Method::Ping => here(Answer::Empty),
        Method::Initialize => initialize(params),
        Method::SetLogLevel => {
            here(Answer::SetLogLevel(log_level(params.all.get("level"), "params.level")?))
        }
        Method::Subscribe => here(Answer::Subscribe { uri: string(params.uri, "params.uri")? }),
        Method::Unsubscribe => here(Answer::Unsubscribe { uri: string(params.uri, "params.uri")? }),
        Method::GetTask => here(Answer::GetTask { id: tasks::id(context)? }),
        Method::UpdateTask => {
            let responses = object(params.all.get("inputResponses"), "params.inputResponses")?;
            here(Answer::UpdateTask { id: tasks::id(context)?, responses })
        }
        Method::CancelTask => here(Answer::CancelTask { id: tasks::id(context)? }),
        Method::ListTasks => {
            here(Answer::ListTasks { after: tasks::page(cursor("tasks", params, seal)?)? })
        }
        Method::Listen | Method::TaskResult => here(Answer::Empty),
    }
}

/// A log level of the protocol (logging page, "Error Handling": -32602 for another).
pub(super) fn log_level<'b>(
    value: Option<Value<'b>>,
    what: &'static str,
) -> Result<LogLevel, Refusal<'b>> {
    LogLevel::from_name(string(value, what)?).ok_or_else(|| {
        let names = LogLevel::ALL.map(LogLevel::as_str).join(", ");
        Refusal::invalid_params(format!("{what} must be one of {names}"))
    })
}

/// Negotiates: the client's revision if we speak it, our latest with `initialize` if not
/// (2025-11-25, lifecycle, "Version Negotiation").
fn initialize<'b>(params: &Params<'b>) -> Decided<'b> {
    let [version, capabilities, client] =
        members(params.all, ["protocolVersion", "capabilities", "clientInfo"])?;
    let asked = string(version, "params.protocolVersion")?;
    object(capabilities, "params.capabilities")?;
    object(client, "params.clientInfo")?;
    let version = ProtocolVersion::from_name(asked.as_bytes())
        .filter(|version| version.era() == Era::Legacy)
        .unwrap_or(ProtocolVersion::LATEST_LEGACY);
    Ok((Answer::Initialize { version }, Placement::Shard))
}

#[inline]
fn call_tool<'b>(params: &Params<'b>, catalog: &Catalog) -> Decided<'b> {
    let name = string(params.name, "params.name")?;
    let tool = catalog.tool(name);
    let placement = match tool {
        Some(tool) => catalog.tools[tool.0].placement,
        None => catalog.provided.tools.ok_or_else(|| Refusal::unknown("tool", name))?,
    };
    let arguments = object(params.arguments, "params.arguments")?;
    Ok((Answer::CallTool { tool, name, arguments }, placement))
}

fn get_prompt<'b>(params: &Params<'b>, catalog: &Catalog) -> Decided<'b> {
    let name = string(params.name, "params.name")?;
    let prompt = catalog.prompt(name);
    let placement = match prompt {
        Some(prompt) => catalog.prompts[prompt.0],
        None => catalog.provided.prompts.ok_or_else(|| Refusal::unknown("prompt", name))?,
    };
    let arguments = object(params.arguments, "params.arguments")?;
    for (argument, value) in arguments.members_or_none() {
        if value.kind() != Kind::String {
            let message = format!("params.arguments: `{argument}` must be a string");
            return Err(Refusal::invalid_params(message));
        }
    }
    Ok((Answer::GetPrompt { prompt, name, arguments }, placement))
}

fn read_resource<'b>(context: &Context<'b>, catalog: &Catalog) -> Decided<'b> {
    let uri = string(context.params.uri, "params.uri")?;
    match catalog.read_placement(uri) {
        Some(placement) => Ok((Answer::ReadResource { uri }, placement)),
        None => Err(Refusal::resource_not_found(context.era(), uri)),
    }
}

fn complete<'b>(params: &Params<'b>, catalog: &Catalog) -> Decided<'b> {
    let [reference, argument, context] = members(params.all, ["ref", "argument", "context"])?;
    let reference = object(reference, "params.ref")?;
    let argument = object(argument, "params.argument")?;
    let [kind, name, uri] = members(reference, ["type", "name", "uri"])?;
    let reference = match kind.and_then(|kind| kind.as_str()) {
        Some("ref/prompt") => {
            let name = string(name, "params.ref.name")?;
            if catalog.prompt(name).is_none() && catalog.provided.prompts.is_none() {
                return Err(Refusal::unknown("prompt", name));
            }
            Reference::Prompt(name)
        }
        Some("ref/resource") => Reference::Resource(string(uri, "params.ref.uri")?),
        _ => {
            let message = "params.ref.type must be `ref/prompt` or `ref/resource`";
            return Err(Refusal::invalid_params(message));
        }
    };
    let [name, value] = members(argument, ["name", "value"])?;
    let filled = object(context, "params.context")?.get("arguments");
    let request = CompletionRequest {
        reference,
        argument: string(name, "params.argument.name")?,
        value: string(value, "params.argument.value")?,
        context: object(filled, "params.context.arguments")?,
    };
    Ok((Answer::Complete(request), catalog.completes.unwrap_or_default()))
}

fn list<'b>(list: List, params: &Params<'b>, catalog: &Catalog, seal: &Seal) -> Decided<'b> {
    let provider = list.provider(catalog);
    let from = match cursor(list.key(), params, seal)? {
        None => Cursor::Catalog(0),
        Some(Cursor::Catalog(from)) if from < list.entries(catalog).len() => Cursor::Catalog(from),
        Some(Cursor::Provider(own)) if provider.is_some() => Cursor::Provider(own),
        Some(_) => return Err(bad_cursor()),
    };
    Ok((Answer::List { list, from }, provider.unwrap_or_default()))
}

fn cursor<'b>(list: &str, params: &Params<'b>, seal: &Seal) -> Result<Option<Cursor>, Refusal<'b>> {
    match params.cursor.filter(|cursor| cursor.kind() != Kind::Null) {
        None => Ok(None),
        Some(cursor) => match cursor.as_str().and_then(|text| Cursor::read(text, list, seal)) {
            Some(cursor) => Ok(Some(cursor)),
            None => Err(bad_cursor()),
        },
    }
}

pub(super) fn bad_cursor<'b>() -> Refusal<'b> {
    Refusal::invalid_params("params.cursor is not one that this list gave")
}
