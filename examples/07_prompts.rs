//! Prompts, and suggestions for their arguments.
//!
//! ```sh
//! cargo run --example 07_prompts -- --bind 127.0.0.1:8000
//! ```

use mcp_fastd::{CompletionRequest, PromptMessage, Server, about};

const LANGUAGES: [&str; 4] = ["python", "rust", "ruby", "typescript"];

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Review {
    /// The code to review.
    code: String,
    /// The language it is written in.
    language: Option<String>,
}

fn review(Review { code, language }: Review) -> Vec<PromptMessage> {
    let language = language.unwrap_or("unknown".to_owned());
    vec![
        PromptMessage::user(format!("Review this code (language: {language}):\n\n{code}")),
        PromptMessage::assistant("I will look for mistakes first, and for style second."),
    ]
}

fn suggest(_state: &(), request: &CompletionRequest<'_>) -> Vec<String> {
    let fitting = LANGUAGES.iter().filter(|language| language.starts_with(request.value));
    match request.argument {
        "language" => fitting.map(|language| (*language).to_owned()).collect(),
        _ => Vec::new(),
    }
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    let running = Server::builder()
        .prompt(about("review").describe("Asks for a code review."), review)
        .completion(suggest)
        .bind(bind.as_str())
        .start()?;
    println!("listening on http://{}/mcp", running.addr());
    running.wait();
    Ok(())
}
