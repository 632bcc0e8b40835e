//! An application that says and asks things before its results, and a server of it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use mcp_fastd::{
    Call, Config, Elicitation, Elicited, Empty, Handler, Interrupted, LogLevel, Notifier, Progress,
    Running, Sampling, Server, about,
};
use serde_json::{Value, json};

use super::PATIENCE;
use super::session::{Client, LATEST, everything};

/// What tools and tests share.
#[derive(Default)]
pub struct Scene {
    open: Mutex<bool>,
    opened: Condvar,
    pub begun: AtomicUsize,
    pub ended: AtomicUsize,
    pub cancelled: AtomicUsize,
    /// Roots that were seen after they changed.
    pub roots: Mutex<Vec<String>>,
}

impl Scene {
    /// Lets all go on that wait at the gate.
    pub fn open(&self) {
        *self.open.lock().expect("no holder panics") = true;
        self.opened.notify_all();
    }

    fn gate(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let open = self.open.lock().expect("no holder panics");
        let waited = self.opened.wait_timeout_while(open, PATIENCE, |open| !*open);
        drop(waited.expect("no holder panics"));
        self.ended.fetch_add(1, Ordering::SeqCst);
    }

    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    pub fn cancelled(&self) -> usize {
        self.cancelled.load(Ordering::SeqCst)
    }
}

