//! Tools on workers: answered by mail, in order, cancelled when the client is gone, and never
//! costing more than one answer.

mod common;

use std::sync::atomic::Ordering;

use common::{call, eventually, legacy, start, start_with};
use serde_json::json;

#[test]
fn many_connections_share_the_workers() {
    let server = start_with(|config| config.workers = Some(2));
    let mut wires: Vec<_> = (0..40).map(|_| server.connect()).collect();
    for (id, wire) in (0..).zip(&mut wires) {
        for round in 0..5 {
            wire.send(call(id * 10 + round, "echo_on_worker", json!({ "text": "x" })).bytes());
        }
    }
    for (id, wire) in (0..).zip(&mut wires) {
        for round in 0..5 {
            assert_eq!(wire.response().json()["id"], id * 10 + round);
        }
    }
}

#[test]
fn a_shard_serves_others_while_a_worker_is_busy() {
    let server = start_with(|config| config.cores = Some(1));
    let mut waiting = server.connect();
    waiting.send(call(1, "wait", json!({})).bytes());
    eventually("the call has begun", || server.stage.waiting.load(Ordering::SeqCst) == 1);
    let mut other = server.connect();
    for id in 0..50 {
        let response = other.ask(call(id, "add", json!({ "a": 1, "b": 1 })).bytes());
        assert_eq!(response.json()["id"], id);
    }
    assert_eq!(server.stage.ended.load(Ordering::SeqCst), 0);
    server.stage.open();
    assert_eq!(waiting.response().json()["id"], 1);
}

#[test]
fn a_client_that_resets_cancels_its_call() {
    let server = start();
    for (round, name) in (1..).zip(["until_cancelled", "until_cancelled"]) {
        let mut wire = server.connect();
        wire.send(call(1, name, json!({})).bytes());
        eventually("the call has begun", || server.stage.waiting.load(Ordering::SeqCst) == round);
        wire.reset();
        eventually("the call is told", || server.stage.cancelled.load(Ordering::SeqCst) == round);
    }
    server.assert_alive();
    eventually("their connections are gone", || {
        server.running().stats().iter().all(|shard| shard.connections == 0)
    });
}

#[test]
fn an_answer_that_comes_too_late_reaches_nobody_else() {
    // The slot of a connection that was reset is used again; the late answer is for the old one.
    let server = start_with(|config| config.cores = Some(1));
    let mut old = server.connect();
    old.send(call(666, "wait", json!({})).bytes());
    eventually("the call has begun", || server.stage.waiting.load(Ordering::SeqCst) == 1);
    old.reset();
    eventually("it is gone", || server.running().stats()[0].connections == 0);
    let mut new = server.connect();
    let response = new.ask(call(1, "add", json!({ "a": 1, "b": 1 })).bytes());
    assert_eq!(response.json()["id"], 1);
    new.send(call(2, "sleep", json!({ "ms": 100 })).bytes());
    server.stage.open();
    eventually("the old call ends", || server.stage.ended.load(Ordering::SeqCst) == 1);
    assert_eq!(new.response().json()["id"], 2);
    let response = new.ask(call(3, "add", json!({ "a": 1, "b": 1 })).bytes());
    assert_eq!(response.json()["id"], 3);
}

#[test]
fn a_panic_costs_one_answer() {
    let server = start_with(|config| config.workers = Some(1));
    let mut wire = server.connect();
    for round in 0..5 {
        for name in ["panic", "panic_on_worker"] {
            let params = json!({ "name": name, "arguments": {} });
            for post in [call(round, name, json!({})), legacy(json!(round), "tools/call", params)] {
                let response = wire.ask(post.bytes());
                assert_eq!(response.status, 200);
                let (code, message) = response.error();
                assert_eq!(code, -32603);
                assert!(message.contains(name), "{message}");
                assert!(!message.contains("as it was told"), "what it said is for the log");
                assert_eq!(response.json()["id"], round);
            }
        }
        let response = wire.ask(call(1, "echo_on_worker", json!({ "text": "fine" })).bytes());
        assert_eq!(response.result()["content"][0]["text"], "fine");
    }
}

#[test]
fn a_wrong_call_needs_no_worker() {
    let server = start_with(|config| config.workers = Some(1));
    let mut busy = server.connect();
    busy.send(call(1, "wait", json!({})).bytes());
    eventually("the worker is busy", || server.stage.waiting.load(Ordering::SeqCst) == 1);
    let mut wire = server.connect();
    let request = call(2, "wait", json!({})).instead("Mcp-Name", "other").bytes();
    assert_eq!(wire.ask(request).status, 400);
}
