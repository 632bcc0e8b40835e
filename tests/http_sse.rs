//! HTTP+SSE of 2024-11-05: the stream and its endpoint, what comes on it, replay, bounds, and what is
//! said of its end.

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::http_sse::{OldClient, open};
use common::session::{A_WHILE, bare, everything, live, live_with};
use common::sse::Talk;
use common::{Post, eventually};
use mcp_fastd::{Access, Credentials, Day, Empty, Server};
use serde_json::{Value, json};

const OLD: &str = "2024-11-05";

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("text: {answer}"))
}

#[test]
fn the_endpoint_comes_first_and_answers_come_on_the_stream() {
    let server = live();
    for version in [OLD, "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut client = OldClient::connect(server.address);
        assert!(client.endpoint.starts_with("/messages?sessionId="), "{}", client.endpoint);
        assert_eq!(client.id().len(), 32);
        client.initialize(version, json!({}));
        for tool in ["here", "there"] {
            client.tool(7, tool, json!({ "tag": version }));
            let answer = client.next();
            assert_eq!((&answer["id"], text(&answer)), (&json!(7), version));
        }
        client.request(8, "nothing", json!({}));
        assert_eq!(client.next()["error"]["code"], -32601);
        client.request(9, "initialize", json!({ "protocolVersion": version }));
        assert_eq!(client.next()["error"]["code"], -32600, "once is enough");
    }
}

#[test]
fn a_message_is_taken_under_both_names() {
    let server = live();
    let mut client = OldClient::begin(server.address, OLD, json!({}));
    client.endpoint = format!("/message?sessionId={}&more=1", client.id());
    client.tool(1, "here", json!({ "tag": "x" }));
    client.endpoint = format!("/messages?sessionId={}", client.id().split('&').next().unwrap());
    assert_eq!(text(&client.next()), "x");
}

#[test]
fn paths_are_configurable_and_it_can_be_off() {
    let server = live_with(|config| {
        config.http_sse.sse_endpoint = "/old/events".into();
        config.http_sse.messages_endpoint = "/old/inbox".into();
    });
    let get = open().line("GET /old/events HTTP/1.1");
    let mut client = OldClient::connect_with(server.address, &get);
    assert!(client.endpoint.starts_with("/old/inbox?sessionId="), "{}", client.endpoint);
    client.initialize(OLD, json!({}));

    let server = live_with(|config| config.http_sse.enabled = false);
    for line in ["GET /sse HTTP/1.1", "GET /messages HTTP/1.1"] {
        let mut talk = Talk::connect(server.address);
        talk.send(bare(&open().line(line)));
        let answer = talk.answer();
        assert_eq!((answer.status, answer.field("Deprecation")), (404, None), "{answer:?}");
    }
}

#[test]
fn every_response_says_what_comes_after() {
    let server = live_with(|config| {
        let deprecation = &mut config.http_sse.deprecation;
        deprecation.docs_url = Some("https://docs.example/move".into());
        deprecation.sunset = Some("2027-01-02".parse::<Day>().expect("a day"));
        deprecation.successor_endpoint = Some("https://new.example/mcp".into());
    });
    let mut client = OldClient::begin(server.address, OLD, json!({}));
    let call = client.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }));
    let mut answers = vec![(client.stream.status, client.stream.fields.clone())];
    let mut ask = |post: Post, has_body: bool| {
        let mut talk = Talk::connect(server.address);
        talk.send(if has_body { post.bytes() } else { bare(&post) });
        let answer = talk.answer();
        answers.push((answer.status, answer.fields));
    };
    ask(call.clone(), true);
    ask(Post::new("nonsense").line(&format!("POST {} HTTP/1.1", client.endpoint)), true);
    ask(call.clone().line("POST /messages HTTP/1.1"), true);
    ask(call.clone().line("POST /messages?sessionId=1 HTTP/1.1"), true);
    ask(call.clone().instead("Origin", "https://evil.example"), true);
    ask(call.clone().instead("Content-Type", "text/plain"), true);
    ask(call.line("POST /sse HTTP/1.1"), true);
    ask(open().instead("Accept", "application/json"), false);
    ask(open().with("Last-Event-ID", "nonsense"), false);
    ask(open().line("OPTIONS /sse HTTP/1.1"), false);
    ask(open().line("POST /messages HTTP/1.1").with("Content-Length", "99999999"), false);
    ask(open().line("POST /message?x HTTP/1.1").with("Host", "another"), false);
    let statuses: Vec<_> = answers.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [200, 202, 400, 400, 404, 403, 415, 405, 406, 400, 204, 413, 400]);
    for (status, fields) in &answers {
        for (name, value) in [
            ("Deprecation", "@1742947200"),
            ("Sunset", "Sat, 02 Jan 2027 00:00:00 GMT"),
            ("Link", "<https://new.example/mcp>; rel=\"successor-version\""),
            ("Link", "<https://docs.example/move>; rel=\"deprecation\"; type=\"text/html\""),
            ("X-MCP-Migration", "http-streamable-available"),
        ] {
            let field = (name.to_owned(), value.to_owned());
            assert!(fields.contains(&field), "{status} says {name}: {fields:?}");
        }
    }
    // And what comes after does not.
    let answer = server.client("2025-11-25").ask(&common::call(1, "here", json!({ "tag": "x" })));
    assert_eq!(answer.field("Deprecation"), None);
    // By default the successor is the endpoint of this server.
    let plain = OldClient::connect(live().address).stream.fields;
    assert!(plain.contains(&("Link".into(), "</mcp>; rel=\"successor-version\"".into())));
    assert!(plain.iter().any(|(name, _)| name == "Sunset"));
    assert_eq!(client.next()["result"], json!({}));
}

