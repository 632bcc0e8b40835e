//! Tools that say something before their result, or something else than it.

use std::time::Duration;

use mcp_fastd::app::tool::{Group, Tools};
use mcp_fastd::{Call, Empty, LogLevel, about, group};

const STEP: Duration = Duration::from_millis(50);

pub(crate) fn tools() -> Group<(), impl Tools<()>> {
    group()
        .tool(
            about("test_tool_with_progress").describe("Says how far it is.").on_worker(),
            with_progress,
        )
        .tool(
            about("test_tool_with_logging").describe("Logs what it does.").on_worker(),
            with_logging,
        )
        .tool(
            about("test_reconnection").describe("Lets the client come back for it.").on_worker(),
            reconnection,
        )
        .tool(about("test_logging_tool").describe("Logs that it was called."), logging)
        .tool(
            about("test_trigger_tool_change").describe("Says that the tools have changed."),
            tool_change,
        )
        .tool(
            about("test_trigger_prompt_change").describe("Says that the prompts have changed."),
            prompt_change,
        )
        .tool(
            about("test_trigger_resource_update").describe("Says that a resource has changed."),
            resource_update,
        )
        .tool(
            about("test_cancellation").describe("Waits until it is cancelled.").on_worker(),
            cancellation,
        )
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Watched {
    /// The resource that changes.
    uri: String,
}

fn with_progress(_: &(), _: Empty, call: &Call) -> &'static str {
    call.progress((0.0, 100.0));
    call.sleep(STEP);
    call.progress((50.0, 100.0));
    call.sleep(STEP);
    call.progress((100.0, 100.0));
    "Done."
}

fn with_logging(_: &(), _: Empty, call: &Call) -> &'static str {
    call.log(LogLevel::Info, "started");
    call.sleep(STEP);
    call.log(LogLevel::Info, "half done");
    call.sleep(STEP);
    call.log(LogLevel::Info, "done");
    "Done."
}

fn reconnection(_: &(), _: Empty, call: &Call) -> &'static str {
    call.hang_up();
    call.sleep(Duration::from_millis(100));
    "Done, while nobody was connected."
}

/// For a client of 2026-07-28 that did not ask for it, the line goes nowhere.
fn logging(_: &(), _: Empty, call: &Call) -> &'static str {
    call.log(LogLevel::Info, "called");
    "Called."
}

fn tool_change(_: &(), _: Empty, call: &Call) -> &'static str {
    call.notifier().tools_changed();
    "Whoever listens knows."
}

fn prompt_change(_: &(), _: Empty, call: &Call) -> &'static str {
    call.notifier().prompts_changed();
    "Whoever listens knows."
}

fn resource_update(_: &(), Watched { uri }: Watched, call: &Call) -> &'static str {
    call.notifier().resource_updated(&uri);
    "Whoever is subscribed knows."
}

/// A cancelled call has no answer, so that a resource must tell that the tool was told.
fn cancellation(_: &(), Watched { uri }: Watched, call: &Call) -> &'static str {
    call.progress(0.0);
    if !call.sleep(Duration::from_secs(30)) {
        call.notifier().resource_updated(&uri);
    }
    "Nobody cancelled."
}
