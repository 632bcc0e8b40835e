//! rmcp's streamable HTTP server with the typed tools `add` and `count`, at its fastest.
//!
//! - The tool router is built once; the macro's default builds it for each call.
//! - hyper serves rmcp's tower service directly, without a web framework between.
//! - One thread: tokio's current-thread runtime.
//!
//! Modes: `json` answers with plain JSON and keeps no sessions; `sse` is the
//! library's default, which answers the stateless era with an event stream;
//! `session` is the same configuration, for clients that `initialize`. `fastd` runs
//! the same handler on mcp-fastd's engine instead, in either era.

use std::process::ExitCode;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use loadtest::arguments::Arguments;
use loadtest::sys;
use mcp_fastd::{Config, adapter};
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::model::{ProgressNotificationParam, RequestMetaObject};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, Peer, RoleServer, ServerHandler, tool, tool_handler, tool_router};
use tokio::net::TcpListener;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Add {
    /// The first number.
    a: i64,
    /// The second number.
    b: i64,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Sum {
    sum: i64,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Counted {
    counted: u32,
}

#[derive(Clone)]
struct Adder;

static ROUTER: LazyLock<ToolRouter<Adder>> = LazyLock::new(Adder::tool_router);

#[tool_router]
impl Adder {
    #[tool(description = "Adds two numbers.")]
    fn add(&self, Parameters(Add { a, b }): Parameters<Add>) -> Json<Sum> {
        Json(Sum { sum: a + b })
    }

    /// Says three things before its result, and waits for nothing else.
    #[tool(description = "Counts to three.")]
    async fn count(
        &self,
        meta: RequestMetaObject,
        client: Peer<RoleServer>,
    ) -> Result<Json<Counted>, ErrorData> {
        if let Some(token) = meta.get_progress_token() {
            for step in [1.0, 2.0, 3.0] {
                let progress = ProgressNotificationParam::new(token.clone(), step).with_total(3.0);
                let sent = client.notify_progress(progress).await;
                sent.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
            }
        }
        Ok(Json(Counted { counted: 3 }))
    }
}

#[tool_handler(router = ROUTER)]
impl ServerHandler for Adder {}

enum Mode {
    Json,
    Sse,
    Session,
    Fastd,
}

impl FromStr for Mode {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "json" => Ok(Self::Json),
            "sse" => Ok(Self::Sse),
            "session" => Ok(Self::Session),
            "fastd" => Ok(Self::Fastd),
            _ => Err("json, sse, session or fastd"),
        }
    }
}

pub fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = match runtime {
        Ok(runtime) => runtime.block_on(serve()),
        Err(error) => Err(error.to_string()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("peer-rmcp: {message}\npeer-rmcp --bind ADDR --mode json|sse|session|fastd");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), String> {
    let mut arguments = Arguments::from_env();
    let bind: String = arguments.required("--bind")?;
    let mode = arguments.required("--mode")?;
    arguments.finish()?;
    sys::raise_open_files().map_err(|error| error.to_string())?;
    if let Mode::Fastd = mode {
        return serve_on_fastd(&bind).await;
    }
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(|| Ok(Adder), sessions, config(&mode));
    let service = TowerToHyperService::new(service);

    let complain = |error: std::io::Error| format!("{bind}: {error}");
    let listener = TcpListener::bind(&bind).await.map_err(complain)?;
    loop {
        let (stream, _) = listener.accept().await.map_err(complain)?;
        stream.set_nodelay(true).map_err(complain)?;
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service.clone()),
        );
    }
}

/// One shard, as there is one thread above.
async fn serve_on_fastd(bind: &str) -> Result<(), String> {
    let bind = bind.parse().map_err(|error| format!("{bind}: {error}"))?;
    let config = Config { bind, cores: Some(1), ..Config::default() };
    let serving = adapter::rmcp::serve_with(|| Ok(Adder), config);
    let serving = serving.map_err(|error| error.to_string())?;
    serving.waiting().await.map_err(|error| error.to_string())
}

/// The guard against foreign hosts stays as it is: it lets 127.0.0.1 pass.
fn config(mode: &Mode) -> StreamableHttpServerConfig {
    let config = StreamableHttpServerConfig::default();
    match mode {
        Mode::Json => config.with_legacy_session_mode(false).with_json_response(true),
        Mode::Sse | Mode::Session | Mode::Fastd => config,
    }
}
