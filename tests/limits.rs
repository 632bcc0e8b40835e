//! Every bound on requests and connections: what is within it is answered, what is beyond it gets
//! an answer that names the limit.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::http_sse::{OldClient, open as open_line};
use common::{Post, Response, Wire, call, eventually, modern, start_with};
use mcp_fastd::{Access, Call, Config, Credentials, Empty, Server, about};
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
    check(&mut wire, 431, "http.head_bytes_max");
    // One that never ends.
    let mut wire = server.connect();
    wire.try_send(filled(100_000).trim_end());
    check(&mut wire, 431, "http.head_bytes_max");

    let target =
        |len: usize| format!("GET /health?{} HTTP/1.1\r\nHost: a\r\n\r\n", "q".repeat(len - 8));
    let mut wire = server.connect();
    assert_eq!(wire.ask(target(100)).status, 200);
    wire.send(target(101));
    check(&mut wire, 414, "http.target_bytes_max");
    let mut wire = server.connect();
    wire.try_send(target(100_000));
    check(&mut wire, 414, "http.target_bytes_max");

    let mut wire = server.connect();
    assert_eq!(wire.ask(health(&"X: y\r\n".repeat(9))).status, 200);
    wire.send(health(&"X: y\r\n".repeat(10)));
    check(&mut wire, 431, "http.header_fields_max");
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
    check(&mut wire, 413, "http.body_bytes_max");
    for size in [1000, 1_000_000] {
        let mut wire = server.connect();
        wire.try_send(filled(10_001).chunked(size));
        check(&mut wire, 413, "http.body_bytes_max");
    }
    // Declared, and refused before any of it is there.
    let mut wire = server.connect();
    wire.send(format!("{}Content-Length: 99999999999\r\n\r\n", Post::new("").head()));
    check(&mut wire, 413, "http.body_bytes_max");
    let mut wire = server.connect();
    wire.send(format!("{}Transfer-Encoding: chunked\r\n\r\nffffff\r\n", Post::new("").head()));
    check(&mut wire, 413, "http.body_bytes_max");
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
    check(&mut wire, 400, "http.chunk_line_bytes_max");
    let mut wire = server.connect();
    wire.send(chunked(&format!("2;{long}")));
    check(&mut wire, 400, "http.chunk_line_bytes_max");
    let mut wire = server.connect();
    let line = format!("1;{}\r\nx\r\n", "y".repeat(80));
    wire.try_send(chunked(&line.repeat(1000)));
    check(&mut wire, 400, "http.chunk_overhead_bytes_max");
    let mut wire = server.connect();
    wire.try_send(chunked(&format!("2\r\n{{}}\r\n0\r\n{}\r\n", "X: y\r\n".repeat(100))));
    check(&mut wire, 431, "http.trailer_bytes_max");
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

#[test]
fn connections_of_one_address() {
    let server = start_with(|config| config.connections_per_address_max = 2);
    let mut open: Vec<Wire> = (0..2).map(|_| server.connect()).collect();
    for wire in &mut open {
        assert_eq!(wire.ask(health("")).status, 200);
    }
    // Those that say nothing do not keep the others from being told.
    let silent: Vec<Wire> = (0..150).map(|_| server.connect()).collect();
    let mut third = server.connect();
    let response = third.ask(health(""));
    assert_eq!((response.status, response.error().0), (429, -32005));
    assert_eq!(response.json()["error"]["data"]["limit"], "connections_per_address_max");
    assert!(response.closes());
    third.expect_end();
    drop(silent);
    for wire in &mut open {
        assert_eq!(wire.ask(health("")).status, 200, "the others go on");
    }
    open.pop();
    eventually("a place is free", || {
        let mut wire = server.connect();
        wire.try_send(health("")) && wire.next_response().is_some_and(|it| it.status == 200)
    });
}

