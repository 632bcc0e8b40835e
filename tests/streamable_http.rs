//! MCP over Streamable HTTP, in both eras: statuses, codes, headers and results.

mod common;

use common::{Post, Response, TestServer, Wire, call, legacy, modern, start};
use serde_json::{Value, json};

#[track_caller]
fn ask(wire: &mut Wire, post: &Post) -> Response {
    wire.ask(post.bytes())
}

/// An error: status, code, and the id of the request.
#[track_caller]
fn check_error(wire: &mut Wire, post: &Post, status: u16, code: i64) -> Value {
    let response = ask(wire, post);
    let what = format!("{}{}", post.head(), response.text());
    assert_eq!((response.status, response.error().0), (status, code), "{what}");
    assert!(!response.closes(), "an error is an answer like any other: {what}");
    response.json()
}

fn both(method: &str, params: Value) -> [(Post, bool); 2] {
    [
        (modern(json!("m"), method, params.clone()), true),
        (legacy(json!("l"), method, params), false),
    ]
}

fn connect() -> (TestServer, Wire) {
    let server = start();
    let wire = server.connect();
    (server, wire)
}

#[test]
fn a_modern_call() {
    let (_server, mut wire) = connect();
    let response = ask(&mut wire, &call(3, "add", json!({ "a": 40, "b": 2 })));
    assert_eq!(response.field("Content-Type"), Some("application/json"));
    assert_eq!(
        response.json(),
        json!({ "jsonrpc": "2.0", "id": 3, "result": {
            "resultType": "complete",
            "_meta": { "io.modelcontextprotocol/serverInfo": { "name": "tests", "version": "1.2.3" } },
            "structuredContent": { "sum": 42 },
            "content": [{ "type": "text", "text": "{\"sum\":42}" }],
            "isError": false } })
    );
}

#[test]
fn a_legacy_call() {
    let (_server, mut wire) = connect();
    let params = json!({ "name": "add", "arguments": { "a": 40, "b": 2 } });
    let expected = json!({ "jsonrpc": "2.0", "id": "x", "result": {
        "structuredContent": { "sum": 42 },
        "content": [{ "type": "text", "text": "{\"sum\":42}" }],
        "isError": false } });
    let post = legacy(json!("x"), "tools/call", params);
    for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let post = post.clone().instead("MCP-Protocol-Version", version);
        assert_eq!(ask(&mut wire, &post).json(), expected);
    }
    assert_eq!(ask(&mut wire, &post.without("MCP-Protocol-Version")).json(), expected);
}

#[test]
fn methods_that_are_not_there() {
    let (_server, mut wire) = connect();
    for method in ["nonsense", "tools/calls", "Tools/Call", "", "tasks/none"] {
        let [(modern, _), (legacy, _)] = both(method, json!({}));
        let json = check_error(&mut wire, &modern, 404, -32601);
        assert_eq!(json["id"], "m");
        check_error(&mut wire, &legacy, 200, -32601);
    }
    // Of the other era.
    for method in ["initialize", "ping"] {
        check_error(&mut wire, &modern(json!(1), method, json!({})), 404, -32601);
    }
    check_error(&mut wire, &legacy(json!(1), "server/discover", json!({})), 200, -32601);
}

#[test]
fn parameters_that_do_not_fit() {
    let (_server, mut wire) = connect();
    for (method, params) in [
        ("tools/call", json!({ "name": "nope" })),
        ("tools/call", json!({})),
        ("tools/call", json!({ "name": 5 })),
        ("tools/call", json!({ "name": "add", "arguments": [1, 2] })),
        ("tools/call", json!({ "name": "add", "arguments": "a" })),
        ("prompts/get", json!({ "name": "nope" })),
        ("prompts/get", json!({ "name": "greet" })),
        ("prompts/get", json!({ "name": "greet", "arguments": { "name": 5 } })),
        ("resources/read", json!({})),
        ("tools/list", json!({ "cursor": 5 })),
        ("tools/list", json!({ "cursor": "forged" })),
        ("tools/list", json!({ "cursor": "YzU" })),
        ("tools/list", json!({ "cursor": "Yzk5OTk5OTk5OTk5OTk5OTk5OTk5" })),
        ("completion/complete", json!({})),
        ("completion/complete", json!({ "ref": { "type": "ref/tool" }, "argument": {} })),
    ] {
        if params == json!({ "cursor": "YzU" }) {
            continue; // "c5" is a real place in this list.
        }
        for (post, _) in both(method, params) {
            check_error(&mut wire, &post, 200, -32602);
        }
    }
}

