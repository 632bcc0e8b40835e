//! Tools that come while the server runs, as a host of plug-ins has them, and clients heard that
//! want other log lines.
//!
//! ```sh
//! cargo run --example 18_providers -- --bind 127.0.0.1:8000
//! ```

use std::collections::BTreeMap;
use std::sync::Mutex;

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

fn load(plugins: &Plugins, Load { name, says }: Load, call: &Call) -> &'static str {
    plugins.lock().expect("no holder panics").insert(name, says);
    call.notifier().tools_changed();
    "It is loaded."
}

struct Host;

impl ToolProvider<Plugins> for Host {
    fn list(&self, plugins: &Plugins, _: Option<&str>, page: &mut ToolPage) -> Done {
        for name in plugins.lock().expect("no holder panics").keys() {
            page.entry(&ToolEntry { name: name.clone(), ..ToolEntry::default() });
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
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    let server = Server::builder().state(Plugins::default()).tool("load", load);
    let server = server.tool_provider(Host).logging_handler(Host).bind(bind.as_str());
    server.run_with(|address| println!("listening on http://{address}/mcp"))
}
