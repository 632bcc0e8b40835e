//! What the engine adds to a search: the dataset alone, the same through a whole server in memory,
//! and the same over a socket and by way of a worker. 5,000 documents.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpStream;

use criterion::{Criterion, criterion_group, criterion_main};
use mcp_fastd::Exchange;
use mcp_fastd::documents::{Dataset, NewDocument, serve};

const DOCUMENTS: usize = 5_000;
const WORDS: usize = 2_000;

/// Words by rank, the common ones far more often, as in real text; always the same.
struct Text {
    seed: u64,
}

impl Text {
    fn word(&mut self) -> String {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let uniform = (self.seed >> 33) as f64 / f64::from(1_u32 << 31);
        format!("word{}", (WORDS as f64).powf(uniform) as usize)
    }

    fn sentence(&mut self, words: usize) -> String {
        (0..words).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }
}

fn dataset() -> Dataset {
    let dataset = Dataset::in_memory().expect("a temporary dataset");
    let mut text = Text { seed: 1 };
    for number in 0..DOCUMENTS {
        let title = format!("Document {number}");
        dataset.add(NewDocument::new(title, text.sentence(200))).expect("room for it");
    }
    dataset
}

fn request(query: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"search_documents","arguments":{{"query":"{query}","limit":10}}}}}}"#
    );
    let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Reads one answer with a Content-Length.
fn answer(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> usize {
    buffer.clear();
    let mut chunk = [0; 64 * 1024];
    loop {
        let read = socket.read(&mut chunk).expect("an answer");
        assert!(read > 0, "the answer is whole");
        buffer.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(buffer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split_once("Content-Length: ").expect("a length").1;
            let length = length.split("\r\n").next().expect("a line");
            if body.len() == length.parse::<usize>().expect("a number") {
                return buffer.len();
            }
        }
    }
}

fn search(criterion: &mut Criterion) {
    let dataset = dataset();
    let mut exchange = Exchange::new(serve::server(dataset.clone())).expect("a server in order");
    let server = serve::server(dataset.clone()).bind("127.0.0.1:0").cores(1);
    let running = server.start().expect("a free port");
    let mut socket = TcpStream::connect(running.addr()).expect("a listener");
    socket.set_nodelay(true).expect("a socket");
    let mut buffer = Vec::new();
    for (name, query) in [("rare", "word1999"), ("middling", "word100 word200")] {
        let mut group = criterion.benchmark_group(format!("search/{name}"));
        let bytes = request(query);
        assert!(exchange.send(&bytes).ends_with(b"\"isError\":false}}"), "it is found");
        group.bench_function("dataset", |bencher| {
            bencher.iter(|| black_box(dataset.search(black_box(query), 10, None)).is_ok());
        });
        group.bench_function("exchange", |bencher| {
            bencher.iter(|| black_box(exchange.send(black_box(&bytes))).len());
        });
        group.bench_function("socket", |bencher| {
            bencher.iter(|| {
                socket.write_all(&bytes).expect("a connection");
                answer(&mut socket, &mut buffer)
            });
        });
        group.finish();
    }
    running.stop();
}

criterion_group!(benches, search);
criterion_main!(benches);
