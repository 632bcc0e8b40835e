//! From a name to its function: the first, the middle and the last of 1, 16 and 64 tools.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use mcp_fastd::{Empty, Exchange, Handler, Server, group};

fn request(name: &str) -> Vec<u8> {
    let body =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}"}}}}"#);
    let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn measure<H: Handler>(criterion: &mut Criterion, count: usize, server: Server<H>, names: &[&str]) {
    let mut exchange = Exchange::new(server).expect("a server in order");
    let mut group = criterion.benchmark_group(format!("dispatch/{count}"));
    for name in names {
        let bytes = request(name);
        assert!(exchange.send(&bytes).ends_with(b"\"isError\":false}}"), "{name} answers");
        group.bench_function(*name, |bencher| {
            bencher.iter(|| black_box(exchange.send(black_box(&bytes))).len());
        });
    }
    group.finish();
}

/// Sixteen tools whose names begin with this.
macro_rules! sixteen {
    ($letter:literal) => {
        group()
            .tool(concat!($letter, "0"), |_: Empty| "0")
            .tool(concat!($letter, "1"), |_: Empty| "1")
            .tool(concat!($letter, "2"), |_: Empty| "2")
            .tool(concat!($letter, "3"), |_: Empty| "3")
            .tool(concat!($letter, "4"), |_: Empty| "4")
            .tool(concat!($letter, "5"), |_: Empty| "5")
            .tool(concat!($letter, "6"), |_: Empty| "6")
            .tool(concat!($letter, "7"), |_: Empty| "7")
            .tool(concat!($letter, "8"), |_: Empty| "8")
            .tool(concat!($letter, "9"), |_: Empty| "9")
            .tool(concat!($letter, "a"), |_: Empty| "a")
            .tool(concat!($letter, "b"), |_: Empty| "b")
            .tool(concat!($letter, "c"), |_: Empty| "c")
            .tool(concat!($letter, "d"), |_: Empty| "d")
            .tool(concat!($letter, "e"), |_: Empty| "e")
            .tool(concat!($letter, "f"), |_: Empty| "f")
    };
}

fn dispatch(criterion: &mut Criterion) {
    let one = Server::builder().tool("only", |_: Empty| "only").build();
    measure(criterion, 1, one, &["only"]);
    let sixteen = Server::builder().tools(sixteen!("a")).build();
    measure(criterion, 16, sixteen, &["a0", "a8", "af"]);
    let sixty_four = Server::builder()
        .tools(sixteen!("a"))
        .tools(sixteen!("b"))
        .tools(sixteen!("c"))
        .tools(sixteen!("d"));
    measure(criterion, 64, sixty_four.build(), &["a0", "c0", "df"]);
}

criterion_group!(benches, dispatch);
criterion_main!(benches);
