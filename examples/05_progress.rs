//! Progress, log lines and cancellation: what a function says before its result.
//!
//! ```sh
//! cargo run --example 05_progress -- --bind 127.0.0.1:8000
//! ```

use std::time::Duration;

use mcp_fastd::{Call, LogLevel, Progress, Server, about};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Report {
    /// The chapters to write, one after the other.
    chapters: Vec<String>,
}

/// Nothing has to be set up: with the first thing that is said, the answer becomes a stream.
fn write(_state: &(), Report { chapters }: Report, call: &Call) -> Result<String, &'static str> {
    for (index, chapter) in chapters.iter().enumerate() {
        call.progress(Progress {
            progress: index as f64,
            total: Some(chapters.len() as f64),
            message: Some(format!("writing {chapter}")),
        });
        if chapter.is_empty() {
            call.log(LogLevel::Warning, "a chapter without a name");
        }
        // Ends early when the client cancels, or when it is gone and cannot come back.
        if !call.sleep(Duration::from_millis(20)) {
            return Err("cancelled");
        }
    }
    Ok(format!("{} chapters are written.", chapters.len()))
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    Server::builder()
        .tool(about("write_report").describe("Writes a report.").on_worker(), write)
        .bind(bind.as_str())
        .run_with(|address| println!("listening on http://{address}/mcp"))
}
