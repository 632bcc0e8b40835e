//! What `scripts/bench` asks about streams: a tool that says three things before its result; and
//! one that says nothing, with as many streams of HTTP+SSE as are wanted, or without it, with
//! providers of this and that beside it, and for those with a token of somebody whose keys are in a
//! file.
//!
//! ```sh
//! cargo run --release --example load_server -- --bind 127.0.0.1:8000 --cores 1 --on worker
//! ```

use std::path::PathBuf;
use std::time::Duration;

use mcp_fastd::app::{PromptPage, PromptProvider, PromptReply};
use mcp_fastd::config::tokens::{IssuerConfig, Keys, TokenConfig};
use mcp_fastd::json::Value;
use mcp_fastd::{
    Authentication, Call, Config, Failure, Handler, Json, LogLevel, LoggingHandler, ResourcePage,
    ResourceProvider, ResourceReply, ServeError, Server, ToolPage, ToolProvider, ToolReply, about,
};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Nothing {}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Counted {
    counted: u32,
}

/// From a worker each step is on its way while the next is made; from a shard, where nothing waits
/// for anything, all of them leave together.
fn count(_state: &(), _nothing: Nothing, call: &Call) -> Result<Json<Counted>, &'static str> {
    for step in [1.0, 2.0, 3.0] {
        call.progress((step, 3.0));
    }
    Ok(Json(Counted { counted: 3 }))
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Sum {
    sum: i64,
}

fn add(Add { a, b }: Add) -> Result<Json<Sum>, &'static str> {
    let sum = a.checked_add(b).ok_or("the sum is out of range")?;
    Ok(Json(Sum { sum }))
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Nap {
    ms: u64,
}

/// What waits for something: a database, a colleague.
fn nap(Nap { ms }: Nap) -> &'static str {
    std::thread::sleep(Duration::from_millis(ms));
    "slept"
}

/// Provides everything there is, and nothing of it.
struct Nobody;

type Done = Result<(), Failure>;

impl ToolProvider<()> for Nobody {
    fn list(&self, _: &(), _: Option<&str>, _: &mut ToolPage) -> Done {
        Ok(())
    }

    fn call(&self, _: &(), _: &str, _: Value, _: &Call, _: &mut ToolReply) -> Done {
        Err(Failure::UnknownName)
    }
}

impl PromptProvider<()> for Nobody {
    fn list(&self, _: &(), _: Option<&str>, _: &mut PromptPage) -> Done {
        Ok(())
    }

    fn get(&self, _: &(), _: &str, _: Value, _: &Call, _: &mut PromptReply) -> Done {
        Err(Failure::UnknownName)
    }
}

impl ResourceProvider<()> for Nobody {
    fn list(&self, _: &(), _: Option<&str>, _: &mut ResourcePage) -> Done {
        Ok(())
    }

    fn read(&self, _: &(), _: &str, _: &Call, _: &mut ResourceReply) -> Done {
        Err(Failure::ResourceNotFound)
    }
}

impl LoggingHandler<()> for Nobody {
    fn level_set(&self, _: &(), _: LogLevel, _: &Call) {}
}

fn run(server: Server<impl Handler>, bind: &str, cores: usize) -> Result<(), ServeError> {
    let server = server.bind(bind).cores(cores);
    server.run_with(|address| println!("listening on http://{address}/mcp"))
}

/// Those of one issuer, for a server that has this name.
fn tokens(keys: PathBuf) -> TokenConfig {
    let mut issuer = IssuerConfig::discovered("https://issuer.example");
    issuer.keys = Keys::File(keys);
    let audiences = vec!["https://mcp.example/mcp".to_owned()];
    TokenConfig { issuers: vec![issuer], audiences, ..TokenConfig::default() }
}

const USAGE: &str = "usage: load_server [--bind ADDRESS:PORT] [--cores N] [--on shard|worker] \
                     [--http-sse STREAMS] [--naps on] [--workers N] [--queue-delay-ms MS] \
                     [--memory-max BYTES] [--jwks FILE] [--provides tools|prompts|resources|logging|all]; 0 streams turn HTTP+SSE off";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut bind, mut cores) = ("127.0.0.1:8000".to_owned(), 1);
    let mut provides = String::new();
    let mut naps = false;
    let mut config = Config::default();
    let mut tool = about("count").describe("Counts to three.");
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match (option.as_str(), value.as_str()) {
            ("--bind", _) => bind = value,
            ("--cores", _) => cores = value.parse()?,
            ("--http-sse", "0") => config.http_sse.enabled = false,
            ("--http-sse", _) => config.http_sse.connections_max = value.parse()?,
            ("--provides", _) => provides = value,
            ("--jwks", _) => config.auth.tokens = tokens(value.into()),
            ("--on", "worker") => tool = tool.on_worker(),
            ("--on", "shard") => {}
            ("--naps", "on") => naps = true,
            ("--workers", _) => config.workers = Some(value.parse()?),
            ("--memory-max", _) => config.overload.memory_max = Some(value.parse()?),
            ("--queue-delay-ms", _) => {
                config.overload.queue_delay_target = Duration::from_millis(value.parse()?);
            }
            _ => return Err(USAGE.into()),
        }
    }
    let plain = Server::builder().tool(tool, count).tool(about("add"), add);
    if !config.auth.tokens.issuers.is_empty() {
        let authentication = Authentication::start(&config.auth).map_err(ServeError::Setting)?;
        return Ok(run(plain.authenticator(authentication).config(config), &bind, cores)?);
    }
    // Only where it is asked for: a server without such a tool has no workers.
    if naps {
        let server = plain.tool(about("nap").on_worker(), nap);
        return Ok(run(server.config(config), &bind, cores)?);
    }
    match provides.as_str() {
        "" => run(plain.config(config), &bind, cores)?,
        "tools" => run(plain.tool_provider(Nobody).config(config), &bind, cores)?,
        "prompts" => run(plain.prompt_provider(Nobody).config(config), &bind, cores)?,
        "resources" => run(plain.resource_provider(Nobody).config(config), &bind, cores)?,
        "logging" => run(plain.logging_handler(Nobody).config(config), &bind, cores)?,
        "all" => {
            let all = plain.tool_provider(Nobody).prompt_provider(Nobody);
            let all = all.resource_provider(Nobody).logging_handler(Nobody);
            run(all.config(config), &bind, cores)?;
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}
