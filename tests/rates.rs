//! Who asks too often is told so, once for each request, in a way that each kind of client
//! understands; all others go on. Rates here are so low that nothing comes back within a test.

mod common;

use common::http_sse::OldClient;
use common::session::Client;
use common::{Post, Response, TestServer, Wire, call, legacy, modern, session, start_with};
use mcp_fastd::{
    Access, Call, Config, Credentials, Empty, Principal, Rate, RejectStatus, Running, Server, about,
};
use serde_json::json;

/// So many, and no more in this hour.
fn only(count: u32) -> Option<Rate> {
    Some(format!("{count}/h").parse().expect("a rate"))
}

fn ping(id: u64) -> Post {
    legacy(json!(id), "ping", json!({}))
}

#[track_caller]
fn check_refused(response: &Response, limit: &str) {
    assert_eq!(response.status, 429, "{response:?} {}", response.text());
    let json = response.json();
    let (code, message) = response.error();
    assert_eq!(code, -32005);
    assert!(message.contains(limit), "{message}");
    assert_eq!(json["error"]["data"]["limit"], limit);
    let retry_ms = json["error"]["data"]["retryAfterMs"].as_u64().expect("a time");
    let retry_s: u64 = response.field("Retry-After").expect("a time").parse().expect("seconds");
    assert!((1..=3600).contains(&retry_s), "{retry_s}");
    assert_eq!(retry_s, retry_ms.div_ceil(1000), "rounded up");
}

fn per_address(count: u32) -> TestServer {
    start_with(|config| config.rate.per_address = only(count))
}

