//! HTTP+SSE: what is posted on one connection is answered on another.

use serde_json::{Value, json};

use super::stateless::text;
use super::{Client, at, check_progress, check_text, expect, result};
use crate::chaos::message::{self, HTTP_SSE};
use crate::chaos::wire::{Wire, json as parsed};

pub struct Line {
    stream: Wire,
    posts: Wire,
    endpoint: String,
}

impl Line {
    pub fn begin(client: &mut Client<'_>) -> Result<Line, String> {
        let (mut stream, posts) = (client.wire()?, client.wire()?);
        stream.send(&message::get("/sse", &[])).map_err(at("GET /sse"))?;
        let head = stream.head().map_err(at("GET /sse"))?;
        expect(head.status == 200 && head.is_stream(), || format!("GET /sse: {}", head.status))?;
        let event = stream.event().map_err(at("endpoint"))?.ok_or("no endpoint")?;
        expect(event.name.as_deref() == Some("endpoint"), || format!("no endpoint: {event:?}"))?;
        let mut line = Line { stream, posts, endpoint: event.data };
        let id = client.id();
        line.post(&message::initialize(id, HTTP_SSE))?;
        let answer = line.next()?;
        let version = &result(&answer, id)?["protocolVersion"];
        expect(*version == HTTP_SSE, || format!("initialize: {answer}"))?;
        line.post(&message::notification("notifications/initialized"))?;
        Ok(line)
    }

    fn post(&mut self, body: &str) -> Result<(), String> {
        self.posts.send(&message::post(&self.endpoint, &[], body)).map_err(at("POST"))?;
        let head = self.posts.head().map_err(at("POST"))?;
        self.posts.body(&head).map_err(at("POST"))?;
        expect(head.status == 202, || format!("POST: {}", head.status))
    }

    fn next(&mut self) -> Result<Value, String> {
        let event = self.stream.event().map_err(at("stream"))?.ok_or("the stream ended")?;
        parsed(event.data.as_bytes())
    }

    pub fn ask(&mut self, id: u64, method: &str, params: &Value) -> Result<Value, String> {
        self.post(&message::rpc(id, method, params))?;
        self.next()
    }
}

pub fn live(client: &mut Client<'_>) -> Result<(), String> {
    let mut line = Line::begin(client)?;
    for _ in 0..client.dice.between(5, 100) {
        if client.is_over() {
            break;
        }
        if client.dice.roll(3) == 0 {
            count(client, &mut line)?;
        } else {
            let (id, text) = (client.id(), text(client, 1_000));
            let tool = *client.dice.pick(&["echo", "echo_on_worker"]);
            let params = json!({ "name": tool, "arguments": { "text": text } });
            check_text(&line.ask(id, "tools/call", &params)?, id, &text)?;
        }
        client.answered();
    }
    Ok(())
}

fn count(client: &mut Client<'_>, line: &mut Line) -> Result<(), String> {
    let (id, steps) = (client.id(), client.dice.between(1, 8) as u64);
    let params = json!({
        "name": "count", "arguments": { "steps": steps, "pause_ms": client.dice.roll(10) },
        "_meta": { "progressToken": id },
    });
    line.post(&message::rpc(id, "tools/call", &params))?;
    for step in 1..=steps {
        check_progress(&[line.next()?], id, step)?;
    }
    check_text(&line.next()?, id, &format!("{steps} steps"))
}
