//! Batches: part of 2025-03-26, and of no other revision.

mod common;

use common::Post;
use common::session::{Client, REVISIONS, live};
use common::sse::{Answer, Talk};
use serde_json::{Value, json};

fn request(id: impl Into<Value>, method: &str, params: Value) -> Value {
    let id: Value = id.into();
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn tool(id: u64, name: &str, arguments: Value) -> Value {
    request(id, "tools/call", json!({ "name": name, "arguments": arguments }))
}

fn notice(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

fn batch(client: &Client, messages: &[Value]) -> Answer {
    client.ask(&client.post(&json!(messages)))
}

/// The answers of a batch, in whatever way they came.
#[track_caller]
fn answers(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.last().as_array().unwrap_or_else(|| panic!("an array: {answer:?}")).clone()
}

fn ids(answers: &[Value]) -> Vec<Value> {
    answers.iter().map(|answer| answer["id"].clone()).collect()
}

#[test]
fn requests_are_answered_together_and_notices_are_not() {
    let server = live();
    let client = server.client("2025-03-26");
    let answer = batch(
        &client,
        &[
            request(1, "ping", json!({})),
            notice("notifications/initialized", json!({})),
            tool(2, "here", json!({ "tag": "two" })),
            json!({ "jsonrpc": "2.0", "id": "q-9-9", "result": {} }),
            request("three", "no/such", json!({})),
            tool(4, "nowhere", json!({})),
        ],
    );
    assert!(!answer.streamed);
    let answers = answers(&answer);
    assert_eq!(ids(&answers), [json!(1), json!(2), json!("three"), json!(4)]);
    assert_eq!(answers[0]["result"], json!({}));
    assert_eq!(answers[1]["result"]["content"][0]["text"], "two");
    assert_eq!(answers[2]["error"]["code"], -32601);
    assert_eq!(answers[3]["error"]["code"], -32602);
    assert!(answers.iter().all(|answer| answer["jsonrpc"] == "2.0"));
}

#[test]
fn notices_and_responses_alone_are_accepted() {
    let server = live();
    let client = server.client("2025-03-26");
    let answer = batch(
        &client,
        &[
            notice("notifications/initialized", json!({})),
            notice("notifications/whatever", json!({})),
            json!({ "jsonrpc": "2.0", "id": 1, "result": {} }),
            json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": 1, "message": "m" } }),
        ],
    );
    assert_eq!(answer.status, 202);
    assert!(answer.messages.is_empty());
}

#[test]
fn a_batch_of_one_is_a_batch() {
    let server = live();
    let client = server.client("2025-03-26");
    let answer = batch(&client, &[request(1, "ping", json!({}))]);
    assert_eq!(answers(&answer), [json!({ "jsonrpc": "2.0", "id": 1, "result": {} })]);
}

#[test]
fn functions_on_workers_are_called_too() {
    let server = live();
    let client = server.client("2025-03-26");
    let messages = [
        tool(1, "there", json!({ "tag": "one" })),
        request(2, "ping", json!({})),
        tool(3, "here", json!({ "tag": "three" })),
        notice("notifications/initialized", json!({})),
        tool(4, "there", json!({ "tag": "four" })),
    ];
    let answers = answers(&batch(&client, &messages));
    assert_eq!(ids(&answers), [1, 2, 3, 4].map(|id| json!(id)));
    for (index, text) in [(0, "one"), (2, "three"), (3, "four")] {
        assert_eq!(answers[index]["result"]["content"][0]["text"], text);
    }
}

#[test]
fn what_a_batch_says_before_its_answers() {
    let server = live();
    let client = server.client("2025-03-26");
    for (first, second) in [("steps", "lines"), ("steps_here", "lines_here")] {
        let mut steps = tool(1, first, json!({ "count": 3 }));
        steps["params"]["_meta"] = json!({ "progressToken": "p" });
        let answer = batch(&client, &[steps, tool(2, second, json!({ "count": 2, "tag": "t" }))]);
        assert!(answer.streamed, "{first}: {answer:?}");
        assert_eq!(answer.notices("notifications/progress").len(), 3);
        assert_eq!(answer.notices("notifications/message").len(), 2);
        assert_eq!(ids(&answers(&answer)), [json!(1), json!(2)]);
    }
}

#[test]
fn a_call_in_a_batch_may_ask() {
    let server = live();
    let client = server.able("2025-03-26");
    let messages = json!([tool(1, "form", json!({ "tag": "a" })), tool(2, "roots", json!({}))]);
    let mut talk = client.start(&client.post(&messages));
    assert!(talk.head());
    let asked = talk.next();
    assert_eq!(asked["method"], "elicitation/create");
    // Answered in a batch, too.
    let content = json!({ "action": "accept", "content": { "name": "Ada" } });
    let reply = json!([{ "jsonrpc": "2.0", "id": asked["id"], "result": content }]);
    assert_eq!(client.ask(&client.post(&reply)).status, 202);
    let asked = talk.next();
    assert_eq!(asked["method"], "roots/list");
    client.reply(&asked, json!({ "roots": [{ "uri": "file:///a" }] }));
    let answers = talk.next();
    assert_eq!(answers[0]["result"]["content"][0]["text"], "a: Ada");
    assert_eq!(answers[1]["result"]["content"][0]["text"], "file:///a");
    talk.expect_end_of_stream();
}

#[test]
fn what_is_no_message_is_answered_as_such() {
    let server = live();
    let client = server.client("2025-03-26");
    for deferred in [false, true] {
        let last = if deferred { "there" } else { "here" };
        let messages = [
            json!(1),
            json!(null),
            json!([]),
            json!({}),
            json!({ "jsonrpc": "1.0", "id": 5, "method": "ping" }),
            json!({ "jsonrpc": "2.0", "id": null, "method": "ping" }),
            json!({ "jsonrpc": "2.0", "id": 6, "method": 5 }),
            request(7, "ping", json!([])),
            tool(8, last, json!({ "tag": "t" })),
        ];
        let answers = answers(&batch(&client, &messages));
        assert_eq!(answers.len(), messages.len(), "{answers:?}");
        for answer in &answers[..7] {
            assert_eq!(answer["error"]["code"], -32600, "{answer}");
        }
        assert_eq!(answers[8]["result"]["content"][0]["text"], "t");
    }
}

/// 2025-03-26, lifecycle: "The initialize request MUST NOT be part of a JSON-RPC batch".
#[test]
fn a_session_is_not_begun_in_a_batch() {
    let server = live();
    let initialize = request(
        1,
        "initialize",
        json!({ "protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {} }),
    );
    let post = Post::new(json!([initialize, request(2, "ping", json!({}))]).to_string());
    let answer = Talk::connect(server.address).ask(&post);
    assert_eq!(answer.field("Mcp-Session-Id"), None);
    let answers = answers(&answer);
    assert_eq!(answers[0]["id"], 1);
    assert_eq!(answers[0]["error"]["code"], -32600);
    assert_eq!(answers[1]["result"], json!({}));
}

#[test]
fn an_empty_batch_and_one_too_many() {
    let server = live();
    let client = server.client("2025-03-26");
    let answer = batch(&client, &[]);
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["error"]["code"], -32600);
    let ping = |id| request(id, "ping", json!({}));
    let full: Vec<_> = (0..100).map(ping).collect();
    assert_eq!(answers(&batch(&client, &full)).len(), 100);
    let over: Vec<_> = (0..101).map(ping).collect();
    let answer = batch(&client, &over);
    assert_eq!(answer.status, 400);
    let message = answer.json()["error"]["message"].as_str().expect("text");
    assert!(message.contains("100"), "{message}");
}

#[test]
fn no_later_revision_has_batches() {
    let server = live();
    for version in REVISIONS.into_iter().skip(1) {
        let client = server.client(version);
        let messages = [
            json!([request(1, "ping", json!({}))]),
            json!([notice("notifications/initialized", json!({}))]),
            json!([]),
        ];
        for message in messages {
            // The session knows its revision, whatever the header says or leaves out.
            for post in
                [client.post(&message), client.post(&message).without("MCP-Protocol-Version")]
            {
                let answer = client.ask(&post);
                assert_eq!(answer.status, 400, "{answer:?}");
                let error = &answer.json()["error"];
                assert_eq!(error["code"], -32600);
                let message = error["message"].as_str().expect("text");
                assert!(message.contains("batch"), "{message}");
            }
        }
    }
    let body = json!([request(1, "ping", json!({}))]).to_string();
    for version in ["2025-06-18", "2026-07-28", "2099-01-01"] {
        let post = Post::new(body.clone()).with("MCP-Protocol-Version", version);
        assert_eq!(Talk::connect(server.address).ask(&post).status, 400, "{version}");
    }
}