#[test]
fn settings_that_cannot_be_are_refused_at_the_start() {
    type Change = fn(&mut mcp_fastd::Config);
    let wrong: [(Change, &str); 9] = [
        (|c| c.path = "/mcp?x".into(), "path"),
        (|c| c.http_sse.connections_max = 0, "http_sse.connections_max"),
        (|c| c.http_sse.sse_endpoint = "/s\nevent: x".into(), "http_sse.sse_endpoint"),
        (|c| c.http_sse.messages_endpoint = "/m?x=1".into(), "http_sse.messages_endpoint"),
        (|c| c.http_sse.messages_endpoint = "/mcp".into(), "three different paths"),
        (|c| c.http_sse.sse_endpoint = "/metrics".into(), "http_sse.sse_endpoint"),
        (
            |c| c.http_sse.deprecation.docs_url = Some("https://x/>; rel=\"evil\"".into()),
            "http_sse.deprecation.docs_url",
        ),
        (
            |c| c.http_sse.deprecation.successor_endpoint = Some(String::new()),
            "http_sse.deprecation.successor_endpoint",
        ),
        (
            |c| c.http_sse.deprecation.sunset = "1970-01-01".parse().ok(),
            "http_sse.deprecation.sunset",
        ),
    ];
    for (change, named) in wrong {
        let mut config = mcp_fastd::Config::default();
        change(&mut config);
        let server = Server::builder().tool("hello", |_: Empty| "Hello!").config(config);
        let error = server.start().err().expect(named).to_string();
        assert!(error.contains(named), "{named} in {error}");
    }
}

#[test]
fn progress_log_lines_and_questions_come_on_the_stream() {
    let server = live();
    let mut client = OldClient::begin(server.address, OLD, everything());
    for tool in ["steps", "steps_here"] {
        client.request(
            1,
            "tools/call",
            json!({ "name": tool, "arguments": { "count": 3 }, "_meta": { "progressToken": 5 } }),
        );
        for step in 1..=3 {
            let message = client.next();
            assert_eq!(message["params"]["progressToken"], 5, "{message}");
            assert_eq!(message["params"]["progress"].as_f64(), Some(f64::from(step)));
        }
        assert_eq!(text(&client.next()), "3 steps ");
    }
    client.request(1, "logging/setLevel", json!({ "level": "alert" }));
    assert_eq!(client.next()["result"], json!({}));
    client.tool(2, "levels", json!({}));
    assert_eq!(client.next()["params"]["level"], "alert");
    assert_eq!(client.next()["params"]["level"], "emergency");
    assert_eq!(text(&client.next()), "logged");
    client.tool(3, "form", json!({ "tag": "who" }));
    let question = client.next();
    let given = json!({ "action": "accept", "content": { "name": "Ada" } });
    client.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": given }));
    assert_eq!(text(&client.next()), "who: Ada");
}

#[test]
fn quick_answers_overtake_slow_ones_and_calls_are_cancelled() {
    let server = live();
    let mut client = OldClient::begin(server.address, OLD, json!({}));
    client.tool("slow", "silent", json!({ "tag": "slow" }));
    client.tool("quick", "here", json!({ "tag": "quick" }));
    assert_eq!(client.next()["id"], "quick");
    client.tool("gone", "until_cancelled", json!({}));
    eventually("it runs", || server.scene.begun() == 2);
    client.tell("notifications/cancelled", json!({ "requestId": "gone" }));
    eventually("it is cancelled", || server.scene.cancelled() == 1);
    server.scene.open();
    assert_eq!(client.next()["id"], "slow");
    client.stream.expect_quiet(A_WHILE);
}

