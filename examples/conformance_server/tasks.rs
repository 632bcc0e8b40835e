//! Tools that run as tasks (the extension `io.modelcontextprotocol/tasks`) when the client can
//! handle them.

use std::time::Duration;

use mcp_fastd::app::tool::{Group, Tools};
use mcp_fastd::{Call, Capability, Elicitation, Empty, Interrupted, TaskSupport, about, group};
use serde_json::json;

use crate::questions;

pub(crate) fn tools() -> Group<(), impl Tools<()>> {
    let optional = |name: &str| about(name).task(TaskSupport::Optional);
    let required = |name: &str| about(name).task(TaskSupport::Required);
    group()
        .tool(optional("slow_compute").describe("Takes as long as it is told to."), slow_compute)
        .tool(optional("confirm_delete").describe("Asks before it deletes."), confirm_delete)
        .tool(optional("multi_input").describe("Asks two questions at once."), multi_input)
        .tool(required("failing_job").describe("Fails after a second."), failing_job)
        .tool(required("protocol_error_job").describe("Ends without a result."), protocol_error)
        .tool(
            about("test_tool_with_task").describe("Asks first, then is a task.").on_worker(),
            asks_first,
        )
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Computation {
    /// How long it takes.
    seconds: u64,
    /// What the result is called.
    #[serde(default)]
    label: String,
}

fn slow_compute(
    _: &(),
    Computation { seconds, label }: Computation,
    call: &Call,
) -> Result<String, &'static str> {
    if !call.sleep(Duration::from_secs(seconds)) {
        return Err("cancelled");
    }
    Ok(format!("{label}: computed for {seconds} s."))
}

fn failing_job(_: &(), _: Empty, call: &Call) -> Result<(), &'static str> {
    call.sleep(Duration::from_secs(1));
    Err("This job always fails.")
}

fn protocol_error(_: &(), _: Empty, call: &Call) -> Result<(), Interrupted> {
    Err(call.protocol_error(-32603, "This job always breaks."))
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Deletion {
    /// What would be deleted.
    filename: String,
}

fn confirm_delete(
    _: &(),
    Deletion { filename }: Deletion,
    call: &Call,
) -> Result<String, Interrupted> {
    let question = Elicitation::form(format!("Delete {filename}?"))
        .field("confirm", json!({ "type": "boolean" }));
    let elicited = call.elicit("confirm", question)?;
    let confirmed = elicited.field("confirm").and_then(|value| value.as_bool());
    Ok(match confirmed {
        Some(true) => format!("{filename} would be gone now."),
        _ => format!("{filename} was kept."),
    })
}

fn multi_input(_: &(), _: Empty, call: &Call) -> Result<String, Interrupted> {
    let question = Elicitation::form("Go on?").field("confirm", json!({ "type": "boolean" }));
    let [name, confirm] =
        call.elicit_all([("name", questions::for_name()), ("confirm", question)])?;
    Ok(format!("Both were answered: {:?}, {:?}.", name.field("name"), confirm.field("confirm")))
}

/// Asks while it is a call, and becomes a task when it has its answer.
fn asks_first(_: &(), _: Empty, call: &Call) -> Result<String, Interrupted> {
    call.require(Capability::Tasks)?;
    let elicited = call.elicit("user_name", questions::for_name())?;
    call.start_task()?;
    call.sleep(Duration::from_millis(100));
    let name = elicited.field("name").and_then(|name| name.as_str());
    Ok(format!("Hello, {}!", name.unwrap_or("stranger")))
}
