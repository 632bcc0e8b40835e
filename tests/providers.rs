//! Providers of tools, prompts and resources, and a handler of log levels: any of them, beside what
//! is named one by one.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::events::{Up, ask, call_with, listen, takes_tasks, up};
use common::eventually;
use common::session::{Client, LATEST, everything};
use mcp_fastd::app::{Placement, ToolId};
use mcp_fastd::json::Value as Arguments;
use mcp_fastd::{
    Access, Call, Catalog, Credentials, Elicitation, Empty, Failure, Handler, LogLevel,
    LoggingHandler, PromptEntry, PromptMessage, PromptPage, PromptProvider, PromptReply,
    ResourceContents, ResourceEntry, ResourcePage, ResourceProvider, ResourceReply, Server,
    ToolEntry, ToolPage, ToolProvider, ToolReply,
};
use serde_json::{Value, json};

/// What providers and tests share.
struct Desk {
    /// How many entries each provider has.
    entries: AtomicUsize,
    heard: Mutex<Vec<String>>,
}

type State = Arc<Desk>;

/// In place of a number of entries: listing them fails, or panics.
const FAILS: usize = usize::MAX;
const PANICS: usize = usize::MAX - 1;

fn desk(entries: usize) -> State {
    Arc::new(Desk { entries: AtomicUsize::new(entries), heard: Mutex::default() })
}

impl Desk {
    /// The numbers of a page; the number of the next page's first, or 0.
    fn page(&self, cursor: Option<&str>, room: usize) -> Result<(Vec<usize>, usize), Failure> {
        let all = self.entries.load(Ordering::SeqCst);
        if all == FAILS {
            return Err(Failure::Internal("upstream is gone".to_owned()));
        }
        assert_ne!(all, PANICS, "as it was told");
        let from = cursor.map_or(Ok(0), str::parse);
        let from = from.map_err(|_| Failure::InvalidParams("no cursor of mine".to_owned()))?;
        let to = all.min(from + room);
        Ok(((from..to).collect(), if to < all { to } else { 0 }))
    }
}

/// Tools, prompts or resources with a number, and some with a name, which are not listed.
struct Numbered(Placement);

const HERE: Numbered = Numbered(Placement::Shard);
const THERE: Numbered = Numbered(Placement::Worker);

impl ToolProvider<State> for Numbered {
    fn describe(&self, catalog: &mut Catalog) {
        catalog.add_tool_provider(self.0);
    }

    fn list(
        &self,
        desk: &State,
        cursor: Option<&str>,
        page: &mut ToolPage<'_>,
    ) -> Result<(), Failure> {
        let (numbers, next) = desk.page(cursor, page.room())?;
        for number in numbers {
            page.entry(&ToolEntry {
                name: format!("p{number}"),
                output_schema: Some(json!({ "type": "array" })),
                ..ToolEntry::default()
            });
        }
        if next > 0 {
            page.continues(next.to_string());
        }
        Ok(())
    }

    fn call(
        &self,
        _: &State,
        name: &str,
        arguments: Arguments<'_>,
        call: &Call<'_>,
        reply: &mut ToolReply<'_>,
    ) -> Result<(), Failure> {
        match name {
            "silent" => {}
            "panic" => panic!("as it was told"),
            "fail" => {
                reply.text("this is taken back");
                return Err(Failure::Internal("upstream is gone".to_owned()));
            }
            "refuse" => return Err(Failure::InvalidParams("not so".to_owned())),
            "complain" => reply.error(&"the model may mend this"),
            "ask" => match call.elicit("who", Elicitation::form("Who?")) {
                Ok(elicited) => reply.text(&format!("{elicited:?}")),
                Err(interrupted) => reply.error(&interrupted),
            },
            "task" => match call.start_task() {
                Ok(()) => reply.text("done later"),
                Err(interrupted) => reply.error(&interrupted),
            },
            "thread" => reply.text(std::thread::current().name().unwrap_or_default()),
            _ if name.starts_with('p') => {
                let text = arguments.get("text").and_then(|text| text.as_str());
                reply.structured(&json!({ "tool": name, "text": text }));
            }
            _ => return Err(Failure::UnknownName),
        }
        Ok(())
    }
}

