//! Tasks: the extension of 2026-07-28, and those of 2025-11-25.

#[path = "../common/mod.rs"]
mod common;
mod extension;
mod listening;
mod stateful;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::events::{Tap, Up, able, ask, call_with, listen, takes_tasks, up};
use common::{Post, eventually};
use mcp_fastd::{
    Call, Capability, Elicitation, Elicited, Empty, Interrupted, LogLevel, Server, TaskSupport,
    about,
};
use serde_json::{Value, json};

const RELATED: &str = "io.modelcontextprotocol/related-task";

#[derive(Default)]
struct Seen {
    running: AtomicUsize,
    cancelled: AtomicUsize,
    refused: AtomicUsize,
}

fn quick(_: &Arc<Seen>, _: Empty, call: &Call<'_>) -> &'static str {
    call.progress(1.0);
    call.log(LogLevel::Error, "said");
    "done"
}

fn slow(seen: &Arc<Seen>, _: Empty, call: &Call<'_>) -> &'static str {
    seen.running.fetch_add(1, Ordering::SeqCst);
    let whole = call.sleep(common::PATIENCE);
    seen.cancelled.fetch_add(usize::from(!whole), Ordering::SeqCst);
    "slept"
}

fn asks(_: &Arc<Seen>, _: Empty, call: &Call<'_>) -> Result<String, Interrupted> {
    let mut said = Vec::new();
    for key in ["name", "name", "other"] {
        let question = Elicitation::form(key).field("x", json!({ "type": "string" }));
        said.push(match call.elicit(key, question)? {
            Elicited::Accepted(fields) => fields["x"].as_str().unwrap_or("?").to_owned(),
            other => format!("{other:?}"),
        });
    }
    Ok(said.join(" "))
}

fn later(_: &Arc<Seen>, _: Empty, call: &Call<'_>) -> Result<&'static str, Interrupted> {
    call.progress(1.0);
    call.start_task()?;
    call.progress(2.0);
    call.log(LogLevel::Error, "not said");
    call.start_task()?;
    Ok("later")
}

fn too_late(seen: &Arc<Seen>, input: Empty, call: &Call<'_>) -> Result<(), Interrupted> {
    slow(seen, input, call);
    let begun = call.start_task();
    seen.refused.fetch_add(usize::from(begun.is_err() || call.cancelled()), Ordering::SeqCst);
    begun
}

fn asks_once(_: &Arc<Seen>, _: Empty, call: &Call<'_>) -> Result<(), Interrupted> {
    call.elicit("name", Elicitation::form("Your name?")).map(|_| ())
}

fn breaks(_: &Arc<Seen>, _: Empty, call: &Call<'_>) -> Result<(), Interrupted> {
    Err(call.protocol_error(-32050, "as it was told"))
}

fn start_with(change: impl FnOnce(&mut mcp_fastd::Config)) -> (Up, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let optional = |name: &str| about(name).on_worker().task(TaskSupport::Optional);
    let server = Server::builder()
        .state(seen.clone())
        .tool(optional("quick"), quick)
        .tool(optional("slow"), slow)
        .tool(optional("asks"), asks)
        .tool(optional("asks_once"), asks_once)
        .tool(about("too_late").on_worker(), too_late)
        .tool(optional("breaks"), breaks)
        .tool(optional("fails"), |_: Empty| Err::<(), _>("a tool's error"))
        .tool(optional("panics"), |_: Empty| -> String { panic!("as it was told") })
        .tool(about("required").on_worker().task(TaskSupport::Required), |_: Empty| "required")
        .tool(about("plain").on_worker(), |_: Empty| "plain")
        .tool(about("later").on_worker(), later)
        .build();
    (up(server, change), seen)
}

fn start() -> (Up, Arc<Seen>) {
    start_with(|_| {})
}

fn modern(method: &str, mut params: Value) -> Post {
    params["_meta"] = takes_tasks();
    ask(json!("task"), method, params)
}

/// Calls a tool that becomes a task; its handle.
#[track_caller]
fn begin(server: &Up, tool: &str) -> String {
    let handle = server.result(&call_with(1, tool, takes_tasks()));
    assert_eq!(handle["resultType"], "task", "{handle}");
    check_task(&handle);
    handle["taskId"].as_str().expect("an id").to_owned()
}

/// `Task` of the extension.
#[track_caller]
fn check_task(task: &Value) {
    assert!(task["taskId"].as_str().is_some_and(|id| id.len() >= 32), "{task}");
    for time in ["createdAt", "lastUpdatedAt"] {
        let text = task[time].as_str().expect("a time");
        assert!(text.len() >= 20 && text.ends_with('Z') && &text[10..11] == "T", "{task}");
    }
    assert!(task["ttlMs"].is_u64() && task["pollIntervalMs"].is_u64(), "{task}");
    assert_eq!(task["status"] == "input_required", task.get("inputRequests").is_some(), "{task}");
    assert_eq!(task["status"] == "completed", task.get("result").is_some(), "{task}");
    assert_eq!(task["status"] == "failed", task.get("error").is_some(), "{task}");
}

#[track_caller]
fn get(server: &Up, id: &str) -> Value {
    let task = server.result(&modern("tasks/get", json!({ "taskId": id })));
    assert_eq!(task["resultType"], "complete", "{task}");
    check_task(&task);
    task
}

/// Polls until the task has this status.
#[track_caller]
fn until(server: &Up, id: &str, status: &str) -> Value {
    let mut task = Value::Null;
    eventually(status, || {
        task = get(server, id);
        task["status"] == status
    });
    task
}

fn update(id: &str, responses: Value) -> Post {
    modern("tasks/update", json!({ "taskId": id, "inputResponses": responses }))
}

fn accept(x: &str) -> Value {
    json!({ "action": "accept", "content": { "x": x } })
}