#[test]
fn notices_and_changed_roots_reach_whom_they_concern() {
    let server = live();
    let mut client = OldClient::begin(server.address, OLD, everything());
    let mut other = OldClient::begin(server.address, OLD, json!({}));
    client.request(1, "resources/subscribe", json!({ "uri": "note://1" }));
    assert_eq!(client.next()["result"], json!({}));
    server.notifier.resource_updated("note://1");
    assert_eq!(client.next()["params"]["uri"], "note://1");
    server.notifier.tools_changed();
    for client in [&mut client, &mut other] {
        assert_eq!(client.next()["method"], "notifications/tools/list_changed");
    }
    client.tell("notifications/roots/list_changed", json!({}));
    let question = client.next();
    assert_eq!(question["method"], "roots/list");
    let roots = json!({ "roots": [{ "uri": "file:///here" }] });
    client.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": roots }));
    eventually("they are seen", || *server.scene.roots.lock().unwrap() == ["file:///here"]);
}

#[test]
fn a_lost_stream_is_gone_on_with() {
    let server = live();
    let mut client = OldClient::begin(server.address, OLD, json!({}));
    client.tool(1, "silent", json!({ "tag": "kept" }));
    client.tool(2, "here", json!({ "tag": "a" }));
    assert_eq!(text(&client.next()), "a");
    // What was sent and not read comes again; what was finished meanwhile comes too.
    client.tool(3, "here", json!({ "tag": "b" }));
    let messages = client.endpoint.clone();
    let mut client = client.reconnect();
    assert_eq!(client.endpoint, messages);
    assert_eq!(text(&client.next()), "b");
    server.scene.open();
    assert_eq!(text(&client.next()), "kept");
    // The newest reader has the stream.
    let last = client.stream.last_id.clone().expect("an event was read");
    let get = open().with("Last-Event-ID", &last);
    let mut again = OldClient::connect_with(server.address, &get);
    client.tool(4, "here", json!({ "tag": "c" }));
    assert_eq!(text(&again.next()), "c");
    client.stream.expect_end_of_stream();
}

#[test]
fn an_event_of_nobody_cannot_be_gone_on_from() {
    let server = live();
    let client = OldClient::begin(server.address, OLD, json!({}));
    let unknown = "0123456789abcdef0123456789abcdef-1".to_owned();
    let future = format!("{}-99", client.id());
    let (lost_server, mut lost) = (live_with(|config| config.stream_bytes_max = 65_536), None);
    for id in 0..10 {
        let client =
            lost.get_or_insert_with(|| OldClient::begin(lost_server.address, OLD, json!({})));
        client.tool(id, "here", json!({ "tag": "x".repeat(20_000) }));
        client.next();
    }
    // What came after it is not all there any more.
    let mut talk = Talk::connect(lost_server.address);
    let lost = lost.expect("it was begun");
    talk.send(bare(&open().with("Last-Event-ID", &format!("{}-2", lost.id()))));
    assert_eq!(talk.answer().status, 400);
    for (last, status) in [(unknown, 404), (future, 400), ("7".to_owned(), 400)] {
        let mut talk = Talk::connect(server.address);
        talk.send(bare(&open().with("Last-Event-ID", &last)));
        let answer = talk.answer();
        assert_eq!(answer.status, status, "{last}: {answer:?}");
    }
}

#[test]
fn sessions_of_one_way_are_not_those_of_the_other() {
    let server = live();
    let old = OldClient::begin(server.address, OLD, json!({}));
    let mut new = server.client("2025-11-25");
    let mut stranger = OldClient::connect(server.address);
    stranger.endpoint = format!("/messages?sessionId={}", new.id);
    let answer = stranger.try_send(&json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }));
    assert_eq!(answer.status, 404);
    new.id = old.id().to_owned();
    assert_eq!(new.ask(&new.request(1, "ping", json!({}))).status, 404);
}

