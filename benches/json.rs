//! Parsing a message of a common size, decoding arguments, and writing a value again.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcp_fastd::json::{Parser, write_json_as_string_from_within, write_serialized};

const MESSAGE: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":2,"b":3},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1.0.0"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;

#[derive(serde::Deserialize, serde::Serialize)]
struct Add {
    a: i64,
    b: i64,
}

fn json(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("json");
    group.throughput(Throughput::Bytes(MESSAGE.len() as u64));
    let mut parser = Parser::new();
    let mut text = MESSAGE.to_vec();
    group.bench_function("parse", |bencher| {
        bencher.iter(|| {
            text.copy_from_slice(MESSAGE);
            black_box(parser.parse(&mut text).expect("valid JSON").root().kind())
        });
    });
    let mut text = MESSAGE.to_vec();
    let document = parser.parse(&mut text).expect("valid JSON");
    let arguments = document.root().get("params").and_then(|params| params.get("arguments"));
    let arguments = arguments.expect("arguments");
    group.bench_function("decode", |bencher| {
        bencher.iter(|| black_box(arguments.decode::<Add>().expect("two numbers").a));
    });
    let mut out = Vec::new();
    group.bench_function("write", |bencher| {
        bencher.iter(|| {
            out.clear();
            document.root().write(&mut out);
            out.len()
        });
    });
    group.bench_function("structured", |bencher| {
        bencher.iter(|| {
            out.clear();
            write_serialized(&mut out, &Add { a: 2, b: 3 }).expect("serializable");
            let to = out.len();
            write_json_as_string_from_within(&mut out, 0, to);
            out.len()
        });
    });
    group.finish();
}

criterion_group!(benches, json);
criterion_main!(benches);
