//! Sessions of 2025-11-25: a stream for what the server says by itself, calls that are left and
//! taken up again, tasks, and an end.

use serde_json::{Value, json};

use super::stateless::{ask, text};
use super::{Client, at, check_progress, check_text, expect, result};
use crate::chaos::message::{self, LEGACY};
use crate::chaos::wire::{Wire, json as parsed};

/// A session as its client knows it.
pub struct Session {
    pub id: String,
    pub wire: Wire,
}

impl Session {
    pub fn begin(client: &mut Client<'_>) -> Result<Session, String> {
        let mut wire = client.wire()?;
        let body = message::initialize(client.id(), LEGACY);
        wire.send(&message::post("/mcp", &[], &body)).map_err(at("initialize"))?;
        let head = wire.head().map_err(at("initialize"))?;
        let id = head.get("mcp-session-id").unwrap_or_default().to_owned();
        let answer = wire.messages(&head)?;
        let version = &answer.last().ok_or("no answer")?["result"]["protocolVersion"];
        expect(!id.is_empty() && *version == LEGACY, || format!("initialize: {answer:?}"))?;
        let session = Session { id, wire };
        session.tell("notifications/initialized")
    }

    fn tell(mut self, method: &str) -> Result<Session, String> {
        self.send(&message::notification(method))?;
        let head = self.wire.head().map_err(at(method))?;
        self.wire.body(&head).map_err(at(method))?;
        expect(head.status == 202, || format!("{method}: {}", head.status))?;
        Ok(self)
    }

    fn send(&mut self, body: &str) -> Result<(), String> {
        let request = message::post("/mcp", &message::session_fields(&self.id), body);
        self.wire.send(&request).map_err(at("send"))
    }

    pub fn ask(&mut self, id: u64, method: &str, params: &Value) -> Result<Value, String> {
        let fields = message::session_fields(&self.id);
        let request = message::post("/mcp", &fields, &message::rpc(id, method, params));
        ask(&mut self.wire, &request)
    }

    fn call(&mut self, id: u64, tool: &str, arguments: Value) -> Result<Value, String> {
        self.ask(id, "tools/call", &json!({ "name": tool, "arguments": arguments }))
    }

    /// Opens a stream: the session's own, or what is left of one.
    fn listen(&self, client: &Client<'_>, after: Option<&str>) -> Result<Wire, String> {
        let mut wire = client.wire()?;
        let mut fields = message::session_fields(&self.id).to_vec();
        fields.extend(after.map(|after| ("Last-Event-ID", after)));
        wire.send(&message::get("/mcp", &fields)).map_err(at("GET"))?;
        let head = wire.head().map_err(at("GET"))?;
        expect(head.status == 200 && head.is_stream(), || format!("GET: {}", head.status))?;
        Ok(wire)
    }

    pub fn end(mut self) -> Result<(), String> {
        self.wire.send(&message::delete(&self.id)).map_err(at("DELETE"))?;
        let head = self.wire.head().map_err(at("DELETE"))?;
        expect((200..300).contains(&head.status), || format!("DELETE: {}", head.status))
    }
}

/// The session's own stream, and how far it was read.
struct Listening {
    wire: Wire,
    uri: String,
    last: Option<String>,
}

pub fn live(client: &mut Client<'_>) -> Result<(), String> {
    let mut session = Session::begin(client)?;
    let uri = format!("chaos://{}-{}", client.number, client.dice.roll(1 << 30));
    let mut stream = Listening { wire: session.listen(client, None)?, uri, last: None };
    let id = client.id();
    let subscribed = session.ask(id, "resources/subscribe", &json!({ "uri": stream.uri }))?;
    result(&subscribed, id)?;
    for _ in 0..client.dice.between(3, 60) {
        if client.is_over() {
            break;
        }
        match client.dice.roll(8) {
            0 => count(client, &mut session)?,
            1 => replay(client, &session)?,
            2 => told(client, &mut session, &mut stream)?,
            3 => told_while_away(client, &mut session, &mut stream)?,
            4 => task(client, &mut session)?,
            _ => {
                let (id, text) = (client.id(), text(client, 1_000));
                let tool = *client.dice.pick(&["echo", "echo_on_worker"]);
                let answer = session.call(id, tool, json!({ "text": text }))?;
                check_text(&answer, id, &text)?;
            }
        }
        client.answered();
    }
    session.end()?;
    // The end of the session is the end of its stream.
    while stream.wire.event().map_err(at("the end of a stream"))?.is_some() {}
    Ok(())
}

fn counting(client: &mut Client<'_>, pause_ms: usize) -> (u64, u64, String) {
    let (id, steps) = (client.id(), client.dice.between(3, 8) as u64);
    let arguments = json!({ "steps": steps, "pause_ms": pause_ms });
    let meta = json!({ "progressToken": id });
    let params = json!({ "name": "count", "arguments": arguments, "_meta": meta });
    (id, steps, message::rpc(id, "tools/call", &params))
}

