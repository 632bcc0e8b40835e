//! A call that takes too long is ended for its client, in whatever way that waits, and told so.

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::http_sse::OldClient;
use common::{TestServer, call, eventually, legacy, start_with};
use serde_json::{Value, json};

fn server() -> TestServer {
    start_with(|config| {
        config.call_timeout = Duration::from_millis(60);
        config.workers = Some(2);
    })
}

#[track_caller]
fn check(json: &Value, id: Value) {
    assert_eq!(json["id"], id, "{json}");
    assert_eq!(json["error"]["data"]["limit"], "call_timeout", "{json}");
    let message = json["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("60ms (call_timeout)"), "{message}");
}

#[test]
fn the_client_gets_an_error_and_the_function_is_told() {
    let server = server();
    let mut wire = server.connect();
    let params = json!({ "name": "until_cancelled", "arguments": {} });
    let posts =
        [call(7, "until_cancelled", json!({})), legacy(json!("seven"), "tools/call", params)];
    for (count, (post, id)) in (1..).zip(posts.into_iter().zip([json!(7), json!("seven")])) {
        let response = wire.ask(post.bytes());
        assert_eq!(response.status, 200);
        check(&response.json(), id);
        eventually("it is told", || server.stage.cancelled.load(Ordering::SeqCst) == count);
    }
    // What is quick is not concerned.
    let response = wire.ask(call(8, "echo_on_worker", json!({ "text": "x" })).bytes());
    assert_eq!(response.result()["content"][0]["text"], "x");
}

#[test]
fn an_event_stream_ends_with_it() {
    let server = start_with(|config| {
        config.call_timeout = Duration::from_millis(300);
        config.keep_alive = Duration::from_millis(50);
    });
    let mut wire = server.connect();
    wire.send(call(7, "until_cancelled", json!({})).bytes());
    let text = wire.stream_to_end();
    assert!(text.contains("call_timeout") && text.contains("\"id\":7"), "{text}");
}

#[test]
fn a_line_has_it_as_any_answer() {
    let server = server();
    let mut client = OldClient::connect(server.address);
    client.tool(7, "until_cancelled", json!({}));
    check(&client.next(), json!(7));
}

#[test]
fn one_that_never_came_to_a_worker_does_not_run() {
    let server = start_with(|config| {
        config.call_timeout = Duration::from_millis(60);
        config.workers = Some(1);
    });
    let mut wires: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for (id, wire) in (0..).zip(&mut wires) {
        wire.send(call(id, "wait", json!({})).bytes());
    }
    for (id, wire) in (0..).zip(&mut wires) {
        check(&wire.response().json(), json!(id));
    }
    server.stage.open();
    let response = wires[0].ask(call(8, "echo_on_worker", json!({ "text": "x" })).bytes());
    assert_eq!(response.status, 200);
    assert_eq!(server.stage.waiting.load(Ordering::SeqCst), 1, "nobody wanted the others");
}
