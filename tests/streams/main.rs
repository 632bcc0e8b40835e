//! Streams on the real network: signs of life, ends, slow readers, and what comes after them.

#[path = "../common/mod.rs"]
mod common;
mod life;
mod load;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::events::{Tap, Up, ask, call_with, listen, up};
use common::{PATIENCE, Post, eventually};
use mcp_fastd::{Call, Config, Empty, LogLevel, Server, about};
use serde_json::json;

#[derive(Default)]
struct Seen {
    running: AtomicUsize,
    cancelled: AtomicUsize,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Size {
    count: usize,
    bytes: usize,
}

fn shout(_: &Arc<Seen>, Size { count, bytes }: Size, call: &Call<'_>) -> &'static str {
    for at in 0..count {
        call.notifier().resource_updated(&uri(at, bytes));
    }
    "shouted"
}

fn uri(at: usize, bytes: usize) -> String {
    format!("x://{at}/{}", "y".repeat(bytes))
}

fn flood(_: &Arc<Seen>, Size { count, bytes }: Size, call: &Call<'_>) -> &'static str {
    let line = "z".repeat(bytes);
    for at in 0..count {
        call.progress(at as f64);
        call.log(LogLevel::Info, format!("{at} {line}"));
    }
    "flooded"
}

fn slow(seen: &Arc<Seen>, _: Empty, call: &Call<'_>) -> &'static str {
    seen.running.fetch_add(1, Ordering::SeqCst);
    let whole = call.sleep(PATIENCE);
    seen.cancelled.fetch_add(usize::from(!whole), Ordering::SeqCst);
    "slept"
}

fn says(_: &Arc<Seen>, _: Empty, call: &Call<'_>) -> &'static str {
    call.log(LogLevel::Info, "first");
    call.sleep(Duration::from_millis(20));
    call.log(LogLevel::Info, "second");
    "said"
}

fn start_with(change: impl FnOnce(&mut Config)) -> (Up, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let server = Server::builder()
        .state(seen.clone())
        .tool("shout", shout)
        .tool("flood_on_shard", flood)
        .tool("says_on_shard", |_: &Arc<Seen>, _: Empty, call: &Call<'_>| {
            call.log(LogLevel::Info, "said");
            "said"
        })
        .tool("quick", |_: Empty| "quick")
        .tool(about("flood").on_worker(), flood)
        .tool(about("slow").on_worker(), slow)
        .tool(about("says").on_worker(), says)
        .tool(about("nap").on_worker(), |_: &Arc<Seen>, _: Empty, call: &Call<'_>| {
            call.sleep(Duration::from_millis(500));
            "rested"
        })
        .tool(about("says_and_panics").on_worker(), panics)
        .resource("x://1", |_: &Arc<Seen>| "1")
        .build();
    (up(server, change), seen)
}

fn panics(_: &Arc<Seen>, _: Empty, call: &Call<'_>) -> String {
    call.log(LogLevel::Info, "still well");
    call.sleep(Duration::from_millis(20));
    panic!("as it was told")
}

fn logging(id: u64, tool: &str) -> Post {
    call_with(id, tool, json!({ "io.modelcontextprotocol/logLevel": "debug" }))
}

fn sized(tool: &str, count: usize, bytes: usize) -> Post {
    let meta = json!({ "io.modelcontextprotocol/logLevel": "debug", "progressToken": "p" });
    let arguments = json!({ "count": count, "bytes": bytes });
    ask(json!(1), "tools/call", json!({ "name": tool, "arguments": arguments, "_meta": meta }))
}

fn tools() -> Post {
    listen(json!(1), json!({ "toolsListChanged": true }))
}

/// A session of 2025-11-25, and a GET for its stream.
fn get(server: &Up, version: &str) -> Post {
    let params = json!({ "protocolVersion": version, "capabilities": {},
        "clientInfo": { "name": "tester", "version": "1" } });
    let post = common::legacy(json!(0), "initialize", params);
    let tap = server.open(&post.without("MCP-Protocol-Version"));
    let session = tap.field("mcp-session-id").expect("a session").to_owned();
    Post::new("")
        .line("GET /mcp HTTP/1.1")
        .without("Content-Type")
        .with("MCP-Protocol-Version", version)
        .with("Mcp-Session-Id", &session)
}

#[track_caller]
fn assert_streams(tap: &Tap) {
    assert_eq!((tap.status, tap.field("content-type")), (200, Some("text/event-stream")));
    assert_eq!(tap.field("cache-control"), Some("no-cache, no-transform"));
    assert_eq!(tap.field("x-accel-buffering"), Some("no"));
    assert_eq!(tap.field("content-encoding"), None);
}
