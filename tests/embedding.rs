//! The library as its users meet it: what may be a tool, what becomes of what it returns, and what
//! is said of a server that is not in order. Through `Exchange`, without a socket where none is
//! needed.

mod common;

use std::net::TcpListener;
use std::sync::atomic::{AtomicI64, Ordering};

use common::{Post, Response, legacy, modern};
use mcp_fastd::app::completion::CompletionReply;
use mcp_fastd::app::{PromptId, PromptReply, ToolId, ToolReply};
use mcp_fastd::json::Value as Arguments;
use mcp_fastd::{
    About, Call, Catalog, CompletionRequest, Config, ContentBlock, Empty, Exchange, Failure,
    Handler, Json, ResourcePage, ResourceReply, ServeError, Server, Tool, about, group,
};
use serde_json::{Value, json};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Two {
    a: i64,
    b: i64,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Deep {
    #[serde(default)]
    tags: Vec<String>,
    filter: Option<Filter>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Filter {
    kind: Kind,
    limit: u8,
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Note,
    Task,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Sum {
    sum: i64,
}

fn post<H: Handler>(exchange: &mut Exchange<H>, post: &Post) -> Response {
    let mut found = common::wire::responses(exchange.send(&post.bytes()));
    assert_eq!(found.len(), 1, "one answer");
    found.remove(0)
}

#[track_caller]
fn call<H: Handler>(exchange: &mut Exchange<H>, tool: &str, arguments: Value) -> Value {
    post(exchange, &common::call(1, tool, arguments)).result()
}

#[track_caller]
fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().expect("a text block")
}

fn exchange<H: Handler>(server: Server<H>) -> Exchange<H> {
    Exchange::new(server).expect("a server in order")
}

#[track_caller]
fn problem<H: Handler>(server: Server<H>) -> String {
    match server.bind("127.0.0.1:0").start() {
        Ok(_) => panic!("a server that is not in order has started"),
        Err(error) => error.to_string(),
    }
}

fn free_function(Two { a, b }: Two) -> Json<Sum> {
    Json(Sum { sum: a + b })
}

fn with_state(total: &AtomicI64, Two { a, b }: Two) -> String {
    (total.fetch_add(a + b, Ordering::Relaxed) + a + b).to_string()
}

fn with_call(_: &AtomicI64, _: Empty, call: &Call<'_>) -> String {
    let (name, version) = call.client().unwrap_or(("nobody", ""));
    format!("{} {name} {version} {}", call.protocol_version(), call.cancelled())
}

#[test]
fn functions_in_three_shapes() {
    let server = Server::builder()
        .state(AtomicI64::new(100))
        .tool("add", free_function)
        .tool("total", with_state)
        .tool("who", with_call)
        .tool("closure", |Two { a, b }: Two| format!("{a} {b}"))
        .tool("closure_with_state", |total: &AtomicI64, _: Empty| {
            total.load(Ordering::Relaxed).to_string()
        })
        .tool(about("closure_with_call").on_worker(), |_: &AtomicI64, _: Empty, call: &Call<'_>| {
            call.meta("traceparent").and_then(|value| value.as_str()).unwrap_or("none").to_owned()
        })
        .build();
    let mut exchange = exchange(server);
    let two = json!({ "a": 2, "b": 3 });
    assert_eq!(call(&mut exchange, "add", two.clone())["structuredContent"]["sum"], 5);
    assert_eq!(text(&call(&mut exchange, "total", two.clone())), "105");
    assert_eq!(text(&call(&mut exchange, "closure", two)), "2 3");
    assert_eq!(text(&call(&mut exchange, "closure_with_state", json!({}))), "105");
    assert_eq!(text(&call(&mut exchange, "closure_with_call", json!({}))), "none");
    assert_eq!(text(&call(&mut exchange, "who", json!({}))), "2026-07-28 nobody  false");

    let client = json!({ "name": "c", "version": "9" });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "who", "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": client } } });
    let who = Post::new(body.to_string())
        .with("MCP-Protocol-Version", "2026-07-28")
        .with("Mcp-Method", "tools/call")
        .with("Mcp-Name", "who");
    assert_eq!(text(&post(&mut exchange, &who).result()), "2026-07-28 c 9 false");
    let who = legacy(json!(1), "tools/call", json!({ "name": "who" }));
    assert_eq!(text(&post(&mut exchange, &who).result()), "2025-11-25 nobody  false");
}

