//! Requests are answered in order, however they arrive: split at any byte, glued together, behind
//! tools that run on workers, behind tools that panic, and with the sending side already closed.

mod common;

use common::{Post, TestServer, call, start, start_with};
use serde_json::{Value, json};

fn add(id: u64) -> Vec<u8> {
    call(id, "add", json!({ "a": id, "b": 1 })).bytes()
}

fn tool(id: u64, name: &str, arguments: Value) -> Vec<u8> {
    call(id, name, arguments).bytes()
}

#[test]
fn glued_requests_are_answered_in_order() {
    let server = start();
    let mut wire = server.connect();
    let requests: Vec<u8> = (0..20).flat_map(add).collect();
    wire.send(requests);
    for id in 0..20 {
        let json = wire.response().json();
        assert_eq!(json["id"], id);
        assert_eq!(json["result"]["structuredContent"]["sum"], id + 1);
    }
}

#[test]
fn more_than_one_turn_takes() {
    for requests_per_turn_max in [1, 3, 64] {
        let server = start_with(|config| config.requests_per_turn_max = requests_per_turn_max);
        let mut wire = server.connect();
        let requests: Vec<u8> = (0..500).flat_map(add).collect();
        wire.send(requests);
        for id in 0..500 {
            assert_eq!(wire.response().json()["id"], id);
        }
    }
}

#[test]
fn answers_larger_than_what_may_be_unsent() {
    // The output of one connection is bounded; what waits for it must go on by itself.
    let server = start();
    for (count, bytes) in [(100, 8_000), (20, 60_000), (40, 300_000), (6, 1_500_000)] {
        let mut wire = server.connect();
        let requests: Vec<u8> =
            (0..count).flat_map(|id| tool(id, "fill", json!({ "bytes": bytes }))).collect();
        wire.send(requests);
        for id in 0..count {
            let json = wire.response().json();
            assert_eq!(json["id"], id);
            let text = json["result"]["content"][0]["text"].as_str().expect("text");
            assert_eq!(text.len(), bytes as usize);
        }
    }
}

#[test]
fn a_worker_keeps_the_order() {
    let server = start();
    let mut wire = server.connect();
    let requests = [
        add(0),
        tool(1, "sleep", json!({ "ms": 30 })),
        add(2),
        tool(3, "sleep", json!({ "ms": 0 })),
        tool(4, "panic_on_worker", json!({})),
        add(5),
        tool(6, "panic", json!({})),
        tool(7, "echo_on_worker", json!({ "text": "seven" })),
        add(8),
    ];
    wire.send(requests.concat());
    for id in 0..9 {
        let json = wire.response().json();
        assert_eq!(json["id"], id, "{json}");
        match id {
            4 | 6 => assert_eq!(json["error"]["code"], -32603, "{json}"),
            7 => assert_eq!(json["result"]["content"][0]["text"], "seven"),
            _ => assert!(json["result"]["isError"] == false, "{json}"),
        }
    }
    server.assert_alive();
}

/// A stream of different requests with their answers, as a client sees them in one piece.
fn medley() -> (Vec<u8>, Vec<(u16, Vec<u8>)>) {
    let requests = [
        add(1),
        call(2, "add", json!({ "a": 5, "b": 6 })).chunked(9),
        b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        tool(3, "echo_on_worker", json!({ "text": "\u{1f980} \u{e9}" })),
        Post::new(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).bytes(),
        Post::new("{broken").bytes(),
        b"GET /no HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        add(4),
    ];
    let server = start();
    let mut wire = server.connect();
    let expected = requests.iter().map(|request| {
        let response = wire.ask(request);
        (response.status, response.body)
    });
    (requests.concat(), expected.collect())
}

#[track_caller]
fn check(server: &TestServer, parts: &[&[u8]], expected: &[(u16, Vec<u8>)]) {
    let mut wire = server.connect();
    wire.send_slowly(parts.iter().copied());
    for (status, body) in expected {
        let response = wire.response();
        assert_eq!((response.status, &response.body), (*status, body), "{}", response.text());
    }
}

