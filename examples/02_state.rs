//! Tools that share a state: a counter that every client moves on.
//!
//! ```sh
//! cargo run --example 02_state -- --bind 127.0.0.1:8000
//! ```

use std::sync::atomic::{AtomicI64, Ordering};

use mcp_fastd::{Empty, Server, about};

#[derive(Default)]
struct Counter {
    value: AtomicI64,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Step {
    /// How far to move on; 1 if left out.
    #[serde(default = "one")]
    by: i64,
}

fn one() -> i64 {
    1
}

impl Counter {
    fn increment(&self, Step { by }: Step) -> String {
        let value = self.value.fetch_add(by, Ordering::Relaxed) + by;
        format!("The counter is at {value}.")
    }

    fn value(&self, _: Empty) -> String {
        format!("The counter is at {}.", self.value.load(Ordering::Relaxed))
    }
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    let running = Server::builder()
        .state(Counter::default())
        .tool(about("increment").describe("Moves the counter on."), Counter::increment)
        .tool(about("value").describe("Says where the counter is."), Counter::value)
        .bind(bind.as_str())
        .start()?;
    println!("listening on http://{}/mcp", running.addr());
    running.wait();
    Ok(())
}
