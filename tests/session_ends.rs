//! The end of a session, and of the server, while calls run, wait and stream.

mod common;

use std::time::{Duration, Instant};

use common::eventually;
use common::session::{Client, LATEST, REVISIONS, live, live_with};
use serde_json::json;

#[test]
fn deleting_ends_all_that_is_under_way() {
    let server = live();
    for version in REVISIONS {
        let client = server.able(version);
        let mut get = client.listen();
        let mut held = client.start(&client.tool(1, "until_cancelled", json!({})));
        let mut asking = client.start(&client.tool(3, "form", json!({ "tag": "t" })));
        assert!(asking.head());
        asking.next();
        let cancelled = server.scene.cancelled();
        eventually("it has begun", || server.scene.begun() == cancelled + 1);
        assert_eq!(client.ask_bare("DELETE").status, 204);
        get.expect_end_of_stream();
        asking.expect_end_of_stream();
        assert!(held.answer().messages.is_empty());
        eventually("the tool sees it", || server.scene.cancelled() > cancelled);
        assert_eq!(client.ask_bare("DELETE").status, 404);
        assert_eq!(client.ask(&client.request(1, "ping", json!({}))).status, 404);
    }
    server.assert_alive();
}

#[test]
fn a_stream_ends_when_the_server_stops() {
    let mut server = live_with(|config| config.shutdown_grace = Duration::from_secs(20));
    let clients: Vec<_> = REVISIONS.iter().map(|version| server.client(version)).collect();
    let mut streams: Vec<_> = clients.iter().map(Client::listen).collect();
    let mut call = clients[2].start(&clients[2].tool(1, "gated", json!({ "tag": "t" })));
    assert!(call.head());
    assert_eq!(call.next()["params"]["data"], "t before");
    let (scene, running) = (server.scene.clone(), server.take());
    let stopping = std::thread::spawn(move || running.stop());
    for stream in &mut streams {
        stream.expect_end_of_stream();
        stream.expect_closed();
    }
    scene.open();
    assert_eq!(call.next()["params"]["data"], "t after");
    assert_eq!(call.next()["id"], 1);
    call.expect_end_of_stream();
    call.expect_closed();
    let ended = Instant::now();
    stopping.join().expect("it stops");
    assert!(ended.elapsed() < Duration::from_secs(5), "{:?}", ended.elapsed());
}

#[test]
fn calls_that_wait_do_not_hold_up_a_stop() {
    let mut server = live_with(|config| config.shutdown_grace = Duration::from_millis(200));
    let client = server.able(LATEST);
    let mut asking = client.start(&client.tool(1, "form", json!({ "tag": "t" })));
    assert!(asking.head());
    asking.next();
    let _sleeping = client.start(&client.tool(2, "until_cancelled", json!({})));
    let without = client.tool(3, "until_cancelled", json!({})).without("Mcp-Session-Id");
    let _nobodys = client.start(&without);
    eventually("both have begun", || server.scene.begun() == 2);
    let begun = Instant::now();
    server.take().stop();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    eventually("all see it", || server.scene.cancelled() == 2);
}
