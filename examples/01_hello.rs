//! One typed tool on HTTP.
//!
//! ```sh
//! cargo run --release --example 01_hello -- --bind 127.0.0.1:8000 --cores 1
//! ```

use std::time::Duration;

use mcp_fastd::{Json, Server, about};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Add {
    /// The first number.
    a: i64,
    /// The second number.
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

const USAGE: &str = "usage: 01_hello [--bind ADDRESS:PORT] [--cores N] [--spin MICROSECONDS]";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut server = Server::builder()
        .tool(about("add").describe("Adds two numbers."), add)
        .bind("127.0.0.1:8000");
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        server = match option.as_str() {
            "--bind" => server.bind(value.as_str()),
            "--cores" => server.cores(value.parse()?),
            "--spin" => server.spin(Duration::from_micros(value.parse()?)),
            _ => return Err(USAGE.into()),
        };
    }
    server.run_with(|address| println!("listening on http://{address}/mcp"))?;
    Ok(())
}
