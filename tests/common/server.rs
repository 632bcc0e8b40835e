//! A server in this process, with one tool of each kind.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use mcp_fastd::app::Reference;
use mcp_fastd::{
    Annotations, Call, CompletionRequest, Config, Empty, Handler, Json, PromptMessage, Running,
    Server, about,
};
use serde_json::{Value, json};

use super::PATIENCE;

/// What the tools share with the test: a gate that holds `wait`, and what was seen.
#[derive(Default)]
pub struct Stage {
    open: Mutex<bool>,
    opened: Condvar,
    /// Calls of `wait` that have begun.
    pub waiting: AtomicUsize,
    /// Calls of `wait` that have ended.
    pub ended: AtomicUsize,
    /// Calls of `until_cancelled` that saw that nobody waits for them.
    pub cancelled: AtomicUsize,
}

impl Stage {
    /// Lets `wait` go on.
    pub fn open(&self) {
        *self.open.lock().expect("no holder panics") = true;
        self.opened.notify_all();
    }

    fn wait(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let open = self.open.lock().expect("no holder panics");
        let waited = self.opened.wait_timeout_while(open, PATIENCE, |open| !*open);
        drop(waited.expect("no holder panics"));
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct Add {
    /// The first number.
    a: i64,
    /// The second number.
    b: i64,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct Sum {
    sum: i64,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Text {
    text: String,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Millis {
    ms: u64,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Size {
    bytes: usize,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Anything {
    value: Value,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Routed {
    // Not an `Option`: its type would be `["string", "null"]`, and no client may mirror that.
    #[serde(default)]
    #[schemars(extend("x-mcp-header" = "Region"))]
    region: String,
    #[serde(default)]
    #[schemars(extend("x-mcp-header" = "Level"))]
    level: i64,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Id {
    id: u32,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Who {
    /// Whom to greet.
    name: String,
    /// How.
    tone: Option<String>,
}

/// The application the tests talk to.
pub fn application(stage: Arc<Stage>) -> Server<impl Handler> {
    Server::builder()
        .state(stage)
        .name("tests", "1.2.3")
        .instructions("For tests.")
        .tool(
            about("add").describe("Adds two numbers.").annotations(Annotations::READ_ONLY),
            |Add { a, b }: Add| match a.checked_add(b) {
                Some(sum) => Ok(Json(Sum { sum })),
                None => Err("the sum is out of range"),
            },
        )
        .tool("echo", |Text { text }: Text| text)
        .tool("same", |Anything { value }: Anything| Json(value))
        .tool("fill", |Size { bytes }: Size| "x".repeat(bytes))
        .tool("panic", |_: Empty| -> String { panic!("as it was told") })
        .tool(about("panic_on_worker").on_worker(), |_: Empty| -> String {
            panic!("as it was told")
        })
        .tool(about("sleep").on_worker(), |Millis { ms }: Millis| {
            std::thread::sleep(Duration::from_millis(ms));
            "slept"
        })
        .tool(about("echo_on_worker").on_worker(), |Text { text }: Text| text)
        .tool(about("wait").on_worker(), |stage: &Arc<Stage>, _: Empty| {
            stage.wait();
            "waited"
        })
        .tool(about("until_cancelled").on_worker(), until_cancelled)
        .tool(about("routed").input_schema(routed_schema()), |_: Ignored| "routed")
        .tool("routed_typed", |Routed { region, level }: Routed| format!("{region} {level}"))
        .prompt(about("greet").describe("Greets somebody."), |Who { name, tone }: Who| {
            PromptMessage::user(format!("Greet {name} {}.", tone.as_deref().unwrap_or("warmly")))
        })
        .prompt("farewell", |Who { name, .. }: Who| format!("Bid {name} farewell."))
        .resource(about("app://readme").mime("text/plain"), |_: &Arc<Stage>| "Read me.".to_owned())
        .resource_template(about("note://{id}").mime("text/plain"), |Id { id }: Id| {
            (id < 100).then(|| format!("Note {id}."))
        })
        .completion(|_: &Arc<Stage>, request: &CompletionRequest<'_>| match request.reference {
            Reference::Prompt("greet") if request.argument == "tone" => {
                let tones = ["warmly", "wryly", "coldly"].into_iter();
                tones.filter(|tone| tone.starts_with(request.value)).map(str::to_owned).collect()
            }
            Reference::Resource(_) => (0..150).map(|id| id.to_string()).collect::<Vec<_>>(),
            Reference::Prompt(_) => Vec::new(),
        })
        .build()
}

fn until_cancelled(stage: &Arc<Stage>, _: Empty, call: &Call<'_>) -> &'static str {
    stage.waiting.fetch_add(1, Ordering::SeqCst);
    let until = std::time::Instant::now() + PATIENCE;
    while !call.cancelled() && std::time::Instant::now() < until {
        std::thread::sleep(Duration::from_millis(2));
    }
    stage.cancelled.fetch_add(usize::from(call.cancelled()), Ordering::SeqCst);
    "nobody reads this"
}

/// Any arguments at all.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Ignored {}

fn routed_schema() -> Value {
    json!({ "type": "object", "properties": {
        "region": { "type": "string", "x-mcp-header": "Region" },
        "urgent": { "type": "boolean", "x-mcp-header": "Urgent" },
        "where": { "type": "object", "properties": {
            "level": { "type": "integer", "x-mcp-header": "Level" } } } } })
}

/// A server that is stopped when the test is over.
pub struct TestServer {
    running: Option<Running>,
    pub address: SocketAddr,
    pub stage: Arc<Stage>,
}

/// Starts the application on two shards.
pub fn start() -> TestServer {
    start_with(|_| {})
}

/// Starts it with other settings. No call is refused for having to wait: on a machine that has much
/// else to do, calls wait.
pub fn start_with(change: impl FnOnce(&mut Config)) -> TestServer {
    let stage = Arc::new(Stage::default());
    let mut config = Config {
        bind: SocketAddr::from(([127, 0, 0, 1], 0)),
        cores: Some(2),
        pin: false,
        ..Config::default()
    };
    config.overload.queue_delay_target = Duration::ZERO;
    change(&mut config);
    let running = application(stage.clone()).config(config).start().expect("the server starts");
    TestServer { address: running.addr(), running: Some(running), stage }
}

impl TestServer {
    pub fn connect(&self) -> super::Wire {
        super::Wire::connect(self.address)
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("it has not been stopped")
    }

    /// Stops the server, as `Running::stop` does.
    pub fn stop(mut self) {
        self.running.take().expect("it has not been stopped").stop();
    }

    /// Takes the running server out, to stop it on another thread.
    pub fn take(&mut self) -> Running {
        self.running.take().expect("it has not been stopped")
    }

    /// The server answers a new client.
    #[track_caller]
    pub fn assert_alive(&self) {
        let response = self.connect().ask(super::call(1, "add", json!({ "a": 1, "b": 2 })).bytes());
        assert_eq!(response.result()["structuredContent"]["sum"], 3);
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stage.open();
        if let Some(running) = self.running.take() {
            // What a failed test has left open is not waited for.
            std::thread::spawn(move || running.stop());
        }
    }
}