#[test]
fn a_wrong_argument_is_for_the_model_to_read() {
    let (_server, mut wire) = connect();
    for (arguments, words) in [
        (json!({ "a": "x", "b": 1 }), ["`a`", "i64"]),
        (json!({ "a": 1 }), ["`b`", "missing"]),
        (json!({ "a": 1.5, "b": 1 }), ["`a`", "1.5"]),
        (json!({ "a": i64::MAX, "b": 1 }), ["sum", "out of range"]),
        (json!({ "a": u64::MAX, "b": 1 }), ["`a`", "18446744073709551615"]),
    ] {
        let result = ask(&mut wire, &call(1, "add", arguments.clone())).result();
        assert_eq!(result["isError"], true, "{result}");
        let text = result["content"][0]["text"].as_str().expect("text");
        assert!(words.iter().all(|word| text.contains(word)), "{arguments}: {text}");
    }
}

#[test]
fn notifications_and_responses() {
    let (_server, mut wire) = connect();
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let unknown = r#"{"jsonrpc":"2.0","method":"notifications/whatever","params":{}}"#;
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no"}}"#;
    for body in [notification, unknown, answer, error] {
        for version in [None, Some("2025-11-25")] {
            let mut post = Post::new(body);
            if let Some(version) = version {
                post = post.with("MCP-Protocol-Version", version);
            }
            let response = ask(&mut wire, &post);
            assert_eq!((response.status, response.body.len()), (202, 0), "{body}");
        }
    }
    for body in [notification, unknown] {
        let post = Post::new(body).with("MCP-Protocol-Version", "2026-07-28");
        assert_eq!(ask(&mut wire, &post).status, 202);
    }
    let cancelled = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": { "requestId": 5, "_meta": common::requests::meta() } });
    assert_eq!(ask(&mut wire, &Post::new(cancelled.to_string())).status, 202);
    let post = Post::new(answer).with("MCP-Protocol-Version", "2026-07-28");
    assert_eq!(ask(&mut wire, &post).status, 400, "clients do not answer in this revision");
}

