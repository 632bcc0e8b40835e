//! A client of 2026-07-28: requests without a session.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use crate::common::session::live;
use crate::common::{eventually, start};
use crate::desktop::{
    Desktop, cancelled, error, initialize, modern, modern_call, notice, request, text,
};
use crate::far_side::{self, Fake, Relay};

#[test]
fn requests_are_answered() {
    let server = start();
    let mut desktop = Desktop::start(&format!("http://{}/mcp", server.address));
    let discovered = desktop.ask(&modern(0, "server/discover", json!({})));
    assert_eq!(discovered["result"]["supportedVersions"][0], "2026-07-28", "{discovered}");
    let listed = desktop.ask(&modern("l", "tools/list", json!({})));
    assert!(listed["result"]["tools"].as_array().is_some_and(|tools| tools.len() > 5), "{listed}");
    let sum = desktop.ask(&modern_call(1, "add", json!({ "a": 1, "b": 2 })));
    assert_eq!(sum["result"]["structuredContent"]["sum"], 3);
    let prompt = json!({ "name": "greet", "arguments": { "name": "Ada" } });
    let prompt = desktop.ask(&modern(2, "prompts/get", prompt));
    assert!(prompt.to_string().contains("Greet Ada"), "{prompt}");
    let read = desktop.ask(&modern(3, "resources/read", json!({ "uri": "app://readme" })));
    assert!(read.to_string().contains("Read me."), "{read}");
    // What the server refuses keeps its id, its code and its data.
    let unknown = desktop.ask(&modern("x", "no/such", json!({})));
    assert_eq!(error(&unknown).0, -32601, "{unknown}");
    assert!(desktop.aside.is_empty(), "{:?}", desktop.aside);
}

#[test]
fn arguments_are_repeated_in_headers() {
    let server = start();
    let url = format!("http://{}/mcp", server.address);
    let mut desktop = Desktop::start(&url);
    let routed = |id: u64| modern_call(id, "routed_typed", json!({ "region": " ü\n", "level": 7 }));
    // Without a list, the first call is refused for want of headers, and the list read unasked.
    assert_eq!(desktop.text(&routed(1)), " ü\n 7");
    assert_eq!(desktop.text(&routed(2)), " ü\n 7");
    // What is not there has no header.
    let absent = modern_call(3, "routed", json!({ "where": { "level": 3 } }));
    assert_eq!(desktop.text(&absent), "routed");
    let mut desktop = Desktop::start(&url);
    desktop.ask(&modern(0, "tools/list", json!({})));
    assert_eq!(desktop.text(&routed(1)), " ü\n 7");
    assert!(desktop.aside.is_empty(), "{:?}", desktop.aside);
}

#[test]
fn progress_comes_before_the_answer() {
    let server = live();
    let mut desktop = Desktop::start(&format!("http://{}/mcp", server.address));
    let mut steps = modern_call(1, "steps", json!({ "count": 3, "tag": "t" }));
    steps["params"]["_meta"]["progressToken"] = json!("p");
    assert_eq!(desktop.text(&steps), "3 steps t");
    let progress: Vec<_> = desktop.aside.iter().map(|one| &one["params"]["progress"]).collect();
    assert_eq!(progress, [1.0, 2.0, 3.0]);
}

#[test]
fn a_question_is_an_answer() {
    let server = live();
    let mut desktop = Desktop::start(&format!("http://{}/mcp", server.address));
    let mut form = modern_call(1, "form", json!({ "tag": "t" }));
    let answer = desktop.ask(&form);
    assert_eq!(answer["result"]["resultType"], "input_required", "{answer}");
    form["id"] = json!(2);
    let state = &answer["result"]["requestState"];
    if !state.is_null() {
        form["params"]["requestState"] = state.clone();
    }
    form["params"]["inputResponses"] =
        json!({ "who": { "action": "accept", "content": { "name": "Ada" } } });
    assert_eq!(desktop.text(&form), "t: Ada");
}

#[test]
fn a_cancelled_request_is_closed_and_never_answered() {
    let server = live();
    let mut desktop = Desktop::start(&format!("http://{}/mcp", server.address));
    desktop.send(&modern_call(1, "until_cancelled", json!({})));
    eventually("it has begun", || server.scene.begun() == 1);
    desktop.send(&cancelled(1));
    eventually("the server sees that nobody waits", || server.scene.cancelled() == 1);
    // Unknown ids are nobody's.
    desktop.send(&cancelled("nothing"));
    assert_eq!(desktop.text(&modern_call(2, "here", json!({ "tag": "a" }))), "a");
    assert!(desktop.aside.is_empty(), "{:?}", desktop.aside);
    assert_eq!(desktop.next_within(Duration::from_millis(200)), None);
}