type State = Arc<Scene>;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Many {
    count: u64,
    #[serde(default)]
    bytes: usize,
    #[serde(default)]
    tag: String,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Tagged {
    tag: String,
}

/// Progress from 1 to `count`.
fn steps(_: &State, many: Many, call: &Call<'_>) -> String {
    for step in 1..=many.count {
        let message = (many.bytes > 0).then(|| "m".repeat(many.bytes));
        let (progress, total) = (step as f64, Some(many.count as f64));
        call.progress(Progress { progress, total, message });
    }
    format!("{} steps {}", many.count, many.tag)
}

/// A log line for each number.
fn lines(scene: &State, many: Many, call: &Call<'_>) -> String {
    for line in 0..many.count {
        let filler = "x".repeat(many.bytes);
        call.log(LogLevel::Info, json!({ "tag": many.tag, "line": line, "filler": filler }));
    }
    scene.ended.fetch_add(1, Ordering::SeqCst);
    format!("{} lines {}", many.count, many.tag)
}

/// A log line of each level.
fn levels(_: &State, _: Empty, call: &Call<'_>) -> &'static str {
    for level in LogLevel::ALL {
        call.log_as("levels", level, level.as_str());
    }
    "logged"
}

/// Hangs up, and goes on when the gate opens.
fn hang_up(scene: &State, Tagged { tag }: Tagged, call: &Call<'_>) -> String {
    call.log(LogLevel::Info, format!("{tag} before"));
    call.hang_up();
    scene.gate();
    call.log(LogLevel::Info, format!("{tag} after"));
    format!("{tag} done")
}

/// Says something, waits at the gate, says something more.
fn gated(scene: &State, Tagged { tag }: Tagged, call: &Call<'_>) -> String {
    call.log(LogLevel::Info, format!("{tag} before"));
    scene.gate();
    call.log(LogLevel::Info, format!("{tag} after"));
    format!("{tag} done")
}

fn until_cancelled(scene: &State, _: Empty, call: &Call<'_>) -> &'static str {
    scene.begun.fetch_add(1, Ordering::SeqCst);
    call.sleep(PATIENCE);
    scene.cancelled.fetch_add(usize::from(call.cancelled()), Ordering::SeqCst);
    scene.ended.fetch_add(1, Ordering::SeqCst);
    "nobody reads this"
}

fn form(_: &State, Tagged { tag }: Tagged, call: &Call<'_>) -> Result<String, Interrupted> {
    let question = Elicitation::form(format!("{tag}?")).field("name", json!({ "type": "string" }));
    Ok(match call.elicit("who", question)? {
        accepted @ Elicited::Accepted(_) => {
            let name = accepted.field("name").and_then(Value::as_str).unwrap_or("nobody");
            format!("{tag}: {name}")
        }
        Elicited::Declined => format!("{tag}: declined"),
        Elicited::Cancelled => format!("{tag}: cancelled"),
    })
}

fn page(_: &State, _: Empty, call: &Call<'_>) -> Result<String, Interrupted> {
    let question = Elicitation::url("Please log in.", "https://example.com/login");
    Ok(format!("{:?}", call.elicit("login", question)?))
}

fn several(_: &State, _: Empty, call: &Call<'_>) -> Result<String, Interrupted> {
    let ask = |what: &str| Elicitation::form(what).field("name", json!({ "type": "string" }));
    let answers = call.elicit_all([("a", ask("A")), ("b", ask("B")), ("c", ask("C"))])?;
    let name = |answer: &Elicited| answer.field("name").and_then(Value::as_str).map(str::to_owned);
    let names: Vec<_> = answers.iter().filter_map(name).collect();
    Ok(names.join(" "))
}

fn sample(_: &State, Tagged { tag }: Tagged, call: &Call<'_>) -> Result<String, Interrupted> {
    let sampled = call.sample("model", Sampling::new(100).system("Be brief.").user(tag))?;
    Ok(format!("{} said {}", sampled.model, sampled.text().unwrap_or("nothing")))
}

fn roots(_: &State, _: Empty, call: &Call<'_>) -> Result<String, Interrupted> {
    let uris: Vec<_> = call.roots("roots")?.into_iter().map(|root| root.uri).collect();
    Ok(uris.join(" "))
}

fn update(_: &State, many: Many, call: &Call<'_>) -> &'static str {
    for number in 0..many.count {
        call.notifier().resource_updated(&format!("note://{number}"));
    }
    "updated"
}

fn roots_changed(scene: &State, call: &Call<'_>) {
    match call.roots("changed") {
        Ok(roots) => {
            let uris = roots.into_iter().map(|root| root.uri);
            scene.roots.lock().expect("no holder panics").extend(uris);
        }
        Err(interrupted) => {
            let text = interrupted.to_string();
            scene.roots.lock().expect("no holder panics").push(text);
        }
    }
}

/// An application that talks back.
pub fn talkative(scene: State) -> Server<impl Handler> {
    Server::builder()
        .state(scene)
        .name("talkative", "1")
        .tool("here", |Tagged { tag }: Tagged| tag)
        .tool(about("there").on_worker(), |Tagged { tag }: Tagged| tag)
        .tool("steps_here", steps)
        .tool(about("steps").on_worker(), steps)
        .tool("lines_here", lines)
        .tool(about("lines").on_worker(), lines)
        .tool("levels_here", levels)
        .tool(about("levels").on_worker(), levels)
        .tool(about("hang_up").on_worker(), hang_up)
        .tool(about("gated").on_worker(), gated)
        .tool(about("silent").on_worker(), |scene: &State, Tagged { tag }: Tagged| {
            scene.gate();
            tag
        })
        .tool(about("until_cancelled").on_worker(), until_cancelled)
        .tool(about("form").on_worker(), form)
        .tool("form_here", form)
        .tool(about("page").on_worker(), page)
        .tool(about("several").on_worker(), several)
        .tool(about("sample").on_worker(), sample)
        .tool(about("roots").on_worker(), roots)
        .tool("update", update)
        .tool("open", |scene: &State, _: Empty| {
            scene.open();
            "opened"
        })
        .tool("print", |_: Empty| {
            println!("this is for no client");
            "printed"
        })
        .tool(about("panic").on_worker(), |_: Empty| -> String { panic!("as it was told") })
        .tool("panic_here", |_: Empty| -> String { panic!("as it was told") })
        .resource_template("note://{id}", |Noted { id }: Noted| Some(format!("Note {id}.")))
        .on_roots_changed(roots_changed)
        .build()
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Noted {
    id: String,
}

/// A server that talks back, stopped when the test is over.
pub struct Live {
    running: Option<Running>,
    pub address: SocketAddr,
    pub scene: State,
    pub notifier: Notifier,
}

/// Starts it on two shards with four workers.
pub fn live() -> Live {
    live_with(|_| {})
}

/// Starts it with other settings. No call is refused for having to wait, as with
/// [`start_with`](super::start_with).
pub fn live_with(change: impl FnOnce(&mut Config)) -> Live {
    let mut config = Config {
        bind: SocketAddr::from(([127, 0, 0, 1], 0)),
        cores: Some(2),
        pin: false,
        workers: Some(4),
        ..Config::default()
    };
    config.overload.queue_delay_target = Duration::ZERO;
    change(&mut config);
    let scene = Arc::new(Scene::default());
    let running = talkative(scene.clone()).config(config).start().expect("the server starts");
    Live { address: running.addr(), notifier: running.notifier(), running: Some(running), scene }
}

impl Live {
    #[track_caller]
    pub fn client(&self, version: &str) -> Client {
        Client::begin(self.address, version)
    }

    /// A client that can be asked anything.
    #[track_caller]
    pub fn able(&self, version: &str) -> Client {
        Client::able(self.address, version, everything())
    }

    pub fn take(&mut self) -> Running {
        self.running.take().expect("it has not been stopped")
    }

    /// The server still answers, in a new session.
    #[track_caller]
    pub fn assert_alive(&self) {
        let client = self.client(LATEST);
        for tool in ["here", "there"] {
            let answer = client.ask(&client.tool(1, tool, json!({ "tag": "alive" })));
            assert_eq!(answer.text(), "alive");
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.scene.open();
        if let Some(running) = self.running.take() {
            // What a failed test has left open is not waited for.
            std::thread::spawn(move || running.stop());
        }
    }
}
