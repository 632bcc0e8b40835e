//! The room `runtime`: a real server of one shard, one client that waits for each answer, loopback.
//!
//! Most of it is the kernel's, and waking up; compare the cases with each other, in one run.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mcp_fastd::{Empty, Server, about};

fn call(tool: &str) -> Vec<u8> {
    let body =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}"}}}}"#);
    let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A client that knows how long an answer is.
struct Client {
    socket: TcpStream,
    answer: Vec<u8>,
}

impl Client {
    fn new(server: SocketAddr, request: &[u8], count: usize) -> Client {
        let mut socket = connect(server);
        socket.write_all(request).expect("a connection");
        let mut chunk = [0; 4096];
        let len = socket.read(&mut chunk).expect("an answer");
        assert!(chunk.starts_with(b"HTTP/1.1 200"), "it is answered");
        assert!(chunk[..len].ends_with(b"}"), "in one piece");
        Client { socket, answer: vec![0; len * count] }
    }

    fn ask(&mut self, requests: &[u8]) {
        self.socket.write_all(requests).expect("a connection");
        self.socket.read_exact(&mut self.answer).expect("an answer");
    }
}

fn connect(server: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(server).expect("a listener");
    socket.set_nodelay(true).expect("a socket");
    socket
}

fn runtime(criterion: &mut Criterion) {
    let server = Server::builder()
        .tool("quick", |_: Empty| "Hello!")
        .tool(about("slow").on_worker(), |_: Empty| "Hello!")
        .bind("127.0.0.1:0")
        .cores(1);
    let running = server.start().expect("a free port");
    // The shard has the first CPU; where the client is decides what waking up costs.
    if let Some(cpu) = core_affinity::get_core_ids().unwrap_or_default().pop() {
        core_affinity::set_for_current(cpu);
    }
    let address = running.addr();
    let (quick, slow) = (call("quick"), call("slow"));
    let mut group = criterion.benchmark_group("runtime");

    let mut client = Client::new(address, &quick, 1);
    group.bench_function("call", |bencher| bencher.iter(|| client.ask(&quick)));
    group.bench_function("call_on_a_worker", |bencher| bencher.iter(|| client.ask(&slow)));
    group.bench_function("call_in_two_pieces", |bencher| {
        let (head, rest) = quick.split_at(quick.len() / 2);
        bencher.iter(|| {
            client.socket.write_all(head).expect("a connection");
            client.ask(rest);
        });
    });
    group.bench_function("connect_call_close", |bencher| {
        bencher.iter(|| Client::new(address, &quick, 1));
    });
    let mut client = Client::new(address, &quick, 16);
    let sixteen = quick.repeat(16);
    group.throughput(Throughput::Elements(16));
    group.bench_function("16_pipelined_calls", |bencher| bencher.iter(|| client.ask(&sixteen)));
    group.finish();
    running.stop();
}

criterion_group!(benches, runtime);
criterion_main!(benches);