#[test]
fn answers_overtake_each_other() {
    let server = live();
    let mut desktop = Desktop::start(&format!("http://{}/mcp", server.address));
    desktop.send(&modern_call(1, "silent", json!({ "tag": "slow" })));
    eventually("it has begun", || server.scene.begun() == 1);
    assert_eq!(desktop.text(&modern_call(2, "here", json!({ "tag": "quick" }))), "quick");
    server.scene.open();
    assert_eq!(text(&desktop.answer(1)), Some("slow"));
}

fn listen(id: &str) -> Value {
    let filter = json!({ "notifications": { "resourceSubscriptions": ["note://1"] } });
    modern(id, "subscriptions/listen", filter)
}

#[test]
fn a_subscription_that_breaks_is_opened_again() {
    let server = live();
    let relay = Relay::to(server.address);
    let mut desktop = Desktop::start(&relay.url());
    desktop.send(&listen("s"));
    let acknowledged = "notifications/subscriptions/acknowledged";
    assert_eq!(desktop.next()["method"], acknowledged);
    server.notifier.resource_updated("note://1");
    assert_eq!(desktop.next()["params"]["uri"], "note://1");

    relay.cut();
    let mut update = None;
    eventually("the subscription is there again", || {
        server.notifier.resource_updated("note://1");
        update = desktop.next_within(Duration::from_millis(100));
        update.is_some()
    });
    let update = update.expect("just seen");
    // To the client it was never gone.
    assert_eq!(update["method"], "notifications/resources/updated", "{update}");
    assert_eq!(update["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], "s");

    // The end of it, in the middle of nothing.
    desktop.send(&cancelled("s"));
    desktop.close();
    assert_eq!(desktop.ended().code(), Some(0));
}

/// A server that lets nothing stand: it is asked again ever more slowly.
#[test]
fn a_subscription_is_no_storm() {
    let fake = Fake::start(|seen, stream| {
        let acknowledged = notice("notifications/subscriptions/acknowledged", json!({}));
        far_side::events(stream);
        far_side::event(stream, &acknowledged);
        assert_eq!(seen.field("mcp-method"), Some("subscriptions/listen"));
    });
    let mut desktop = Desktop::start(&fake.url());
    desktop.send(&listen("s"));
    desktop.next();
    eventually("it is opened again", || fake.count("POST") == 2);
    assert_eq!(desktop.next_within(Duration::from_millis(2500)), None);
    // 0, 1 to 1.25 and 3 to 3.75 seconds after the first; on a slow machine, fewer.
    assert!(fake.count("POST") <= 3, "{}", fake.count("POST"));
}

/// A client that speaks both falls back by itself, on the server's own word.
#[test]
fn a_probe_of_an_older_server_fails() {
    let fake = Fake::start(|seen, stream| {
        let no_id = json!({ "jsonrpc": "2.0", "id": null, "error": {
            "code": -32000, "message": "Bad Request: Server not initialized" } });
        match seen.json()["method"].as_str() {
            Some("initialize") => {
                let result = json!({ "protocolVersion": "2025-03-26", "capabilities": {},
                    "serverInfo": { "name": "old", "version": "1" } });
                let answer = json!({ "jsonrpc": "2.0", "id": "init", "result": result });
                far_side::json(stream, "200 OK", "", &answer);
            }
            Some("notifications/initialized") => {
                far_side::json(stream, "202 Accepted", "", &Value::Null);
            }
            Some("ping") => {
                assert_eq!(seen.field("mcp-protocol-version"), Some("2025-03-26"));
                let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
                far_side::json(stream, "200 OK", "", &answer);
            }
            None => far_side::json(stream, "405 Method Not Allowed", "", &Value::Null),
            Some(_) => far_side::json(stream, "400 Bad Request", "", &no_id),
        }
    });
    let mut desktop = Desktop::start(&fake.url());
    let answer = desktop.ask(&modern("probe", "server/discover", json!({})));
    let told = (-32000, "Bad Request: Server not initialized");
    assert_eq!(error(&answer), told, "{answer}");
    assert_eq!(desktop.ask(&initialize())["result"]["serverInfo"]["name"], "old");
    desktop.send(&notice("notifications/initialized", json!({})));
    assert_eq!(desktop.ask(&request(1, "ping", json!({})))["result"], json!({}));
}

/// What a modern server says to an older client is for that client to read: no other transport is
/// tried.
#[test]
fn a_server_of_this_revision_alone_tells_older_clients_so() {
    let unsupported = json!({ "jsonrpc": "2.0", "id": "init", "error": {
        "code": -32022, "message": "Unsupported protocol version",
        "data": { "supported": ["2026-07-28"] } } });
    let fake = Fake::start(move |_, stream| {
        far_side::json(stream, "400 Bad Request", "", &unsupported);
    });
    let mut desktop = Desktop::start(&fake.url());
    let answer = desktop.ask(&initialize());
    assert_eq!(error(&answer).0, -32022);
    assert_eq!(answer["error"]["data"]["supported"][0], "2026-07-28");
    assert_eq!(fake.count("GET"), 0);
}

#[test]
fn a_request_is_sent_once() {
    let fake = Fake::start(|seen, stream| {
        if seen.field("mcp-name") == Some("half") {
            far_side::events(stream);
            far_side::event(stream, &notice("notifications/message", json!({ "data": "x" })));
        }
    });
    let mut desktop = Desktop::start(&fake.url());
    for (id, name) in [(1, "nothing"), (2, "half")] {
        let answer = desktop.ask(&modern_call(id, name, json!({})));
        assert!(error(&answer).1.contains("may have had effects"), "{answer}");
    }
    assert_eq!(fake.count("POST"), 2);
    assert_eq!(desktop.aside.len(), 1);
}

/// No more are under way than there may be; the rest waits in the pipe, and is answered in the end.
#[test]
fn a_flood_waits() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize};
    let most = mcp_fastd::limits::CONNECT_REQUESTS_MAX;
    let (now, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let open = Arc::new(AtomicBool::new(false));
    let (inside, highest, gate) = (now.clone(), peak.clone(), open.clone());
    let fake = Fake::start(move |seen, stream| {
        highest.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        eventually("the gate opens", || gate.load(Ordering::SeqCst));
        inside.fetch_sub(1, Ordering::SeqCst);
        let id = seen.json()["id"].clone();
        let answer = json!({ "jsonrpc": "2.0", "id": id, "result": {} });
        far_side::json(stream, "200 OK", "", &answer);
    });
    let mut desktop = Desktop::start(&fake.url());
    let total = 3 * most;
    for id in 0..total {
        desktop.send(&modern_call(id, "x", json!({})));
    }
    eventually("as many as may be are under way", || now.load(Ordering::SeqCst) == most);
    open.store(true, Ordering::SeqCst);
    let mut ids: Vec<u64> = (0..total).filter_map(|_| desktop.next()["id"].as_u64()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..total as u64).collect::<Vec<_>>());
    // One that has answered may not have left the count when the next comes in.
    assert!(peak.load(Ordering::SeqCst) < 2 * most, "{peak:?}");
    assert_eq!(fake.count("POST"), total);
}

