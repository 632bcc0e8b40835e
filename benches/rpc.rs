//! The rooms `json` and `rpc`: text to a message.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use mcp_fastd::internal::Message;
use mcp_fastd::json::Parser;

fn call(text: &str) -> Vec<u8> {
    let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","arguments":{{"text":"{text}"}},"_meta":{meta}}}}}"#
    )
    .into_bytes()
}

fn messages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rpc/message");
    let mut parser = Parser::new();
    for (name, text) in [
        ("small", "hello".to_owned()),
        ("escapes", r#"a\"b\\c\n\u00e9"#.repeat(100)),
        ("large", "x".repeat(64 * 1024)),
    ] {
        let bytes = call(&text);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bencher| {
            // Parsing rewrites its text, so each parse has a copy.
            let copy = || bytes.clone();
            bencher.iter_batched_ref(
                copy,
                |bytes| {
                    let document = parser.parse(bytes).expect("JSON");
                    let message = Message::read(document.root()).expect("a message");
                    black_box(matches!(message, Message::Request { .. }))
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, messages);
criterion_main!(benches);