#[test]
fn requests_of_one_connection() {
    let server = start_with(|config| config.requests_per_connection_max = 3);
    let mut wire = server.connect();
    wire.send(health("").repeat(5));
    for count in 1..=3 {
        let response = wire.response();
        assert_eq!(response.status, 200);
        assert_eq!(response.closes(), count == 3, "request {count}");
    }
    wire.expect_end();
    let mut wire = server.connect();
    for id in 1..=3 {
        let response = wire.ask(call(id, "echo_on_worker", json!({ "text": "x" })).bytes());
        assert_eq!((response.status, response.closes()), (200, id == 3));
    }
    wire.expect_end();
}

#[test]
fn the_age_of_a_connection() {
    let server = start_with(|config| config.connection_age_max = Duration::from_millis(100));
    let mut wire = server.connect();
    eventually("it is old", || wire.ask(health("")).closes());
    wire.expect_end();
}

#[test]
fn nesting() {
    let server = start_with(|config| config.json_depth_max = 10);
    let nested = |depth: usize| {
        let value = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        Post::new(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","x":{value}}}"#))
    };
    let mut wire = server.connect();
    assert_eq!(wire.ask(nested(8).bytes()).status, 200);
    let response = wire.ask(nested(12).bytes());
    assert_eq!(response.status, 400);
    assert!(response.error().1.contains("json_depth_max (10)"), "{}", response.text());
    assert_eq!(response.json()["error"]["data"]["limit"], "json_depth_max");
}

#[test]
fn streams_of_one_address() {
    let server = start_with(|config| config.streams_per_address_max = 2);
    let get = |_| OldClient::connect(server.address);
    let mut open: Vec<OldClient> = (0..2).map(get).collect();
    let listen = modern(json!(1), "subscriptions/listen", json!({ "notifications": {} }));
    for post in [open_line(), listen] {
        let response = server.connect().ask(post.bytes());
        assert_eq!(response.status, 429, "{}", response.text());
        assert_eq!(response.json()["error"]["data"]["limit"], "streams_per_address_max");
    }
    open.pop();
    eventually("there is room again", || {
        let mut wire = server.connect();
        wire.send(open_line().bytes());
        wire.line_with("HTTP/1.1").contains("200")
    });
}

#[test]
fn calls_and_streams_of_one_principal() {
    let mut config = Config { bind: ([127, 0, 0, 1], 0).into(), ..Config::default() };
    (config.calls_per_principal_max, config.streams_per_principal_max) = (1, 1);
    let stage = Arc::new(AtomicUsize::new(0));
    let server = Server::builder()
        .state(stage.clone())
        .authenticate(|_: &_, credentials: &Credentials| match credentials.bearer() {
            Some(name) => Access::named(name),
            None => Access::Anonymous,
        })
        .tool(about("hold").on_worker(), |stage: &Arc<AtomicUsize>, _: Empty, call: &Call| {
            stage.fetch_add(1, Ordering::SeqCst);
            while stage.load(Ordering::SeqCst) < 100 && !call.cancelled() {
                std::thread::sleep(Duration::from_millis(2));
            }
            "held"
        });
    let running = server.build().config(config).start().expect("the server starts");
    let connect = || Wire::connect(running.addr());
    let hold = |name: &str| {
        call(1, "hold", json!({})).with("Authorization", &format!("Bearer {name}")).bytes()
    };
    let mut first = connect();
    first.send(hold("ada"));
    eventually("it runs", || stage.load(Ordering::SeqCst) == 1);
    let mut second = connect();
    let response = second.ask(hold("ada"));
    assert_eq!(response.status, 429);
    assert_eq!(response.json()["error"]["data"]["limit"], "calls_per_principal_max");
    let mut other = connect();
    other.send(hold("alan"));
    eventually("another's runs", || stage.load(Ordering::SeqCst) == 2);
    stage.store(100, Ordering::SeqCst);
    assert_eq!((first.response().status, other.response().status), (200, 200));
    eventually("there is room again", || second.ask(hold("ada")).status == 200);

    let listen = modern(json!(1), "subscriptions/listen", json!({ "notifications": {} }));
    let listen = listen.with("Authorization", "Bearer ada").bytes();
    let mut stream = connect();
    stream.send(&listen);
    assert!(stream.line_with("HTTP/1.1").contains("200"));
    let response = second.ask(&listen);
    assert_eq!(response.json()["error"]["data"]["limit"], "streams_per_principal_max");
}
