//! Heads as text, and the status they earn; through `Exchange`, since the room has no other door.

use serde_json::{Value, json};

use crate::app::about::about;
use crate::app::function::Empty;
use crate::config::Config;
use crate::{Exchange, Handler, Server};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

fn exchange(change: impl FnOnce(&mut Config)) -> Exchange<impl Handler> {
    let schema = json!({ "type": "object", "properties": {
        "text": { "type": "string", "x-mcp-header": "Text" },
        "flag": { "type": "boolean", "x-mcp-header": "Flag" },
        "number": { "type": "integer", "x-mcp-header": "Number" } } });
    let server = Server::builder().tool(about("tool").input_schema(schema), |_: Empty| "fine");
    let mut config = Config::default();
    change(&mut config);
    Exchange::new(server.build().config(config)).unwrap()
}

/// The status of the answer to a POST with these fields.
fn status<H: Handler>(exchange: &mut Exchange<H>, fields: &str, body: &str) -> u16 {
    let length = body.len();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\n{fields}Content-Length: {length}\r\n\r\n"
    );
    let answer = exchange.send((head + body).as_bytes());
    let answer = str::from_utf8(answer).unwrap();
    answer["HTTP/1.1 ".len()..][..3].parse().unwrap()
}

#[track_caller]
fn check(field: &str, values: &[&str], expected: u16) {
    let mut exchange = exchange(|_| {});
    let json = if field == "Content-Type" { "" } else { "Content-Type: application/json\r\n" };
    for value in values {
        let fields = format!("{json}{field}: {value}\r\n");
        assert_eq!(status(&mut exchange, &fields, PING), expected, "{field}: {value}");
    }
}

#[test]
fn content_types() {
    let good = [
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=utf-8",
        "application/json ; Charset = \"UTF-8\" ; x=y",
        "application/json;",
        "\tapplication/json\t",
    ];
    check("Content-Type", &good, 200);
    let bad = [
        "",
        "text/json",
        "application/jsonp",
        "application/json-rpc",
        "application/*",
        "*/*",
        "application/json;charset=utf-16",
        "application/json, text/plain",
        "json",
    ];
    check("Content-Type", &bad, 415);
}

#[test]
fn accepted_types() {
    let good = [
        "application/json",
        "Application/Json",
        "*/*",
        "application/*",
        "text/html, */*;q=0.1",
        "application/json;q=0.001",
        "application/json; charset=utf-8",
        "application/*;q=0,application/json",
        "text/event-stream,application/json",
        "*/*;q=0, application/json;q=1",
    ];
    check("Accept", &good, 200);
    let bad = [
        "",
        "text/html",
        "application/json;q=0",
        "application/json; q=0.000, text/html",
        "*/*, application/json;q=0",
        "application/*;q=0, */*",
        "application/jsonx",
    ];
    check("Accept", &bad, 406);
}

#[test]
fn origins() {
    let good = [
        "http://localhost",
        "https://LOCALHOST:3000",
        "http://127.0.0.1:80",
        "http://127.8.9.1",
        "http://[::1]",
        "http://[::1]:8080",
    ];
    check("Origin", &good, 200);
    let bad = [
        "null",
        "",
        "https://evil.example",
        "http://localhost.evil.example",
        "http://128.0.0.1",
        "http://127.0.0.1.evil.example",
        "http://[::2]",
        "localhost",
        "http://evil@localhost",
        "http://evil.example:localhost",
        "https://evil.example/localhost",
        "http://127.1",
    ];
    check("Origin", &bad, 403);
    let mut exchange = exchange(|config| {
        config.allowed_origins = vec!["https://good.example".to_owned()];
    });
    for (origin, expected) in [
        ("https://good.example", 200),
        ("https://good.example:444", 403),
        ("http://good.example", 403),
    ] {
        let fields = format!("Content-Type: application/json\r\nOrigin: {origin}\r\n");
        assert_eq!(status(&mut exchange, &fields, PING), expected, "{origin}");
    }
}

/// The status of a call whose one argument is repeated in a header.
#[track_caller]
fn check_param(name: &str, argument: Value, header: &str, expected: u16) {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {} });
    let params = json!({ "name": "tool", "arguments": { name: argument }, "_meta": meta });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let fields = format!(
        "Content-Type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\n\
         Mcp-Method: tools/call\r\nMcp-Name: tool\r\nMcp-Param-{name}: {header}\r\n"
    );
    let status = status(&mut exchange(|_| {}), &fields, &body.to_string());
    assert_eq!(status, expected, "{name} {header} {body}");
}

#[test]
fn params_in_headers() {
    for (argument, header, expected) in [
        (json!("plain"), "plain", 200),
        (json!("a b"), " a b ", 200),
        (json!(""), "", 200),
        (json!("plain"), "=?base64?cGxhaW4=?=", 200),
        (json!("caf\u{e9}"), "=?base64?Y2Fmw6k=?=", 200),
        (json!("=?base64?x?="), "=?base64?PT9iYXNlNjQ/eD89?=", 200),
        (json!("=?base64?x?="), "=?base64?x?=", 400),
        (json!("caf\u{e9}"), "caf\u{e9}", 400),
        (json!("plain"), "=?base64?cGxhaW4?=", 400),
        (json!("plain"), "PLAIN", 400),
        (json!(5), "5", 400),
    ] {
        check_param("text", argument, header, expected);
    }
    for (argument, header, expected) in [
        (json!(42), "42", 200),
        (json!(42), "42.0", 200),
        (json!(42), "4.2e1", 200),
        (json!(42.0), "42", 200),
        (json!(-1), "-1", 200),
        (json!(9_007_199_254_740_993_i64), "9007199254740993", 200),
        (json!(9_007_199_254_740_993_i64), "9007199254740992", 400),
        (json!(42), "42.5", 400),
        (json!(42), "0x2a", 400),
        (json!(42), "NaN", 400),
        (json!(42), "inf", 400),
        (json!("42"), "42", 400),
    ] {
        check_param("number", argument, header, expected);
    }
    for (argument, header, expected) in [
        (json!(true), "true", 200),
        (json!(false), "false", 200),
        (json!(true), "false", 400),
        (json!(true), "TRUE", 400),
        (json!(true), "1", 400),
        (json!("true"), "true", 400),
    ] {
        check_param("flag", argument, header, expected);
    }
}
