//! Settings, statistics and a clean stop: the server stops when standard input ends, after what is
//! under way has been answered.
//!
//! ```sh
//! cargo run --example 12_shutdown -- --bind 127.0.0.1:8000
//! ```

use std::io::Read;
use std::time::Duration;

use mcp_fastd::{Config, Empty, Server, about};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    let config = Config {
        bind: bind.parse()?,
        cores: Some(1),
        idle_timeout: Duration::from_secs(20),
        shutdown_grace: Duration::from_secs(5),
        ..Config::default()
    };
    let running = Server::builder()
        .tool(about("ping").describe("Says pong."), |_: Empty| "pong")
        .config(config)
        .start()?;
    println!("listening on http://{}/mcp", running.addr());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let connections: usize = running.stats().iter().map(|shard| shard.connections).sum();
    running.stop();
    println!("stopped, with {connections} connections open");
    Ok(())
}
