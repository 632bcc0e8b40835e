//! A host of plug-ins: tools that come while the server runs, and log levels that clients ask for.
//!
//! ```sh
//! cargo run --example 18_providers -- --bind 127.0.0.1:8000
//! ```

use std::{collections::BTreeMap, sync::Mutex};

use mcp_fastd::{Call, Failure, LogLevel, LoggingHandler, Server, ToolEntry, ToolPage};
use mcp_fastd::{ToolProvider, ToolReply, json::Value};

/// What is loaded: names of tools, and what each says.
type Plugins = Mutex<BTreeMap<String, String>>;
type Done = Result<(), Failure>;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Load {
    name: String,
    says: String,
}

fn load(plugins: &Plugins, Load { name, says }: Load, call: &Call) {
    plugins.lock().expect("no holder panics").insert(name, says);
    call.notifier().tools_changed();
}

struct Host;

impl ToolProvider<Plugins> for Host {
    fn list(&self, all: &Plugins, after: Option<&str>, page: &mut ToolPage) -> Done {
        let all = all.lock().expect("no holder panics");
        for name in all.keys().filter(|name| Some(name.as_str()) > after) {
            page.entry(&ToolEntry { name: name.clone(), ..ToolEntry::default() });
            if page.room() == 0 {
                page.continues(name.clone());
                break;
            }
        }
        Ok(())
    }

    fn call(&self, all: &Plugins, name: &str, _: Value, _: &Call, reply: &mut ToolReply) -> Done {
        let all = all.lock().expect("no holder panics");
        reply.text(all.get(name).ok_or(Failure::UnknownName)?);
        Ok(())
    }
}

impl LoggingHandler<Plugins> for Host {
    fn level_set(&self, _: &Plugins, level: LogLevel, call: &Call) {
        println!("{:?} wants lines of {}", call.client(), level.as_str());
    }
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let bind = std::env::args().nth(2).unwrap_or("127.0.0.1:8000".to_owned());
    let server = Server::builder().state(Plugins::default()).tool("load", load);
    let server = server.tool_provider(Host).logging_handler(Host).bind(bind.as_str());
    server.run_with(|address| println!("listening on http://{address}/mcp"))
}
