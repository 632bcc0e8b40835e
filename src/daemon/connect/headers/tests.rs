use serde_json::json;

use super::*;

fn message(method: &str, mut params: Value) -> Message {
    params["_meta"] = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28" });
    let json = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    Message { text: json.to_string(), json }
}

fn list(tools: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": tools } })
}

/// The headers but for the revision, in order of their names.
#[track_caller]
fn check(tools: &Tools, method: &str, params: Value, expected: &[(&str, &str)]) {
    let fields = tools.headers(&message(method, params)).expect("headers");
    assert_eq!(fields["mcp-protocol-version"], "2026-07-28");
    let mut fields: Vec<_> = fields
        .iter()
        .filter(|(name, _)| **name != VERSION)
        .map(|(name, value)| (name.as_str(), value.to_str().expect("ASCII")))
        .collect();
    fields.sort_unstable();
    assert_eq!(fields, expected);
}

#[test]
fn standard_headers() {
    let tools = Tools::default();
    check(&tools, "tools/list", json!({}), &[("mcp-method", "tools/list")]);
    let call = ("mcp-method", "tools/call");
    check(&tools, "tools/call", json!({ "name": "a b" }), &[call, ("mcp-name", "a b")]);
    check(&tools, "tools/call", json!({ "name": 1 }), &[call]);
    let read = ("mcp-method", "resources/read");
    check(&tools, "resources/read", json!({ "uri": "x://a" }), &[read, ("mcp-name", "x://a")]);
    let task = [("mcp-method", "tasks/get"), ("mcp-name", "t-1")];
    check(&tools, "tasks/get", json!({ "taskId": "t-1" }), &task);
    assert!(tools.headers(&message("a\nb", json!({}))).is_err());
}

/// The table of the specification.
#[test]
fn values_are_encoded() {
    for (text, expected) in [
        ("us-west1", "us-west1"),
        ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ("a\tb", "a\tb"),
        ("", ""),
    ] {
        assert_eq!(encoded(text).expect("a value"), expected, "{text:?}");
    }
}

#[test]
fn arguments_are_repeated() {
    let tools = Tools::default();
    let schema = json!({ "type": "object", "properties": {
        "region": { "type": "string", "x-mcp-header": "Region" },
        "urgent": { "type": "boolean", "x-mcp-header": "Urgent" },
        "where": { "type": "object", "properties": {
            "level": { "type": "integer", "x-mcp-header": "Level" } } },
        "other": { "type": "string" } } });
    let mut answer = list(json!([{ "name": "routed", "inputSchema": schema }]));
    assert!(!tools.learn(&mut answer), "nothing was taken out");
    let common = [("mcp-method", "tools/call"), ("mcp-name", "routed")];
    let check = |arguments: Value, expected: &[(&str, &str)]| {
        let expected = [&common, expected].concat();
        check(&tools, "tools/call", json!({ "name": "routed", "arguments": arguments }), &expected);
    };
    check(
        json!({ "region": "eu", "urgent": true, "where": { "level": 42.0 }, "other": "x" }),
        &[("mcp-param-level", "42"), ("mcp-param-region", "eu"), ("mcp-param-urgent", "true")],
    );
    check(json!({ "region": null, "where": { "level": -7 } }), &[("mcp-param-level", "-7")]);
    check(json!({ "region": "ü" }), &[("mcp-param-region", "=?base64?w7w=?=")]);
    check(json!({ "where": 1 }), &[]);
    check(json!(null), &[]);

    // A tool that has lost its annotations is forgotten.
    let plain = json!([{ "name": "routed", "inputSchema": { "type": "object" } }]);
    tools.learn(&mut list(plain));
    check(json!({ "region": "eu" }), &[]);
}

#[test]
fn tools_with_wrong_annotations_are_left_out() {
    let property = |schema: Value| json!({ "type": "object", "properties": { "a": schema } });
    for schema in [
        property(json!({ "type": "string", "x-mcp-header": "" })),
        property(json!({ "type": "string", "x-mcp-header": "a b" })),
        property(json!({ "type": "string", "x-mcp-header": 1 })),
        property(json!({ "type": "number", "x-mcp-header": "A" })),
        property(json!({ "x-mcp-header": "A" })),
        property(json!({ "type": "array", "items": { "type": "string", "x-mcp-header": "A" } })),
        property(json!({ "anyOf": [{ "type": "string", "x-mcp-header": "A" }] })),
        json!({ "x-mcp-header": "A" }),
        json!({ "properties": {
            "a": { "type": "string", "x-mcp-header": "A" },
            "b": { "type": "string", "x-mcp-header": "a" } } }),
    ] {
        let mut answer =
            list(json!([{ "name": "bad", "inputSchema": schema }, { "name": "good" }]));
        assert!(Tools::default().learn(&mut answer), "{schema}");
        assert_eq!(answer, list(json!([{ "name": "good" }])), "{schema}");
    }
    let called = property(json!({ "type": "string" }));
    let named = json!({ "properties": { "x-mcp-header": { "type": "string" } } });
    for schema in [called, named, Value::Null] {
        let mut answer = list(json!([{ "name": "good", "inputSchema": schema }]));
        assert!(!Tools::default().learn(&mut answer), "{schema}");
    }
    assert!(!Tools::default().learn(&mut json!({ "error": {} })));
}
