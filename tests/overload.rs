//! When there is more to do than can be done: what lasts is refused and told when to come back,
//! what is begun is answered, and nothing is lost. How fast that is, is for scripts/bench.

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::http_sse::OldClient;
use common::{Post, Response, TestServer, Wire, call, eventually, legacy, start_with};
use mcp_fastd::OverloadConfig;
use serde_json::json;

fn wait(id: u64) -> Vec<u8> {
    call(id, "wait", json!({})).bytes()
}

fn echo(id: u64) -> Vec<u8> {
    call(id, "echo_on_worker", json!({ "text": "x" })).bytes()
}

/// One worker, which knows that calls are quick, and is busy with one that is not.
fn busy() -> (TestServer, Wire) {
    let server = start_with(|config| {
        config.workers = Some(1);
        config.overload = OverloadConfig::default();
        // What lasts is what lasts so long, and is over after ten times as long.
        config.overload.interval = Duration::from_millis(200);
    });
    let mut wire = server.connect();
    for id in 0..20 {
        assert_eq!(wire.ask(echo(id)).status, 200);
    }
    wire.send(wait(100));
    eventually("the worker is busy", || server.stage.waiting.load(Ordering::SeqCst) == 1);
    (server, wire)
}

/// The same for a while; another call waits for it.
fn overloaded() -> (TestServer, Vec<Wire>) {
    let (server, wire) = busy();
    let mut behind = server.connect();
    behind.send(wait(101));
    behind.expect_silence(Duration::from_millis(50));
    (server, vec![wire, behind])
}

/// Sends calls until one of them is refused; the others wait.
fn refused(
    server: &TestServer,
    waiting: &mut Vec<Wire>,
    request: impl Fn(u64) -> Vec<u8>,
) -> Response {
    for id in 200..300 {
        let mut wire = server.connect();
        wire.send(request(id));
        match wire.response_within(Duration::from_millis(100)) {
            Some(response) => return response,
            None => waiting.push(wire),
        }
    }
    panic!("nothing is ever refused");
}

#[track_caller]
fn check_refused(response: &Response) {
    assert_eq!(response.status, 503, "{response:?} {}", response.text());
    let retry_s: u64 = response.field("Retry-After").expect("a time").parse().expect("seconds");
    assert!((1..=60).contains(&retry_s), "{retry_s}");
    assert_eq!(response.json()["error"]["data"]["limit"], "overload.queue_delay_target");
    assert!(response.json()["error"]["data"]["retryAfterMs"].is_u64());
    assert!(response.error().1.contains("overload.queue_delay_target"));
}

#[test]
fn what_lasts_is_refused_and_what_is_begun_is_answered() {
    let (server, mut waiting) = overloaded();
    check_refused(&refused(&server, &mut waiting, wait));
    // What needs no worker goes on.
    server.assert_alive();
    server.stage.open();
    assert_eq!(waiting[0].response().status, 200, "what is begun is answered");
    // One was refused when it came, and so is one of those that have waited for too long.
    check_refused(&waiting[1].response());
    for wire in &mut waiting[2..] {
        assert_eq!(wire.response().status, 200, "a worker is free for it");
    }
    let mut wire = server.connect();
    eventually("it is over", || wire.ask(echo(1)).status == 200);
}

/// Three requests at once, of which a worker is needed for the first and the last.
fn three(id: u64) -> Vec<u8> {
    let echo_of = |id: u64, tool: &str| call(id, tool, json!({ "text": text(id) })).bytes();
    [echo_of(id, "echo_on_worker"), echo_of(id + 1, "echo"), echo_of(id + 2, "echo_on_worker")]
        .concat()
}

fn text(id: u64) -> String {
    format!("this is {id}")
}

/// Whether it was answered; either way it was this request that was.
#[track_caller]
fn is_answered(response: &Response, id: u64) -> bool {
    assert_eq!(response.json()["id"], id, "{}", response.text());
    match response.status {
        200 => {
            assert_eq!(response.json()["result"]["content"][0]["text"], text(id));
            true
        }
        503 => {
            check_refused(response);
            false
        }
        status => panic!("{status}: {}", response.text()),
    }
}

#[test]
fn no_request_is_given_the_answer_to_another() {
    let (server, mut waiting) = overloaded();
    let refused = refused(&server, &mut waiting, wait);
    assert_eq!(refused.json()["id"], 200 + waiting.len() as u64 - 2);
    let mut wires: Vec<(u64, Wire)> = (1..=50).map(|nth| (nth * 1000, server.connect())).collect();
    for (id, wire) in &mut wires {
        wire.send(three(*id));
    }
    for (id, wire) in &mut wires {
        let answered = [0, 1, 2].map(|nth| is_answered(&wire.response(), *id + nth));
        assert_eq!(answered, [false, true, false], "the worker is busy all the time");
    }
    server.stage.open();
    for (id, wire) in [100, 101].into_iter().chain(200..).zip(&mut waiting) {
        let response = wire.response();
        assert_eq!(response.json()["id"].as_u64(), Some(id), "{}", response.text());
        match id {
            100 => assert_eq!(response.status, 200, "what is begun is answered"),
            // Some have waited for too long, in which others were refused.
            _ => assert!([200, 503].contains(&response.status), "{}", response.text()),
        }
    }
    // Some are answered now, and some are not.
    for _ in 0..20 {
        for (id, wire) in &mut wires {
            *id += 3;
            wire.send(three(*id));
        }
        for (id, wire) in &mut wires {
            let answered = [0, 1, 2].map(|nth| is_answered(&wire.response(), *id + nth));
            assert!(answered[1], "what needs no worker goes on");
        }
    }
}