#[test]
fn what_tools_may_return() {
    let server = Server::builder()
        .tool("string", |_: Empty| "a".to_owned())
        .tool("static", |_: Empty| "b")
        .tool("nothing", |_: Empty| ())
        .tool("block", |_: Empty| ContentBlock::text("c"))
        .tool("blocks", |_: Empty| {
            vec![ContentBlock::text("d"), ContentBlock::image(b"png", "image/png")]
        })
        .tool("list", |_: Empty| Json(vec![1, 2]))
        .tool("good", |_: Empty| Ok::<_, std::fmt::Error>(Json(Sum { sum: 1 })))
        .tool("bad", |_: Empty| Err::<String, _>("no such thing: try `find` first"))
        .tool("io", |_: Empty| std::fs::read_to_string("/no/such/file"))
        .build();
    let mut exchange = exchange(server);
    let mut ask = |tool: &str| call(&mut exchange, tool, json!({}));
    assert_eq!(text(&ask("string")), "a");
    assert_eq!(text(&ask("static")), "b");
    assert_eq!(ask("nothing")["content"], json!([]));
    assert_eq!(text(&ask("block")), "c");
    let image = json!({ "type": "image", "data": "cG5n", "mimeType": "image/png" });
    assert_eq!(ask("blocks")["content"], json!([{ "type": "text", "text": "d" }, image]));
    let list = ask("list");
    assert_eq!((&list["structuredContent"], text(&list)), (&json!([1, 2]), "[1,2]"));
    assert_eq!(ask("good")["structuredContent"], json!({ "sum": 1 }));
    let bad = ask("bad");
    assert_eq!((&bad["isError"], text(&bad)), (&json!(true), "no such thing: try `find` first"));
    let io = ask("io");
    assert!(io["isError"] == true && text(&io).contains("No such file"), "{io}");
    // Revisions up to 2025-11-25 know no structured content but objects.
    let list = legacy(json!(1), "tools/call", json!({ "name": "list" }));
    let list = post(&mut exchange, &list).result();
    assert_eq!((list.get("structuredContent"), text(&list)), (None, "[1,2]"));
}

#[test]
fn a_wrong_argument_names_the_field_and_what_was_expected() {
    let server = Server::builder()
        .tool("add", free_function)
        .tool("deep", |Deep { tags, filter }: Deep| {
            let filter = filter.map(|filter| format!("{:?} {}", filter.kind, filter.limit));
            format!("{} {filter:?}", tags.len())
        })
        .build();
    let mut exchange = exchange(server);
    for (tool, arguments, words) in [
        ("add", json!({ "a": 1 }), vec!["missing", "`b`"]),
        ("add", json!({ "a": "1", "b": 2 }), vec!["`a`", "string \"1\"", "expected i64"]),
        ("add", json!({ "a": null, "b": 2 }), vec!["`a`", "null", "expected i64"]),
        ("add", json!({ "a": 1e300, "b": 2 }), vec!["`a`", "expected i64"]),
        ("deep", json!({ "tags": ["x", 5] }), vec!["`tags[1]`", "integer `5`", "string"]),
        (
            "deep",
            json!({ "filter": { "kind": "nap", "limit": 1 } }),
            vec!["`filter.kind`", "nap", "`note`", "`task`"],
        ),
        (
            "deep",
            json!({ "filter": { "kind": "note", "limit": 300 } }),
            vec!["`filter.limit`", "300", "u8"],
        ),
        (
            "deep",
            json!({ "filter": { "kind": "note", "limit": 3, "x": 1 } }),
            vec!["`filter", "unknown field `x`"],
        ),
    ] {
        let result = call(&mut exchange, tool, arguments.clone());
        assert_eq!(result["isError"], true, "{arguments}");
        let message = text(&result);
        assert!(words.iter().all(|word| message.contains(word)), "{arguments}: {message}");
    }
    let fine = json!({ "tags": ["x"], "filter": { "kind": "task", "limit": 255 } });
    assert_eq!(text(&call(&mut exchange, "deep", fine)), "1 Some(\"Task 255\")");
    assert_eq!(
        call(&mut exchange, "add", json!({ "a": 42.0, "b": 0 }))["structuredContent"]["sum"],
        42
    );
}

struct Search {
    prefix: &'static str,
}

impl Tool<AtomicI64> for Search {
    type Input = Two;
    type Output = Result<String, String>;

    fn about(&self) -> About {
        about("search").describe("Searches.").title("Search")
    }

    fn call(&self, state: &AtomicI64, Two { a, b }: Two, _: &Call<'_>) -> Self::Output {
        match a > b {
            true => Err(format!("{} {a} is after {b}", self.prefix)),
            false => Ok(format!("{} {}", self.prefix, state.load(Ordering::Relaxed))),
        }
    }
}