impl PromptProvider<State> for Numbered {
    fn describe(&self, catalog: &mut Catalog) {
        catalog.add_prompt_provider(self.0);
    }

    fn list(
        &self,
        desk: &State,
        cursor: Option<&str>,
        page: &mut PromptPage<'_>,
    ) -> Result<(), Failure> {
        let (numbers, next) = desk.page(cursor, page.room())?;
        for number in numbers {
            page.entry(&PromptEntry { name: format!("p{number}"), ..PromptEntry::default() });
        }
        if next > 0 {
            page.continues(next.to_string());
        }
        Ok(())
    }

    fn get(
        &self,
        _: &State,
        name: &str,
        arguments: Arguments<'_>,
        _: &Call<'_>,
        reply: &mut PromptReply<'_>,
    ) -> Result<(), Failure> {
        match name {
            "silent" => Ok(()),
            "panic" => panic!("as it was told"),
            "fail" => Err(Failure::Internal("upstream is gone".to_owned())),
            "thread" => {
                let thread = std::thread::current().name().unwrap_or_default().to_owned();
                reply.messages(None, &[PromptMessage::user(thread)])
            }
            _ if name.starts_with('p') => {
                let text = arguments.get("text").and_then(|text| text.as_str());
                let text = text.ok_or_else(|| Failure::InvalidParams("no `text`".to_owned()))?;
                reply.messages(None, &[PromptMessage::user("twice: the last time counts")])?;
                reply.messages(Some(name), &[PromptMessage::user(text)])
            }
            _ => Err(Failure::UnknownName),
        }
    }
}

impl ResourceProvider<State> for Numbered {
    fn describe(&self, catalog: &mut Catalog) {
        catalog.add_resource_provider(self.0);
    }

    fn list(
        &self,
        desk: &State,
        cursor: Option<&str>,
        page: &mut ResourcePage<'_>,
    ) -> Result<(), Failure> {
        let (numbers, next) = desk.page(cursor, page.room())?;
        for number in numbers {
            let uri = format!("app:p{number}");
            page.entry(&ResourceEntry { name: uri.clone(), uri, ..ResourceEntry::default() });
        }
        if next > 0 {
            page.continues(next.to_string());
        }
        Ok(())
    }

    fn read(
        &self,
        _: &State,
        uri: &str,
        _: &Call<'_>,
        reply: &mut ResourceReply<'_>,
    ) -> Result<(), Failure> {
        match uri {
            "app:silent" => Ok(()),
            _ if uri.starts_with("app:p") => reply.contents(&[ResourceContents::text(uri, "x")]),
            _ => Err(Failure::ResourceNotFound),
        }
    }
}

/// Writes down who wants which lines.
struct Ears;

impl LoggingHandler<State> for Ears {
    fn level_set(&self, desk: &State, level: LogLevel, call: &Call<'_>) {
        assert_ne!(level, LogLevel::Emergency, "as it was told");
        let client = call.client().map(|(name, _)| name).unwrap_or_default();
        let session = call.session().unwrap_or_default();
        let principal = call.principal().unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        let heard = format!("{} {client} {session} {principal} {thread}", level.as_str());
        desk.heard.lock().expect("no holder panics").push(heard);
    }
}

/// Checks a server with each combination of these, on top of a builder.
macro_rules! each_combination {
    ($check:ident, $builder:expr, [$($has:expr),*], []) => {
        $check($builder.build(), [$($has),*])
    };
    ($check:ident, $builder:expr, [$($has:expr),*], [$method:ident($part:expr) $($rest:tt)*]) => {
        each_combination!($check, $builder, [$($has,)* false], [$($rest)*]);
        each_combination!($check, $builder.$method($part), [$($has,)* true], [$($rest)*]);
    };
}

