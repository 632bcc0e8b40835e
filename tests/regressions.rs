//! What was once wrong, and is not again.

mod common;

use std::time::Duration;

use common::{call, legacy, modern, start, start_with};
use serde_json::json;

/// A header that is compared with the body stands once, whatever else is repeated beside it.
#[test]
fn repeated_headers_are_refused_in_any_company() {
    let server = start();
    let others = [("Content-Type", "application/json"), ("Accept", "*/*"), ("X-Other", "1")];
    for (name, value) in
        [("Mcp-Name", "echo"), ("Mcp-Method", "tools/list"), ("MCP-Protocol-Version", "2025-06-18")]
    {
        for (other, its) in others {
            let request = call(1, "add", json!({ "a": 1, "b": 1 })).with(name, value);
            let request = request.with(other, its).with(other, its);
            let response = server.connect().ask(request.bytes());
            assert_eq!(response.status, 400, "{name}, {other}: {}", response.text());
        }
    }
}

#[test]
fn origin_and_content_type_stand_once() {
    let server = start();
    for fields in [
        [("Origin", "http://evil.example"), ("Origin", "http://localhost")],
        [("Origin", "http://localhost"), ("Origin", "http://evil.example")],
        [("Content-Type", "text/plain"), ("X", "y")],
    ] {
        let mut request = call(1, "add", json!({ "a": 1, "b": 1 }));
        for (name, value) in fields {
            request = request.with(name, value);
        }
        assert_eq!(server.connect().ask(request.bytes()).status, 400, "{fields:?}");
    }
}

/// An answer that was written before a call was deferred left a deadline for writing behind.
#[test]
fn a_deferred_call_behind_a_quick_one_is_waited_for() {
    let server = start_with(|config| config.write_timeout = Duration::from_millis(100));
    let mut wire = server.connect();
    let mut requests = call(1, "add", json!({ "a": 1, "b": 1 })).bytes();
    requests.extend(call(2, "sleep", json!({ "ms": 700 })).bytes());
    wire.send(requests);
    assert_eq!(wire.response().json()["id"], 1);
    assert_eq!(wire.response().json()["id"], 2);
}

#[test]
fn a_refused_head_has_no_body() {
    let server = start();
    for line in ["Content-Length: x", "Content-Length: 99999999", "Expect: y", "Host: b"] {
        let mut wire = server.connect();
        wire.send(format!("HEAD /health HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n"));
        let answer = String::from_utf8(wire.rest()).expect("text");
        assert!(answer.starts_with("HTTP/1.1 4"), "{line}: {answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{line}: {answer}");
    }
}

/// A client of a later revision learns which ones there are, whatever else its request lacks.
#[test]
fn revisions_that_are_not_ours_are_named_as_such() {
    let server = start();
    let body = |meta: serde_json::Value| {
        let params = json!({ "_meta": meta });
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params }).to_string()
    };
    let named = json!({ "io.modelcontextprotocol/protocolVersion": "2099-01-01" });
    for body in [body(named), body(json!({}))] {
        let request = common::Post::new(body).with("MCP-Protocol-Version", "2099-01-01");
        let response = server.connect().ask(request.bytes());
        assert_eq!(response.status, 400);
        assert_eq!(response.error().0, -32022, "{}", response.text());
        assert_eq!(response.json()["error"]["data"]["supported"], json!(["2026-07-28"]));
    }
    let note = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string();
    let request = common::Post::new(note).with("MCP-Protocol-Version", "1999-01-01");
    assert_eq!(server.connect().ask(request.bytes()).status, 400);
}

#[test]
fn an_id_that_is_repeated_is_not_guessed() {
    let server = start();
    let body = r#"{"jsonrpc":"2.0","id":7,"id":8,"method":"ping"}"#;
    let response = server.connect().ask(common::Post::new(body).bytes());
    assert_eq!(response.status, 400);
    assert_eq!(response.json()["id"], json!(null));
}

/// What programmers are told about a type is not sent to models with every list.
#[test]
fn schemas_carry_no_comments_of_rust() {
    let server = start();
    for request in
        [modern(json!(1), "tools/list", json!({})), legacy(json!(1), "tools/list", json!({}))]
    {
        let text = server.connect().ask(request.bytes()).text();
        assert!(!text.contains("The input of a function"), "{text}");
    }
}
