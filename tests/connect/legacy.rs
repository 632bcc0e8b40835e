//! A client of 2025-11-25: a session, and what becomes of it when connections and servers go.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use crate::common::eventually;
use crate::common::session::live;
use crate::desktop::{Desktop, call, cancelled, error, initialize, notice, request, text};
use crate::far_side::{self, Fake, Relay, Seen};

#[test]
fn a_session_begins_works_and_ends() {
    let server = live();
    let mut desktop = Desktop::start(&format!("http://{}/mcp", server.address));
    let answer = desktop.initialize();
    assert_eq!(answer["result"]["protocolVersion"], "2025-11-25");
    let listed = desktop.ask(&request(1, "tools/list", json!({})));
    assert!(listed["result"]["tools"].as_array().is_some_and(|tools| !tools.is_empty()));
    let mut steps = call(2, "steps", json!({ "count": 3, "tag": "t" }));
    steps["params"]["_meta"] = json!({ "progressToken": "p" });
    assert_eq!(desktop.text(&steps), "3 steps t");
    let progress: Vec<_> = desktop.aside.iter().map(|one| &one["params"]["progress"]).collect();
    assert_eq!(progress, [1.0, 2.0, 3.0]);

    desktop.send(&call(3, "form", json!({ "tag": "who" })));
    let question = desktop.next();
    assert_eq!(question["method"], "elicitation/create", "{question}");
    let result = json!({ "action": "accept", "content": { "name": "Ada" } });
    let reply = json!({ "jsonrpc": "2.0", "id": question["id"], "result": result });
    desktop.send(&reply);
    assert_eq!(text(&desktop.answer(3)), Some("who: Ada"));
    desktop.close();
    assert_eq!(desktop.ended().code(), Some(0), "{}", desktop.log());
}

/// What a shell writes all at once is not out of order.
#[test]
fn messages_need_not_be_waited_for() {
    let server = live();
    let mut desktop = Desktop::start(&format!("http://{}/mcp", server.address));
    let initialized = notice("notifications/initialized", json!({}));
    let lines = [initialize(), initialized, call(1, "there", json!({ "tag": "x" }))];
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    desktop.send_line(&lines.join("\n"));
    desktop.close();
    assert_eq!(text(&desktop.answer(1)), Some("x"));
    assert_eq!(desktop.ended().code(), Some(0));
}

/// 2025-03-26 has batches; one of them is one POST, and its answers one line or several.
#[test]
fn a_batch_is_answered() {
    let server = live();
    let mut desktop = Desktop::start(&format!("http://{}/mcp", server.address));
    let mut opening = initialize();
    opening["params"]["protocolVersion"] = json!("2025-03-26");
    assert_eq!(desktop.ask(&opening)["result"]["protocolVersion"], "2025-03-26");
    desktop.send(&notice("notifications/initialized", json!({})));
    let calls = [1, 2].map(|id| call(id, "there", json!({ "tag": "x" })));
    desktop.send(&json!([calls[0], notice("notifications/x", json!({})), calls[1]]));
    let mut ids = Vec::new();
    while ids.len() < 2 {
        let message = desktop.next();
        let each = message.as_array().cloned().unwrap_or_else(|| vec![message]);
        ids.extend(each.iter().filter_map(|one| one["id"].as_u64()));
    }
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
}

#[test]
fn a_cancelled_call_is_told_to_the_server() {
    let server = live();
    let mut desktop = Desktop::start(&format!("http://{}/mcp", server.address));
    desktop.initialize();
    desktop.send(&call(1, "until_cancelled", json!({})));
    eventually("it has begun", || server.scene.begun() == 1);
    desktop.send(&cancelled(1));
    eventually("the server knows", || server.scene.cancelled() == 1);
    assert_eq!(desktop.text(&call(2, "here", json!({ "tag": "a" }))), "a");
    assert!(desktop.aside.is_empty(), "{:?}", desktop.aside);
}

fn subscribe(desktop: &mut Desktop) {
    let answer = desktop.ask(&request("s", "resources/subscribe", json!({ "uri": "note://1" })));
    assert_eq!(answer["result"], json!({}));
}

#[test]
fn the_stream_of_a_session_is_taken_up_where_it_broke() {
    let server = live();
    let relay = Relay::to(server.address);
    let mut desktop = Desktop::start(&relay.url());
    desktop.initialize();
    subscribe(&mut desktop);
    server.notifier.resource_updated("note://1");
    assert_eq!(desktop.next()["params"]["uri"], "note://1");
    for _ in 0..2 {
        // What is said while nobody listens is kept, and comes once.
        relay.close(true);
        relay.cut();
        std::thread::sleep(Duration::from_millis(50));
        server.notifier.resource_updated("note://1");
        relay.close(false);
        assert_eq!(desktop.next()["params"]["uri"], "note://1");
    }
    assert_eq!(desktop.next_within(Duration::from_millis(200)), None);
}

#[test]
fn an_answer_is_taken_up_where_its_stream_broke() {
    let server = live();
    let relay = Relay::to(server.address);
    let mut desktop = Desktop::start(&relay.url());
    desktop.initialize();
    desktop.send(&call(1, "gated", json!({ "tag": "x" })));
    assert_eq!(desktop.next()["params"]["data"], "x before");
    relay.close(true);
    relay.cut();
    server.scene.open();
    eventually("the call ends", || server.scene.ended.load(Ordering::SeqCst) == 1);
    relay.close(false);
    assert_eq!(text(&desktop.answer(1)), Some("x done"));
    let aside: Vec<_> = desktop.aside.iter().map(|one| &one["params"]["data"]).collect();
    assert_eq!(aside, ["x after"]);

    // And of one that the server ends on purpose, to be asked again.
    assert_eq!(desktop.text(&call(2, "hang_up", json!({ "tag": "y" }))), "y done");
}