#[test]
fn any_of_them_may_be_there_and_the_others_are_not() {
    each_combination!(serves, Server::builder().state(desk(1)), [], [
        tool_provider(HERE) prompt_provider(THERE) resource_provider(HERE) logging_handler(Ears)
    ]);
}

#[test]
fn they_come_in_any_order() {
    let server = Server::builder()
        .state(desk(1))
        .logging_handler(Ears)
        .resource_provider(THERE)
        .on_roots_changed(|_: &State, _: &Call<'_>| {})
        .tool("named", |_: Empty| "by name")
        .prompt_provider(HERE)
        .completion(|_: &State, _: &_| vec!["x".to_owned()])
        .tool_provider(HERE)
        .tool_provider(THERE);
    serves(server.build(), [true; 4]);
}

fn serves<H: Handler>(server: Server<H>, has: [bool; 4]) {
    let [tools, prompts, resources, logging] = has;
    let server = up(server, |_| {});
    let client = Client::begin(server.address, LATEST);
    let offered = server.result(&ask(json!(1), "server/discover", json!({})));
    for (name, is_there, methods) in [
        ("tools", tools, ["tools/list", "tools/call"].as_slice()),
        ("prompts", prompts, &["prompts/list", "prompts/get"]),
        ("resources", resources, &["resources/list", "resources/read"]),
        ("logging", logging, &["logging/setLevel"]),
    ] {
        assert_eq!(offered["capabilities"].get(name).is_some(), is_there, "{name} of {has:?}");
        let params = match name {
            "resources" => json!({ "uri": "app:p0" }),
            "logging" => json!({ "level": "error" }),
            _ => json!({ "name": "p0", "arguments": { "text": "x" } }),
        };
        for method in methods {
            let legacy = client.ask(&client.request(1, method, params.clone()));
            let code = legacy.last()["error"]["code"].as_i64();
            assert_eq!(code, (!is_there).then_some(-32601), "{method} of {has:?}");
            if name == "logging" {
                continue;
            }
            let modern = server.ask(&ask(json!(1), method, params.clone()));
            let code = modern[0]["error"]["code"].as_i64();
            assert_eq!(code, (!is_there).then_some(-32601), "{method} of {has:?}");
        }
    }
}

/// Three things of each kind that are named one by one, and providers of more.
fn both(desk: State, page_size: usize, placement: Placement) -> Server<impl Handler> {
    Server::builder()
        .state(desk)
        .page_size(page_size)
        .tool("c0", |_: Empty| "the catalog's")
        .tool("c1", |_: Empty| "the catalog's")
        .tool("p1", |_: Empty| "the catalog's")
        .prompt("c0", |_: Empty| "the catalog's".to_owned())
        .prompt("c1", |_: Empty| "the catalog's".to_owned())
        .prompt("p1", |_: Empty| "the catalog's".to_owned())
        .resource("app:c0", |_: &State| "the catalog's")
        .resource("app:c1", |_: &State| "the catalog's")
        .resource("app:p1", |_: &State| "the catalog's")
        .tool_provider(Numbered(placement))
        .prompt_provider(Numbered(placement))
        .resource_provider(Numbered(placement))
        .logging_handler(Ears)
        .build()
}

fn start(placement: Placement) -> Up {
    up(both(desk(4), 100, placement), |_| {})
}

const LISTS: [(&str, &str, &str); 3] = [
    ("tools/list", "tools", "name"),
    ("prompts/list", "prompts", "name"),
    ("resources/list", "resources", "uri"),
];

/// The names on each page.
fn pages(mut page: impl FnMut(Value) -> Value, list: &str, key: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut params = json!({});
    loop {
        let result = page(params);
        let entries = result[list].as_array().expect("a list");
        let name = |entry: &Value| entry[key].as_str().expect("a name").replace("app:", "");
        pages.push(entries.iter().map(name).collect());
        match result.get("nextCursor") {
            Some(cursor) => params = json!({ "cursor": cursor }),
            None => return pages,
        }
    }
}

#[test]
fn the_catalogs_come_first_then_the_providers() {
    for (entries, page_size, expected) in [
        (0, 2, vec!["c0 c1", "p1"]),
        (0, 3, vec!["c0 c1 p1", ""]),
        // The provider's p1 is not listed beside the catalog's.
        (4, 2, vec!["c0 c1", "p1 p0", "p2", "p3"]),
        (4, 3, vec!["c0 c1 p1", "p0 p2", "p3"]),
        (4, 100, vec!["c0 c1 p1 p0 p2 p3"]),
    ] {
        for placement in [Placement::Shard, Placement::Worker] {
            let server = up(both(desk(entries), page_size, placement), |_| {});
            let client = Client::begin(server.address, LATEST);
            for (method, list, key) in LISTS {
                let modern = |params| server.result(&ask(json!(1), method, params));
                let legacy = |params| {
                    let answer = client.ask(&client.request(1, method, params));
                    answer.last()["result"].clone()
                };
                for pages in [pages(modern, list, key), pages(legacy, list, key)] {
                    let pages: Vec<_> = pages.iter().map(|page| page.join(" ")).collect();
                    assert_eq!(pages, expected, "{method} by {page_size}");
                }
            }
        }
    }
}

#[test]
fn cursors_are_ours_and_for_one_list() {
    let server = up(both(desk(9), 4, Placement::Worker), |_| {});
    let client = Client::begin(server.address, LATEST);
    for (at, (method, ..)) in LISTS.iter().enumerate() {
        let (other, ..) = LISTS[(at + 1) % LISTS.len()];
        let foreign = server.result(&ask(json!(1), other, json!({})))["nextCursor"].clone();
        assert!(foreign.is_string());
        for cursor in [foreign, json!("q4"), json!("cTQ"), json!("4"), json!(""), json!(4)] {
            let params = json!({ "cursor": cursor });
            let (status, code, _) = server.error(&ask(json!(1), method, params.clone()));
            assert_eq!((status, code), (200, -32602), "{method} {params}");
            let legacy = client.ask(&client.request(1, method, params));
            assert_eq!(legacy.last()["error"]["code"], -32602, "{method}");
        }
    }
}

#[test]
fn what_a_provider_lists_is_for_one_reader() {
    let scope = |server: &Up, method| {
        let mut list = server.result(&ask(json!(1), method, json!({})));
        (list["cacheScope"].take(), list["ttlMs"].take())
    };
    let server = start(Placement::Shard);
    for (method, ..) in LISTS {
        assert_eq!(scope(&server, method), (json!("private"), json!(0)), "{method}");
    }
    let alone = up(Server::builder().tool("a", |_: Empty| "").build(), |_| {});
    assert_eq!(scope(&alone, "tools/list").0, json!("public"));
}

#[test]
fn output_schemas_that_are_no_objects_are_for_modern_clients() {
    let server = up(Server::builder().state(desk(1)).tool_provider(HERE).build(), |_| {});
    let tools = server.result(&ask(json!(1), "tools/list", json!({})))["tools"].clone();
    assert_eq!(tools[0]["outputSchema"], json!({ "type": "array" }));
    let client = Client::begin(server.address, LATEST);
    let tools = client.ask(&client.request(1, "tools/list", json!({})));
    let expected = json!([{ "name": "p0", "inputSchema": { "type": "object" } }]);
    assert_eq!(tools.last()["result"]["tools"], expected);
}

fn call(name: &str) -> common::Post {
    let params = json!({ "name": name, "arguments": { "text": "x" } });
    ask(json!(1), "tools/call", params)
}

#[test]
fn provided_tools_are_called_where_they_are_placed() {
    for (placement, thread) in [(Placement::Shard, "shard-"), (Placement::Worker, "worker-")] {
        let server = start(placement);
        let client = Client::begin(server.address, LATEST);
        let text = |name: &str| server.result(&call(name))["content"][0]["text"].clone();
        assert_eq!(text("p1"), "the catalog's", "what the catalog has is called");
        let called = server.result(&call("p7"));
        assert_eq!(called["structuredContent"], json!({ "tool": "p7", "text": "x" }));
        let legacy = client.ask(&client.tool(1, "p7", json!({ "text": "x" })));
        assert_eq!(legacy.last()["result"]["structuredContent"], called["structuredContent"]);
        let seen = text("thread");
        assert!(seen.as_str().is_some_and(|seen| seen.starts_with(thread)), "{seen}");
        assert_eq!(server.result(&call("silent"))["content"], json!([]));
        let complaint = server.result(&call("complain"));
        assert_eq!(complaint["isError"], true);
        assert_eq!(complaint["content"][0]["text"], "the model may mend this");
        let prompt = |name: &str| {
            let params = json!({ "name": name, "arguments": { "text": "x" } });
            server.result(&ask(json!(1), "prompts/get", params))
        };
        let got = prompt("p7");
        assert_eq!(got["messages"].as_array().map(Vec::len), Some(1));
        assert_eq!(
            (&got["messages"][0]["content"]["text"], &got["description"]),
            (&json!("x"), &json!("p7"))
        );
        assert_eq!(prompt("p1")["messages"][0]["content"]["text"], "the catalog's");
        let seen = prompt("thread")["messages"][0]["content"]["text"].clone();
        assert!(seen.as_str().is_some_and(|seen| seen.starts_with(thread)), "{seen}");
        assert_eq!(prompt("silent")["messages"], json!([]));
        let silent = ask(json!(1), "resources/read", json!({ "uri": "app:silent" }));
        assert_eq!(server.result(&silent)["contents"], json!([]));
    }
}

#[test]
fn errors_are_those_of_any_other_tool() {
    for placement in [Placement::Shard, Placement::Worker] {
        let server = start(placement);
        let client = Client::begin(server.address, LATEST);
        for (method, name, code, message) in [
            ("tools/call", "nope", -32602, "Unknown tool: nope"),
            ("tools/call", "refuse", -32602, "not so"),
            ("tools/call", "fail", -32603, "upstream is gone"),
            ("tools/call", "panic", -32603, "Internal error: tool `panic` panicked"),
            ("prompts/get", "nope", -32602, "Unknown prompt: nope"),
            ("prompts/get", "p7", -32602, "no `text`"),
            ("prompts/get", "fail", -32603, "upstream is gone"),
            ("prompts/get", "panic", -32603, "Internal error: prompt `panic` panicked"),
        ] {
            let expected = json!({ "code": code, "message": message });
            let params = json!({ "name": name });
            let modern = server.ask(&ask(json!(1), method, params.clone()));
            assert_eq!((modern.len(), &modern[0]["error"]), (1, &expected));
            let legacy = client.ask(&client.request(1, method, params));
            assert_eq!((legacy.status, &legacy.last()["error"]), (200, &expected));
        }
        assert_eq!(server.result(&call("p7"))["isError"], false, "it goes on");
        let (status, code, _) = server.error(&call("p7").instead("Mcp-Name", "p8"));
        assert_eq!((status, code), (400, -32020), "the header repeats the name");
        let (_, code, _) = server.error(&call("p7").change_body(|body| {
            body["params"]["arguments"] = json!([]);
        }));
        assert_eq!(code, -32602, "arguments are an object");
    }
    for (entries, wrong) in [(FAILS, "upstream is gone"), (PANICS, "panicked")] {
        for placement in [Placement::Shard, Placement::Worker] {
            let server = up(both(desk(entries), 100, placement), |_| {});
            for (method, list, _) in LISTS {
                let mut answer = server.ask(&ask(json!(1), method, json!({}))).remove(0);
                let error = answer["error"].take();
                assert_eq!(error["code"], -32603, "{error}");
                let message = error["message"].as_str().expect("a message");
                assert!(message.contains(wrong), "{message}");
                assert!(entries == FAILS || message.contains(list), "{message}");
            }
            assert_eq!(server.result(&call("p7"))["isError"], false, "it goes on");
        }
    }
    // Unknown is unknown, with a provider and without.
    let alone = up(Server::builder().tool("a", |_: Empty| "").build(), |_| {});
    let with = start(Placement::Shard);
    assert_eq!(alone.ask(&call("nope")), with.ask(&call("nope")));
}

#[test]
fn provided_tools_ask_and_become_tasks() {
    let server = start(Placement::Worker);
    let client = Client::able(server.address, LATEST, everything());
    let mut asking = client.start(&client.tool(1, "ask", json!({})));
    assert!(asking.head(), "a stream");
    let question = std::iter::from_fn(|| asking.message()).find(|it| it["method"].is_string());
    let question = question.expect("a question");
    assert_eq!(question["method"], "elicitation/create");
    client.reply(&question, json!({ "action": "decline" }));
    assert_eq!(asking.next()["result"]["content"][0]["text"], "Declined");

    let ask_tool = |meta| server.result(&call_with(1, "ask", meta));
    let asked = ask_tool(takes_tasks());
    assert_eq!(asked["resultType"], "input_required");
    assert_eq!(asked["inputRequests"]["who"]["method"], "elicitation/create");
    let again = call_with(1, "ask", takes_tasks()).change_body(|body| {
        body["params"]["inputResponses"] = json!({ "who": { "action": "decline" } });
    });
    assert_eq!(server.result(&again)["content"][0]["text"], "Declined");

    let handle = server.result(&call_with(1, "task", takes_tasks()));
    assert_eq!(handle["resultType"], "task");
    let get = || {
        let meta = takes_tasks();
        ask(json!(1), "tasks/get", json!({ "taskId": handle["taskId"], "_meta": meta }))
    };
    eventually("it ends", || server.result(&get())["status"] == "completed");
    assert_eq!(server.result(&get())["result"]["content"][0]["text"], "done later");
    // On a shard there is nothing to go on with.
    let here = start(Placement::Shard);
    assert_eq!(here.result(&call_with(1, "task", takes_tasks()))["isError"], true);
}

#[test]
fn clients_are_told_that_the_lists_changed() {
    let desk = desk(0);
    let server = Server::builder().state(desk.clone()).tool_provider(HERE).prompt_provider(HERE);
    let server = up(server.build(), |_| {});
    let wanted = json!({ "toolsListChanged": true, "promptsListChanged": true,
        "resourcesListChanged": true });
    let mut tap = server.open(&listen(json!(1), wanted));
    let acknowledged = tap.message()["params"]["notifications"].clone();
    assert_eq!(acknowledged, json!({ "toolsListChanged": true, "promptsListChanged": true }));
    let client = Client::begin(server.address, LATEST);
    let mut get = client.listen();
    desk.entries.store(2, Ordering::SeqCst);
    let notifier = server.running().notifier();
    notifier.tools_changed();
    notifier.prompts_changed();
    for method in ["notifications/tools/list_changed", "notifications/prompts/list_changed"] {
        assert_eq!(
            (&tap.message()["method"], &get.next()["method"]),
            (&json!(method), &json!(method))
        );
    }
    let tools = server.result(&ask(json!(1), "tools/list", json!({})))["tools"].clone();
    assert_eq!(tools.as_array().map(Vec::len), Some(2));
}

#[test]
fn levels_are_heard_with_who_wants_them() {
    let desk = desk(0);
    let access = |_: &State, credentials: &Credentials<'_>| match credentials.bearer() {
        Some(name) => Access::named(name),
        None => Access::Anonymous,
    };
    let server = Server::builder().state(desk.clone()).logging_handler(Ears).authenticate(access);
    let server = up(server.build(), |_| {});
    let take = || std::mem::take(&mut *desk.heard.lock().expect("no holder panics"));
    let client = Client::begin(server.address, LATEST);
    let set = |level: &str| client.request(1, "logging/setLevel", json!({ "level": level }));
    for level in LogLevel::ALL {
        let answer = client.ask(&set(level.as_str()));
        if level == LogLevel::Emergency {
            // A panic costs one answer.
            assert_eq!(answer.last()["error"]["code"], -32603);
            continue;
        }
        assert_eq!(answer.last()["result"], json!({}));
        let heard = take();
        let expected = format!("{} test {}  shard-", level.as_str(), &client.id[..16]);
        assert!(heard.len() == 1 && heard[0].starts_with(&expected), "{heard:?}");
    }
    assert_eq!(client.ask(&set("loud")).last()["error"]["code"], -32602);
    // Without a session there is nothing to set.
    let none = common::legacy(json!(1), "logging/setLevel", json!({ "level": "error" }));
    assert_eq!(server.error(&none).1, -32600);
    assert_eq!(
        server.error(&ask(json!(1), "logging/setLevel", json!({ "level": "error" }))).1,
        -32601
    );
    assert_eq!(take(), Vec::<String>::new());

    let mut talk = common::sse::Talk::connect(server.address);
    let begin = common::session::initialize(LATEST, json!({}));
    let begun = talk.ask(&begin.with("Authorization", "Bearer ada"));
    let id = begun.field("Mcp-Session-Id").expect("a session").to_owned();
    let ada = Client { address: server.address, id, version: LATEST.to_owned() };
    let set = ada.request(1, "logging/setLevel", json!({ "level": "alert" }));
    assert_eq!(ada.ask(&set.with("Authorization", "Bearer ada")).last()["result"], json!({}));
    let heard = take();
    assert!(heard.len() == 1 && heard[0].contains(&format!("{} ada ", &ada.id[..16])), "{heard:?}");
}

