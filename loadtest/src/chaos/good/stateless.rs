//! Calls of 2026-07-28 on one connection that is kept.

use serde_json::{Value, json};

use super::{Client, at, check_progress, check_text, expect, result};
use crate::chaos::message;
use crate::chaos::wire::Wire;

/// Quick calls: short and long, whole and in chunks, one by one and several at once.
pub fn calls(client: &mut Client<'_>) -> Result<(), String> {
    let mut wire = client.wire()?;
    while !client.is_over() {
        match client.dice.roll(8) {
            0 => fill(client, &mut wire)?,
            1 => pipelined(client, &mut wire)?,
            2 => wrong(client, &mut wire)?,
            3 => listed(client, &mut wire)?,
            4 => echo(client, &mut wire, 200_000)?,
            _ => echo(client, &mut wire, 2_000)?,
        }
        client.answered();
    }
    Ok(())
}

/// Calls that take their time, on workers, and say how far they are.
pub fn streams(client: &mut Client<'_>) -> Result<(), String> {
    let mut wire = client.wire()?;
    while !client.is_over() {
        let id = client.id();
        if client.dice.roll(3) == 0 {
            let text = text(client, 1_000);
            let request = message::call(id, "echo_on_worker", json!({ "text": text }));
            check_text(&ask(&mut wire, &request)?, id, &text)?;
        } else {
            count(client, &mut wire, id)?;
        }
        client.answered();
    }
    Ok(())
}

fn count(client: &mut Client<'_>, wire: &mut Wire, id: u64) -> Result<(), String> {
    let (steps, pause_ms) = (client.dice.between(1, 8) as u64, client.dice.roll(10));
    let arguments = json!({ "steps": steps, "pause_ms": pause_ms });
    let params = json!({ "name": "count", "arguments": arguments, "progressToken": id });
    wire.send(&message::modern(id, "tools/call", params)).map_err(at("send"))?;
    let head = wire.head().map_err(at("head"))?;
    expect(head.status == 200, || format!("status {}", head.status))?;
    let messages = wire.messages(&head)?;
    let (answer, progress) = messages.split_last().ok_or("no answer")?;
    expect(progress.len() as u64 == steps, || format!("{} of {steps} steps", progress.len()))?;
    check_progress(progress, id, 1)?;
    check_text(answer, id, &format!("{steps} steps"))
}

/// Sends a request, and reads its answer, which is one message with status 200.
pub fn ask(wire: &mut Wire, request: &[u8]) -> Result<Value, String> {
    wire.send(request).map_err(at("send"))?;
    answer(wire, 200)
}

fn answer(wire: &mut Wire, status: u16) -> Result<Value, String> {
    let head = wire.head().map_err(at("head"))?;
    let mut messages = wire.messages(&head)?;
    let last = messages.pop().ok_or("no answer")?;
    expect(head.status == status && messages.is_empty(), || format!("{}: {last}", head.status))?;
    Ok(last)
}

/// A text that only this client has at this time.
pub fn text(client: &mut Client<'_>, max: usize) -> String {
    let length = client.dice.roll(max);
    let mark = format!("{}:{}\u{e9}\u{4e16}\"\\\n", client.number, client.dice.roll(1 << 30));
    mark.chars().cycle().take(length).collect()
}

fn echo(client: &mut Client<'_>, wire: &mut Wire, max: usize) -> Result<(), String> {
    let (id, text) = (client.id(), text(client, max));
    let params = json!({ "name": "echo", "arguments": { "text": text } });
    let request = match client.dice.roll(4) {
        0 => {
            let size = client.dice.between(1_000, 9_000);
            message::modern_chunked(id, "tools/call", params, size)
        }
        _ => message::modern(id, "tools/call", params),
    };
    check_text(&ask(wire, &request)?, id, &text)
}

fn fill(client: &mut Client<'_>, wire: &mut Wire) -> Result<(), String> {
    let (id, bytes) = (client.id(), client.dice.roll(300_000));
    let text: String = "0123456789".chars().cycle().take(bytes).collect();
    check_text(&ask(wire, &message::call(id, "fill", json!({ "bytes": bytes })))?, id, &text)
}

fn pipelined(client: &mut Client<'_>, wire: &mut Wire) -> Result<(), String> {
    let count = client.dice.between(2, 12);
    let calls: Vec<_> = (0..count).map(|_| (client.id(), text(client, 300))).collect();
    let tool = *client.dice.pick(&["echo", "echo_on_worker"]);
    let request = |(id, text): &(u64, String)| message::call(*id, tool, json!({ "text": text }));
    let requests: Vec<u8> = calls.iter().flat_map(request).collect();
    wire.send(&requests).map_err(at("send"))?;
    for (id, text) in &calls {
        check_text(&answer(wire, 200)?, *id, text)?;
    }
    Ok(())
}

fn wrong(client: &mut Client<'_>, wire: &mut Wire) -> Result<(), String> {
    let id = client.id();
    let request = message::call(id, "no_such_tool", json!({}));
    let answer = ask(wire, &request)?;
    let is_right = answer["id"] == id && answer["error"]["code"] == -32602;
    expect(is_right, || format!("not the error of a tool that is not there: {answer}"))
}

fn listed(client: &mut Client<'_>, wire: &mut Wire) -> Result<(), String> {
    let id = client.id();
    let answer = ask(wire, &message::modern(id, "tools/list", json!({})))?;
    let tools = result(&answer, id)?["tools"].as_array().map_or(0, Vec::len);
    expect(tools == 6, || format!("{tools} tools: {answer}"))
}