/// Another server behind the same address knows nothing of the session.
#[test]
fn a_lost_session_is_begun_again() {
    let (first, second) = (live(), live());
    let relay = Relay::to(first.address);
    let mut desktop = Desktop::start(&relay.url());
    desktop.initialize();
    assert_eq!(desktop.text(&call(1, "here", json!({ "tag": "a" }))), "a");
    relay.turn(second.address);
    for id in 2..10 {
        desktop.send(&call(id, "there", json!({ "tag": "b" })));
    }
    for id in 2..10 {
        let answer = desktop.until(|message| message["id"] == id || message["id"].is_u64());
        assert_eq!(text(&answer), Some("b"), "{}", desktop.log());
    }
    assert!(desktop.aside.is_empty(), "no second answer to initialize: {:?}", desktop.aside);
    let lost = || desktop.log().matches("has lost the session").count();
    eventually("it is logged, once", || lost() == 1);
    // Its stream is there again too.
    subscribe(&mut desktop);
    second.notifier.resource_updated("note://1");
    assert_eq!(desktop.next()["params"]["uri"], "note://1");
}

/// A server of old, by the book or by example.
fn fake(lost: &'static str, answer_again: bool) -> Fake {
    use std::sync::atomic::AtomicUsize;
    let begun = AtomicUsize::new(0);
    Fake::start(move |seen: &Seen, stream| {
        let message = seen.json();
        let answer =
            |result: Value| json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
        let session = seen.field("mcp-session-id");
        match (message["method"].as_str(), session) {
            (Some("initialize"), None) => {
                let number = begun.fetch_add(1, Ordering::SeqCst);
                if number > 0 && !answer_again {
                    return far_side::json(stream, "503 Service Unavailable", "", &Value::Null);
                }
                let field = format!("Mcp-Session-Id: s{number}\r\n");
                let result = answer(json!({ "protocolVersion": "2025-06-18" }));
                far_side::json(stream, "200 OK", &field, &result);
            }
            (Some("notifications/initialized"), Some(_)) => {
                far_side::json(stream, "202 Accepted", "", &Value::Null);
            }
            (Some(_), Some("s1")) => {
                assert_eq!(seen.field("mcp-protocol-version"), Some("2025-06-18"));
                far_side::json(stream, "200 OK", "", &answer(json!("done")));
            }
            (Some(_), _) => {
                let error = json!({ "code": -32000, "message": "No valid session ID provided" });
                let error = json!({ "jsonrpc": "2.0", "id": null, "error": error });
                far_side::json(stream, lost, "", &error);
            }
            _ => far_side::json(stream, "405 Method Not Allowed", "", &Value::Null),
        }
    })
}

#[test]
fn sessions_are_lost_with_404_and_by_example_with_400() {
    for lost in ["404 Not Found", "400 Bad Request"] {
        let fake = fake(lost, true);
        let mut desktop = Desktop::start(&fake.url());
        desktop.initialize();
        assert_eq!(desktop.ask(&request(1, "ping", json!({})))["result"], "done");
        assert!(desktop.aside.is_empty());
        let seen = fake.seen.lock().expect("a lock");
        let sent: Vec<_> = seen.iter().filter(|seen| seen.method == "POST").collect();
        let methods: Vec<_> = sent.iter().map(|seen| seen.json()["method"].clone()).collect();
        let opening = ["initialize", "notifications/initialized", "ping"];
        assert_eq!(methods, [opening, opening].concat());
        assert_eq!(sent[3].body, sent[0].body, "the client's own words");
    }
}

#[test]
fn a_session_that_cannot_be_begun_again_is_an_error() {
    let fake = fake("404 Not Found", false);
    let mut desktop = Desktop::start(&fake.url());
    desktop.initialize();
    for id in 1..3 {
        let answer = desktop.ask(&request(id, "ping", json!({})));
        let (_, message) = error(&answer);
        assert!(message.contains("lost the session") && message.contains("503"), "{answer}");
    }
}

#[test]
fn the_session_ends_with_the_input() {
    let fake = fake("404 Not Found", true);
    let mut desktop = Desktop::start(&fake.url());
    desktop.initialize();
    desktop.close();
    assert_eq!(desktop.ended().code(), Some(0));
    let seen = fake.seen.lock().expect("a lock");
    let last = seen.last().expect("a request");
    assert_eq!((last.method.as_str(), last.field("mcp-session-id")), ("DELETE", Some("s0")));
}

/// Some servers answer GET with 200 and nothing, for ever.
#[test]
fn a_stream_that_brings_nothing_is_no_storm() {
    let fake = Fake::start(|seen, stream| match seen.method.as_str() {
        "GET" => far_side::events(stream),
        _ => {
            let result = json!({ "protocolVersion": "2025-11-25" });
            let answer = json!({ "jsonrpc": "2.0", "id": seen.json()["id"], "result": result });
            far_side::json(stream, "200 OK", "", &answer);
        }
    });
    let mut desktop = Desktop::start(&fake.url());
    desktop.initialize();
    eventually("it is opened again", || fake.count("GET") == 2);
    assert_eq!(desktop.next_within(Duration::from_millis(2500)), None);
    // 0, 1 to 1.25 and 3 to 3.75 seconds after the first; on a slow machine, fewer.
    assert!(fake.count("GET") <= 3, "{}", fake.count("GET"));
}
