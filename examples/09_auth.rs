//! Who is asking: bearer tokens, and a tool that knows its caller.
//!
//! ```sh
//! cargo run --example 09_auth -- --bind 127.0.0.1:8000
//! ```

use std::collections::HashMap;

use mcp_fastd::{Access, Call, Credentials, Empty, Server, about};

/// Users by their tokens. Real tokens are random, and come from a secret store.
struct Users(HashMap<&'static str, &'static str>);

impl Users {
    /// Called for each request, on the shard: it looks something up, and never waits.
    fn access(&self, credentials: &Credentials) -> Access {
        match credentials.bearer().and_then(|token| self.0.get(token)) {
            Some(user) => Access::named(*user),
            None => Access::Denied,
        }
    }

    fn greet(&self, _: Empty, call: &Call) -> String {
        format!("Hello, {}!", call.principal().unwrap_or("stranger"))
    }
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    Server::builder()
        .state(Users(HashMap::from([("token-of-ada", "Ada"), ("token-of-alan", "Alan")])))
        .authenticate(Users::access)
        .tool(about("greet").describe("Greets whoever asks."), Users::greet)
        .bind(bind.as_str())
        .run_with(|address| println!("listening on http://{address}/mcp"))
}
