//! What comes in on standard input, and its end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mcp_fastd::limits::{CONNECT_REQUESTS_MAX, CONNECT_WAITING_MAX};
use serde_json::{Value, json};

use crate::common::session::live;
use crate::common::{PATIENCE, eventually, start};
use crate::desktop::{
    Desktop, call, cancelled, error, initialize, modern, modern_call, notice, request, text,
};
use crate::far_side::{self, Fake};

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

/// A server that begins a session, and answers nothing but pings until a question of its own is
/// answered.
fn silent() -> Fake {
    let open = AtomicBool::new(false);
    Fake::start(move |seen, stream| {
        let message = seen.json();
        let result = json!({ "protocolVersion": "2025-11-25" });
        let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
        match message["method"].as_str() {
            _ if seen.method != "POST" => {
                far_side::json(stream, "405 Method Not Allowed", "", &Value::Null);
            }
            Some("initialize" | "ping") => far_side::json(stream, "200 OK", "", &answer),
            Some("tools/call") => {
                eventually("a question is answered", || open.load(Ordering::SeqCst));
                far_side::json(stream, "200 OK", "", &answer);
            }
            method => {
                open.fetch_or(method.is_none(), Ordering::SeqCst);
                far_side::json(stream, "202 Accepted", "", &Value::Null);
            }
        }
    })
}

fn methods(fake: &Fake, method: &str) -> usize {
    let seen = fake.seen.lock().expect("a lock");
    seen.iter().filter(|seen| seen.json()["method"] == method).count()
}

#[test]
fn requests_that_are_never_answered_can_be_cancelled() {
    let fake = silent();
    let mut desktop = Desktop::start(&fake.url());
    desktop.initialize();
    for id in 0..CONNECT_REQUESTS_MAX + 16 {
        desktop.send(&call(id, "x", json!({})));
    }
    let most = CONNECT_REQUESTS_MAX;
    eventually("all places are taken", || methods(&fake, "tools/call") == most);
    // Those that wait first: they have never been sent, and so the server is not told.
    for id in (0..CONNECT_REQUESTS_MAX + 16).rev() {
        desktop.send(&cancelled(id));
    }
    assert!(desktop.ask(&request("p", "ping", json!({})))["result"].is_object());
    eventually("the server knows", || methods(&fake, "notifications/cancelled") == most);
    assert_eq!(methods(&fake, "tools/call"), most);
    assert!(desktop.aside.is_empty(), "{:?}", desktop.aside);
    desktop.close();
    assert_eq!(desktop.ended().code(), Some(0));
}

/// Without the answer, none of those under way would end.
#[test]
fn an_answer_overtakes_the_requests_that_wait() {
    let fake = silent();
    let mut desktop = Desktop::start(&fake.url());
    desktop.initialize();
    for id in 0..=CONNECT_REQUESTS_MAX {
        desktop.send(&call(id, "x", json!({})));
    }
    desktop.send(&json!({ "jsonrpc": "2.0", "id": "q", "result": {} }));
    let mut ids: Vec<_> = (0..=CONNECT_REQUESTS_MAX).map(|_| desktop.next()["id"].take()).collect();
    ids.sort_unstable_by_key(Value::as_u64);
    assert!(ids.into_iter().eq(0..=CONNECT_REQUESTS_MAX));
}

#[test]
fn more_than_may_wait_is_refused() {
    let fake = silent();
    let mut desktop = Desktop::start(&fake.url());
    desktop.initialize();
    for id in 0..=CONNECT_REQUESTS_MAX + CONNECT_WAITING_MAX {
        desktop.send(&call(id, "x", json!({})));
    }
    let refused = desktop.next();
    let (code, told) = error(&refused);
    assert_eq!(code, -32603, "{refused}");
    assert!(told.contains("CONNECT_WAITING_MAX (1024)"), "{refused}");
    desktop.close();
    assert_eq!(desktop.ended().code(), Some(0));
}

#[test]
fn the_end_is_seen_while_the_server_takes_its_time() {
    let slow = |slow: &'static [&'static str]| {
        Fake::start(move |seen, stream| match seen.json()["method"].as_str() {
            Some(method) if slow.contains(&method) => std::thread::sleep(PATIENCE * 2),
            _ => {
                let result = json!({ "protocolVersion": "2025-11-25" });
                let answer = json!({ "jsonrpc": "2.0", "id": "init", "result": result });
                far_side::json(stream, "200 OK", "", &answer);
            }
        })
    };
    let fake = slow(&["initialize"]);
    let mut desktop = Desktop::start(&fake.url());
    desktop.send(&initialize());
    eventually("it has begun", || fake.count("POST") == 1);
    desktop.close();
    assert_eq!(desktop.ended().code(), Some(0));

    let fake = slow(&["notifications/initialized", "notifications/x"]);
    let mut desktop = Desktop::start(&fake.url());
    desktop.initialize();
    for _ in 0..5 {
        desktop.send(&notice("notifications/x", json!({})));
    }
    desktop.close();
    assert_eq!(desktop.ended().code(), Some(0));
}

/// It waits for a place for its next request, and for answers that do not come; the one who would
/// end it is not there any more.
#[test]
fn a_client_that_crashes_leaves_nothing_behind() {
    let fake = Fake::start(|_, _| std::thread::sleep(PATIENCE));
    let mut desktop = Desktop::start_unread(&fake.url(), &[]);
    for id in 0..=CONNECT_REQUESTS_MAX {
        desktop.send(&modern_call(id, "x", json!({})));
    }
    eventually("all places are taken", || fake.count("POST") == CONNECT_REQUESTS_MAX);
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
        assert_eq!(server.scene.ended.load(Ordering::SeqCst), 0);
    }
}
