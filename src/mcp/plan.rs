//! Deciding what a message gets.

use super::cursor::Cursor;
use super::method::Method;
use super::open::Context;
use super::params::{Params, members, object, string};
use super::refusal::Refusal;
use super::version::{Era, ProtocolVersion};
use crate::app::{Catalog, CompletionRequest, Placement, PromptId, Reference, ToolId};
use crate::json::{Kind, Value};
use crate::rpc::Message;

/// What a message gets.
#[derive(Debug)]
pub(crate) enum Plan<'b> {
    /// An answer, now.
    Answer(Answer<'b>),
    /// An answer that a worker writes.
    Defer,
    /// Nothing: it was a notification, or a response.
    Accept,
}

/// An answer that is decided and not yet written.
#[derive(Debug)]
pub(crate) enum Answer<'b> {
    Refuse(Refusal<'b>),
    Empty,
    Initialize { version: ProtocolVersion },
    Discover,
    ListTools { from: usize },
    ListPrompts { from: usize },
    ListResourceTemplates { from: usize },
    ListResources { from: ListFrom },
    CallTool { tool: ToolId, name: &'b str, arguments: Value<'b> },
    GetPrompt { prompt: PromptId, name: &'b str, arguments: Value<'b> },
    ReadResource { uri: &'b str },
    Complete(CompletionRequest<'b>),
}

/// Where a page of resources begins: the catalog's come first, then the provider's.
#[derive(Debug)]
pub(crate) enum ListFrom {
    Catalog(usize),
    Provider(Option<String>),
}

/// Decides what a message gets. `worker` says that this is the worker: what would be deferred is
/// answered.
pub(crate) fn plan<'b>(
    message: &Message<'b>,
    context: &Context<'b>,
    catalog: &Catalog,
    worker: bool,
) -> Plan<'b> {
    let Message::Request { method, .. } = *message else { return Plan::Accept };
    let Some(found) = context.method.filter(|method| offered(*method, catalog)) else {
        return Plan::Answer(Answer::Refuse(Refusal::method_not_found(method)));
    };
    match decide(found, context, catalog) {
        Ok((_, Placement::Worker)) if !worker => Plan::Defer,
        Ok((answer, _)) => Plan::Answer(answer),
        Err(refusal) => Plan::Answer(Answer::Refuse(refusal)),
    }
}

/// Whether the application offers what a method is for.
#[inline]
fn offered(method: Method, catalog: &Catalog) -> bool {
    match method {
        Method::Initialize | Method::Ping | Method::Discover => true,
        Method::ListTools | Method::CallTool => !catalog.tools.is_empty(),
        Method::ListPrompts | Method::GetPrompt => !catalog.prompts.is_empty(),
        Method::ListResources | Method::ListResourceTemplates | Method::ReadResource => {
            catalog.has_resources()
        }
        Method::Complete => catalog.completes.is_some(),
    }
}

type Decided<'b> = Result<(Answer<'b>, Placement), Refusal<'b>>;

fn decide<'b>(method: Method, context: &Context<'b>, catalog: &Catalog) -> Decided<'b> {
    let params = &context.params;
    let here = |answer| Ok((answer, Placement::Shard));
    match method {
        Method::CallTool => call_tool(params, catalog),
        Method::ReadResource => read_resource(context, catalog),
        Method::GetPrompt => get_prompt(params, catalog),
        Method::Complete => complete(params, catalog),
        Method::ListTools => {
            here(Answer::ListTools { from: catalog_page(params, catalog.tool_list.len())? })
        }
        Method::ListPrompts => {
            here(Answer::ListPrompts { from: catalog_page(params, catalog.prompt_list.len())? })
        }
        Method::ListResourceTemplates => {
            let from = catalog_page(params, catalog.template_list.len())?;
            here(Answer::ListResourceTemplates { from })
        }
        Method::ListResources => list_resources(params, catalog),
        Method::Discover => here(Answer::Discover),
        Method::Ping => here(Answer::Empty),
        Method::Initialize => initialize(params),
    }
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
    let Some(tool) = catalog.tool(name) else {
        return Err(Refusal::invalid_params(format!("Unknown tool: {name}")));
    };
    let arguments = object(params.arguments, "params.arguments")?;
    Ok((Answer::CallTool { tool, name, arguments }, catalog.tools[tool.0].placement))
}

fn get_prompt<'b>(params: &Params<'b>, catalog: &Catalog) -> Decided<'b> {
    let name = string(params.name, "params.name")?;
    let Some(prompt) = catalog.prompt(name) else {
        return Err(Refusal::invalid_params(format!("Unknown prompt: {name}")));
    };
    let arguments = object(params.arguments, "params.arguments")?;
    for (argument, value) in arguments.members_or_none() {
        if value.kind() != Kind::String {
            let message = format!("params.arguments: `{argument}` must be a string");
            return Err(Refusal::invalid_params(message));
        }
    }
    Ok((Answer::GetPrompt { prompt, name, arguments }, catalog.prompts[prompt.0]))
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
            if catalog.prompt(name).is_none() {
                return Err(Refusal::invalid_params(format!("Unknown prompt: {name}")));
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

fn list_resources<'b>(params: &Params<'b>, catalog: &Catalog) -> Decided<'b> {
    let from = match cursor(params)? {
        None => ListFrom::Catalog(0),
        Some(Cursor::Catalog(from)) if from < catalog.resource_list.len() => {
            ListFrom::Catalog(from)
        }
        Some(Cursor::Provider(own)) if catalog.provider.is_some() => ListFrom::Provider(own),
        Some(_) => return Err(bad_cursor()),
    };
    Ok((Answer::ListResources { from }, catalog.provider.unwrap_or_default()))
}

/// Where a page of one of the catalog's lists begins.
fn catalog_page<'b>(params: &Params<'b>, entries: usize) -> Result<usize, Refusal<'b>> {
    match cursor(params)? {
        None => Ok(0),
        Some(Cursor::Catalog(from)) if from < entries => Ok(from),
        Some(_) => Err(bad_cursor()),
    }
}

fn cursor<'b>(params: &Params<'b>) -> Result<Option<Cursor>, Refusal<'b>> {
    match params.cursor {
        None => Ok(None),
        Some(cursor) => match cursor.as_str().and_then(Cursor::read) {
            Some(cursor) => Ok(Some(cursor)),
            None => Err(bad_cursor()),
        },
    }
}

fn bad_cursor<'b>() -> Refusal<'b> {
    Refusal::invalid_params("params.cursor is not one that this list gave")
}
