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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let option = |name: &str| {
        let mut arguments = std::env::args().skip_while(|argument| argument != name);
        arguments.nth(1)
    };
    let bind = option("--bind").unwrap_or("127.0.0.1:8000".to_owned());
    let mut server =
        Server::builder().tool(about("add").describe("Adds two numbers."), add).bind(bind.as_str());
    if let Some(cores) = option("--cores") {
        server = server.cores(cores.parse()?);
    }
    if let Some(micros) = option("--spin") {
        server = server.spin(Duration::from_micros(micros.parse()?));
    }
    server.run_with(|address| println!("listening on http://{address}/mcp"))?;
    Ok(())
}
