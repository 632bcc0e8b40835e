//! Every bound on requests and connections: what is within it is answered, what is beyond it gets
//! an answer that names the limit.

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{Post, Response, Wire, call, eventually, start_with};
use serde_json::json;

fn health(fields: &str) -> String {
    format!("GET /health HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

/// A request beyond a limit: answered with the limit's name, and the connection ends.
#[track_caller]
fn check(wire: &mut Wire, status: u16, limit: &str) {
    let response = wire.response();
    assert_eq!(response.status, status, "{response:?} {}", response.text());
    let json = response.json();
    assert_eq!(json["error"]["data"]["limit"], limit, "{json}");
    assert!(response.error().1.contains(limit), "{json}");
    assert!(response.closes());
    wire.expect_end();
}

#[test]
fn heads() {
    let server = start_with(|config| {
        config.http.head_bytes_max = 1000;
        config.http.target_bytes_max = 100;
        config.http.header_fields_max = 10;
    });
    let filled = |len: usize| {
        let rest = health("X: \r\n").len();
        health(&format!("X: {}\r\n", "x".repeat(len - rest)))
    };
    let mut wire = server.connect();
    assert_eq!(wire.ask(filled(1000)).status, 200);
    wire.send(filled(1001));
    check(&mut wire, 431, "head_bytes_max");
    // One that never ends.
    let mut wire = server.connect();
    wire.try_send(filled(100_000).trim_end());
    check(&mut wire, 431, "head_bytes_max");

    let target =
        |len: usize| format!("GET /health?{} HTTP/1.1\r\nHost: a\r\n\r\n", "q".repeat(len - 8));
    let mut wire = server.connect();
    assert_eq!(wire.ask(target(100)).status, 200);
    wire.send(target(101));
    check(&mut wire, 414, "target_bytes_max");
    let mut wire = server.connect();
    wire.try_send(target(100_000));
    check(&mut wire, 414, "target_bytes_max");

    let mut wire = server.connect();
    assert_eq!(wire.ask(health(&"X: y\r\n".repeat(9))).status, 200);
    wire.send(health(&"X: y\r\n".repeat(10)));
    check(&mut wire, 431, "header_fields_max");
}

#[test]
fn bodies() {
    let server = start_with(|config| config.http.body_bytes_max = 10_000);
    let filled = |len: usize| {
        let empty = r#"{"jsonrpc":"2.0","id":1,"method":"ping","x":""}"#.len();
        let x = "x".repeat(len - empty);
        Post::new(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","x":"{x}"}}"#))
    };
    let mut wire = server.connect();
    assert_eq!(wire.ask(filled(10_000).bytes()).status, 200);
    assert_eq!(wire.ask(filled(10_000).chunked(999)).status, 200);
    wire.try_send(filled(10_001).bytes());
    check(&mut wire, 413, "body_bytes_max");
    for size in [1000, 1_000_000] {
        let mut wire = server.connect();
        wire.try_send(filled(10_001).chunked(size));
        check(&mut wire, 413, "body_bytes_max");
    }
    // Declared, and refused before any of it is there.
    let mut wire = server.connect();
    wire.send(format!("{}Content-Length: 99999999999\r\n\r\n", Post::new("").head()));
    check(&mut wire, 413, "body_bytes_max");
    let mut wire = server.connect();
    wire.send(format!("{}Transfer-Encoding: chunked\r\n\r\nffffff\r\n", Post::new("").head()));
    check(&mut wire, 413, "body_bytes_max");
    server.assert_alive();
}

#[test]
fn chunk_framing() {
    let server = start_with(|config| {
        config.http.chunk_line_bytes_max = 100;
        config.http.chunk_overhead_bytes_max = 1000;
        config.http.trailer_bytes_max = 100;
    });
    let chunked =
        |rest: &str| format!("{}Transfer-Encoding: chunked\r\n\r\n{rest}", Post::new("").head());
    let long = "x".repeat(100);
    let mut wire = server.connect();
    wire.send(chunked(&format!("2;{long}\r\n{{}}\r\n0\r\n\r\n")));
    check(&mut wire, 400, "chunk_line_bytes_max");
    let mut wire = server.connect();
    wire.send(chunked(&format!("2;{long}")));
    check(&mut wire, 400, "chunk_line_bytes_max");
    let mut wire = server.connect();
    let line = format!("1;{}\r\nx\r\n", "y".repeat(80));
    wire.try_send(chunked(&line.repeat(1000)));
    check(&mut wire, 400, "chunk_overhead_bytes_max");
    let mut wire = server.connect();
    wire.try_send(chunked(&format!("2\r\n{{}}\r\n0\r\n{}\r\n", "X: y\r\n".repeat(100))));
    check(&mut wire, 431, "trailer_bytes_max");
    // One byte of data in each chunk is no crime.
    let mut wire = server.connect();
    let response = wire.ask(call(1, "echo", json!({ "text": "x".repeat(5000) })).chunked(1));
    assert_eq!(response.result()["content"][0]["text"], "x".repeat(5000));
}

#[test]
fn large_messages_within_the_limits_are_answered() {
    let server = start_with(|_| {});
    let mut wire = server.connect();
    for len in [10, 70_000, 1_000_000, 4_000_000, 10] {
        let text = "x".repeat(len);
        for name in ["echo", "echo_on_worker"] {
            let response = wire.ask(call(1, name, json!({ "text": text })).bytes());
            assert_eq!(response.result()["content"][0]["text"], text);
        }
    }
}

#[test]
fn connections_beyond_the_limit_wait() {
    // Which listener the kernel gives a connection to is its own affair: often enough, a place
    // becomes free on another shard than the one that has somebody waiting.
    for _ in 0..12 {
        let server = start_with(|config| config.connections_max = 4);
        let mut open: Vec<Wire> = (0..4).map(|_| server.connect()).collect();
        for wire in &mut open {
            assert_eq!(wire.ask(health("")).status, 200);
        }
        let mut waiting = server.connect();
        waiting.send(health(""));
        waiting.expect_silence(Duration::from_millis(50));
        for wire in &mut open {
            assert_eq!(wire.ask(health("")).status, 200, "the others go on");
        }
        open.pop();
        assert_eq!(waiting.response().status, 200, "a place is free, on whichever shard");
    }
}

#[test]
fn connections_come_and_go_beyond_the_limit() {
    let server = start_with(|config| config.connections_max = 3);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(server.connect().ask(health("")).status, 200);
                }
            });
        }
    });
    eventually("all connections are closed", || {
        server.running().stats().iter().all(|shard| shard.connections == 0)
    });
}

