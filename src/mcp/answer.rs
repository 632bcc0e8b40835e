//! Writing answers. The same function runs on a shard and on a worker.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::params::Params;
use super::plan::Answer;
use super::refusal::{Refusal, Stage};
use super::written::{Came, Written};
use super::{handshake, input, lists, tasks};
use crate::app::call::{Interruption, Link};
use crate::app::completion::CompletionReply;
use crate::app::{Call, Catalog, Failure, Handler, PromptReply, ResourceReply, ToolReply};
use crate::json;
use crate::protocol::Era;
use crate::rpc::{self, ErrorCode, Id};
use crate::store::{Outcome, Session, Task, Wire};

/// Why there is no result.
enum Unanswered<'b> {
    Refused(Refusal<'b>),
    /// The client is to answer questions first.
    InputRequired(Box<Interruption>),
}

impl<'b> From<Refusal<'b>> for Unanswered<'b> {
    fn from(refusal: Refusal<'b>) -> Self {
        Unanswered::Refused(refusal)
    }
}

/// Appends the response to the request `id`, whose parameters are `params`.
///
/// A failure of the application, a panic included, becomes an error response; what it had written
/// by then is taken back.
pub(crate) fn answer<H: Handler>(
    answer: &Answer<'_>,
    id: Id<'_>,
    params: &Params<'_>,
    handler: &H,
    link: Link<'_>,
    task: Option<Arc<Task>>,
    out: &mut Vec<u8>,
) -> Written {
    if let Answer::Refuse(refusal) = answer {
        refusal.write(Some(id), out);
        return Written::refused(refusal.stage == Stage::Envelope, refusal.code);
    }
    if !(params.continues() && answer.may_continue(link.version)) {
        return answer_round(answer, id, handler, link, task, out);
    }
    match input::read(params, answer, &link) {
        Ok(inputs) => {
            let link = Link { inputs: Some(&inputs), ..link };
            answer_round(answer, id, handler, link, task, out)
        }
        Err(refusal) => {
            let written = Written::refused(false, refusal.code);
            if let Some(task) = task {
                finish_task(&task, outcome_of(Err(refusal.into()), &[]), &link);
                return Written { as_task: true, ..written };
            }
            refusal.write(Some(id), out);
            written
        }
    }
}

/// A task is over: whoever listens is told.
fn finish_task(task: &Task, outcome: Outcome, link: &Link<'_>) {
    task.finish(outcome, (link.hub.clock.unix_ms)());
    link.hub.announce(task);
}

/// One round of a call, which is all there is of most.
#[inline]
fn answer_round<H: Handler>(
    answer: &Answer<'_>,
    id: Id<'_>,
    handler: &H,
    link: Link<'_>,
    task: Option<Arc<Task>>,
    out: &mut Vec<u8>,
) -> Written {
    let from = out.len();
    rpc::begin_result(out, id);
    let result_from = out.len();
    begin_members(handler, answer, link.version.era(), out);
    let members_from = out.len();
    let mut call = Call::new(link, task);
    let written = catch_unwind(AssertUnwindSafe(|| write_members(answer, handler, &mut call, out)));
    let written = written.unwrap_or_else(|_| {
        tracing::error!(what = what(answer), "panicked while answering a request");
        let message = format!("Internal error: {} panicked", what(answer));
        Err(Refusal::new(Stage::InBand, ErrorCode::INTERNAL_ERROR, message).into())
    });
    let said = call.take_said();
    let came = came_of(&written);
    if let Some(task) = call.task() {
        let outcome = outcome_of(written, &out[members_from..]);
        finish_task(task, outcome, &link);
        out.truncate(from);
        return Written { said, as_task: true, bad_request: false, came };
    }
    let mut bad_request = false;
    match written {
        Ok(_) => {
            rpc::end_result_object(out);
        }
        Err(Unanswered::InputRequired(interruption)) => {
            out.truncate(result_from);
            out.push(b'{');
            input::write(*interruption, answer, &link, out);
            rpc::end_result_object(out);
        }
        Err(Unanswered::Refused(refusal)) => {
            out.truncate(from);
            refusal.write(Some(id), out);
            bad_request = refusal.stage == Stage::Envelope;
        }
    }
    Written { said, bad_request, as_task: false, came }
}

#[inline]
fn came_of(written: &Result<bool, Unanswered<'_>>) -> Came {
    match written {
        Ok(false) => Came::Result,
        Ok(true) => Came::ToolError,
        Err(Unanswered::Refused(refusal)) => Came::Error(refusal.code),
        Err(Unanswered::InputRequired(_)) => Came::Question,
    }
}

