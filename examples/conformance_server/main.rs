//! A server with all that the MCP conformance suite calls, reads and asks for, under the names the
//! suite knows. `scripts/conformance` runs the suite against it.
//!
//! ```sh
//! cargo run --example conformance_server -- --bind 127.0.0.1:8000 --cores 2
//! ```
//!
//! With `--stdio` it serves the client that starts it instead.

mod content;
mod notices;
mod prompts;
mod questions;
mod tasks;

use mcp_fastd::{Server, about};

#[derive(serde::Deserialize)]
struct Entry {
    id: String,
}

fn entry(Entry { id }: Entry) -> String {
    serde_json::json!({ "id": id, "data": format!("The data of entry {id}.") }).to_string()
}

const USAGE: &str = "usage: conformance_server [--bind ADDRESS:PORT | --stdio] [--cores N]";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let plain = |uri: &str| about(uri).mime("text/plain");
    let mut server = Server::builder()
        .name("conformance_server", env!("CARGO_PKG_VERSION"))
        // The suite calls the first tool of the list without arguments.
        .tools(content::tools())
        .tools(notices::tools())
        .tools(questions::tools())
        .tools(tasks::tools())
        .prompt(about("test_simple_prompt").describe("A fixed text."), prompts::simple)
        .prompt(
            about("test_prompt_with_arguments").describe("A text with its arguments in it."),
            prompts::with_arguments,
        )
        .prompt(
            about("test_prompt_with_embedded_resource").describe("A text with a resource."),
            prompts::with_resource,
        )
        .prompt(
            about("test_prompt_with_image").describe("A text with a picture."),
            prompts::with_image,
        )
        .prompt(
            about("test_input_required_result_prompt")
                .describe("A text about what the user said.")
                .on_worker(),
            prompts::with_answer,
        )
        .completion(prompts::suggest)
        .resource(plain("test://static-text").describe("A fixed text."), |_: &()| "Always this.")
        .resource(
            about("test://static-binary").mime("image/png").describe("A fixed picture."),
            |_: &()| content::PICTURE.to_vec(),
        )
        .resource(
            plain("test://watched-resource").describe("A text to subscribe to."),
            |_: &()| "Watch this.",
        )
        .resource_template(
            about("test://template/{id}/data").mime("application/json").describe("Any entry."),
            entry,
        )
        .build();
    let (mut address, mut stdio) = ("127.0.0.1:8000".to_owned(), false);
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().ok_or(USAGE);
        match option.as_str() {
            "--bind" => address = value()?,
            "--cores" => server = server.cores(value()?.parse()?),
            "--stdio" => stdio = true,
            _ => return Err(USAGE.into()),
        }
    }
    server = if stdio { server.stdio() } else { server.bind(address.as_str()) };
    server.run_with(|address| println!("listening on http://{address}/mcp"))?;
    Ok(())
}