#[test]
fn clients_with_the_same_ids_hear_their_own_answers() {
    const CLIENTS: usize = 30;
    let server = live();
    let mut clients: Vec<_> =
        (0..CLIENTS).map(|_| OldClient::begin(server.address, OLD, json!({}))).collect();
    for round in 0..10 {
        for (index, client) in clients.iter().enumerate() {
            let tool = if (index + round) % 3 == 0 { "there" } else { "here" };
            client.tool(1, tool, json!({ "tag": format!("{index}.{round}") }));
        }
        for (index, client) in clients.iter_mut().enumerate() {
            let answer = client.next();
            assert_eq!(text(&answer), format!("{index}.{round}"));
        }
    }
}

#[test]
fn a_session_is_its_principal_s() {
    fn access(_: &(), credentials: &Credentials<'_>) -> Access {
        match credentials.bearer() {
            Some(name @ ("ada" | "alan")) => Access::named(name),
            _ => credentials.denied(),
        }
    }
    let server = Server::builder().authenticate(access).tool("hello", |_: Empty| "Hello!");
    let running = server.bind("127.0.0.1:0").cores(1).start().expect("it starts");
    let as_who = |post: Post, who: &str| post.with("Authorization", &format!("Bearer {who}"));
    let ada = OldClient::connect_with(running.addr(), &as_who(open(), "ada"));
    let ping = ada.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }));
    for (who, status) in [("ada", 202), ("alan", 404), ("eve", 401)] {
        let answer = Talk::connect(running.addr()).ask(&as_who(ping.clone(), who));
        assert_eq!(answer.status, status, "{who}");
    }
    let resume = open().with("Last-Event-ID", &format!("{}-1", ada.id()));
    let metrics = open().line("GET /metrics HTTP/1.1");
    for (get, status) in [(as_who(resume, "alan"), 404), (open(), 401), (metrics, 401)] {
        let mut talk = Talk::connect(running.addr());
        talk.send(bare(&get));
        assert_eq!(talk.answer().status, status);
    }
    running.stop();
}

#[test]
fn streams_have_a_bound_and_idle_sessions_make_room() {
    let server = live_with(|config| config.http_sse.connections_max = 2);
    let first = OldClient::begin(server.address, OLD, json!({}));
    let _second = OldClient::begin(server.address, OLD, json!({}));
    let mut talk = Talk::connect(server.address);
    talk.send(bare(&open()));
    let answer = talk.answer();
    assert_eq!((answer.status, answer.field("Retry-After")), (503, Some("1")));
    assert_eq!(answer.json()["error"]["data"]["limit"], "http_sse.connections_max");
    // A client that has left may come back for a while; it does not keep others out.
    drop(first);
    eventually("there is room", || {
        let mut talk = Talk::connect(server.address);
        talk.send(bare(&open()));
        talk.head()
    });
}

#[test]
fn who_does_not_read_is_asked_to() {
    let server = live_with(|config| config.stream_bytes_max = 64 * 1024);
    let mut client = OldClient::begin(server.address, OLD, json!({}));
    let call = |id: u32| {
        let params = json!({ "name": "here", "arguments": { "tag": "x".repeat(30_000) } });
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
    };
    let mut taken = 0;
    let refused = loop {
        let answer = client.try_send(&call(taken));
        if answer.status != 202 {
            break answer;
        }
        taken += 1;
        assert!(taken < 2_000, "60 MB were taken in for a client that does not read");
    };
    assert_eq!((refused.status, refused.field("Retry-After")), (503, Some("1")));
    assert_eq!(refused.json()["error"]["data"]["limit"], "stream_bytes_max");
    // What needs no answer is heard all the same.
    client.tell("notifications/cancelled", json!({ "requestId": "none" }));
    for id in 0..taken {
        assert_eq!(client.next()["id"], id, "nothing that was taken in is lost");
    }
    client.send(&call(taken));
    assert_eq!(client.next()["id"], taken);
}

#[test]
fn who_never_reads_is_not_remembered_without_a_bound() {
    let server = live_with(|config| config.stream_bytes_max = 64 * 1024);
    let client = OldClient::begin(server.address, OLD, json!({}));
    let call = |id: u32| {
        let params = json!({ "name": "silent", "arguments": { "tag": "x".repeat(60_000) } });
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
    };
    for id in 0..12 {
        client.send(&call(id));
    }
    let ping = client.post(&json!({ "jsonrpc": "2.0", "id": 99, "method": "ping" }));
    drop(client);
    server.scene.open();
    let status = || Talk::connect(server.address).ask(&ping).status;
    eventually("its session is over", || status() == 404);
}

