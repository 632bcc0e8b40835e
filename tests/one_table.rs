//! One table of requests, over every way in: the results are the same, byte for byte.

mod common;

use std::sync::Arc;

use common::http_sse::OldClient;
use common::sse::Talk;
use common::stdio::{StdioClient, is_server};
use common::{Post, Stage, application, legacy, modern, start};
use mcp_fastd::{Config, Transports};
use serde_json::{Value, json};

/// Requests, and whether they are of the legacy era alone.
fn table() -> Vec<(&'static str, Value, bool)> {
    let call = |name: &str, arguments: Value| {
        ("tools/call", json!({ "name": name, "arguments": arguments }), false)
    };
    let get = |name: &str, arguments: Value| {
        ("prompts/get", json!({ "name": name, "arguments": arguments }), false)
    };
    let read = |uri: &str| ("resources/read", json!({ "uri": uri }), false);
    let complete = |reference: Value, name: &str, value: &str| {
        let argument = json!({ "name": name, "value": value });
        ("completion/complete", json!({ "ref": reference, "argument": argument }), false)
    };
    vec![
        call("add", json!({ "a": 1, "b": 2 })),
        call("add", json!({ "a": i64::MAX, "b": 1 })),
        call("add", json!({ "a": "one" })),
        call("echo", json!({ "text": "\u{1F980} \"quoted\" \\ \n \u{7} \u{2028}" })),
        call("echo_on_worker", json!({ "text": "from a worker" })),
        call("same", json!({ "value": { "deep": [1, 2.5, null, { "x": true }] } })),
        call("fill", json!({ "bytes": 100_000 })),
        call("routed_typed", json!({})),
        call("panic", json!({})),
        call("panic_on_worker", json!({})),
        call("no such tool", json!({})),
        get("greet", json!({ "name": "Ada", "tone": "wryly" })),
        get("greet", json!({})),
        get("nobody", json!({})),
        read("app://readme"),
        read("note://7"),
        read("note://700"),
        read("unknown://"),
        complete(json!({ "type": "ref/prompt", "name": "greet" }), "tone", "w"),
        complete(json!({ "type": "ref/resource", "uri": "note://{id}" }), "id", ""),
        ("tools/list", json!({}), false),
        ("prompts/list", json!({}), false),
        ("resources/list", json!({}), false),
        ("resources/templates/list", json!({}), false),
        ("tools/list", json!({ "cursor": "made up" }), false),
        ("no/such/method", json!({}), false),
        ("ping", json!({}), true),
    ]
}

/// The server over standard input, for the other test.
#[test]
#[ignore = "it serves, for the other test"]
fn serve() {
    if is_server() {
        let config = Config { transports: Transports::Stdio, ..Config::default() };
        application(Arc::new(Stage::default())).config(config).run().expect("it serves");
    }
}

/// What stands in the envelope: `"result":…` or `"error":…`, as it was written.
fn outcome(answer: &str) -> String {
    let begin = r#"{"jsonrpc":"2.0","id":1,"#;
    let rest = answer.trim_end().strip_prefix(begin);
    rest.unwrap_or_else(|| panic!("the envelope: {answer}")).to_owned()
}

/// What a result has in both eras: without what 2026-07-28 adds in front and behind.
fn of_both_eras(outcome: &str) -> String {
    const BEGIN: &str = r#""result":{"resultType":"complete","_meta":"#;
    let Some(rest) = outcome.strip_prefix(BEGIN) else { return outcome.to_owned() };
    let end_of_meta = rest.find("}},").expect("_meta is an object with one in it");
    let members = &rest[end_of_meta + 3..];
    let end = members.find(r#","ttlMs":"#).unwrap_or(members.len() - 2);
    format!("\"result\":{{{}}}}}", &members[..end])
}

fn over_http(talk: &mut Talk, post: &Post) -> String {
    talk.post(post);
    outcome(&talk.text())
}

#[test]
fn results_are_the_same_over_every_way_in() {
    let server = start();
    let mut stdio = StdioClient::own("serve");
    let mut old = OldClient::begin(server.address, "2025-11-25", json!({}));
    let mut http = Talk::connect(server.address);
    let mut seen = 0;
    for (method, params, only_legacy) in table() {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        if !only_legacy {
            let over_http = over_http(&mut http, &modern(json!(1), method, params.clone()));
            stdio.modern(1, method, params.clone());
            assert_eq!(outcome(&stdio.line()), over_http, "{method} {params}");
        }
        let legacy = over_http(&mut http, &legacy(json!(1), method, params.clone()));
        old.send(&message);
        let event = old.event().data.expect("an answer");
        assert_eq!(outcome(&event), legacy, "{method} {params}");
        seen += 1;
    }
    assert_eq!(seen, table().len());
    // The same process goes on in the other era.
    stdio.initialize("2025-11-25", json!({}));
    for (method, params, only_legacy) in table() {
        let legacy = over_http(&mut http, &legacy(json!(1), method, params.clone()));
        stdio.request(1, method, params.clone());
        assert_eq!(outcome(&stdio.line()), legacy, "{method} {params}");
        let modern = over_http(&mut http, &modern(json!(1), method, params.clone()));
        // Lists differ in schemas, and errors in codes that have changed.
        let comparable = legacy.starts_with("\"result\"") && !method.ends_with("/list");
        if comparable && !only_legacy {
            assert_eq!(of_both_eras(&modern), legacy, "{method} {params}");
        }
    }
}