#[test]
fn calls_beyond_the_workers_and_their_queue_are_told_to_come_back() {
    let server = start_with(|config| {
        config.workers = Some(1);
        config.deferred_max = 2;
    });
    let wait = |id| call(id, "wait", json!({})).bytes();
    let mut first = server.connect();
    first.send(wait(0));
    eventually("the worker has its call", || server.stage.waiting.load(Ordering::SeqCst) == 1);
    let mut queued: Vec<Wire> = (1..3).map(|_| server.connect()).collect();
    for (id, wire) in (1..).zip(&mut queued) {
        wire.send(wait(id));
        // Its answer does not come; that it is queued shows in the one after it.
        wire.expect_silence(Duration::from_millis(50));
    }
    let mut refused = server.connect();
    let response: Response = refused.ask(wait(9));
    assert_eq!(response.status, 503);
    assert_eq!(response.field("Retry-After"), Some("1"));
    assert!(response.error().1.contains("deferred_max"), "{}", response.text());
    assert!(!response.closes());
    // What needs no worker goes on, on the same connection too.
    let response = refused.ask(call(10, "add", json!({ "a": 1, "b": 1 })).bytes());
    assert_eq!(response.result()["structuredContent"]["sum"], 2);
    server.stage.open();
    assert_eq!(first.response().json()["id"], 0);
    for (id, wire) in (1..).zip(&mut queued) {
        assert_eq!(wire.response().json()["id"], id);
    }
    assert_eq!(refused.ask(wait(11)).json()["id"], 11, "there is room again");
}