#[test]
fn a_session_that_nobody_comes_back_for_ends() {
    let server = live_with(|config| {
        config.http_sse.session_timeout = Duration::from_secs(1);
        config.keep_alive = Duration::from_millis(100);
    });
    let mut stays = OldClient::begin(server.address, OLD, json!({}));
    let left = OldClient::begin(server.address, OLD, json!({}));
    let ping = left.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }));
    drop(left);
    let status = || Talk::connect(server.address).ask(&ping).status;
    // Each look would keep it.
    std::thread::sleep(Duration::from_millis(3_500));
    assert_eq!(status(), 404);
    stays.request(1, "ping", json!({}));
    assert_eq!(stays.next()["result"], json!({}), "an open stream is use");
}

#[test]
fn signs_of_life_come_on_a_quiet_stream() {
    let server = live_with(|config| config.keep_alive = Duration::from_millis(60));
    let mut client = OldClient::connect(server.address);
    for _ in 0..3 {
        assert!(client.stream.event().expect("it goes on").comment);
    }
}

#[test]
fn a_stop_lets_answers_out_and_ends_the_stream() {
    let mut server = live();
    let mut idle = OldClient::begin(server.address, OLD, json!({}));
    let mut slow = OldClient::begin(server.address, OLD, json!({}));
    for id in 0..30 {
        slow.tool(id, "here", json!({ "tag": "x".repeat(200_000) }));
        if id >= 4 {
            // It reads on, with some answers always on their way.
            assert_eq!(slow.next()["id"], id - 4);
        }
    }
    let mut busy = OldClient::begin(server.address, OLD, json!({}));
    busy.tool(1, "silent", json!({ "tag": "last" }));
    eventually("it runs", || server.scene.begun() == 1);
    let running = server.take();
    let stopping = std::thread::spawn(move || running.stop());
    idle.stream.expect_end_of_stream();
    server.scene.open();
    assert_eq!(text(&busy.next()), "last");
    busy.stream.expect_end_of_stream();
    for id in 26..30 {
        assert_eq!(slow.next()["id"], id, "what was ready comes out");
    }
    slow.stream.expect_end_of_stream();
    stopping.join().expect("it stops");
}

#[test]
fn batches_of_2025_03_26_and_no_others() {
    let server = live();
    let call = |id: u32, tool: &str| {
        let params = json!({ "name": tool, "arguments": { "tag": id.to_string() } });
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
    };
    for tool in ["here", "there"] {
        let mut client = OldClient::begin(server.address, "2025-03-26", json!({}));
        client.send(&json!([call(1, tool), call(2, tool)]));
        let answers = client.next();
        let texts: Vec<_> = answers.as_array().expect("an array").iter().map(text).collect();
        assert_eq!(texts, ["1", "2"]);
    }
    let client = OldClient::begin(server.address, OLD, json!({}));
    let answer = client.try_send(&json!([call(1, "here")]));
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!(-32600)));
}

#[test]
fn a_worker_that_is_not_there_is_no_answer() {
    let server = live_with(|config| {
        config.workers = Some(1);
        config.deferred_max = 1;
    });
    let mut client = OldClient::begin(server.address, OLD, json!({}));
    client.tool(0, "silent", json!({ "tag": "0" }));
    eventually("it runs", || server.scene.begun() == 1);
    client.tool(1, "there", json!({ "tag": "1" }));
    let params = json!({ "name": "there", "arguments": { "tag": "2" } });
    let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params });
    let answer = client.try_send(&call);
    assert_eq!((answer.status, answer.field("Retry-After")), (503, Some("1")));
    assert!(answer.field("Deprecation").is_some());
    server.scene.open();
    assert_eq!([text(&client.next()), text(&client.next())], ["0", "1"]);
    client.stream.expect_quiet(A_WHILE);
}

#[test]
fn who_still_comes_is_counted_by_name() {
    let server = live();
    for _ in 0..2 {
        let mut client = OldClient::begin(server.address, OLD, json!({}));
        client.tool(1, "here", json!({ "tag": "x" }));
        client.next();
    }
    let mut talk = Talk::connect(server.address);
    talk.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let metrics = talk.text();
    for line in [
        "mcp_http_sse_begun_total{client=\"test\",version=\"0\"} 2",
        "mcp_http_sse_messages_total{client=\"test\",version=\"0\"} 6",
        "mcp_http_sse_sessions 2",
        "# EOF",
    ] {
        assert!(metrics.lines().any(|other| other == line), "{line} in {metrics}");
    }
    assert_eq!(server.scene.ended.load(Ordering::SeqCst), 0);
}
