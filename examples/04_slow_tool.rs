//! A tool that takes its time: it runs on a worker, and the shard goes on serving others.
//!
//! ```sh
//! cargo run --example 04_slow_tool -- --bind 127.0.0.1:8000
//! ```

use std::time::{Duration, Instant};

use mcp_fastd::{Call, Server, about};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Nap {
    /// How long, in milliseconds.
    milliseconds: u64,
}

fn sleep(_state: &(), nap: Nap, call: &Call) -> Result<String, &'static str> {
    let until = Instant::now() + Duration::from_millis(nap.milliseconds);
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        // The connection was reset: nobody waits any more. Stop, and give the worker back.
        if call.cancelled() {
            return Err("cancelled");
        }
        std::thread::sleep(left.min(Duration::from_millis(20)));
    }
    Ok(format!("Slept for {} ms.", nap.milliseconds))
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    let running = Server::builder()
        .tool(about("sleep").describe("Sleeps, then says so.").on_worker(), sleep)
        .bind(bind.as_str())
        .start()?;
    println!("listening on http://{}/mcp", running.addr());
    running.wait();
    Ok(())
}
