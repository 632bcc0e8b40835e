//! API keys and scopes: who may come, and what they may use.
//!
//! ```sh
//! cargo run --example 24_keys -- --bind 127.0.0.1:8000
//! ```
//!
//! The keys are made at the start, and printed; real ones are made once (`mcp-fastd key NAME`), and
//! the server is given their hashes.

use mcp_fastd::{ApiKey, AuthConfig, Authentication, Call, Config, Empty, Server, about};
use mcp_fastd::{ServeError, new_api_key};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    let (mut auth, mut keys) = (AuthConfig::default(), String::new());
    for (name, scopes) in [("ada", vec!["notes:write".to_owned()]), ("alan", Vec::new())] {
        let (key, sha256) = new_api_key().ok_or("the system gives no random bits")?;
        keys.push_str(&format!("{name}: {key}\n"));
        auth.api_keys.push(ApiKey { name: name.to_owned(), sha256, scopes });
    }
    let authentication = Authentication::start(&auth).map_err(ServeError::Setting)?;
    Server::builder()
        .authenticator(authentication)
        .tool(about("whoami").describe("Says who asks."), |_: &(), _: Empty, call: &Call| {
            call.principal().unwrap_or("nobody").to_owned()
        })
        // Who has a key without this scope does not see it, and gets 403 with what it needs.
        .tool(
            about("write").describe("Writes a note.").scopes(["notes:write"]),
            |_: Empty| "Written.",
        )
        .config(Config { auth, ..Config::default() })
        .bind(bind.as_str())
        .run_with(|address| print!("listening on http://{address}/mcp\n{keys}"))?;
    Ok(())
}
