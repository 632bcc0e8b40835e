//! Every example is built, started, and does what it says. An example that is not in the table
//! below fails the test: say there what it does.

mod common;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use common::example::{Example, built};
use common::session::{Client, LATEST, initialize};
use common::sse::Talk;
use common::stdio::StdioClient;
use common::{Wire, call, legacy, modern};
use serde_json::{Value, json};

type Check = fn(&mut Example);

/// Each example, and what it does.
const EXAMPLES: &[(&str, Check)] = &[
    ("01_hello", hello),
    ("02_state", state),
    ("03_typed_tool", typed_tool),
    ("04_slow_tool", slow_tool),
    ("05_progress", progress),
    ("06_resources", resources),
    ("07_prompts", prompts),
    ("08_notify", notify),
    ("09_auth", auth),
    ("11_bare_handler", bare_handler),
    ("12_shutdown", shutdown),
    ("13_ask", ask),
    ("14_tasks", tasks),
    ("15_templates", templates),
    ("16_trace", trace),
    ("17_completion", completion),
    ("18_providers", providers),
    #[cfg(feature = "rmcp")]
    ("19_rmcp_counter", rmcp_counter),
    #[cfg(feature = "rmcp")]
    ("20_rmcp_everything", rmcp_everything),
    ("21_transport", transport),
    ("22_migrated", shop),
    #[cfg(feature = "rmcp")]
    ("23_rmcp_shop", shop),
    ("24_keys", keys),
    ("chaos_server", chaos_server),
    ("conformance_server", conformance_server),
    ("load_server", load_server),
];

/// The one that a client starts.
const OVER_STDIO: &str = "10_stdio";

#[test]
fn the_example_over_stdio_serves_whoever_starts_it() {
    let mut client = StdioClient::start(&mut Command::new(built().join(OVER_STDIO)));
    for count in 1..=2 {
        client.modern(count, "tools/call", json!({ "name": "count", "arguments": {} }));
        let text = &client.next()["result"]["content"][0]["text"];
        assert_eq!(text, &json!(format!("Counted to {count}.")));
    }
    client.close();
    assert_eq!(client.wait().code(), Some(0));
}

/// What it is for is checked by `scripts/conformance`.
fn conformance_server(example: &mut Example) {
    assert!(!example.text("test_simple_text", json!({})).is_empty());
}

/// A counter for each request, as with rmcp's own service; one for each session.
#[cfg(feature = "rmcp")]
fn rmcp_counter(example: &mut Example) {
    assert_eq!(example.text("sum", json!({ "a": 2, "b": 3 })), "5");
    for _ in 0..2 {
        assert_eq!(example.text("increment", json!({})), "1");
    }
    let client = Client::begin(example.address, "2025-11-25");
    for count in ["1", "2"] {
        assert_eq!(client.ask(&client.tool(1, "increment", json!({}))).text(), count);
    }
    let id = client.ask(&client.tool(1, "get_session_id", json!({})));
    assert_eq!(id.text(), client.id);
}

/// What it is for is checked by `scripts/conformance --rmcp`.
#[cfg(feature = "rmcp")]
fn rmcp_everything(example: &mut Example) {
    assert!(!example.text("test_simple_text", json!({})).is_empty());
}

/// Whether it does as the servers it comes from is checked by `tests/clients/run migrating`.
fn shop(example: &mut Example) {
    let price = example.call("price", json!({ "fruit": "pear", "count": 3 }));
    assert_eq!(price["structuredContent"], json!({ "fruit": "pear", "cents": 135 }));
    assert_eq!(example.call("price", json!({ "fruit": "plum" }))["isError"], true);
    assert_eq!(example.text("ripen", json!({ "days": 3 })), "Ripe after 3 days.");
}

