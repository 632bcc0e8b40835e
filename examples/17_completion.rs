//! Completion: values for the arguments of a prompt, while the user types.
//!
//! ```sh
//! cargo run --example 17_completion -- --bind 127.0.0.1:8000
//! ```

use mcp_fastd::{CompletionRequest, Server, about};

const COLOURS: [&str; 5] = ["black", "blue", "brown", "green", "grey"];

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Paint {
    /// Which colour.
    colour: String,
}

fn paint(Paint { colour }: Paint) -> String {
    format!("Paint the house {colour}.")
}

fn colours(_state: &(), request: &CompletionRequest) -> Vec<String> {
    let fits = |colour: &&&str| request.argument == "colour" && colour.starts_with(request.value);
    COLOURS.iter().filter(fits).map(|colour| (*colour).to_owned()).collect()
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    Server::builder()
        .prompt(about("paint").describe("Asks for a painted house."), paint)
        .completion(colours)
        .bind(bind.as_str())
        .run_with(|address| println!("listening on http://{address}/mcp"))
}