#[test]
fn envelopes_that_are_not_json_rpc() {
    let (_server, mut wire) = connect();
    for (body, code, id) in [
        ("", -32700, json!(null)),
        ("   ", -32700, json!(null)),
        ("{", -32700, json!(null)),
        ("[]", -32600, json!(null)),
        ("[]", -32600, json!(null)),
        ("5", -32600, json!(null)),
        ("null", -32600, json!(null)),
        (r#""ping""#, -32600, json!(null)),
        ("{}", -32600, json!(null)),
        (r#"{"id":7,"method":"ping"}"#, -32600, json!(7)),
        (r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, -32600, json!(7)),
        (r#"{"jsonrpc":2.0,"id":7,"method":"ping"}"#, -32600, json!(7)),
        (r#"{"jsonrpc":"2.0","id":7}"#, -32600, json!(7)),
        (r#"{"jsonrpc":"2.0","id":7,"method":5}"#, -32600, json!(7)),
        (r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}"#, -32600, json!(7)),
        (r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":null}"#, -32600, json!(7)),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600, json!(null)),
        (r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, -32600, json!(null)),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32600, json!(null)),
        (r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, -32600, json!(null)),
        (r#"{"jsonrpc":"2.0","result":{}}"#, -32600, json!(null)),
        (r#"{"jsonrpc":"2.0","id":7,"method":"ping","result":{}}"#, -32600, json!(7)),
    ] {
        for version in [None, Some("2026-07-28"), Some("2025-11-25")] {
            let mut post = Post::new(body);
            if let Some(version) = version {
                post = post.with("MCP-Protocol-Version", version).with("Mcp-Method", "ping");
            }
            let json = check_error(&mut wire, &post, 400, code);
            assert_eq!(json["id"], id, "{body}");
        }
    }
}

#[test]
fn headers_must_repeat_the_body() {
    let (_server, mut wire) = connect();
    let good = call(1, "add", json!({ "a": 1, "b": 1 }));
    ask(&mut wire, &good).result();
    for bad in [
        good.clone().without("Mcp-Method"),
        good.clone().instead("Mcp-Method", "tools/list"),
        good.clone().instead("Mcp-Method", "Tools/Call"),
        good.clone().with("Mcp-Method", "tools/call"),
        good.clone().without("Mcp-Name"),
        good.clone().instead("Mcp-Name", "subtract"),
        good.clone().instead("Mcp-Name", "Add"),
        good.clone().instead("Mcp-Name", ""),
        good.clone().with("mcp-name", "add"),
        good.clone().instead("Mcp-Name", "=?base64?YWRk"),
        good.clone().instead("Mcp-Name", "=?base64?!!!?="),
        good.clone().instead("Mcp-Name", "=?base64?c3Vi?="),
        good.clone().without("MCP-Protocol-Version"),
        good.clone().instead("MCP-Protocol-Version", "2025-11-25"),
        good.clone().with("MCP-Protocol-Version", "2026-07-28"),
        good.clone().with("MCP-Protocol-Version", "2025-11-25"),
    ] {
        let json = check_error(&mut wire, &bad, 400, -32020);
        assert_eq!(json["id"], 1, "{}", bad.head());
    }
    // A list method has no name to repeat.
    ask(&mut wire, &modern(json!(1), "tools/list", json!({}))).result();
    // Encoded as the specification has it, and with white space around.
    ask(&mut wire, &good.clone().instead("Mcp-Name", "=?base64?YWRk?=")).result();
    ask(&mut wire, &good.clone().instead("Mcp-Name", " \tadd \t")).result();
    ask(&mut wire, &good.clone().instead("MCP-PROTOCOL-VERSION", "2026-07-28")).result();
}

#[test]
fn legacy_clients_need_no_such_headers() {
    let (_server, mut wire) = connect();
    let params = json!({ "name": "add", "arguments": { "a": 1, "b": 1 } });
    let good = legacy(json!(1), "tools/call", params);
    ask(&mut wire, &good.clone().with("Mcp-Method", "wrong").with("Mcp-Name", "wrong")).result();
}

#[test]
fn parameters_in_headers() {
    let (_server, mut wire) = connect();
    let routed = |arguments: Value, headers: &[(&str, &str)]| {
        let mut post = call(1, "routed", arguments);
        for (name, value) in headers {
            post = post.with(name, value);
        }
        post
    };
    let all = json!({ "region": "eu", "urgent": true, "where": { "level": 42 } });
    let headers = [("Mcp-Param-Region", "eu"), ("Mcp-Param-Urgent", "true")];
    for level in ["42", "42.0"] {
        let post = routed(all.clone(), &headers).with("Mcp-Param-Level", level);
        assert_eq!(ask(&mut wire, &post).result()["content"][0]["text"], "routed");
    }
    let float = json!({ "region": "eu", "urgent": true, "where": { "level": 42.0 } });
    ask(&mut wire, &routed(float, &headers).with("mcp-param-LEVEL", "42")).result();
    ask(&mut wire, &routed(json!({}), &[])).result();
    ask(&mut wire, &routed(json!({ "region": null }), &[])).result();
    let umlaut = json!({ "region": "Zürich\n" });
    let encoded = [("Mcp-Param-Region", "=?base64?WsO8cmljaAo=?=")];
    ask(&mut wire, &routed(umlaut.clone(), &encoded)).result();
    let typed = call(1, "routed_typed", json!({ "region": "x", "level": 7 }));
    let typed = typed.with("Mcp-Param-Region", "x").with("Mcp-Param-Level", "7");
    assert_eq!(ask(&mut wire, &typed).result()["content"][0]["text"], "x 7");

    for (arguments, headers) in [
        (json!({ "region": "eu" }), vec![]),
        (json!({}), vec![("Mcp-Param-Region", "eu")]),
        (json!({ "region": null }), vec![("Mcp-Param-Region", "null")]),
        (json!({ "region": "eu" }), vec![("Mcp-Param-Region", "us")]),
        (json!({ "region": "eu" }), vec![("Mcp-Param-Region", "EU")]),
        (json!({ "region": "eu" }), vec![("Mcp-Param-Region", "eu"), ("mcp-param-region", "eu")]),
        (json!({ "urgent": true }), vec![("Mcp-Param-Urgent", "True")]),
        (json!({ "urgent": true }), vec![("Mcp-Param-Urgent", "false")]),
        (json!({ "where": { "level": 42 } }), vec![("Mcp-Param-Level", "43")]),
        (json!({ "where": { "level": 42 } }), vec![("Mcp-Param-Level", "forty-two")]),
        (json!({ "where": { "level": 42 } }), vec![("Mcp-Param-Level", "")]),
        (
            json!({ "where": { "level": 9007199254740993_i64 } }),
            vec![("Mcp-Param-Level", "9007199254740992")],
        ),
        (umlaut.clone(), vec![("Mcp-Param-Region", "Zürich")]),
        (umlaut, vec![("Mcp-Param-Region", "=?base64?WsO8cmlja?=")]),
    ] {
        check_error(&mut wire, &routed(arguments, &headers), 400, -32020);
    }
}

#[test]
fn meta_says_who_asks_and_in_which_revision() {
    let (_server, mut wire) = connect();
    let version = "io.modelcontextprotocol/protocolVersion";
    let capabilities = "io.modelcontextprotocol/clientCapabilities";
    let with_meta = |meta: Value| {
        let params = json!({ "name": "add", "arguments": { "a": 1, "b": 1 }, "_meta": meta });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        Post::new(body.to_string())
            .with("MCP-Protocol-Version", "2026-07-28")
            .with("Mcp-Method", "tools/call")
            .with("Mcp-Name", "add")
    };
    ask(&mut wire, &with_meta(json!({ version: "2026-07-28", capabilities: {} }))).result();
    for meta in [
        json!({}),
        json!({ version: "2026-07-28" }),
        json!({ capabilities: {} }),
        json!({ version: 5, capabilities: {} }),
        json!({ version: "2026-07-28", capabilities: [] }),
        json!(null),
        json!("x"),
    ] {
        check_error(&mut wire, &with_meta(meta), 400, -32602);
    }
    for unknown in ["v999.0.0", "2027-01-01", "", "2026-07-28 "] {
        let post = with_meta(json!({ version: unknown, capabilities: {} }))
            .instead("MCP-Protocol-Version", unknown);
        if unknown.ends_with(' ') {
            // White space around a field's value is none of it.
            check_error(&mut wire, &post, 400, -32020);
            continue;
        }
        let json = check_error(&mut wire, &post, 400, -32022);
        let data = &json["error"]["data"];
        assert_eq!(data["supported"], json!(["2026-07-28"]), "{json}");
        assert_eq!(data["requested"], unknown);
    }
    // A header alone is no revision either.
    let post = legacy(json!(1), "tools/list", json!({}));
    let response = ask(&mut wire, &post.instead("MCP-Protocol-Version", "v999.0.0"));
    assert_eq!(response.status, 400, "{}", response.text());
}

#[test]
fn discovery() {
    let (_server, mut wire) = connect();
    let result = ask(&mut wire, &modern(json!(1), "server/discover", json!({}))).result();
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["supportedVersions"], json!(["2026-07-28"]));
    assert_eq!(result["instructions"], "For tests.");
    assert_eq!(
        result["capabilities"],
        json!({
            "tools": { "listChanged": true },
            "prompts": { "listChanged": true },
            "resources": { "subscribe": true, "listChanged": true },
            "completions": {},
            "logging": {},
            "extensions": { "io.modelcontextprotocol/tasks": {} },
        })
    );
    let info = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!(*info, json!({ "name": "tests", "version": "1.2.3" }));
    assert!(result["ttlMs"].is_u64() && result["cacheScope"] == "public", "{result}");
}

#[test]
fn what_may_be_cached_says_so_to_those_who_understand() {
    let (_server, mut wire) = connect();
    for (method, params, scope) in [
        ("tools/list", json!({}), "public"),
        ("prompts/list", json!({}), "public"),
        ("resources/list", json!({}), "public"),
        ("resources/templates/list", json!({}), "public"),
        ("resources/read", json!({ "uri": "app://readme" }), "private"),
    ] {
        let [(modern, _), (legacy, _)] = both(method, params);
        let result = ask(&mut wire, &modern).result();
        assert_eq!(result["cacheScope"], scope, "{method} {result}");
        assert!(result["ttlMs"].is_u64(), "{method}");
        assert_eq!(result["resultType"], "complete", "{method}");
        let result = ask(&mut wire, &legacy).result();
        for modern_only in ["cacheScope", "ttlMs", "resultType"] {
            assert!(result.get(modern_only).is_none(), "{method} {modern_only}");
        }
    }
    let result = ask(&mut wire, &call(1, "add", json!({ "a": 1, "b": 1 }))).result();
    assert!(result.get("ttlMs").is_none(), "a call is not kept");
}

#[test]
fn tools_are_listed() {
    let (_server, mut wire) = connect();
    for (post, _) in both("tools/list", json!({})) {
        let result = ask(&mut wire, &post).result();
        let tools = result["tools"].as_array().expect("a list");
        let add = &tools[0];
        assert_eq!(add["name"], "add");
        assert_eq!(add["description"], "Adds two numbers.");
        assert_eq!(add["annotations"]["readOnlyHint"], true);
        assert_eq!(add["inputSchema"]["type"], "object");
        assert_eq!(add["inputSchema"]["properties"]["a"]["description"], "The first number.");
        assert_eq!(add["inputSchema"]["required"], json!(["a", "b"]));
        assert_eq!(add["outputSchema"]["properties"]["sum"]["type"], "integer");
        assert!(result.get("nextCursor").is_none());
        let names: Vec<_> =
            tools.iter().map(|tool| tool["name"].as_str().expect("a name")).collect();
        assert_eq!(names[..3], ["add", "echo", "same"], "in the order they were added");
    }
}

#[test]
fn resources() {
    let (_server, mut wire) = connect();
    for (post, is_modern) in both("resources/list", json!({})) {
        let result = ask(&mut wire, &post).result();
        assert_eq!(result["resources"][0]["uri"], "app://readme", "{is_modern}");
        assert_eq!(result["resources"][0]["mimeType"], "text/plain");
    }
    for (post, _) in both("resources/templates/list", json!({})) {
        let result = ask(&mut wire, &post).result();
        assert_eq!(result["resourceTemplates"][0]["uriTemplate"], "note://{id}");
    }
    for (uri, text) in
        [("app://readme", "Read me."), ("note://7", "Note 7."), ("note://%37", "Note 7.")]
    {
        for (post, _) in both("resources/read", json!({ "uri": uri })) {
            let result = ask(&mut wire, &post).result();
            let contents = json!([{ "uri": uri, "mimeType": "text/plain", "text": text }]);
            assert_eq!(result["contents"], contents);
        }
    }
    for uri in ["note://100", "note://x", "note://1/2", "app://other", "", "\u{1f980}"] {
        for (post, is_modern) in both("resources/read", json!({ "uri": uri })) {
            let post = if is_modern && !uri.is_ascii() {
                post.instead("Mcp-Name", "=?base64?8J+mgA==?=")
            } else {
                post
            };
            let code = if is_modern { -32602 } else { -32002 };
            let json = check_error(&mut wire, &post, 200, code);
            assert_eq!(json["error"]["data"]["uri"], uri);
        }
    }
}

#[test]
fn prompts() {
    let (_server, mut wire) = connect();
    for (post, _) in both("prompts/list", json!({})) {
        let result = ask(&mut wire, &post).result();
        assert_eq!(result["prompts"][0]["name"], "greet");
        let arguments = json!([
            { "name": "name", "description": "Whom to greet.", "required": true },
            { "name": "tone", "description": "How.", "required": false }]);
        assert_eq!(result["prompts"][0]["arguments"], arguments);
    }
    let params = json!({ "name": "greet", "arguments": { "name": "Ada", "tone": "wryly" } });
    for (post, _) in both("prompts/get", params) {
        let result = ask(&mut wire, &post).result();
        assert_eq!(result["description"], "Greets somebody.");
        let messages =
            json!([{ "role": "user", "content": { "type": "text", "text": "Greet Ada wryly." } }]);
        assert_eq!(result["messages"], messages);
    }
}

#[test]
fn completion() {
    let (_server, mut wire) = connect();
    let argument = json!({ "name": "tone", "value": "w" });
    let prompt = json!({ "ref": { "type": "ref/prompt", "name": "greet" }, "argument": argument });
    for (post, _) in both("completion/complete", prompt) {
        let result = ask(&mut wire, &post).result();
        let expected = json!({ "values": ["warmly", "wryly"], "total": 2, "hasMore": false });
        assert_eq!(result["completion"], expected);
    }
    let reference = json!({ "type": "ref/resource", "uri": "note://{id}" });
    let many = json!({ "ref": reference, "argument": { "name": "id", "value": "" } });
    for (post, _) in both("completion/complete", many) {
        let completion = &ask(&mut wire, &post).result()["completion"];
        assert_eq!(completion["values"].as_array().map(Vec::len), Some(100), "never more");
        assert_eq!((&completion["total"], &completion["hasMore"]), (&json!(150), &json!(true)));
    }
}

#[test]
fn initialize_agrees_on_a_revision() {
    let (_server, mut wire) = connect();
    for (asked, agreed) in [
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("2099-01-01", "2025-11-25"),
        ("1.0", "2025-11-25"),
        ("", "2025-11-25"),
    ] {
        let params = json!({ "protocolVersion": asked, "capabilities": {},
            "clientInfo": { "name": "test", "version": "0" } });
        let body = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        let result = ask(&mut wire, &Post::new(body.to_string())).result();
        assert_eq!(result["protocolVersion"], agreed, "{asked}");
        assert_eq!(result["serverInfo"], json!({ "name": "tests", "version": "1.2.3" }));
        assert_eq!(result["capabilities"]["tools"], json!({ "listChanged": true }));
        assert_eq!(result["instructions"], "For tests.");
    }
    for params in [json!({}), json!({ "protocolVersion": 5 })] {
        check_error(&mut wire, &legacy(json!(1), "initialize", params), 200, -32602);
    }
}

#[test]
fn ping_is_answered_with_nothing() {
    let (_server, mut wire) = connect();
    let response = ask(&mut wire, &legacy(json!(5), "ping", json!({})));
    assert_eq!(response.text(), r#"{"jsonrpc":"2.0","id":5,"result":{}}"#);
    let bare = Post::new(r#"{"jsonrpc":"2.0","id":6,"method":"ping"}"#);
    assert_eq!(ask(&mut wire, &bare).text(), r#"{"jsonrpc":"2.0","id":6,"result":{}}"#);
}

#[test]
fn pages() {
    use mcp_fastd::{Empty, Server};
    let server = Server::builder()
        .page_size(2)
        .tool("a", |_: Empty| "")
        .tool("b", |_: Empty| "")
        .tool("c", |_: Empty| "")
        .tool("d", |_: Empty| "")
        .tool("e", |_: Empty| "");
    let running = server.bind("127.0.0.1:0").cores(1).start().expect("the server starts");
    let mut wire = Wire::connect(running.addr());
    for is_modern in [true, false] {
        let list = |params| match is_modern {
            true => modern(json!(1), "tools/list", params),
            false => legacy(json!(1), "tools/list", params),
        };
        let mut names = Vec::new();
        let mut params = json!({});
        let mut pages = 0;
        loop {
            let result = ask(&mut wire, &list(params.take())).result();
            let tools = result["tools"].as_array().expect("a list");
            names.extend(tools.iter().map(|tool| tool["name"].as_str().expect("one").to_owned()));
            pages += 1;
            match result.get("nextCursor") {
                Some(cursor) => params = json!({ "cursor": cursor }),
                None => break,
            }
        }
        assert_eq!((names.concat().as_str(), pages), ("abcde", 3));
        // Cursors of other lists, of places that are not there, and no cursors at all.
        for forged in ["YzU", "YzEwMA", "cA", "cXg", "Yy0x", "", "%%%", "c2"] {
            check_error(&mut wire, &list(json!({ "cursor": forged })), 200, -32602);
        }
    }
    // What is not offered is not there.
    check_error(&mut wire, &modern(json!(1), "prompts/list", json!({})), 404, -32601);
    check_error(&mut wire, &legacy(json!(1), "resources/list", json!({})), 200, -32601);
    running.stop();
}

#[test]
fn get_and_delete_are_for_sessions() {
    let (_server, mut wire) = connect();
    for method in ["GET", "DELETE"] {
        let accept = "Accept: text/event-stream\r\n";
        let response =
            wire.ask(format!("{method} /mcp HTTP/1.1\r\nHost: localhost\r\n{accept}\r\n"));
        assert_eq!((response.status, response.field("Allow")), (405, Some("POST, OPTIONS")));
        response.error();
    }
}