#[test]
fn a_burst_waits() {
    let server = start_with(|config| {
        config.workers = Some(2);
        config.overload = OverloadConfig::default();
        // Longer than it takes to send them all, on any machine.
        config.overload.interval = Duration::from_secs(30);
    });
    let mut wires: Vec<Wire> = (0..200).map(|_| server.connect()).collect();
    for (id, wire) in (0..).zip(&mut wires) {
        wire.send(call(id, "sleep", json!({ "ms": 5 })).bytes());
    }
    for (id, wire) in (0..).zip(&mut wires) {
        let response = wire.response();
        assert_eq!((response.status, response.json()["id"].as_u64()), (200, Some(id)));
    }
}

#[test]
fn zero_waits_up_to_the_length_of_the_queue() {
    let server = start_with(|config| {
        config.workers = Some(1);
        config.overload.queue_delay_target = Duration::ZERO;
        config.deferred_max = 30;
    });
    let mut wires: Vec<Wire> = (0..32).map(|_| server.connect()).collect();
    wires[0].send(wait(0));
    eventually("the worker is busy", || server.stage.waiting.load(Ordering::SeqCst) == 1);
    for (id, wire) in (1..).zip(&mut wires[1..]) {
        wire.send(wait(id));
    }
    let answered = |wire: &mut Wire| wire.response_within(Duration::from_millis(50));
    let refused: Vec<_> = wires[1..].iter_mut().filter_map(answered).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].json()["error"]["data"]["limit"], "deferred_max");
}

#[test]
fn a_message_over_http_sse_is_not_accepted_and_then_lost() {
    let (server, mut waiting) = overloaded();
    let client = OldClient::connect(server.address);
    check_refused(&refused(&server, &mut waiting, wait));
    let message = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": { "name": "wait", "arguments": {} } });
    let answer = client.try_send(&message);
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.json()["error"]["data"]["limit"], "overload.queue_delay_target");
}

#[test]
fn who_waits_on_a_line_for_too_long_is_told_so_there() {
    let (server, wire) = busy();
    let mut waiting = vec![wire];
    let mut client = OldClient::connect(server.address);
    let message = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": { "name": "wait", "arguments": {} } });
    assert_eq!(client.try_send(&message).status, 202, "it may be a burst");
    check_refused(&refused(&server, &mut waiting, wait));
    server.stage.open();
    let error = client.next();
    assert_eq!(error["id"], 7);
    assert_eq!(error["error"]["data"]["limit"], "overload.queue_delay_target", "{error}");
    assert!(error["error"]["data"]["retryAfterMs"].is_u64());
}

#[test]
fn a_batch_that_was_taken_in_is_answered_however_long_it_waits() {
    let (server, mut waiting) = overloaded();
    let batch = json!([{ "jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": { "name": "wait", "arguments": {} } }]);
    let mut wire = server.connect();
    wire.send(Post::new(batch.to_string()).with("MCP-Protocol-Version", "2025-03-26").bytes());
    wire.expect_silence(Duration::from_millis(50));
    check_refused(&refused(&server, &mut waiting, wait));
    server.stage.open();
    let response = wire.response();
    assert_eq!(response.status, 200);
    assert_eq!(response.json()[0]["result"]["isError"], false, "{}", response.text());
}

#[test]
fn a_batch_and_a_legacy_call_are_refused_alike() {
    let (server, mut waiting) = overloaded();
    check_refused(&refused(&server, &mut waiting, wait));
    let params = json!({ "name": "wait", "arguments": {} });
    let mut wire = server.connect();
    check_refused(&wire.ask(legacy(json!(1), "tools/call", params.clone()).bytes()));
    let one = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let batch = Post::new(json!([one]).to_string()).with("MCP-Protocol-Version", "2025-03-26");
    check_refused(&wire.ask(batch.bytes()));
}

#[test]
fn where_memory_is_short_calls_and_large_bodies_are_refused() {
    // No process has so little.
    let server = start_with(|config| config.overload.memory_max = Some(1));
    let mut wire = server.connect();
    eventually("it has looked", || wire.ask(echo(1)).status == 503);
    let response = wire.ask(echo(2));
    assert_eq!(response.json()["error"]["data"]["limit"], "overload.memory_max");
    assert!(response.field("Retry-After").is_some());
    server.assert_alive();
    let ping = json!([{ "jsonrpc": "2.0", "id": 3, "method": "ping" }]).to_string();
    let batch = wire.ask(Post::new(ping).with("MCP-Protocol-Version", "2025-03-26").bytes());
    assert_eq!(batch.json()["error"]["data"]["limit"], "overload.memory_max", "it may grow");
    let post = call(3, "echo", json!({ "text": "x".repeat(100_000) }));
    wire.send(format!("{}Content-Length: 100200\r\n\r\n", post.head()));
    let response = wire.response();
    assert_eq!(response.status, 503);
    assert_eq!(response.json()["error"]["data"]["limit"], "overload.memory_max");
    assert!(response.closes());
}
