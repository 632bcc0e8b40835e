//! Slow senders and slow readers cost only their own connection.

mod common;

use std::time::{Duration, Instant};

use common::{Post, TestServer, Wire, call, eventually, start_with};
use serde_json::json;

fn add(id: u64) -> Vec<u8> {
    call(id, "add", json!({ "a": id, "b": 1 })).bytes()
}

#[track_caller]
fn expect_timeout(wire: &mut Wire, limit: &str) {
    let response = wire.response();
    assert_eq!(response.status, 408, "{}", response.text());
    assert_eq!(response.json()["error"]["data"]["limit"], limit);
    assert!(response.closes());
    wire.half_close();
    wire.expect_end();
}

fn open_connections(server: &TestServer) -> usize {
    server.running().stats().iter().map(|shard| shard.connections).sum()
}

#[test]
fn a_head_has_a_deadline_however_slowly_it_trickles() {
    let server = start_with(|config| config.head_timeout = Duration::from_millis(300));
    let mut silent = server.connect();
    silent.send("GET /health HTTP/1.1\r\nHost: a\r\n");
    expect_timeout(&mut silent, "head_timeout");
    // Each byte is progress, and no reason for another deadline.
    let mut trickling = server.connect();
    let started = Instant::now();
    trickling.send("GET /health HTTP/1.1\r\nHost: a\r\nX: ");
    while trickling.try_send("x") && started.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
        if started.elapsed() > Duration::from_millis(1500) {
            break;
        }
    }
    assert!(started.elapsed() < Duration::from_secs(20));
    let response = trickling.next_response();
    assert!(response.is_none_or(|response| response.status == 408));
    server.assert_alive();
}

#[test]
fn a_body_has_a_deadline() {
    let server = start_with(|config| config.body_timeout = Duration::from_millis(300));
    let request = add(1);
    let mut wire = server.connect();
    wire.send(&request[..request.len() - 1]);
    expect_timeout(&mut wire, "body_timeout");
    let chunked = call(1, "add", json!({ "a": 1, "b": 1 })).chunked(10);
    let mut wire = server.connect();
    wire.send(&chunked[..chunked.len() - 3]);
    expect_timeout(&mut wire, "body_timeout");
    let mut wire = server.connect();
    let head = Post::new("").with("Expect", "100-continue").head();
    wire.send(format!("{head}Content-Length: 5\r\n\r\n"));
    wire.interim();
    expect_timeout(&mut wire, "body_timeout");
}

#[test]
fn deadlines_are_for_one_request_not_for_the_connection() {
    // A client that never stops pipelining: at each moment there is the beginning of a request,
    // and never the same one for long.
    let server = start_with(|config| {
        config.head_timeout = Duration::from_secs(2);
        config.body_timeout = Duration::from_secs(2);
    });
    let mut wire = server.connect();
    let one = add(1);
    let at = 20;
    wire.send(&one[..at]);
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(5) {
        wire.send([&one[at..], &one[..at]].concat());
        assert_eq!(wire.response().status, 200, "after {:?}", started.elapsed());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_worker_may_take_longer_than_any_deadline_of_the_client() {
    let server = start_with(|config| {
        config.head_timeout = Duration::from_millis(100);
        config.body_timeout = Duration::from_millis(100);
        config.idle_timeout = Duration::from_millis(100);
        config.write_timeout = Duration::from_millis(100);
    });
    let mut wire = server.connect();
    wire.send([call(1, "sleep", json!({ "ms": 600 })).bytes(), add(2)].concat());
    assert_eq!(wire.response().json()["id"], 1);
    assert_eq!(wire.response().json()["id"], 2);
}

#[test]
fn idle_connections_are_closed() {
    let server = start_with(|config| config.idle_timeout = Duration::from_millis(200));
    let mut fresh = server.connect();
    let mut used = server.connect();
    assert_eq!(used.ask(add(1)).status, 200);
    let mut empty_lines = server.connect();
    empty_lines.send("\r\n");
    fresh.expect_end();
    used.expect_end();
    empty_lines.expect_end();
    eventually("all connections are gone", || open_connections(&server) == 0);
}

#[test]
fn requests_push_the_idle_deadline_back() {
    let server = start_with(|config| config.idle_timeout = Duration::from_secs(2));
    let mut wire = server.connect();
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(5) {
        assert_eq!(wire.ask(add(1)).status, 200, "after {:?}", started.elapsed());
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_slow_reader_disturbs_nobody() {
    let server = start_with(|config| config.cores = Some(1));
    let mut slow = server.connect();
    let fill: Vec<u8> =
        (0..40).flat_map(|id| call(id, "fill", json!({ "bytes": 500_000 })).bytes()).collect();
    slow.send(&fill);
    let mut brisk = server.connect();
    for id in 0..200 {
        assert_eq!(brisk.ask(add(id)).json()["id"], id);
    }
    // The slow one reads in the end, and all of it is there.
    for id in 0..40 {
        assert_eq!(slow.response().json()["id"], id);
    }
}

#[test]
fn a_reader_that_has_stopped_is_given_up() {
    let server = start_with(|config| config.write_timeout = Duration::from_millis(300));
    let mut stopped = server.connect();
    stopped.shrink_receive_buffer();
    let fill: Vec<u8> =
        (0..100).flat_map(|id| call(id, "fill", json!({ "bytes": 1_000_000 })).bytes()).collect();
    stopped.send(&fill);
    eventually("it was given up", || open_connections(&server) == 0);
    server.assert_alive();
}

#[test]
fn memory_for_a_slow_reader_is_bounded() {
    // 300 answers of a megabyte each wait for a client that reads nothing.
    let server = start_with(|config| config.cores = Some(1));
    let before = resident_kb();
    let mut wires = Vec::new();
    for _ in 0..10 {
        let mut slow = server.connect();
        slow.shrink_receive_buffer();
        let requests: Vec<u8> = (0..30)
            .flat_map(|id| call(id, "fill", json!({ "bytes": 1_000_000 })).bytes())
            .collect();
        slow.send(&requests);
        wires.push(slow);
    }
    server.assert_alive();
    std::thread::sleep(Duration::from_millis(300));
    let grown = resident_kb().saturating_sub(before);
    // One answer beyond the bound for each, and as much again while a vector grows.
    assert!(grown < 60_000, "{grown} KiB for ten slow readers");
}

fn resident_kb() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).map_or(0, |pages: usize| pages * 4)
}
