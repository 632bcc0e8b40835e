//! The room `buffer`: what moving the cursors costs, with the copies a socket would make.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use mcp_fastd::internal::{ReadBuffer, WriteBuffer};

const REQUEST: [u8; 496] = [b'r'; 496];
const RESPONSE: [u8; 349] = [b'a'; 349];

/// What the kernel does in a `recv`.
fn receive(buffer: &mut ReadBuffer, bytes: &[u8]) {
    buffer.space(bytes.len(), 64 * 1024)[..bytes.len()].copy_from_slice(bytes);
    buffer.filled(bytes.len());
}

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("buffer/read");
    let mut buffer = ReadBuffer::new();
    group.bench_function("whole", |bencher| {
        bencher.iter(|| {
            receive(&mut buffer, black_box(&REQUEST));
            black_box(buffer.unread());
            buffer.consume(REQUEST.len());
        });
    });
    // A half is always left over, so that the buffer runs full and is compacted.
    receive(&mut buffer, &REQUEST[..248]);
    group.bench_function("straddling", |bencher| {
        bencher.iter(|| {
            receive(&mut buffer, black_box(&REQUEST));
            black_box(buffer.unread());
            buffer.consume(REQUEST.len());
        });
    });
    group.bench_function("attach_and_detach", |bencher| {
        let mut buffer = ReadBuffer::new();
        let mut storage = vec![0; 4096];
        bencher.iter(|| {
            buffer.attach(std::mem::take(&mut storage));
            receive(&mut buffer, black_box(&REQUEST));
            buffer.consume(REQUEST.len());
            storage = buffer.detach();
        });
    });
    group.finish();
}

fn write(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("buffer/write");
    let mut buffer = WriteBuffer::new();
    group.bench_function("whole", |bencher| {
        bencher.iter(|| {
            buffer.out().extend_from_slice(black_box(&RESPONSE));
            let unsent = black_box(buffer.unsent()).len();
            buffer.sent(unsent);
        });
    });
    // A client that takes 100 bytes at a time of some 11 KB.
    group.bench_function("slow_reader", |bencher| {
        bencher.iter(|| {
            for _ in 0..32 {
                buffer.out().extend_from_slice(black_box(&RESPONSE));
            }
            while !buffer.is_empty() {
                let taken = black_box(buffer.unsent()).len().min(100);
                buffer.sent(taken);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, read, write);
criterion_main!(benches);
