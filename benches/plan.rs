//! The whole path without sockets: bytes of a request to bytes of its answer, through `Exchange`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use mcp_fastd::{Exchange, Json, Server};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Sum {
    sum: i64,
}

fn request(method: &str, params: &str, name: &str, modern: bool) -> Vec<u8> {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let meta = if modern { meta } else { r#""_meta":{}"# };
    let comma = if params.is_empty() { "" } else { "," };
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}{comma}{meta}}}}}"#
    );
    let version = if modern { "2026-07-28" } else { "2025-11-25" };
    let name = if name.is_empty() { String::new() } else { format!("Mcp-Name: {name}\r\n") };
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: {version}\r\n\
         Mcp-Method: {method}\r\n{name}Content-Length: {}\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

fn exchanges(criterion: &mut Criterion) {
    let server = Server::builder().tool("add", |Add { a, b }: Add| Json(Sum { sum: a + b }));
    let mut exchange = Exchange::new(server.build()).expect("a server in order");
    let mut group = criterion.benchmark_group("exchange");
    let add = r#""name":"add","arguments":{"a":20,"b":22}"#;
    for (name, bytes) in [
        ("tools_call", request("tools/call", add, "add", true)),
        ("tools_call_legacy", request("tools/call", add, "add", false)),
        ("tools_list", request("tools/list", "", "", true)),
        ("discover", request("server/discover", "", "", true)),
        ("ping", request("ping", "", "", false)),
        (
            "wrong_argument",
            request("tools/call", r#""name":"add","arguments":{"a":1}"#, "add", true),
        ),
        ("health", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
    ] {
        assert!(exchange.send(&bytes).starts_with(b"HTTP/1.1 200"), "{name} is answered");
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(exchange.send(black_box(&bytes))).len());
        });
    }
    group.finish();
}

criterion_group!(benches, exchanges);
criterion_main!(benches);
