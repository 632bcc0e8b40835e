//! A server for a client that starts it: over standard input and output; with `--bind`, over HTTP
//! at the same time.
//!
//! ```sh
//! cargo run --example 10_stdio
//! cargo run --example 10_stdio -- --bind 127.0.0.1:8000
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

use mcp_fastd::{Empty, Server, about};

fn count(counter: &AtomicU64, _: Empty) -> String {
    // Standard output is the client's: what is printed goes to standard error.
    println!("counting");
    format!("Counted to {}.", counter.fetch_add(1, Ordering::Relaxed) + 1)
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let mut server = Server::builder()
        .state(AtomicU64::new(0))
        .tool(about("count").describe("Counts on."), count)
        .stdio();
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    if let Some(address) = arguments.nth(1) {
        server = server.bind(address.as_str());
    }
    server.run_with(|address| println!("listening on http://{address}/mcp"))
}