/// What came of a task, from what was written for its call; whether that is a tool's error.
fn outcome_of(written: Result<bool, Unanswered<'_>>, members: &[u8]) -> Outcome {
    let refusal = match written {
        Ok(is_error) => return Outcome::Result { members: members.to_vec(), is_error },
        Err(Unanswered::Refused(refusal)) => refusal,
        // A task's questions stand in the task; there is no other round.
        Err(Unanswered::InputRequired(_)) => {
            Refusal::new(Stage::InBand, ErrorCode::INTERNAL_ERROR, "the task ended with a question")
        }
    };
    let mut error = Vec::new();
    refusal.write_error(&mut error);
    Outcome::Error(error)
}

/// `{`, and what every result of the era begins with.
#[inline]
fn begin_members<H: Handler>(handler: &H, answer: &Answer<'_>, era: Era, out: &mut Vec<u8>) {
    if era == Era::Legacy {
        return out.push(b'{');
    }
    let begin = handler.catalog().modern_begin.as_bytes();
    let nothing_more =
        matches!(answer, Answer::Empty | Answer::UpdateTask { .. } | Answer::CancelTask { .. });
    // But for its comma.
    out.extend_from_slice(&begin[..begin.len() - usize::from(nothing_more)]);
}

/// Appends the members of the result. Says whether it is a tool's error.
#[inline]
fn write_members<'b, H: Handler>(
    answer: &Answer<'b>,
    handler: &H,
    call: &mut Call<'_>,
    out: &mut Vec<u8>,
) -> Result<bool, Unanswered<'b>> {
    let catalog = handler.catalog();
    match answer {
        Answer::CallTool { tool: Some(tool), arguments, .. } => {
            let mut reply = ToolReply::new(out, call.link.version.era() == Era::Legacy);
            if let Some(validator) = &catalog.tools[tool.0].validator
                && let Err(problem) = validator.check(*arguments)
            {
                reply.error(&format_args!("invalid arguments: {problem}"));
                return Ok(true);
            }
            let called = handler.call_tool(*tool, *arguments, call, &mut reply);
            return finish_call(called, reply, answer, call);
        }
        Answer::CallTool { tool: None, name, arguments } => {
            let mut reply = ToolReply::new(out, call.link.version.era() == Era::Legacy);
            let called = handler.call_provided_tool(name, *arguments, call, &mut reply);
            return finish_call(called, reply, answer, call);
        }
        Answer::GetPrompt { prompt, name, arguments } => {
            let mut reply = PromptReply::new(out);
            let mut got = match *prompt {
                Some(prompt) => handler.get_prompt(prompt, *arguments, call, &mut reply),
                None => handler.get_provided_prompt(name, *arguments, call, &mut reply),
            };
            if got.is_ok() && reply.is_empty() {
                got = reply.messages(None, &[]);
            }
            return unless_interrupted(got, answer, call);
        }
        Answer::ReadResource { uri } => {
            let mut reply = ResourceReply::new(out);
            let mut read = handler.read_resource(uri, call, &mut reply);
            if read.is_ok() && reply.is_empty() {
                read = reply.contents(&[]);
            }
            unless_interrupted(read, answer, call)?;
        }
        Answer::SetLogLevel(level) => {
            session_of(&call.link)?.set_log_level(*level);
            handler.log_level_set(*level, call);
        }
        Answer::Complete(request) => {
            let completed = handler.complete(request, call, &mut CompletionReply::new(out));
            return unless_interrupted(completed, answer, call);
        }
        _ => write_own(answer, handler, &call.link, out)?,
    }
    if call.link.version.era() == Era::Modern {
        write_cache_hints(catalog, answer, call.link.filters, out);
    }
    Ok(false)
}

/// What came of the call of a tool. Says whether it is the tool's error.
#[inline]
fn finish_call<'b>(
    called: Result<(), Failure>,
    mut reply: ToolReply<'_>,
    answer: &Answer<'b>,
    call: &mut Call<'_>,
) -> Result<bool, Unanswered<'b>> {
    if called.is_ok() && reply.is_empty() {
        reply.blocks(&[]);
    }
    let is_error = reply.is_error();
    if is_error || called.is_err() {
        interrupted(call)?;
    }
    called.map_err(|failure| refusal_of(failure, answer, call.link.version.era()))?;
    Ok(is_error)
}