fn transport(example: &mut Example) {
    assert_eq!(example.text("anything", json!({ "a": [1, "b"] })), r#"{"a":[1,"b"]}"#);
    let mut child = Command::new(built().join("21_transport"))
        .arg("--stdio")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin
        .write_all(b"nonsense\n\n{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"x\"}")
        .expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends with its input");
    assert!(output.status.success());
    let answer: Value = serde_json::from_slice(&output.stdout).expect("one answer");
    assert_eq!(answer["id"], 7);
}

/// What it is for is asked by `scripts/bench`.
fn chaos_server(example: &mut Example) {
    assert_eq!(example.text("echo_on_worker", json!({ "text": "here" })), "here");
}

fn load_server(example: &mut Example) {
    let result = example.call("count", json!({}));
    assert_eq!(result["structuredContent"], json!({ "counted": 3 }));
}

fn hello(example: &mut Example) {
    let result = example.call("add", json!({ "a": 2, "b": 3 }));
    assert_eq!(result["structuredContent"], json!({ "sum": 5 }));
    let result = example.call("add", json!({ "a": i64::MAX, "b": 3 }));
    assert_eq!(result["isError"], true);
}

fn state(example: &mut Example) {
    assert_eq!(example.text("increment", json!({})), "The counter is at 1.");
    assert_eq!(example.text("increment", json!({ "by": 41 })), "The counter is at 42.");
    assert_eq!(example.text("value", json!({})), "The counter is at 42.");
}

fn typed_tool(example: &mut Example) {
    let found = example.call("search_words", json!({ "prefix": "al", "limit": 1 }));
    assert_eq!(found["structuredContent"], json!({ "words": ["alder"], "more": true }));
    let wrong = example.call("search_words", json!({ "prefix": "al", "limit": 1000 }));
    assert_eq!(wrong["isError"], true);
}

fn slow_tool(example: &mut Example) {
    let mut other = Wire::connect(example.address);
    example.wire.send(call(1, "sleep", json!({ "milliseconds": 300 })).bytes());
    assert_eq!(other.ask("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
    let result = example.wire.response().result();
    assert_eq!(result["content"][0]["text"], "Slept for 300 ms.");
}

fn progress(example: &mut Example) {
    let mut post = call(1, "write_report", json!({ "chapters": ["one", "two"] }));
    post = post.change_body(|body| body["params"]["_meta"]["progressToken"] = json!("p"));
    example.wire.send(post.bytes());
    let answer = example.wire.stream_to_end();
    assert!(answer.contains("\"message\":\"writing two\""), "{answer}");
    assert!(answer.contains("2 chapters are written."), "{answer}");
}

fn notify(example: &mut Example) {
    let filter = json!({ "notifications": { "resourceSubscriptions": ["app:counter"] } });
    let mut listener = Wire::connect(example.address);
    listener.send(modern(json!(1), "subscriptions/listen", filter).bytes());
    assert!(listener.line_with("data: ").contains("acknowledged"));
    example.call("add", json!({ "by": 5 }));
    assert!(listener.line_with("data: ").contains("notifications/resources/updated"));
}

fn auth(example: &mut Example) {
    let post = call(1, "greet", json!({}));
    assert_eq!(example.wire.ask(post.bytes()).status, 401);
    let post = post.with("Authorization", "Bearer token-of-ada");
    let result = example.wire.ask(post.bytes()).result();
    assert_eq!(result["content"][0]["text"], "Hello, Ada!");
}

fn keys(example: &mut Example) {
    let mut key = |name: &str| {
        let line = example.lines.next().expect("a line").expect("text");
        line.strip_prefix(name).expect("whose key it is").to_owned()
    };
    let (ada, alan) = (key("ada: "), key("alan: "));
    let mut tool = |name: &str, key: &str| {
        let response = example.wire.ask(call(1, name, json!({})).with("X-API-Key", key).bytes());
        (response.status, response.text())
    };
    assert!(tool("whoami", &alan).1.contains("key:alan"));
    assert_eq!(tool("write", &ada).0, 200);
    assert_eq!((tool("write", &alan).0, tool("whoami", "guess").0), (403, 401));
}

fn templates(example: &mut Example) {
    let read = example.ask("resources/read", json!({ "uri": "chess://a/1" }));
    assert_eq!(read["contents"][0]["text"], "a1 is dark.");
    for uri in ["chess://a/9", "chess://x/1", "chess://a/b"] {
        let post = modern(json!(1), "resources/read", json!({ "uri": uri }));
        assert_eq!(example.wire.ask(post.bytes()).error().0, -32602, "{uri}");
    }
}

fn trace(example: &mut Example) {
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let post = call(1, "trace_id", json!({})).change_body(|body| {
        body["params"]["_meta"]["traceparent"] = json!(format!("00-{id}-00f067aa0ba902b7-01"));
    });
    let result = example.wire.ask(post.bytes()).result();
    assert_eq!(result["content"][0]["text"], id);
}

fn completion(example: &mut Example) {
    let reference = json!({ "type": "ref/prompt", "name": "paint" });
    let argument = json!({ "name": "colour", "value": "bl" });
    let params = json!({ "ref": reference, "argument": argument });
    let completed = example.ask("completion/complete", params);
    assert_eq!(completed["completion"]["values"], json!(["black", "blue"]));
}

/// Calls a tool as a client that declares everything, and gives the result.
fn able(example: &mut Example, method: &str, params: Value) -> Value {
    let post = modern(json!(1), method, params).change_body(|body| {
        let meta = &mut body["params"]["_meta"];
        meta["io.modelcontextprotocol/clientCapabilities"] = json!({
            "elicitation": {}, "sampling": {}, "roots": {},
            "extensions": { "io.modelcontextprotocol/tasks": {} },
        });
    });
    example.wire.ask(post.bytes()).result()
}

fn ask(example: &mut Example) {
    let mut params = json!({ "name": "book_trip", "arguments": { "city": "Oulu" } });
    let first = able(example, "tools/call", params.clone());
    assert_eq!(first["resultType"], "input_required");
    assert_eq!(first["inputRequests"]["when"]["method"], "elicitation/create");
    let accepted = json!({ "action": "accept", "content": { "day": "2027-01-02" } });
    params["inputResponses"] = json!({ "when": accepted });
    let second = able(example, "tools/call", params.clone());
    assert_eq!(second["inputRequests"]["tip"]["method"], "sampling/createMessage");
    let said = json!({ "role": "assistant", "model": "m", "content":
        { "type": "text", "text": "The market." } });
    params["inputResponses"] = json!({ "tip": said });
    params["requestState"] = second["requestState"].clone();
    let last = able(example, "tools/call", params);
    assert_eq!(last["content"][0]["text"], "Oulu on 2027-01-02 is booked. The market.");
}

fn tasks(example: &mut Example) {
    let arguments = json!({ "target": "everything there is" });
    let params = json!({ "name": "unpack", "arguments": arguments });
    let handle = able(example, "tools/call", params);
    assert_eq!(handle["resultType"], "task");
    for _ in 0..500 {
        let task = able(example, "tasks/get", json!({ "taskId": handle["taskId"] }));
        if task["status"] == "completed" {
            let text = &task["result"]["content"][0]["text"];
            assert_eq!(text, "everything there is is unpacked.");
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("the task did not end");
}

fn resources(example: &mut Example) {
    let listed = example.ask("resources/list", json!({}));
    let entries = listed["resources"].as_array().expect("a list").iter();
    let uris: Vec<_> = entries.map(|entry| &entry["uri"]).collect();
    assert_eq!(uris, ["app:motto", "page:about", "page:contact"]);
    for (uri, text) in [
        ("app:motto", "Read more."),
        ("note:2", "Write the readme."),
        ("page:about", "Who we are."),
    ] {
        let read = example.ask("resources/read", json!({ "uri": uri }));
        assert_eq!(read["contents"][0]["text"], text);
    }
}

fn prompts(example: &mut Example) {
    let arguments = json!({ "code": "x = 1", "language": "python" });
    let prompt = example.ask("prompts/get", json!({ "name": "review", "arguments": arguments }));
    let text = prompt["messages"][0]["content"]["text"].as_str().expect("text");
    assert!(text.contains("python") && text.contains("x = 1"), "{text}");
    let reference = json!({ "type": "ref/prompt", "name": "review" });
    let argument = json!({ "name": "language", "value": "ru" });
    let params = json!({ "ref": reference, "argument": argument });
    let completed = example.ask("completion/complete", params);
    assert_eq!(completed["completion"]["values"], json!(["rust", "ruby"]));
}

fn bare_handler(example: &mut Example) {
    assert_eq!(example.text("greet_in_finnish", json!({ "name": "Ada" })), "Hei, Ada!");
    assert_eq!(example.call("greet_in_english", json!({}))["isError"], true);
}

fn providers(example: &mut Example) {
    let names = |example: &mut Example| {
        let tools = example.ask("tools/list", json!({}))["tools"].take();
        let tools = tools.as_array().expect("a list").iter();
        tools.map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(example), ["load"]);
    example.call("load", json!({ "name": "greet", "says": "Hello." }));
    assert_eq!(names(example), ["load", "greet"]);
    assert_eq!(example.text("greet", json!({})), "Hello.");
    for number in 0..500 {
        example.call("load", json!({ "name": format!("more-{number}"), "says": "" }));
    }
    let first = example.ask("tools/list", json!({}));
    assert_eq!(first["tools"].as_array().map(Vec::len), Some(500), "a page");
    let second = example.ask("tools/list", json!({ "cursor": first["nextCursor"] }));
    assert_eq!(second["tools"].as_array().map(Vec::len), Some(2), "and the rest");
    assert_eq!(second.get("nextCursor"), None);
    assert_eq!(example.wire.ask(call(1, "part", json!({})).bytes()).error().0, -32602);
    let begin = initialize(LATEST, json!({}));
    let session = example.wire.ask(begin.bytes());
    let id = session.field("Mcp-Session-Id").expect("a session");
    let level = legacy(json!(1), "logging/setLevel", json!({ "level": "error" }));
    example.wire.ask(level.with("Mcp-Session-Id", id).bytes()).result();
    let said = example.lines.next().expect("a line").expect("text");
    assert_eq!(said, r#"Some(("test", "0")) wants lines of error"#);
}

fn shutdown(example: &mut Example) {
    assert_eq!(example.text("ping", json!({})), "pong");
    drop(example.child.stdin.take());
    let said = example.lines.next().expect("a line").expect("text");
    assert_eq!(said, "stopped, with 1 connections open");
    example.wire.expect_end();
    assert!(example.child.wait().expect("it ends").success());
}

#[test]
fn each_does_what_it_says() {
    for (name, check) in EXAMPLES {
        println!("{name}");
        check(&mut Example::start(name));
    }
}

/// Answers the question that comes next on this stream; what comes after it.
fn answer_next(talk: &mut Talk, client: &Client, content: Value) -> Value {
    let question = talk.next();
    assert_eq!(question["method"], "elicitation/create", "{question}");
    client.reply(&question, json!({ "action": "accept", "content": content }));
    talk.next()
}

/// The same functions, for clients with sessions: docs/migrating.md says so of these.
#[test]
fn what_asks_tells_and_lasts_does_so_in_sessions_too() {
    let able = json!({ "elicitation": {} });

    let example = Example::start("13_ask");
    let client = Client::able(example.address, LATEST, able.clone());
    let mut talk = client.start(&client.tool(1, "book_trip", json!({ "city": "Oulu" })));
    assert!(talk.head(), "a stream");
    let booked = answer_next(&mut talk, &client, json!({ "day": "2027-01-02" }));
    assert_eq!(booked["result"]["content"][0]["text"], "Oulu on 2027-01-02 is booked.");

    let example = Example::start("08_notify");
    let client = Client::begin(example.address, LATEST);
    let uri = json!({ "uri": "app:counter" });
    assert_eq!(client.ask(&client.request(1, "resources/subscribe", uri.clone())).status, 200);
    let mut stream = client.listen();
    assert_eq!(client.ask(&client.tool(2, "add", json!({ "by": 5 }))).status, 200);
    let notice = stream.next();
    assert_eq!(notice["method"], "notifications/resources/updated");
    assert_eq!(notice["params"]["uri"], uri["uri"]);

    let example = Example::start("14_tasks");
    let client = Client::able(example.address, LATEST, able);
    let call = json!({ "name": "build", "arguments": { "target": "all" }, "task": {} });
    let begun = client.ask(&client.request(1, "tools/call", call));
    let id = json!({ "taskId": begun.json()["result"]["task"]["taskId"] });
    let mut talk = client.start(&client.request(2, "tasks/result", id));
    assert!(talk.head(), "a stream");
    let built = answer_next(&mut talk, &client, json!({}));
    assert_eq!(built["result"]["content"][0]["text"], "all is built and released.");
}

#[test]
fn none_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in std::fs::read_dir(folder).expect("a folder of examples") {
        let path = entry.expect("a readable folder").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        // Those are built with the feature of this name.
        if name.contains("rmcp") && !cfg!(feature = "rmcp") {
            continue;
        }
        let known = name == OVER_STDIO || EXAMPLES.iter().any(|(known, _)| *known == name);
        assert!(known, "{name} is not in EXAMPLES");
    }
}
