//! The room `transport`: what is decided from the head, through `Exchange`, so with the parsing of
//! HTTP (`http/decode`) and of JSON (`json/parse`) around it. `plan` has the answers.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcp_fastd::{Empty, Exchange, Server};

const JSON: &str =
    "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n";
const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

fn request(line: &str, fields: &str, body: &str) -> Vec<u8> {
    let length = format!("Content-Length: {}\r\n", body.len());
    format!("{line} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n{fields}{length}\r\n{body}").into_bytes()
}

fn call(more_fields: &str) -> Vec<u8> {
    let fields = format!(
        "{JSON}MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n{more_fields}"
    );
    let params = format!(r#"{{"name":"hello",{META}}}"#);
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
    request("POST /mcp", &fields, &body)
}

fn transport(criterion: &mut Criterion) {
    let server = Server::builder().tool("hello", |_: Empty| "Hello!").build();
    let mut exchange = Exchange::new(server).expect("a server in order");
    let mut group = criterion.benchmark_group("transport");
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let many = "X-Filler: some value\r\n".repeat(24);
    for (name, status, bytes) in [
        ("call", 200, call("Mcp-Name: hello\r\n")),
        ("call_encoded_name", 200, call("Mcp-Name: =?base64?aGVsbG8=?=\r\n")),
        ("call_24_more_fields", 200, call(&format!("{many}Mcp-Name: hello\r\n"))),
        ("notification", 202, request("POST /mcp", JSON, notification)),
        ("options", 204, request("OPTIONS /mcp", "", "")),
        ("not_found", 404, request("GET /nothing", "", "")),
        ("wrong_content_type", 415, request("POST /mcp", "Content-Type: text/plain\r\n", "{}")),
        ("foreign_origin", 403, request("POST /mcp", "Origin: https://a.example\r\n", "{}")),
        ("missing_name", 400, call("")),
    ] {
        let expected = format!("HTTP/1.1 {status} ");
        assert!(exchange.send(&bytes).starts_with(expected.as_bytes()), "{name} is {status}");
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(exchange.send(black_box(&bytes))).len());
        });
    }
    // Sixteen in one piece: what a request costs without the call around it.
    let pipelined = call("Mcp-Name: hello\r\n").repeat(16);
    group.throughput(Throughput::Elements(16));
    group.bench_function("16_pipelined_calls", |bencher| {
        bencher.iter(|| black_box(exchange.send(black_box(&pipelined))).len());
    });
    group.finish();
}

criterion_group!(benches, transport);
criterion_main!(benches);