/// Appends the members of a result that the server gives by itself.
fn write_own<'b, H: Handler>(
    answer: &Answer<'b>,
    handler: &H,
    link: &Link<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Unanswered<'b>> {
    let catalog = handler.catalog();
    let page = catalog.page_size;
    match *answer {
        Answer::Initialize { version } => {
            handshake::write_initialize(handler.catalog(), version, out)
        }
        Answer::Discover => handshake::write_discover(handler.catalog(), link.version, out),
        Answer::List { list, ref from } => lists::write(list, from, handler, link, out)
            .map_err(|failure| refusal_of(failure, answer, link.version.era()))?,
        Answer::Subscribe { uri } => {
            let session = session_of(link)?;
            if !session.subscribe(uri) {
                let message = "too many subscriptions, or too long ones (subscriptions_max, \
                               session_subscription_bytes_max)";
                return Err(Refusal::invalid_params(message).into());
            }
            // What comes before the client opens its stream waits there.
            link.hub.open_events(session);
        }
        Answer::Unsubscribe { uri } => session_of(link)?.unsubscribe(uri),
        Answer::GetTask { id } => tasks::find(id, link)?.write(Wire::of(link.version), true, out),
        Answer::UpdateTask { id, responses } => {
            tasks::update(&*tasks::find(id, link)?, responses, link)
        }
        Answer::CancelTask { id } => {
            let task = tasks::find(id, link)?;
            tasks::cancel(&task, link)?;
            if link.version.era() == Era::Legacy {
                task.write(Wire::Legacy, false, out);
            }
        }
        Answer::ListTasks { ref after } => {
            let next = tasks::write_list(after.as_ref(), page, link, out);
            lists::write_cursor("tasks", next, &link.hub.seal, out);
        }
        Answer::Empty
        | Answer::Refuse(_)
        | Answer::SetLogLevel(_)
        | Answer::CallTool { .. }
        | Answer::GetPrompt { .. }
        | Answer::ReadResource { .. }
        | Answer::Complete(_) => {}
    }
    Ok(())
}

/// The session, for what has no effect without one.
fn session_of<'l, 'b>(link: &'l Link<'_>) -> Result<&'l Arc<Session>, Refusal<'b>> {
    link.session.ok_or_else(|| {
        let message = "this needs a session: begin one with `initialize`, and name it";
        Refusal::new(Stage::InBand, ErrorCode::INVALID_REQUEST, message)
    })
}

fn unless_interrupted<'b>(
    done: Result<(), Failure>,
    answer: &Answer<'b>,
    call: &mut Call<'_>,
) -> Result<bool, Unanswered<'b>> {
    match done {
        Ok(()) => Ok(false),
        Err(failure) => {
            interrupted(call)?;
            Err(refusal_of(failure, answer, call.link.version.era()).into())
        }
    }
}

/// A function came back with an error: whether that is because the call was interrupted.
#[cold]
fn interrupted<'b>(call: &mut Call<'_>) -> Result<(), Unanswered<'b>> {
    let modern = call.link.version.era() == Era::Modern;
    let Some(mut interruption) = call.take_interruption() else { return Ok(()) };
    if let Some((code, message)) = interruption.failed.take() {
        return Err(Refusal::new(Stage::InBand, ErrorCode(code), message).into());
    }
    match interruption.missing {
        Some(capability) if modern => Err(Refusal::missing_capability(capability).into()),
        _ if !interruption.questions.is_empty() => Err(Unanswered::InputRequired(interruption)),
        _ => Ok(()),
    }
}

/// `ttlMs` and `cacheScope` of what may be kept (2026-07-28, caching, "Cacheable Results").
///
/// What the catalog holds is the same for everybody; what the application lists and reads may not
/// be, so that is private; as is what was left out for who may not use it. That is stale at once:
/// who has come by more scopes would look for what is theirs now in the list of before.
fn write_cache_hints(catalog: &Catalog, answer: &Answer<'_>, filters: bool, out: &mut Vec<u8>) {
    let (ttl_ms, public) = match answer {
        Answer::ReadResource { .. } => (catalog.cache.reads_ttl_ms, false),
        Answer::List { .. } if filters => (0, false),
        Answer::List { list, .. } if list.provider(catalog).is_some() => {
            (catalog.cache.reads_ttl_ms, false)
        }
        Answer::List { .. } => (catalog.cache.lists_ttl_ms, true),
        Answer::Discover => (catalog.cache.lists_ttl_ms, true),
        _ => return,
    };
    out.extend_from_slice(br#","ttlMs":"#);
    json::write_unsigned(out, ttl_ms);
    out.extend_from_slice(match public {
        true => br#","cacheScope":"public""#.as_slice(),
        false => br#","cacheScope":"private""#.as_slice(),
    });
}

#[cold]
fn refusal_of<'b>(failure: Failure, answer: &Answer<'b>, era: Era) -> Refusal<'b> {
    match (failure, answer) {
        (Failure::ResourceNotFound, Answer::ReadResource { uri }) => {
            Refusal::resource_not_found(era, uri)
        }
        (Failure::ResourceNotFound, _) => Refusal::invalid_params("Resource not found"),
        (Failure::UnknownName, Answer::CallTool { name, .. }) => Refusal::unknown("tool", name),
        (Failure::UnknownName, Answer::GetPrompt { name, .. }) => Refusal::unknown("prompt", name),
        (Failure::UnknownName, _) => Refusal::invalid_params("Unknown name"),
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
        Answer::List { list, .. } => format!("the list of {}", list.key()),
        _ => "the server".to_owned(),
    }
}
