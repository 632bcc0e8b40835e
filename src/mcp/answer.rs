//! Writing answers. The same function runs on a shard and on a worker.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;

use super::lists;
use super::open::Context;
use super::plan::Answer;
use super::refusal::{Refusal, write_modern_versions};
use super::version::{Era, ProtocolVersion};
use crate::app::completion::CompletionReply;
use crate::app::{Call, Failure, Handler, PromptReply, ResourceReply, ToolReply};
use crate::json;
use crate::rpc::{self, ErrorCode, Id};

use super::refusal::Stage;

/// Appends the response to the request `id`.
///
/// A failure of the application, a panic included, becomes an error response; what it had written
/// by then is taken back.
pub(crate) fn answer<H: Handler>(
    answer: &Answer<'_>,
    id: Id<'_>,
    context: &Context<'_>,
    handler: &H,
    cancelled: Option<&AtomicBool>,
    out: &mut Vec<u8>,
) {
    if let Answer::Refuse(refusal) = answer {
        return refusal.write(Some(id), out);
    }
    let from = out.len();
    rpc::begin_result(out, id);
    begin_members(handler, answer, context.era(), out);
    let call = Call::new(context.version.as_str(), context.params.meta, cancelled);
    let written = catch_unwind(AssertUnwindSafe(|| {
        write_members(answer, context.era(), handler, &call, out)
    }));
    let failure = match written {
        Ok(Ok(())) => {
            out.push(b'}');
            return rpc::end_result(out);
        }
        Ok(Err(failure)) => refusal_of(failure, answer, context.era()),
        Err(_) => {
            tracing::error!(what = what(answer), "panicked while answering a request");
            let message = format!("Internal error: {} panicked", what(answer));
            Refusal::new(Stage::InBand, ErrorCode::INTERNAL_ERROR, message)
        }
    };
    out.truncate(from);
    failure.write(Some(id), out);
}

/// `{`, and what every result of the era begins with.
#[inline]
fn begin_members<H: Handler>(handler: &H, answer: &Answer<'_>, era: Era, out: &mut Vec<u8>) {
    out.push(b'{');
    if era == Era::Modern {
        out.extend_from_slice(handler.catalog().modern_members.as_bytes());
        if !matches!(answer, Answer::Empty) {
            out.push(b',');
        }
    }
}

#[inline]
fn write_members<H: Handler>(
    answer: &Answer<'_>,
    era: Era,
    handler: &H,
    call: &Call<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let catalog = handler.catalog();
    let page = catalog.page_size;
    match answer {
        Answer::CallTool { tool, arguments, .. } => {
            let mut reply = ToolReply::new(out, era == Era::Legacy);
            handler.call_tool(*tool, *arguments, call, &mut reply)?;
            if reply.is_empty() {
                reply.blocks(&[]);
            }
            return Ok(());
        }
        Answer::GetPrompt { prompt, arguments, .. } => {
            return handler.get_prompt(*prompt, *arguments, call, &mut PromptReply::new(out));
        }
        Answer::Complete(request) => {
            return handler.complete(request, call, &mut CompletionReply::new(out));
        }
        Answer::Initialize { version } => {
            write_initialize(handler, *version, out);
            return Ok(());
        }
        Answer::Empty | Answer::Refuse(_) => return Ok(()),
        Answer::Discover => write_discover(handler, out),
        Answer::ListTools { from } => {
            lists::write_page("tools", &catalog.tool_list, *from, page, era, out);
        }
        Answer::ListPrompts { from } => {
            lists::write_page("prompts", &catalog.prompt_list, *from, page, era, out);
        }
        Answer::ListResourceTemplates { from } => {
            lists::write_page("resourceTemplates", &catalog.template_list, *from, page, era, out);
        }
        Answer::ListResources { from } => lists::write_resources(handler, from, era, out)?,
        Answer::ReadResource { uri } => {
            handler.read_resource(uri, call, &mut ResourceReply::new(out))?;
        }
    }
    if era == Era::Modern {
        write_cache_hints(handler, answer, out);
    }
    Ok(())
}

/// `ttlMs` and `cacheScope` of what may be kept (2026-07-28, caching, "Cacheable Results").
///
/// What the catalog holds is the same for everybody; what the application lists and reads may not
/// be, so that is private.
fn write_cache_hints<H: Handler>(handler: &H, answer: &Answer<'_>, out: &mut Vec<u8>) {
    let catalog = handler.catalog();
    let (ttl_ms, public) = match answer {
        Answer::ReadResource { .. } => (catalog.cache.reads_ttl_ms, false),
        Answer::ListResources { .. } if catalog.provider.is_some() => {
            (catalog.cache.reads_ttl_ms, false)
        }
        _ => (catalog.cache.lists_ttl_ms, true),
    };
    out.extend_from_slice(br#","ttlMs":"#);
    json::write_unsigned(out, ttl_ms);
    out.extend_from_slice(match public {
        true => br#","cacheScope":"public""#.as_slice(),
        false => br#","cacheScope":"private""#.as_slice(),
    });
}

fn write_initialize<H: Handler>(handler: &H, version: ProtocolVersion, out: &mut Vec<u8>) {
    let catalog = handler.catalog();
    out.extend_from_slice(br#""protocolVersion":"#);
    json::write_string(out, version.as_str());
    out.extend_from_slice(br#","capabilities":"#);
    catalog.write_capabilities(out);
    out.extend_from_slice(br#","serverInfo":"#);
    out.extend_from_slice(catalog.server_info.as_bytes());
    write_instructions(handler, out);
}

fn write_discover<H: Handler>(handler: &H, out: &mut Vec<u8>) {
    out.extend_from_slice(br#""supportedVersions":"#);
    write_modern_versions(out);
    out.extend_from_slice(br#","capabilities":"#);
    handler.catalog().write_capabilities(out);
    write_instructions(handler, out);
}

fn write_instructions<H: Handler>(handler: &H, out: &mut Vec<u8>) {
    if let Some(instructions) = &handler.catalog().instructions {
        out.extend_from_slice(br#","instructions":"#);
        json::write_string(out, instructions);
    }
}

#[cold]
fn refusal_of<'b>(failure: Failure, answer: &Answer<'b>, era: Era) -> Refusal<'b> {
    match (failure, answer) {
        (Failure::ResourceNotFound, Answer::ReadResource { uri }) => {
            Refusal::resource_not_found(era, uri)
        }
        (Failure::ResourceNotFound, _) => Refusal::invalid_params("Resource not found"),
        (Failure::InvalidParams(message), _) => Refusal::invalid_params(message),
        (Failure::Internal(message), _) => {
            tracing::error!(what = what(answer), error = message, "failed to answer a request");
            Refusal::new(Stage::InBand, ErrorCode::INTERNAL_ERROR, message)
        }
    }
}

/// What was asked for, in the words of an operator.
fn what(answer: &Answer<'_>) -> String {
    match answer {
        Answer::CallTool { name, .. } => format!("tool `{name}`"),
        Answer::GetPrompt { name, .. } => format!("prompt `{name}`"),
        Answer::ReadResource { uri } => format!("resource `{uri}`"),
        Answer::Complete(_) => "completion".to_owned(),
        Answer::ListResources { .. } => "the list of resources".to_owned(),
        _ => "the server".to_owned(),
    }
}
