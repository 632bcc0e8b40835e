//! The room `http`: bytes to a request, and a response to bytes.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcp_fastd::HttpLimits;
use mcp_fastd::internal::{
    Date, Decoder, Parsed, ReadBuffer, Response, Stamp, Status, field_storage,
};

const HEAD: &str = "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/json\r\n\
    Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n\
    Mcp-Method: tools/call\r\nMcp-Name: add\r\n";

fn with_length(body: &str) -> Vec<u8> {
    format!("{HEAD}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn in_chunks(body: &str, size: usize) -> Vec<u8> {
    let mut bytes = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n");
    for chunk in body.as_bytes().chunks(size) {
        bytes.push_str(&format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)));
    }
    (bytes + "0\r\n\r\n").into_bytes()
}

fn decode(bytes: &[u8], buffer: &mut ReadBuffer, decoder: &mut Decoder, limits: &HttpLimits) {
    buffer.space(bytes.len(), usize::MAX)[..bytes.len()].copy_from_slice(bytes);
    buffer.filled(bytes.len());
    let mut storage = field_storage();
    match decoder.decode(buffer, &mut storage, limits) {
        Ok(Parsed::Complete(request)) => drop(black_box(request)),
        other => panic!("a whole request: {other:?}"),
    }
    decoder.finish(buffer);
}

fn requests(criterion: &mut Criterion) {
    let body = "x".repeat(270);
    let large = "x".repeat(64 * 1024);
    let cases = [
        ("tools_call", with_length(&body)),
        ("chunked", in_chunks(&body, 90)),
        ("large", with_length(&large)),
        ("large_chunked", in_chunks(&large, 4096)),
    ];
    let mut group = criterion.benchmark_group("http/decode");
    let (mut buffer, mut decoder) = (ReadBuffer::new(), Decoder::new());
    let limits = HttpLimits::default();
    for (name, bytes) in &cases {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(*name, |bencher| {
            bencher.iter(|| decode(bytes, &mut buffer, &mut decoder, &limits));
        });
    }
    group.finish();
}

fn responses(criterion: &mut Criterion) {
    let date = Date::at(1_790_000_000);
    let body = [b'x'; 245];
    let mut out = Vec::new();
    criterion.bench_function("http/response", |bencher| {
        bencher.iter(|| {
            out.clear();
            let open = Response::new(Status::OK, Stamp { date: &date, lines: b"" }).open(&mut out);
            out.extend_from_slice(black_box(&body));
            open.finish(&mut out);
        });
    });
}

criterion_group!(benches, requests, responses);
criterion_main!(benches);