/// A handler without the sugar, which has nothing in its catalog.
struct Bare(Catalog, Mutex<Vec<LogLevel>>);

impl Handler for Bare {
    fn catalog(&self) -> &Catalog {
        &self.0
    }

    fn call_tool(
        &self,
        _: ToolId,
        _: Arguments<'_>,
        _: &Call<'_>,
        _: &mut ToolReply<'_>,
    ) -> Result<(), Failure> {
        unreachable!("the catalog has no tools")
    }

    fn list_tools(&self, _: Option<&str>, page: &mut ToolPage<'_>) -> Result<(), Failure> {
        page.entry(&ToolEntry { name: "t".into(), ..ToolEntry::default() });
        Ok(())
    }

    fn call_provided_tool(
        &self,
        name: &str,
        _: Arguments<'_>,
        _: &Call<'_>,
        reply: &mut ToolReply<'_>,
    ) -> Result<(), Failure> {
        let levels = self.1.lock().expect("no holder panics");
        reply.text(&format!("{name} {levels:?}"));
        Ok(())
    }

    fn log_level_set(&self, level: LogLevel, _: &Call<'_>) {
        self.1.lock().expect("no holder panics").push(level);
    }
}

#[test]
fn a_handler_without_the_sugar_provides_too() {
    let mut catalog = Catalog::new("bare", "0");
    catalog.add_tool_provider(Placement::Worker);
    catalog.add_prompt_provider(Placement::Worker);
    catalog.add_logging();
    let server = up(Server::new(Bare(catalog, Mutex::default())), |_| {});
    let client = Client::begin(server.address, LATEST);
    client.ask(&client.request(1, "logging/setLevel", json!({ "level": "notice" })));
    let tools = server.result(&ask(json!(1), "tools/list", json!({})))["tools"].clone();
    assert_eq!(tools, json!([{ "name": "t", "inputSchema": { "type": "object" } }]));
    assert_eq!(server.result(&call("any"))["content"][0]["text"], "any [Notice]");
    // What it does not override has nothing.
    let prompts = server.result(&ask(json!(1), "prompts/list", json!({})));
    assert_eq!(prompts["prompts"], json!([]));
    let (_, code, _) = server.error(&ask(json!(1), "prompts/get", json!({ "name": "p" })));
    assert_eq!(code, -32602);
}
