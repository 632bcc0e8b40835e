//! The shop of `docs/migrating.md`: what servers on rmcp and on the TypeScript and Python SDKs
//! become when their tools are written for this library.
//!
//! ```sh
//! cargo run --example 22_migrated -- --bind 127.0.0.1:8000
//! ```

use mcp_fastd::{Call, Json, Progress, Server, about};

const PRICES: [(&str, u32); 2] = [("apple", 30), ("pear", 45)];

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Order {
    fruit: String,
    #[serde(default = "one")]
    count: u32,
}

fn one() -> u32 {
    1
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Price {
    fruit: String,
    cents: u32,
}

fn price(Order { fruit, count }: Order) -> Result<Json<Price>, String> {
    let found = PRICES.iter().find(|(name, _)| *name == fruit);
    let (_, cents) = found.ok_or_else(|| format!("there is no {fruit}"))?;
    Ok(Json(Price { fruit, cents: cents * count }))
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Time {
    days: u32,
}

fn ripen(_state: &(), Time { days }: Time, call: &Call) -> String {
    for day in 0..days {
        let (progress, total) = (f64::from(day), Some(f64::from(days)));
        call.progress(Progress { progress, total, message: None });
    }
    format!("Ripe after {days} days.")
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    Server::builder()
        .name("shop", "1")
        .tool(about("price").describe("Says what some fruit costs."), price)
        .tool(about("ripen").describe("Waits until the fruit is ripe."), ripen)
        .bind(bind.as_str())
        .run_with(|address| println!("listening on http://{address}/mcp"))
}
