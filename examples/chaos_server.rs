//! What `scripts/chaos` is unkind to, beside the daemon: tools that are slow, that stream, whose
//! answers are large, that tell others, and that are tasks.
//!
//! ```sh
//! cargo run --release --example chaos_server -- --bind 127.0.0.1:8000 --connections-max 5000
//! ```

use std::time::Duration;

use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

use mcp_fastd::{Call, Config, Interrupted, Server, TaskSupport, about};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Text {
    text: String,
}

fn echo(Text { text }: Text) -> String {
    text
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Size {
    bytes: usize,
}

/// Digits, so that it can be seen where some are missing.
fn fill(Size { bytes }: Size) -> Result<String, &'static str> {
    match bytes {
        0..=1_000_000 => Ok("0123456789".chars().cycle().take(bytes).collect()),
        _ => Err("bytes: at most 1,000,000"),
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Steps {
    steps: u32,
    pause_ms: u64,
}

fn count(_: &(), steps: Steps, call: &Call) -> Result<String, Interrupted> {
    let Steps { steps, pause_ms } = steps;
    for step in 1..=steps.min(1_000) {
        call.progress((f64::from(step), f64::from(steps)));
        if !call.sleep(Duration::from_millis(pause_ms.min(1_000))) {
            return Err(Interrupted::Cancelled);
        }
    }
    Ok(format!("{steps} steps"))
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Changed {
    uri: String,
}

fn touch(_: &(), Changed { uri }: Changed, call: &Call) -> String {
    call.notifier().resource_updated(&uri);
    uri
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Named {
    name: String,
}

const USAGE: &str = "usage: chaos_server [--bind ADDRESS:PORT] [--connections-max N]";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let second = Duration::from_secs(1);
    // Short, so that all of them happen within a run.
    let mut config = Config {
        head_timeout: 2 * second,
        body_timeout: 3 * second,
        write_timeout: 3 * second,
        keep_alive: second,
        session_idle_timeout: 10 * second,
        replay_window: 10 * second,
        shutdown_grace: 3 * second,
        workers: Some(32),
        ..Config::default()
    };
    // A server that was stopped for seconds has calls that waited for seconds.
    config.overload.queue_delay_target = Duration::ZERO;
    config.http_sse.session_timeout = 10 * second;
    let mut bind = "127.0.0.1:8000".to_owned();
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match option.as_str() {
            "--bind" => bind = value,
            "--connections-max" => config.connections_max = value.parse()?,
            _ => return Err(USAGE.into()),
        }
    }
    let running = Server::builder()
        .tool("echo", echo)
        .tool(about("echo_on_worker").on_worker(), echo)
        .tool("fill", fill)
        .tool(about("count").on_worker(), count)
        .tool(about("work").task(TaskSupport::Optional), count)
        .tool("touch", touch)
        .resource_template("chaos://{name}", |Named { name }: Named| name)
        .config(config)
        .bind(bind.as_str())
        .start()?;
    println!("listening on http://{}/mcp", running.addr());
    Signals::new([SIGTERM])?.forever().next();
    running.stop();
    Ok(())
}