#[test]
fn split_at_every_byte() {
    let (bytes, expected) = medley();
    let server = start();
    for at in 1..bytes.len() {
        check(&server, &[&bytes[..at], &bytes[at..]], &expected);
    }
}

#[test]
fn one_byte_at_a_time() {
    let (bytes, expected) = medley();
    let server = start();
    check(&server, &bytes.chunks(1).collect::<Vec<_>>(), &expected);
    check(&server, &bytes.chunks(7).collect::<Vec<_>>(), &expected);
}

#[test]
fn a_half_closed_connection_still_gets_its_answers() {
    let server = start();
    for name in ["add", "sleep", "panic_on_worker"] {
        let mut wire = server.connect();
        wire.send(tool(1, name, json!({ "a": 1, "b": 1, "ms": 20 })));
        wire.half_close();
        let response = wire.response();
        assert_eq!(response.json()["id"], 1, "{name}");
        wire.expect_end();
    }
    // Several, the FIN right behind them, a worker among them.
    let mut wire = server.connect();
    let requests: Vec<u8> = (0..100).flat_map(add).collect();
    wire.send([requests, tool(100, "sleep", json!({ "ms": 20 })), add(101)].concat());
    wire.half_close();
    for id in 0..102 {
        assert_eq!(wire.response().json()["id"], id);
    }
    wire.expect_end();
    // A request that is not whole gets none.
    let mut wire = server.connect();
    let request = add(1);
    wire.send(&request[..request.len() - 1]);
    wire.half_close();
    wire.expect_end();
}

#[test]
fn close_is_a_token_anywhere_in_connection() {
    let server = start();
    for value in
        ["close", "Close", "CLOSE", "x, close", "close,x", "\tclose\t", "keep-alive, close"]
    {
        let mut wire = server.connect();
        let last = call(1, "add", json!({ "a": 1, "b": 1 })).with("Connection", value).bytes();
        wire.send([add(0), last, add(2)].concat());
        assert!(!wire.response().closes());
        let response = wire.response();
        assert!(response.closes(), "{value}: {response:?}");
        assert_eq!(response.json()["id"], 1);
        wire.expect_end();
    }
    let mut wire = server.connect();
    for value in ["closed", "not-close", "keep-alive", "", "x"] {
        let request = call(1, "add", json!({ "a": 1, "b": 1 })).with("Connection", value).bytes();
        assert!(!wire.ask(request).closes(), "{value}");
    }
    // Two fields are one list.
    let request = call(1, "add", json!({ "a": 1, "b": 1 }))
        .with("Connection", "keep-alive")
        .with("Connection", "close");
    assert!(wire.ask(request.bytes()).closes());
    wire.expect_end();
}

#[test]
fn http_1_0_closes_unless_asked_not_to() {
    let server = start();
    let old = call(1, "add", json!({ "a": 1, "b": 1 })).line("POST /mcp HTTP/1.0");
    let mut wire = server.connect();
    wire.send([old.bytes(), add(2)].concat());
    assert!(wire.response().closes());
    wire.expect_end();

    let mut wire = server.connect();
    let keeping = old.clone().with("Connection", "Keep-Alive").bytes();
    wire.send([keeping.clone(), keeping, old.bytes()].concat());
    for _ in 0..2 {
        let response = wire.response();
        assert_eq!(response.field("Connection"), Some("keep-alive"));
    }
    assert!(wire.response().closes());
    wire.expect_end();

    // On a worker too.
    let mut wire = server.connect();
    let slow = call(1, "sleep", json!({ "ms": 5 })).line("POST /mcp HTTP/1.0").bytes();
    wire.send([slow, add(2)].concat());
    assert!(wire.response().closes());
    wire.expect_end();
}

#[test]
fn an_answer_is_not_lost_to_a_reset_when_the_client_goes_on_sending() {
    let server = start();
    for _ in 0..20 {
        let mut wire = server.connect();
        let last = call(1, "add", json!({ "a": 1, "b": 1 })).with("Connection", "close").bytes();
        wire.send([last, vec![b'x'; 100_000]].concat());
        assert_eq!(wire.response().json()["id"], 1);
        wire.expect_end();
    }
}
