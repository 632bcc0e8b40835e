//! Clients of the daemon: what it answered before the chaos, it answers all through it.

use serde_json::{Value, json};

use super::line::Line;
use super::session::Session;
use super::stateless::ask;
use super::{Client, expect, result};
use crate::chaos::message;
use crate::chaos::wire::Wire;

/// A request and its result, in each era.
pub struct Known {
    method: &'static str,
    params: Value,
    modern: Value,
    legacy: Value,
    on_line: Value,
}

impl Known {
    /// Asks the daemon for what it will be asked again.
    ///
    /// # Errors
    /// It does not answer, or not twice the same.
    pub fn learn(client: &mut Client<'_>) -> Result<Vec<Known>, String> {
        let mut requests = vec![("tools/list", json!({})), ("resources/list", json!({}))];
        for query in
            ["session", "stream*", "\"last event\"", "shard worker", "nothing-of-it", "TLS"]
        {
            for limit in [1, 5, 20] {
                let arguments = json!({ "query": query, "limit": limit });
                let params = json!({ "name": "search_documents", "arguments": arguments });
                requests.push(("tools/call", params));
            }
        }
        let (mut wire, mut line) = (client.wire()?, Line::begin(client)?);
        let listed = ask(&mut wire, &message::modern(1, "resources/list", json!({})))?;
        for resource in listed["result"]["resources"].as_array().into_iter().flatten() {
            requests.push(("resources/read", json!({ "uri": resource["uri"] })));
        }
        let ask = |(method, params)| Known::ask(&mut wire, &mut line, method, params);
        requests.into_iter().map(ask).collect()
    }

    fn ask(
        wire: &mut Wire,
        line: &mut Line,
        method: &'static str,
        params: Value,
    ) -> Result<Known, String> {
        let mut result_of = |request: &[u8]| {
            let answer = ask(wire, request)?;
            result(&answer, 1).cloned()
        };
        let modern = message::modern(1, method, params.clone());
        let fields = [("MCP-Protocol-Version", message::LEGACY)];
        let legacy = message::post("/mcp", &fields, &message::rpc(1, method, &params));
        let (modern, again) = (result_of(&modern)?, result_of(&modern)?);
        expect(modern == again, || format!("{method} {params}: {modern}, then {again}"))?;
        let legacy = result_of(&legacy)?;
        let on_line = result(&line.ask(1, method, &params)?, 1)?.clone();
        Ok(Known { method, params, modern, legacy, on_line })
    }
}

fn check(answer: &Value, id: u64, known: &Value) -> Result<(), String> {
    let result = result(answer, id)?;
    expect(result == known, || format!("not the answer that was given before: {answer}"))
}

pub fn stateless(client: &mut Client<'_>) -> Result<(), String> {
    let mut wire = client.wire()?;
    while !client.is_over() {
        let (id, known) = (client.id(), client.dice.pick(client.crowd.known));
        let request = message::modern(id, known.method, known.params.clone());
        check(&ask(&mut wire, &request)?, id, &known.modern)?;
        client.answered();
    }
    Ok(())
}

pub fn in_session(client: &mut Client<'_>) -> Result<(), String> {
    let mut session = Session::begin(client)?;
    for _ in 0..client.dice.between(3, 60) {
        if client.is_over() {
            break;
        }
        let (id, known) = (client.id(), client.dice.pick(client.crowd.known));
        check(&session.ask(id, known.method, &known.params)?, id, &known.legacy)?;
        client.answered();
    }
    session.end()
}

pub fn on_line(client: &mut Client<'_>) -> Result<(), String> {
    let mut line = Line::begin(client)?;
    for _ in 0..client.dice.between(5, 100) {
        if client.is_over() {
            break;
        }
        let (id, known) = (client.id(), client.dice.pick(client.crowd.known));
        check(&line.ask(id, known.method, &known.params)?, id, &known.on_line)?;
        client.answered();
    }
    Ok(())
}
