//! The bottom of the library: a handler of one's own, without the builder. This one answers every
//! tool from a table that is made at run time, as a gateway would.
//!
//! ```sh
//! cargo run --example 11_bare_handler -- --bind 127.0.0.1:8000
//! ```

use mcp_fastd::app::{ToolId, ToolReply};
use mcp_fastd::json::Value;
use mcp_fastd::{Call, Catalog, Failure, Handler, Server, about};

struct Phrasebook {
    catalog: Catalog,
    /// By the index of the tool.
    phrases: Vec<&'static str>,
}

impl Phrasebook {
    fn new(entries: &[(&str, &'static str)]) -> Phrasebook {
        let mut catalog = Catalog::new("phrasebook", "1.0.0");
        let mut phrases = Vec::new();
        for (language, phrase) in entries {
            let input = serde_json::json!({
                "type": "object",
                "properties": { "name": { "type": "string" } },
                "required": ["name"],
            });
            catalog.add_tool(about(format!("greet_in_{language}")), input, None);
            phrases.push(*phrase);
        }
        Phrasebook { catalog, phrases }
    }
}

impl Handler for Phrasebook {
    fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    fn call_tool(
        &self,
        tool: ToolId,
        arguments: Value<'_>,
        _call: &Call<'_>,
        reply: &mut ToolReply<'_>,
    ) -> Result<(), Failure> {
        match arguments.get("name").and_then(|name| name.as_str()) {
            Some(name) => reply.text(&format!("{}, {name}!", self.phrases[tool.index()])),
            None => reply.error(&"`name` must be a string"),
        }
        Ok(())
    }
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    let phrasebook = Phrasebook::new(&[("english", "Hello"), ("finnish", "Hei")]);
    let running = Server::new(phrasebook).bind(bind.as_str()).start()?;
    println!("listening on http://{}/mcp", running.addr());
    running.wait();
    Ok(())
}