/// A client that does not read stops the server, not the memory.
#[test]
fn a_client_that_does_not_read_is_waited_for() {
    use std::io::Write as _;
    use std::sync::{Arc, Mutex};
    const MESSAGE: usize = 64 * 1024;
    const MOST: usize = 512;
    let written = Arc::new(Mutex::new(0));
    let count = written.clone();
    let fake = Fake::start(move |_, stream| {
        let filler = "x".repeat(MESSAGE);
        let message = notice("notifications/message", json!({ "data": filler }));
        stream.set_write_timeout(Some(Duration::from_secs(2))).expect("a timeout");
        far_side::events(stream);
        for _ in 0..MOST {
            if write!(stream, "data: {message}\n\n").is_err() {
                return;
            }
            *count.lock().expect("a lock") += 1;
        }
    });
    let mut desktop = Desktop::start_unread(&fake.url(), &[]);
    desktop.send(&modern_call(1, "x", json!({})));
    eventually("the server has to wait, or is done", || {
        let before = *written.lock().expect("a lock");
        std::thread::sleep(Duration::from_millis(2500));
        before > 0 && before == *written.lock().expect("a lock")
    });
    // What fits into the buffers of two sockets and a pipe, and no more.
    let written = *written.lock().expect("a lock");
    assert!(written < MOST, "all of it was taken");
    let resident = desktop.resident_bytes();
    assert!(resident < 64 * 1024 * 1024, "{resident}");
    desktop.read();
    let error = desktop.answer(1);
    assert!(error["error"]["message"].as_str().is_some_and(|text| text.contains("broke")));
    assert!(desktop.aside.len() >= written, "what was taken arrives");
}

#[test]
fn tools_that_break_the_rules_are_left_out() {
    let fake = Fake::start(|_, stream| {
        let bad = json!({ "type": "object", "properties": {
            "a": { "type": "number", "x-mcp-header": "A" } } });
        let tools = json!([{ "name": "bad", "inputSchema": bad }, { "name": "good" }]);
        let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": tools } });
        far_side::json(stream, "200 OK", "", &answer);
    });
    let mut desktop = Desktop::start(&fake.url());
    let answer = desktop.ask(&modern(1, "tools/list", json!({})));
    assert_eq!(answer["result"]["tools"], json!([{ "name": "good" }]));
    eventually("it is logged", || desktop.log().contains("bad"));
    // An older client has no such rule.
    let answer = desktop.ask(&request(1, "tools/list", json!({})));
    assert_eq!(answer["result"]["tools"].as_array().map(Vec::len), Some(2));
}
