//! Tasks: which calls become one, and the answers to questions about them (2025-11-25, "Tasks";
//! the extension `io.modelcontextprotocol/tasks` of 2026-07-28).

use super::cursor::Cursor;
use super::open::Context;
use super::params::{object, string};
use super::plan::{Plan, bad_cursor};
use super::refusal::{Refusal, Stage};
use super::subscriptions::require_tasks;
use crate::app::call::Link;
use crate::app::{Catalog, Placement, TaskSupport, ToolId};
use crate::json::{Kind, Value};
use crate::protocol::{Era, ProtocolVersion};
use crate::rpc::ErrorCode;
use crate::store::{Owner, Task, Wire};
use std::sync::Arc;

/// `params.taskId`, from a client that may ask for tasks.
pub(super) fn id<'b>(context: &Context<'b>) -> Result<&'b str, Refusal<'b>> {
    if context.era() == Era::Modern {
        require_tasks(context)?;
    }
    string(context.params.all.get("taskId"), "params.taskId")
}

/// What a call gets that is not answered at once; `None` where it is.
pub(super) fn place<'b>(
    tool: Option<ToolId>,
    placement: Placement,
    context: &Context<'b>,
    catalog: &Catalog,
) -> Result<Option<Plan<'b>>, Refusal<'b>> {
    let elsewhere = match placement {
        Placement::Worker => Some(Plan::Defer),
        Placement::Shard => None,
    };
    let support = tool.and_then(|tool| catalog.tools[tool.0].task);
    match (context.version, support) {
        (ProtocolVersion::V2026_07_28, None) => Ok(elsewhere),
        (ProtocolVersion::V2026_07_28, Some(support)) => match (require_tasks(context), support) {
            (Ok(()), _) => Ok(Some(Plan::Task { ttl_ms: None })),
            (Err(_), TaskSupport::Optional) => Ok(elsewhere),
            (Err(refusal), TaskSupport::Required) => Err(refusal),
        },
        (ProtocolVersion::V2025_11_25, support) => {
            match (context.params.all.get("task"), support) {
                (Some(_), None) => Err(task_support("this tool cannot be called as a task")),
                (None, Some(TaskSupport::Required)) => {
                    Err(task_support("this tool can only be called as a task (params.task)"))
                }
                (None, _) => Ok(elsewhere),
                (Some(wished), Some(_)) => {
                    let wished = object(Some(wished), "params.task")?;
                    Ok(Some(Plan::Task { ttl_ms: ttl(wished.get("ttl"))? }))
                }
            }
        }
        // Before there were tasks, all tools were called.
        _ => Ok(elsewhere),
    }
}

/// -32601, as the page has it ("Tool-Level Negotiation").
fn task_support<'b>(message: &'static str) -> Refusal<'b> {
    Refusal::new(Stage::InBand, ErrorCode::METHOD_NOT_FOUND, message)
}

fn ttl<'b>(value: Option<Value<'b>>) -> Result<Option<u64>, Refusal<'b>> {
    match value.map(|value| (value.kind(), value.as_u64())) {
        None | Some((Kind::Null, _)) => Ok(None),
        Some((_, Some(ttl_ms))) => Ok(Some(ttl_ms)),
        Some((_, None)) => {
            Err(Refusal::invalid_params("params.task.ttl must be a number of milliseconds"))
        }
    }
}

/// After which task a page begins.
pub(super) fn page<'b>(cursor: Option<Cursor>) -> Result<Option<(u64, String)>, Refusal<'b>> {
    match cursor {
        None => Ok(None),
        Some(Cursor::Provider(Some(after))) => {
            let (created_ms, id) = after.split_once(' ').ok_or_else(bad_cursor)?;
            let created_ms = created_ms.parse().map_err(|_| bad_cursor())?;
            Ok(Some((created_ms, id.to_owned())))
        }
        Some(Cursor::Provider(None) | Cursor::Catalog(_)) => Err(bad_cursor()),
    }
}

/// The task of this id, if it is the caller's.
pub(super) fn find<'b>(id: &str, link: &Link<'_>) -> Result<Arc<Task>, Refusal<'b>> {
    let found = link.hub.tasks.find(id, &owner(link), (link.hub.clock.steady_ms)());
    found.ok_or_else(unknown)
}

/// There is no such task, or it is somebody else's: nobody can tell which.
pub(crate) fn unknown<'b>() -> Refusal<'b> {
    Refusal::invalid_params("Task not found: it never was, or its time is over")
}

fn owner(link: &Link<'_>) -> Owner {
    Owner::of(link.version, link.session, link.principal)
}

/// Answers `tasks/update`: each response that belongs to an open question ends the wait for it.
pub(super) fn update(task: &Task, responses: Value<'_>, link: &Link<'_>) {
    let now_ms = (link.hub.clock.unix_ms)();
    for (key, response) in responses.members_or_none() {
        let mut text = Vec::new();
        response.write(&mut text);
        task.answer(key, text, now_ms);
    }
    link.hub.announce(task);
}

/// Answers `tasks/cancel`. In 2025-11-25 a task that is over cannot be cancelled.
pub(super) fn cancel<'b>(task: &Task, link: &Link<'_>) -> Result<(), Refusal<'b>> {
    let ended = task.cancel((link.hub.clock.unix_ms)());
    link.hub.announce(task);
    match ended || link.version.era() == Era::Modern {
        true => Ok(()),
        false => Err(Refusal::invalid_params("Cannot cancel task: it is over already")),
    }
}

/// Appends a page of the caller's tasks, as the member `tasks`, and says where the next begins.
pub(super) fn write_list(
    after: Option<&(u64, String)>,
    page_size: usize,
    link: &Link<'_>,
    out: &mut Vec<u8>,
) -> Option<Cursor> {
    let mut tasks = link.hub.tasks.of(&owner(link), (link.hub.clock.steady_ms)());
    if let Some((created_ms, id)) = after {
        tasks.retain(|task| task.place() > (*created_ms, id.as_str()));
    }
    out.extend_from_slice(br#""tasks":["#);
    for (index, task) in tasks.iter().take(page_size).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.push(b'{');
        task.write(Wire::Legacy, false, out);
        out.push(b'}');
    }
    out.push(b']');
    let last = tasks.get(page_size - 1).filter(|_| tasks.len() > page_size)?;
    let (created_ms, id) = last.place();
    Some(Cursor::Provider(Some(format!("{created_ms} {id}"))))
}