#[test]
fn tools_that_are_types_and_groups_of_tools() {
    let admin = group()
        .tool("one", |_: Empty| "1")
        .tool("two", |state: &AtomicI64, _: Empty| state.load(Ordering::Relaxed).to_string());
    let server = Server::builder()
        .state(AtomicI64::new(7))
        .tool("first", |_: Empty| "first")
        .with(Search { prefix: "found" })
        .tools(admin)
        .tool("last", |_: Empty| "last")
        .build();
    let mut exchange = exchange(server);
    for (tool, expected) in [("first", "first"), ("one", "1"), ("two", "7"), ("last", "last")] {
        assert_eq!(text(&call(&mut exchange, tool, json!({}))), expected);
    }
    assert_eq!(text(&call(&mut exchange, "search", json!({ "a": 1, "b": 2 }))), "found 7");
    let wrong = call(&mut exchange, "search", json!({ "a": 3, "b": 2 }));
    assert_eq!((&wrong["isError"], text(&wrong)), (&json!(true), "found 3 is after 2"));
    let tools = post(&mut exchange, &modern(json!(1), "tools/list", json!({}))).result();
    let names = tools["tools"].as_array().expect("a list").iter().map(|tool| &tool["name"]);
    assert_eq!(names.collect::<Vec<_>>(), ["first", "search", "one", "two", "last"]);
}

/// A handler without the sugar.
struct Bare {
    catalog: Catalog,
}

impl Bare {
    fn new() -> Bare {
        let mut catalog = Catalog::new("bare", "0");
        catalog.add_tool(about("shout"), json!({ "type": "object" }), None);
        catalog.add_tool(about("fail").on_worker(), json!({ "type": "object" }), None);
        Bare { catalog }
    }
}

impl Handler for Bare {
    fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    fn call_tool(
        &self,
        tool: ToolId,
        arguments: Arguments<'_>,
        _: &Call<'_>,
        reply: &mut ToolReply<'_>,
    ) -> Result<(), Failure> {
        match tool.index() {
            0 => {
                let text = arguments.get("text").and_then(|text| text.as_str());
                let text = text.ok_or_else(|| Failure::InvalidParams("no `text`".to_owned()))?;
                reply.text(&text.to_uppercase());
                Ok(())
            }
            _ => {
                reply.text("this is taken back");
                Err(Failure::Internal("upstream is gone".to_owned()))
            }
        }
    }

    fn get_prompt(
        &self,
        _: PromptId,
        _: Arguments<'_>,
        _: &Call<'_>,
        _: &mut PromptReply<'_>,
    ) -> Result<(), Failure> {
        Err(Failure::InvalidParams("there are none".to_owned()))
    }

    fn read_resource(
        &self,
        _: &str,
        _: &Call<'_>,
        _: &mut ResourceReply<'_>,
    ) -> Result<(), Failure> {
        Err(Failure::ResourceNotFound)
    }

    fn list_resources(&self, _: Option<&str>, _: &mut ResourcePage<'_>) -> Result<(), Failure> {
        Ok(())
    }

    fn complete(
        &self,
        _: &CompletionRequest<'_>,
        _: &Call<'_>,
        _: &mut CompletionReply<'_>,
    ) -> Result<(), Failure> {
        Ok(())
    }
}

#[test]
fn a_handler_without_the_sugar() {
    let mut exchange = exchange(Server::new(Bare::new()));
    assert_eq!(text(&call(&mut exchange, "shout", json!({ "text": "hey" }))), "HEY");
    let refused = post(&mut exchange, &common::call(2, "shout", json!({})));
    assert_eq!(refused.error(), (-32602, "no `text`".to_owned()));
    let failed = post(&mut exchange, &common::call(3, "fail", json!({})));
    assert_eq!(failed.error(), (-32603, "upstream is gone".to_owned()));
    assert_eq!(failed.json()["id"], 3);
}