fn count(client: &mut Client<'_>, session: &mut Session) -> Result<(), String> {
    let pause_ms = client.dice.roll(10);
    let (id, steps, body) = counting(client, pause_ms);
    session.send(&body)?;
    let head = session.wire.head().map_err(at("head"))?;
    expect(head.status == 200, || format!("status {}", head.status))?;
    let messages = session.wire.messages(&head)?;
    let (answer, progress) = messages.split_last().ok_or("no answer")?;
    expect(progress.len() as u64 == steps, || format!("{} of {steps} steps", progress.len()))?;
    check_progress(progress, id, 1)?;
    check_text(answer, id, &format!("{steps} steps"))
}

/// A call whose stream is left after some events, and read to its end on another connection.
fn replay(client: &mut Client<'_>, session: &Session) -> Result<(), String> {
    let (id, steps, body) = counting(client, 20);
    let mut wire = client.wire()?;
    let request = message::post("/mcp", &message::session_fields(&session.id), &body);
    wire.send(&request).map_err(at("send"))?;
    let head = wire.head().map_err(at("head"))?;
    expect(head.status == 200 && head.is_stream(), || format!("no stream: {}", head.status))?;
    let leave_after = client.dice.between(1, 2);
    let (mut messages, mut last) = (Vec::new(), String::new());
    while messages.len() < leave_after {
        let event = wire.event().map_err(at("event"))?.ok_or("the stream ended early")?;
        last = event.id.unwrap_or(last);
        if !event.data.is_empty() {
            messages.push(parsed(event.data.as_bytes())?);
        }
    }
    if client.dice.roll(2) == 0 {
        wire.reset();
    } else {
        drop(wire);
    }
    std::thread::sleep(client.dice.millis(0, 300));
    let mut wire = session.listen(client, Some(&last))?;
    let answered = |messages: &[Value]| messages.last().is_some_and(|one| one["id"] == id);
    while !answered(&messages) {
        let event = wire.event().map_err(at("replay"))?.ok_or("the replay ended early")?;
        if !event.data.is_empty() {
            messages.push(parsed(event.data.as_bytes())?);
        }
    }
    let (answer, progress) = messages.split_last().ok_or("no answer")?;
    expect(progress.len() as u64 == steps, || format!("replay: {progress:?} of {steps} steps"))?;
    check_progress(progress, id, 1)?;
    check_text(answer, id, &format!("{steps} steps"))
}

fn touch(client: &mut Client<'_>, session: &mut Session, uri: &str) -> Result<(), String> {
    let id = client.id();
    let answer = session.call(id, "touch", json!({ "uri": uri }))?;
    check_text(&answer, id, uri)
}

fn told(
    client: &mut Client<'_>,
    session: &mut Session,
    stream: &mut Listening,
) -> Result<(), String> {
    touch(client, session, &stream.uri)?;
    stream.updated()
}

/// What is said while nobody reads the session's stream is there when somebody does again.
fn told_while_away(
    client: &mut Client<'_>,
    session: &mut Session,
    stream: &mut Listening,
) -> Result<(), String> {
    let Some(last) = stream.last.clone() else { return told(client, session, stream) };
    // Something else holds the place meanwhile.
    let away = client.wire()?;
    std::mem::replace(&mut stream.wire, away).reset();
    touch(client, session, &stream.uri)?;
    std::thread::sleep(client.dice.millis(0, 300));
    stream.wire = session.listen(client, Some(&last))?;
    stream.updated()
}

impl Listening {
    fn updated(&mut self) -> Result<(), String> {
        loop {
            let event = self.wire.event().map_err(at("notice"))?.ok_or("the stream ended")?;
            self.last = event.id.or(self.last.take());
            if event.data.is_empty() {
                continue;
            }
            let message = parsed(event.data.as_bytes())?;
            let is_right = message["method"] == "notifications/resources/updated"
                && message["params"]["uri"] == self.uri;
            return expect(is_right, || format!("not a notice about {}: {message}", self.uri));
        }
    }
}

fn task(client: &mut Client<'_>, session: &mut Session) -> Result<(), String> {
    let (id, steps) = (client.id(), client.dice.between(1, 5));
    let arguments = json!({ "steps": steps, "pause_ms": 10 });
    let params = json!({ "name": "work", "arguments": arguments, "task": { "ttl": 5_000 } });
    let begun = session.ask(id, "tools/call", &params)?;
    let task = result(&begun, id)?["task"]["taskId"].as_str().ok_or("no task")?.to_owned();
    let id = client.id();
    let outcome = session.ask(id, "tasks/result", &json!({ "taskId": task }))?;
    check_text(&outcome, id, &format!("{steps} steps"))
}
