//! What comes in on standard input, and its end.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::session::live;
use crate::common::{PATIENCE, eventually, start};
use crate::desktop::{Desktop, call, error, modern, modern_call, text};
use crate::far_side::Fake;

#[test]
fn lines_that_are_no_messages_are_answered() {
    let server = start();
    let url = format!("http://{}/mcp", server.address);
    let mut desktop = Desktop::start_with(&url, &["--message-bytes-max", "10000"]);
    for (line, code, expected) in [
        ("{", -32700, "not JSON"),
        ("hello", -32700, "not JSON"),
        ("7", -32600, "not an object"),
        ("[]", -32600, "not an object"),
    ] {
        desktop.send_line(line);
        let answer = desktop.next();
        assert_eq!((&answer["id"], error(&answer).0), (&Value::Null, code), "{line}");
        assert!(error(&answer).1.contains(expected), "{answer}");
    }
    desktop.send_line("\n\r\n \t");
    let long = |id: Value| modern_call(id, "echo", json!({ "text": "x".repeat(20_000) }));
    desktop.send(&long(json!("long")));
    let answer = desktop.next();
    assert_eq!((&answer["id"], error(&answer).0), (&json!("long"), -32600), "{answer}");
    assert!(error(&answer).1.contains("--message-bytes-max (10000)"), "{answer}");
    desktop.send_line(&"x".repeat(100_000));
    assert_eq!(desktop.next()["id"], Value::Null);
    // White space around a message, and the carriage return of another system.
    let ping = modern_call(1, "echo", json!({ "text": "still here" }));
    desktop.send_line(&format!("  {ping}\r"));
    assert_eq!(text(&desktop.answer(1)), Some("still here"));
    assert!(desktop.aside.is_empty(), "{:?}", desktop.aside);
}

#[test]
fn what_is_under_way_is_finished_at_the_end() {
    let server = live();
    let mut desktop = Desktop::start(&format!("http://{}/mcp", server.address));
    desktop.initialize();
    desktop.send(&call(1, "silent", json!({ "tag": "late" })));
    let listen = json!({ "notifications": { "toolsListChanged": true } });
    desktop.send(&modern("s", "subscriptions/listen", listen));
    desktop.until(|message| message["method"] == "notifications/subscriptions/acknowledged");
    eventually("it has begun", || server.scene.begun() == 1);
    desktop.close();
    assert_eq!(desktop.next_within(Duration::from_millis(200)), None);
    server.scene.open();
    assert_eq!(text(&desktop.answer(1)), Some("late"));
    assert_eq!(desktop.ended().code(), Some(0), "{}", desktop.log());
}

/// It waits for a place for its next request, and for answers that do not come; the one who would
/// end it is not there any more.
#[test]
fn a_client_that_crashes_leaves_nothing_behind() {
    let fake = Fake::start(|_, _| std::thread::sleep(PATIENCE));
    let mut desktop = Desktop::start_unread(&fake.url(), &[]);
    for id in 0..=mcp_fastd::limits::CONNECT_REQUESTS_MAX {
        desktop.send(&modern_call(id, "x", json!({})));
    }
    let most = mcp_fastd::limits::CONNECT_REQUESTS_MAX;
    eventually("all places are taken", || fake.count("POST") == most);
    desktop.crash();
    assert_eq!(desktop.ended().code(), Some(0));
}

#[test]
fn signals_end_it() {
    for signal in ["TERM", "INT"] {
        let server = live();
        let mut desktop = Desktop::start(&format!("http://{}/mcp", server.address));
        desktop.initialize();
        desktop.send(&call(1, "silent", json!({ "tag": "x" })));
        eventually("it has begun", || server.scene.begun() == 1);
        desktop.signal(signal);
        assert_eq!(desktop.ended().code(), Some(0), "{}", desktop.log());
        assert_eq!(server.scene.ended.load(std::sync::atomic::Ordering::SeqCst), 0);
    }
}
