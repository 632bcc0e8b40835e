//! Questions in the middle of a call: to the user, to the model, to the client.
//!
//! ```sh
//! cargo run --example 13_ask -- --bind 127.0.0.1:8000
//! ```

use mcp_fastd::{Call, Capability, Elicitation, Empty, Interrupted, Sampling, Server, about};
use serde_json::json;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Trip {
    /// Where to.
    city: String,
}

/// Up to 2025-11-25 this waits for each answer. From 2026-07-28 on nothing waits: `?` ends the
/// call with the question, and the client calls again with the answer.
fn book(_state: &(), Trip { city }: Trip, call: &Call) -> Result<String, Interrupted> {
    let question = Elicitation::form(format!("When do you travel to {city}?"))
        .field("day", json!({ "type": "string", "format": "date" }))
        .optional("nights", json!({ "type": "integer", "default": 1 }));
    let answer = call.elicit("when", question)?;
    let Some(day) = answer.field("day").and_then(|day| day.as_str()) else {
        return Ok("Nothing was booked.".to_owned());
    };
    if !call.supports(Capability::Sampling) {
        return Ok(format!("{city} on {day} is booked."));
    }
    let question = Sampling::new(100).user(format!("What is worth a visit in {city}?"));
    let tip = call.sample("tip", question)?;
    Ok(format!("{city} on {day} is booked. {}", tip.text().unwrap_or_default()))
}

fn folders(_state: &(), _: Empty, call: &Call) -> Result<String, Interrupted> {
    let roots = call.roots("folders")?;
    Ok(roots.into_iter().map(|root| root.uri).collect::<Vec<_>>().join("\n"))
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    Server::builder()
        .tool(about("book_trip").describe("Books a trip.").on_worker(), book)
        .tool(about("folders").describe("Lists the client's folders.").on_worker(), folders)
        .bind(bind.as_str())
        .run_with(|address| println!("listening on http://{address}/mcp"))
}
