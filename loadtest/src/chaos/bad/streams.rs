//! Those who do not read, and those who do not come back.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{LONG, Peer};
use crate::chaos::message::{self, LEGACY};
use crate::chaos::wire::Wire;

/// Large answers, read a few bytes at a time.
pub fn slow_reader(peer: &mut Peer<'_>) -> io::Result<()> {
    let mut wire = peer.connect_with(Some(2_048))?;
    let fill = message::call(1, "fill", json!({ "bytes": peer.dice.between(100_000, 1_000_000) }));
    let list = message::modern(1, "tools/list", json!({}));
    let requests = [fill, list].concat().repeat(peer.dice.between(1, 40));
    wire.stream.set_write_timeout(Some(Duration::from_millis(500)))?;
    // What does not go in, does not: the server stops to read when nobody reads its answers.
    let _ = wire.send(&requests);
    let (until, pause_ms) = (Instant::now() + LONG, peer.dice.between(10, 300));
    let mut scratch = vec![0; peer.dice.between(1, 3_000)];
    while Instant::now() < until && !peer.is_over() && wire.stream.read(&mut scratch)? > 0 {
        peer.pause(pause_ms / 2, pause_ms);
    }
    peer.leave(wire);
    Ok(())
}

/// A stream that is opened, and filled by others, and not read.
pub fn unread(peer: &mut Peer<'_>) -> io::Result<()> {
    let (stream, uri) = open(peer, Some(2_048))?;
    let mut wire = peer.connect()?;
    let touch = message::call(1, "touch", json!({ "uri": uri }));
    for _ in 0..peer.dice.between(1, 60) {
        if peer.is_over() {
            break;
        }
        wire.send(&touch)?;
        let head = wire.head()?;
        wire.body(&head)?;
        peer.pause(0, 50);
    }
    peer.leave(stream);
    Ok(())
}

pub fn abandoned(peer: &mut Peer<'_>) -> io::Result<()> {
    for _ in 0..peer.dice.between(1, 20) {
        let (stream, _) = open(peer, None)?;
        peer.leave(stream);
    }
    Ok(())
}

/// A stream of one of the three kinds, and what it is told of.
fn open(peer: &mut Peer<'_>, buffer: Option<usize>) -> io::Result<(Wire, String)> {
    let uri = format!("chaos://{}", "u".repeat(peer.dice.between(1, 2_000)));
    let mut wire = peer.connect_with(buffer)?;
    match peer.dice.roll(3) {
        0 => wire.send(&message::get("/sse", &[]))?,
        1 => {
            let params = json!({ "notifications": { "resourceSubscriptions": [uri] } });
            wire.send(&message::modern(1, "subscriptions/listen", params))?;
        }
        _ => {
            let mut posts = peer.connect()?;
            let session = begin(&mut posts)?;
            let fields = message::session_fields(&session);
            let subscribe = message::rpc(2, "resources/subscribe", &json!({ "uri": uri }));
            posts.send(&message::post("/mcp", &fields, &subscribe))?;
            wire.send(&message::get("/mcp", &fields))?;
        }
    }
    Ok((wire, uri))
}

fn begin(wire: &mut Wire) -> io::Result<String> {
    wire.send(&message::post("/mcp", &[], &message::initialize(1, LEGACY)))?;
    let head = wire.head()?;
    wire.body(&head)?;
    let session = head.get("mcp-session-id").map(str::to_owned);
    session.ok_or_else(|| io::Error::other("no session"))
}

pub fn sessions(peer: &mut Peer<'_>) -> io::Result<()> {
    let mut wire = peer.connect()?;
    for _ in 0..peer.dice.between(1, 60) {
        begin(&mut wire)?;
    }
    peer.leave(wire);
    Ok(())
}

/// Work that is asked for, and that nobody waits for.
pub fn calls(peer: &mut Peer<'_>) -> io::Result<()> {
    let mut wire = peer.connect()?;
    let session = begin(&mut wire)?;
    let fields = message::session_fields(&session);
    let arguments = json!({ "steps": peer.dice.between(1, 20), "pause_ms": peer.dice.roll(10) });
    let mut params: Value = json!({ "name": "count", "arguments": arguments });
    if peer.dice.roll(2) == 0 {
        params["name"] = "work".into();
        params["task"] = json!({ "ttl": peer.dice.between(1, 5_000) });
    }
    let request = message::post("/mcp", &fields, &message::rpc(2, "tools/call", &params));
    for _ in 0..peer.dice.between(1, 10) {
        wire.send(&request)?;
    }
    peer.leave(wire);
    Ok(())
}
