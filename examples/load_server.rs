//! What `scripts/bench` asks about streams: a tool that says three things before its result; and
//! one that says nothing, with as many streams of HTTP+SSE as are wanted, or without it.
//!
//! ```sh
//! cargo run --release --example load_server -- --bind 127.0.0.1:8000 --cores 1 --on worker
//! ```

use mcp_fastd::{Call, Config, Json, Server, about};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Nothing {}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Counted {
    counted: u32,
}

/// From a worker each step is on its way while the next is made; from a shard, where nothing waits
/// for anything, all of them leave together.
fn count(_state: &(), _nothing: Nothing, call: &Call) -> Result<Json<Counted>, &'static str> {
    for step in [1.0, 2.0, 3.0] {
        call.progress((step, 3.0));
    }
    Ok(Json(Counted { counted: 3 }))
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Sum {
    sum: i64,
}

fn add(Add { a, b }: Add) -> Result<Json<Sum>, &'static str> {
    let sum = a.checked_add(b).ok_or("the sum is out of range")?;
    Ok(Json(Sum { sum }))
}

const USAGE: &str = "usage: load_server [--bind ADDRESS:PORT] [--cores N] [--on shard|worker] \
                     [--http-sse STREAMS]; 0 streams turn HTTP+SSE off";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut bind, mut cores) = ("127.0.0.1:8000".to_owned(), 1);
    let mut config = Config::default();
    let mut tool = about("count").describe("Counts to three.");
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match (option.as_str(), value.as_str()) {
            ("--bind", _) => bind = value,
            ("--cores", _) => cores = value.parse()?,
            ("--http-sse", "0") => config.http_sse.enabled = false,
            ("--http-sse", _) => config.http_sse.connections_max = value.parse()?,
            ("--on", "worker") => tool = tool.on_worker(),
            ("--on", "shard") => {}
            _ => return Err(USAGE.into()),
        }
    }
    let server = Server::builder().tool(tool, count).tool(about("add"), add).config(config);
    let server = server.bind(bind.as_str()).cores(cores);
    server.run_with(|address| println!("listening on http://{address}/mcp"))?;
    Ok(())
}