#[test]
fn an_address_has_so_many_on_whatever_connection() {
    let server = per_address(4);
    for id in 0..4 {
        assert_eq!(server.connect().ask(ping(id).bytes()).status, 200);
    }
    let mut wire = server.connect();
    let response = wire.ask(ping(5).bytes());
    check_refused(&response, "rate.per_address");
    assert!(!response.closes(), "the body was read");
    // What tells whether the server is there goes on, and so do preflights.
    assert_eq!(wire.ask("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
    assert_eq!(wire.ask("GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
    assert_eq!(wire.ask("OPTIONS /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 204);
    check_refused(
        &wire.ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        "rate.per_address",
    );
}

#[test]
fn a_request_that_comes_in_parts_is_counted_once() {
    let server = per_address(3);
    let mut wire = server.connect();
    for id in 0..3 {
        let post = call(id, "add", json!({ "a": 1, "b": 1 })).with("Expect", "100-continue");
        let head = format!("{}Content-Length: {}\r\n\r\n", post.head(), body(&post).len());
        wire.send(&head);
        assert!(wire.interim().contains("100"), "it is let in");
        wire.send(body(&post));
        assert_eq!(wire.response().status, 200, "request {id}");
    }
    // One too many is refused before its body is there.
    let post = call(4, "add", json!({ "a": 1, "b": 1 }));
    wire.send(format!("{}Content-Length: {}\r\n\r\n", post.head(), body(&post).len()));
    let response = wire.response();
    check_refused(&response, "rate.per_address");
    assert!(response.closes(), "a body that was not read cannot be told from a request");
}

fn body(post: &Post) -> Vec<u8> {
    let bytes = post.bytes();
    let head_len = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    bytes[head_len + 4..].to_vec()
}

#[test]
fn what_is_refused_for_another_reason_counts_too() {
    let server = per_address(2);
    let mut wire = server.connect();
    assert_eq!(wire.ask("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 404);
    assert_eq!(
        wire.ask("PUT /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").status,
        405
    );
    check_refused(&wire.ask(ping(1).bytes()), "rate.per_address");
}

#[test]
fn all_together_have_so_many_and_a_notification_is_one() {
    let server = start_with(|config| config.rate.global = only(2));
    let mut wire = server.connect();
    assert_eq!(wire.ask(ping(1).bytes()).status, 200);
    let body = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let notification = Post::new(body.to_string());
    assert_eq!(wire.ask(notification.bytes()).status, 202);
    check_refused(&wire.ask(notification.bytes()), "rate.global");
}

#[test]
fn a_client_that_throws_the_body_of_a_429_away_gets_200() {
    let server = start_with(|config| {
        config.rate.per_address = only(1);
        config.rate.reject_status = RejectStatus::Ok;
    });
    let mut wire = server.connect();
    assert_eq!(wire.ask(ping(1).bytes()).status, 200);
    for post in [ping(77), call(77, "add", json!({ "a": 1, "b": 1 }))] {
        for bytes in [post.bytes(), post.chunked(10)] {
            let response = wire.ask(bytes);
            assert_eq!(response.status, 200);
            assert_eq!(response.json()["id"], 77);
            assert_eq!(response.error().0, -32005);
            assert!(response.field("Retry-After").is_some());
            assert_eq!(response.json()["error"]["data"]["limit"], "rate.per_address");
        }
    }
    // What has no id has no answer to put it into.
    let notification = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    check_refused(&wire.ask(Post::new(notification.to_string()).bytes()), "rate.per_address");
    check_refused(&wire.ask(Post::new("{").bytes()), "rate.per_address");
    check_refused(
        &wire.ask("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        "rate.per_address",
    );
}

#[test]
fn what_is_refused_with_200_is_counted_by_its_limit_too() {
    for limit in ["rate.per_address", "rate.per_tool"] {
        let server = start_with(|config| {
            config.rate.reject_status = RejectStatus::Ok;
            config.observe.admin_bind = Some(([127, 0, 0, 1], 0).into());
            match limit {
                "rate.per_tool" => config.rate.per_tool = only(1),
                _ => config.rate.per_address = only(1),
            }
        });
        let mut wire = server.connect();
        for _ in 0..4 {
            assert_eq!(wire.ask(call(7, "add", json!({ "a": 1, "b": 1 })).bytes()).status, 200);
        }
        let mut operator = Wire::connect(server.running().admin_addr().expect("there is one"));
        let text = operator.ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").text();
        let sample = format!("mcp_server_limited_total{{limit=\"{limit}\"}} 3\n");
        assert!(text.contains(&sample), "{text}");
    }
}

#[test]
fn a_tool_has_so_many_in_each_era_and_others_go_on() {
    let add = || json!({ "name": "add", "arguments": { "a": 1, "b": 1 } });
    let old = |id: u64| legacy(json!(id), "tools/call", add());
    let new = |id: u64| modern(json!(id), "tools/call", add());
    for (first, second) in [(old(1), new(2)), (new(1), old(2))] {
        let server = start_with(|config| {
            config.rate.tools.insert("add".to_owned(), only(2).expect("a rate"));
            config.rate.per_tool = only(1);
        });
        let mut wire = server.connect();
        assert_eq!(wire.ask(first.bytes()).status, 200);
        assert_eq!(wire.ask(second.bytes()).status, 200);
        check_refused(&wire.ask(new(3).bytes()), "rate.tools");
        let response = wire.ask(old(4).bytes());
        check_refused(&response, "rate.tools");
        assert_eq!(response.json()["id"], 4, "the body had been read");
        let echo = |id| call(id, "echo", json!({ "text": "x" })).bytes();
        assert_eq!(wire.ask(echo(5)).status, 200);
        check_refused(&wire.ask(echo(6)), "rate.per_tool");
        let list = modern(json!(7), "tools/list", json!({}));
        assert_eq!(wire.ask(list.bytes()).status, 200);
    }
}

#[test]
fn a_batch_counts_as_its_messages() {
    let ping = |id: u64| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" });
    let batch = |count: u64| {
        let body = (0..count).map(ping).collect::<serde_json::Value>();
        Post::new(body.to_string()).with("MCP-Protocol-Version", "2025-03-26").bytes()
    };
    let server = per_address(5);
    let mut wire = server.connect();
    assert_eq!(wire.ask(batch(3)).status, 200);
    check_refused(&wire.ask(batch(3)), "rate.per_address");
    assert_eq!(wire.ask(batch(1)).status, 200, "the first of those three was counted");

    let server = per_address(5);
    check_never(&server.connect().ask(batch(6)), "rate.per_address");

    let server = start_with(|config| config.rate.per_tool = only(1));
    let add = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "add", "arguments": { "a": 1, "b": 1 } } });
    let adds = |adds: serde_json::Value| {
        Post::new(adds.to_string()).with("MCP-Protocol-Version", "2025-03-26").bytes()
    };
    check_never(&server.connect().ask(adds(json!([add, add]))), "rate.per_tool");
    assert_eq!(server.connect().ask(adds(json!([add]))).status, 200, "none of them was counted");
    check_refused(&server.connect().ask(adds(json!([add]))), "rate.per_tool");
}

/// It is more at once than will ever be let in: to come again would be in vain.
#[track_caller]
fn check_never(refused: &Response, limit: &str) {
    let (code, message) = refused.error();
    let retry_after = refused.field("Retry-After");
    assert_eq!((refused.status, code, retry_after), (429, -32005, None), "{message}");
    assert!(message.contains(limit) && message.contains("burst"), "{message}");
    let data = &refused.json()["error"]["data"];
    assert_eq!((&data["limit"], &data["retryAfterMs"]), (&json!(limit), &json!(null)));
}

#[test]
fn a_session_is_counted_like_any_other() {
    let server = start_with(|config| config.rate.per_address = only(4));
    let client = Client::begin(server.address, session::LATEST);
    let (mut wire, id) = (server.connect(), client.id);
    let post = ping(1).with("Mcp-Session-Id", &id);
    for _ in 0..2 {
        assert_eq!(wire.ask(post.bytes()).status, 200, "beginning the session was two");
    }
    check_refused(&wire.ask(post.bytes()), "rate.per_address");
    let get = format!(
        "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nMcp-Session-Id: {id}\r\n\r\n"
    );
    check_refused(&wire.ask(get), "rate.per_address");
}

#[test]
fn over_http_sse_messages_and_their_tools_are_counted() {
    let server = start_with(|config| config.rate.per_address = only(3));
    let client = OldClient::connect(server.address);
    let ping = |id: u64| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" });
    for id in 0..2 {
        client.send(&ping(id));
    }
    let refused = client.try_send(&ping(2));
    assert_eq!(refused.status, 429);
    assert!(refused.field("Retry-After").is_some() && refused.field("Deprecation").is_some());

    // Which tool it is stands in the body: that is answered on the stream.
    let server = start_with(|config| config.rate.per_tool = only(1));
    let mut client = OldClient::connect(server.address);
    for id in 0..2 {
        let add = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": { "name": "add", "arguments": { "a": 1, "b": 1 } } });
        client.send(&add);
        let answer = client.next();
        assert_eq!(answer["id"], id);
        assert_eq!(answer.get("error").is_some(), id == 1, "{answer}");
    }
}

fn whoami(_: &(), _: Empty, call: &Call) -> String {
    call.principal().unwrap_or("nobody").to_owned()
}

fn with_principals(change: impl FnOnce(&mut Config)) -> (Running, Wire) {
    let mut config = Config { bind: ([127, 0, 0, 1], 0).into(), ..Config::default() };
    config.cores = Some(1);
    change(&mut config);
    let server = Server::builder()
        .authenticate(|_: &(), credentials: &Credentials| match credentials.bearer() {
            Some(name @ ("ada" | "alan")) => Access::named(name),
            _ => credentials.denied(),
        })
        .tool("whoami", whoami)
        .tool("other", whoami);
    let running = server.build().config(config).start().expect("the server starts");
    let wire = Wire::connect(running.addr());
    (running, wire)
}

fn ask_as(wire: &mut Wire, name: &str, tool: &str) -> Response {
    let post = call(1, tool, json!({})).with("Authorization", &format!("Bearer {name}"));
    wire.ask(post.bytes())
}

#[test]
fn a_principal_has_so_many() {
    let (_running, mut wire) = with_principals(|config| config.rate.per_principal = only(2));
    for name in ["ada", "alan"] {
        assert_eq!(ask_as(&mut wire, name, "whoami").status, 200);
        assert_eq!(ask_as(&mut wire, name, "other").status, 200);
        check_refused(&ask_as(&mut wire, name, "whoami"), "rate.per_principal");
    }
    for _ in 0..5 {
        assert_eq!(ask_as(&mut wire, "nobody", "whoami").status, 401);
    }
}

#[test]
fn a_principal_has_so_many_of_a_tool() {
    let (_running, mut wire) =
        with_principals(|config| config.rate.per_tool_and_principal = only(1));
    for (name, tool) in [("ada", "whoami"), ("ada", "other"), ("alan", "whoami")] {
        assert_eq!(ask_as(&mut wire, name, tool).status, 200);
        check_refused(&ask_as(&mut wire, name, tool), "rate.per_tool_and_principal");
    }
}

#[test]
fn whoever_guesses_credentials_is_stopped_by_the_address() {
    let (_running, mut wire) = with_principals(|config| config.rate.per_address = only(3));
    for _ in 0..3 {
        assert_eq!(ask_as(&mut wire, "mallory", "whoami").status, 401);
    }
    check_refused(&ask_as(&mut wire, "mallory", "whoami"), "rate.per_address");
}

#[test]
fn rates_that_let_nobody_in_are_refused() {
    let rate = Rate::per_second(0);
    let config = Config {
        rate: mcp_fastd::RateConfig { global: Some(rate), ..Default::default() },
        ..Config::default()
    };
    assert!(config.check().expect_err("it cannot be").contains("rate.global"));
}

/// Who may not call a tool cannot use up what others may call of it, in whatever way they try.
#[test]
fn who_may_not_call_a_tool_is_not_counted_for_it() {
    let config = Config {
        bind: ([127, 0, 0, 1], 0).into(),
        rate: mcp_fastd::RateConfig { per_tool: only(1), ..Default::default() },
        ..Config::default()
    };
    let running = Server::builder()
        .authenticate(|_: &(), credentials: &Credentials| match credentials.bearer() {
            Some("ada") => Access::Principal(Principal::named("ada").with_scopes(["x"]).into()),
            Some(name) => Access::named(name),
            None => credentials.denied(),
        })
        .tool(about("whoami").scopes(["x"]), whoami)
        .config(config)
        .start()
        .expect("the server starts");
    let params = || json!({ "name": "whoami", "arguments": {} });
    let message = |id: u64| {
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call",
        "params": params() })
    };
    let old = |id: u64| legacy(json!(id), "tools/call", params());
    let batch = || {
        Post::new(json!([message(1), message(2)]).to_string())
            .with("MCP-Protocol-Version", "2025-03-26")
    };
    let get = common::http_sse::open().with("Authorization", "Bearer alan");
    let line = OldClient::connect_with(running.addr(), &get);
    let mut wire = Wire::connect(running.addr());
    for _ in 0..3 {
        for post in [old(1), batch(), line.post(&message(3)), call(4, "whoami", json!({}))] {
            let response = wire.ask(post.with("Authorization", "Bearer alan").bytes());
            assert_eq!(response.status, 403, "{}", response.text());
        }
    }
    assert_eq!(wire.ask(old(5).with("Authorization", "Bearer ada").bytes()).status, 200);
    let refused = wire.ask(old(6).with("Authorization", "Bearer ada").bytes());
    check_refused(&refused, "rate.per_tool");
    assert_eq!(refused.json()["id"], 6);
    running.stop();
}
