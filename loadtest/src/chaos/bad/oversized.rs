//! Too much of everything that there can be too much of.

use std::io;

use serde_json::json;

use super::Peer;
use crate::chaos::message;

/// Larger than any bound on a head, and than any on what is small.
const LARGE: usize = 200_000;
/// Larger than the bound on bodies.
const HUGE: usize = 5_000_000;

/// Heads, and the framing of bodies.
pub fn request(peer: &mut Peer<'_>) -> io::Result<()> {
    let mut wire = peer.connect()?;
    let size = peer.dice.between(20_000, LARGE);
    let filler = "a".repeat(size);
    let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    let bytes = match peer.dice.roll(10) {
        0 => format!("{head}X: {filler}\r\n\r\n"),
        1 => format!("GET /{filler} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        2 => format!("{head}{}\r\n", "X: 1\r\n".repeat(size / 100)),
        3 => format!("{head}{filler}: 1\r\n\r\n"),
        4 => format!("{head}Content-Length: 999999999999\r\n\r\n{filler}"),
        5 => format!("{head}Content-Length: {}\r\n\r\n", "9".repeat(50)),
        6 => format!("{head}Content-Length: {HUGE}\r\n\r\n{}", "a".repeat(HUGE)),
        7 => format!("{chunked}1;{filler}\r\n"),
        8 => format!(
            "{chunked}{}",
            "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\na\r\n".repeat(size / 40)
        ),
        _ => format!("{chunked}0\r\nX: {filler}\r\n\r\n"),
    };
    let sent = wire.send(bytes.as_bytes());
    let drained = peer.drain(&mut wire, "an oversized request");
    sent.and(drained)
}

/// What stands in bodies that are just small enough.
pub fn json(peer: &mut Peer<'_>) -> io::Result<()> {
    let mut wire = peer.connect()?;
    let size = peer.dice.between(10_000, 3_000_000);
    let deep = |open: &str, close: &str| open.repeat(size / 2) + &close.repeat(size / 2);
    let filler = "b".repeat(size);
    let (fields, call) = message::modern_parts(
        7,
        "tools/call",
        json!({
            "name": "echo", "arguments": { "text": "FILLER" },
        }),
    );
    let body = match peer.dice.roll(9) {
        0 => deep("[", "]"),
        1 => call.replace("\"FILLER\"", &deep("[", "]")),
        2 => call.replace("\"FILLER\"", &deep("{\"a\":", "}")),
        3 => call.replace("FILLER", &filler),
        4 => call.replace("\"id\":7", &format!("\"id\":\"{filler}\"")),
        5 => call.replace("\"id\":7", &format!("\"id\":{}", "7".repeat(size.min(LARGE)))),
        6 => call.replace("echo", &filler),
        7 => format!("[{}{call}]", format!("{call},").repeat(size / 400)),
        _ => call.replace("\"FILLER\"", &format!("[{}1]", "1,".repeat(size / 2))),
    };
    let request = message::post("/mcp", &message::borrowed(&fields), &body);
    let sent = wire.send(&request);
    let drained = peer.drain(&mut wire, "oversized JSON");
    sent.and(drained)
}
