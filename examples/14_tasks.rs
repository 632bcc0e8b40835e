//! Tasks: work that takes minutes, whose client gets a handle at once and the result later.
//!
//! ```sh
//! cargo run --example 14_tasks -- --bind 127.0.0.1:8000
//! ```

use std::time::Duration;

use mcp_fastd::{Call, Elicitation, Interrupted, Server, TaskSupport, about};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Build {
    /// What to build.
    target: String,
}

/// Runs as a task for clients that take one, and as a call for the others.
fn build(_state: &(), Build { target }: Build, call: &Call) -> Result<String, Interrupted> {
    if !call.sleep(Duration::from_millis(300)) {
        return Err(Interrupted::Cancelled);
    }
    // In a task, a question stands in the task until the client answers it.
    let answer = call.elicit("release", Elicitation::form(format!("Release {target}?")))?;
    match answer {
        mcp_fastd::Elicited::Accepted(_) => Ok(format!("{target} is built and released.")),
        _ => Ok(format!("{target} is built.")),
    }
}

/// Whether it is worth a task turns out on the way: a large archive is, a small one is not.
fn unpack(_state: &(), Build { target }: Build, call: &Call) -> Result<String, Interrupted> {
    if target.len() > 10 {
        call.start_task()?;
        call.sleep(Duration::from_millis(300));
    }
    Ok(format!("{target} is unpacked."))
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    let build_about = about("build").describe("Builds something.").task(TaskSupport::Optional);
    Server::builder()
        .tool(build_about, build)
        .tool(about("unpack").describe("Unpacks an archive.").on_worker(), unpack)
        .bind(bind.as_str())
        .run_with(|address| println!("listening on http://{address}/mcp"))
}