#[test]
fn what_is_not_in_order_does_not_start() {
    let twice = Server::builder().tool("a", |_: Empty| "").tool("a", |_: Empty| "").build();
    assert!(problem(twice).contains("tool `a`"));
    let prompts = Server::builder()
        .prompt("p", |_: Empty| "x".to_owned())
        .prompt("p", |_: Empty| "x".to_owned())
        .build();
    assert!(problem(prompts).contains("prompt `p`"));
    let resources = Server::builder()
        .resource("r:x", |_: &()| "x".to_owned())
        .resource("r:x", |_: &()| "x".to_owned())
        .build();
    assert!(problem(resources).contains("`r:x`"));
    let no_scheme = Server::builder().resource("readme", |_: &()| "x".to_owned()).build();
    assert!(problem(no_scheme).contains("scheme"));
    let not_an_object = Server::builder().tool("n", |number: i64| number.to_string()).build();
    assert!(problem(not_an_object).contains("must be an object"));
    let no_name = Server::builder().tool("", |_: Empty| "").build();
    assert!(problem(no_name).contains("tool name"));
    let long = Server::builder().tool("x".repeat(200), |_: Empty| "").build();
    assert!(problem(long).contains("128"));
    let template = Server::builder().resource_template("a://{?q}", |_: Empty| "x").build();
    assert!(problem(template).contains("{?q}"));
    for (properties, word) in [
        (json!({ "a": { "type": "string", "x-mcp-header": "a b" } }), "header name"),
        (json!({ "a": { "type": "number", "x-mcp-header": "A" } }), "integer"),
        (
            json!({ "a": { "type": "string", "x-mcp-header": "A" },
                 "b": { "type": "string", "x-mcp-header": "a" } }),
            "twice",
        ),
        (
            json!({ "a": { "type": "array",
                        "items": { "type": "string", "x-mcp-header": "A" } } }),
            "properties",
        ),
    ] {
        let schema = json!({ "type": "object", "properties": properties });
        let server = Server::builder().tool(about("t").input_schema(schema), |_: Empty| "").build();
        let said = problem(server);
        assert!(said.contains(word) && said.contains("`t`"), "{said}");
    }
    assert!(Exchange::new(Server::builder().tool("", |_: Empty| "").build()).is_err());
}

#[test]
fn settings_that_cannot_be() {
    let start = |change: fn(&mut Config)| {
        let mut config = Config { bind: ([127, 0, 0, 1], 0).into(), ..Config::default() };
        change(&mut config);
        Server::builder().build().config(config).start().map(|running| running.stop())
    };
    for change in [
        (|config| config.cores = Some(0)) as fn(&mut Config),
        |config| config.path = "mcp".to_owned(),
        |config| config.path = "/health".to_owned(),
        |config| config.buffer_size = 10,
        |config| config.connections_max = 0,
        |config| config.requests_per_turn_max = 0,
    ] {
        assert!(matches!(start(change), Err(ServeError::Setting(_))));
    }
    start(|config| config.path = "/".to_owned()).expect("the root is a path");
}

#[test]
fn a_port_that_is_taken_and_an_address_that_is_none() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    match Server::builder().bind(address).start().map(|running| running.addr()) {
        Err(error @ ServeError::Bind { .. }) => {
            let said = error.to_string();
            assert!(
                said.contains("another program") && said.contains(&address.to_string()),
                "{said}"
            );
        }
        other => panic!("{other:?}"),
    }
    for wrong in ["nonsense", "127.0.0.1", "127.0.0.1:99999", "no.such.host.invalid:80"] {
        let error = Server::builder().bind(wrong).start().map(|running| running.addr());
        match error {
            Err(error @ ServeError::Address { .. }) => {
                assert!(error.to_string().contains(wrong), "{error}");
            }
            other => panic!("{wrong}: {other:?}"),
        }
    }
}

#[test]
fn two_servers_do_not_share_a_port_unseen() {
    // SO_REUSEPORT is between the shards of one server; another one must not slip in beside it.
    let first = Server::builder().bind("127.0.0.1:0").cores(2).start().expect("it starts");
    let second = Server::builder().bind(first.addr()).cores(2).start();
    assert!(matches!(second.map(|running| running.addr()), Err(ServeError::Bind { .. })));
    first.stop();
}

#[test]
fn another_path() {
    let server = Server::builder().tool("add", free_function).build();
    let config = Config { path: "/".to_owned(), ..Config::default() };
    let mut exchange = exchange(server.config(config));
    let add = common::call(1, "add", json!({ "a": 1, "b": 1 }));
    assert_eq!(post(&mut exchange, &add).status, 404);
    assert_eq!(post(&mut exchange, &add.line("POST /?x HTTP/1.1")).status, 200);
}

#[test]
fn many_tools() {
    macro_rules! ten {
        ($group:expr, $prefix:literal) => {
            $group
                .tool(concat!($prefix, "0"), |_: Empty| concat!($prefix, "0"))
                .tool(concat!($prefix, "1"), |_: Empty| concat!($prefix, "1"))
                .tool(concat!($prefix, "2"), |_: Empty| concat!($prefix, "2"))
                .tool(concat!($prefix, "3"), |_: Empty| concat!($prefix, "3"))
                .tool(concat!($prefix, "4"), |_: Empty| concat!($prefix, "4"))
        };
    }
    let server = Server::builder()
        .tools(ten!(group(), "a"))
        .tools(ten!(group(), "b"))
        .tools(ten!(ten!(group(), "c"), "d"))
        .build();
    let mut exchange = exchange(server);
    for letter in ["a", "b", "c", "d"] {
        for digit in 0..5 {
            let name = format!("{letter}{digit}");
            assert_eq!(text(&call(&mut exchange, &name, json!({}))), name);
        }
    }
}
