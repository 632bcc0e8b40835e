//! A server of 2024-11-05: HTTP+SSE, found after Streamable HTTP was tried.

use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::common::eventually;
use crate::common::session::live;
use crate::desktop::{Desktop, call, cancelled, error, initialize, notice, request, text};
use crate::far_side::{self, Fake, Relay};

/// The stream that is open, and how many there were.
#[derive(Default)]
struct Stage {
    stream: Mutex<Option<TcpStream>>,
    opened: Mutex<usize>,
}

impl Stage {
    fn say(&self, message: &Value) {
        let mut stream = self.stream.lock().expect("a lock");
        far_side::event(stream.as_mut().expect("an open stream"), message);
    }
}

/// A server that says its address in these words.
fn start(endpoint: &'static str) -> (Fake, Arc<Stage>) {
    let stage = Arc::new(Stage::default());
    let shared = stage.clone();
    let fake = Fake::start(move |seen, stream| {
        use std::io::Write as _;
        let message = seen.json();
        match (seen.method.as_str(), seen.target.as_str()) {
            ("GET", "/mcp") => {
                far_side::events(stream);
                let _ = write!(stream, ": hello\n\nevent: endpoint\ndata: {endpoint}\n\n");
                *shared.opened.lock().expect("a lock") += 1;
                let stream = stream.try_clone().expect("a clone");
                *shared.stream.lock().expect("a lock") = Some(stream);
            }
            ("POST", "/messages?s=1") => {
                far_side::json(stream, "202 Accepted", "", &Value::Null);
                let answer = |result: Value| json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
                match message["method"].as_str() {
                    Some("initialize") => {
                        shared.say(&answer(json!({ "protocolVersion": "2024-11-05" })));
                    }
                    Some("tools/call") => {
                        let name = message["params"]["name"].clone();
                        let content = json!([{ "type": "text", "text": name }]);
                        shared.say(&notice("notifications/progress", json!({})));
                        shared.say(&answer(json!({ "content": content })));
                    }
                    Some("ask") => shared.say(&request("q", "roots/list", json!({}))),
                    Some("break") => {
                        let stream = shared.stream.lock().expect("a lock").take();
                        let stream = stream.expect("an open stream");
                        stream.shutdown(std::net::Shutdown::Both).expect("it was open");
                    }
                    None if message["id"] == "q" => shared.say(&json!({
                        "jsonrpc": "2.0", "id": "a", "result": message["result"] })),
                    _ => {}
                }
            }
            _ => far_side::json(stream, "405 Method Not Allowed", "", &Value::Null),
        }
    });
    (fake, stage)
}

#[test]
fn a_session_over_http_sse() {
    let (fake, stage) = start("/messages?s=1");
    let mut desktop = Desktop::start(&fake.url());
    assert_eq!(desktop.initialize()["result"]["protocolVersion"], "2024-11-05");
    assert_eq!(desktop.text(&call(1, "x", json!({}))), "x");
    assert_eq!(desktop.aside.pop().expect("progress")["method"], "notifications/progress");
    // A question of the server, and its answer.
    desktop.send(&request("a", "ask", json!({})));
    assert_eq!(desktop.next()["method"], "roots/list");
    desktop.send(&json!({ "jsonrpc": "2.0", "id": "q", "result": "here" }));
    assert_eq!(desktop.answer("a")["result"], "here");
    // A cancelled request is no longer waited for.
    desktop.send(&request("c", "never", json!({})));
    let came = |seen: &Arc<far_side::Seen>| seen.json()["method"] == "never";
    eventually("it has come", || fake.seen.lock().expect("a lock").iter().any(came));
    desktop.send(&cancelled("c"));
    stage.say(&notice("notifications/tools/list_changed", json!({})));
    assert_eq!(desktop.next()["method"], "notifications/tools/list_changed");
    desktop.close();
    assert_eq!(desktop.ended().code(), Some(0));
    assert_eq!(*stage.opened.lock().expect("a lock"), 1);
    let seen = fake.seen.lock().expect("a lock");
    let last = seen.last().expect("a request");
    assert_eq!(last.json()["method"], "notifications/cancelled", "after which nothing waited");
}

/// The server of this project, whose events have ids to come back with.
#[test]
fn a_stream_with_ids_is_taken_up_where_it_broke() {
    let server = live();
    let relay = Relay::to(server.address);
    let mut desktop = Desktop::start(&format!("http://{}/sse", relay.address));
    assert_eq!(desktop.initialize()["result"]["serverInfo"]["name"], "talkative");
    desktop.send(&call(1, "silent", json!({ "tag": "late" })));
    eventually("it has begun", || server.scene.begun() == 1);
    // Messages go out one after the other: the server has accepted the call when it has the next.
    assert_eq!(desktop.text(&call("next", "here", json!({ "tag": "x" }))), "x");
    relay.close(true);
    relay.cut();
    server.scene.open();
    eventually("the call ends", || server.scene.ended.load(Ordering::SeqCst) == 1);
    relay.close(false);
    assert_eq!(text(&desktop.answer(1)), Some("late"), "{}", desktop.log());
    desktop.send(&call(2, "form", json!({ "tag": "who" })));
    let question = desktop.next();
    assert_eq!(question["method"], "elicitation/create", "{question}");
    let result = json!({ "action": "decline" });
    desktop.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": result }));
    assert_eq!(text(&desktop.answer(2)), Some("who: declined"));
    desktop.send(&call(3, "until_cancelled", json!({})));
    eventually("it has begun", || server.scene.begun() == 2);
    desktop.send(&cancelled(3));
    eventually("the server knows", || server.scene.cancelled() == 1);
    assert!(desktop.aside.is_empty(), "{:?}", desktop.aside);
}

#[test]
fn a_stream_that_breaks_is_an_error_and_a_new_session() {
    let (fake, stage) = start("messages?s=1");
    let mut desktop = Desktop::start(&fake.url());
    desktop.initialize();
    let answer = desktop.ask(&request(1, "break", json!({})));
    assert!(error(&answer).1.contains("broke"), "{answer}");
    assert_eq!(desktop.text(&call(2, "again", json!({}))), "again");
    desktop.aside.retain(|one| one["method"] != "notifications/progress");
    assert!(desktop.aside.is_empty(), "no second answer to initialize: {:?}", desktop.aside);
    assert_eq!(*stage.opened.lock().expect("a lock"), 2);
    let seen = fake.seen.lock().expect("a lock");
    let told: Vec<_> = seen.iter().map(|seen| seen.json()["method"].clone()).collect();
    assert_eq!(told.iter().filter(|method| **method == "notifications/initialized").count(), 2);
}

/// Credentials go nowhere else.
#[test]
fn an_address_elsewhere_is_refused() {
    let (fake, _) = start("http://127.0.0.1:1/messages");
    let mut desktop = Desktop::start_with(&fake.url(), &["--bearer-token", "secret"]);
    let answer = desktop.ask(&initialize());
    // The first refusal is the one that counts, as of a server that has neither transport.
    assert!(error(&answer).1.contains("405"), "{answer}");
    eventually("the reason is logged", || desktop.log().contains("another origin"));
    assert!(!desktop.log().contains("secret"));
    assert_eq!(text(&answer), None);
}
