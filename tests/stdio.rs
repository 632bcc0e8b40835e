//! Standard input and output: both eras, everything a server says, bad lines, slow readers, and a
//! clean end.

mod common;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use common::session::{A_WHILE, everything};
use common::stdio::{StdioClient, is_server, resident_bytes};
use common::talkative::{Scene, talkative};
use mcp_fastd::{Config, Transports};
use serde_json::{Value, json};

const LATEST: &str = "2025-11-25";

/// The server that the other tests start: this executable, with standard input as its client.
#[test]
#[ignore = "it serves, for the other tests"]
fn serve() {
    if is_server() {
        let config = Config {
            transports: Transports::Stdio,
            workers: Some(4),
            shutdown_grace: Duration::from_secs(2),
            ..Config::default()
        };
        talkative(Arc::new(Scene::default())).config(config).run().expect("it serves");
    }
}

fn start() -> StdioClient {
    StdioClient::own("serve")
}

fn begin(capabilities: Value) -> StdioClient {
    let mut client = start();
    client.initialize(LATEST, capabilities);
    client
}

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("text: {answer}"))
}

#[test]
fn a_modern_client_probes_and_goes_on() {
    let mut client = start();
    client.modern(1, "server/discover", json!({}));
    let answer = client.next();
    assert_eq!(answer["result"]["supportedVersions"], json!(["2026-07-28"]), "{answer}");
    client.modern("a", "tools/call", json!({ "name": "here", "arguments": { "tag": "x" } }));
    let answer = client.next();
    assert_eq!((&answer["id"], &answer["result"]["resultType"]), (&json!("a"), &json!("complete")));
    assert_eq!(text(&answer), "x");
    // A revision that is not ours is refused as the specification says, so that the client can
    // choose another.
    let mut meta = common::requests::meta();
    meta["io.modelcontextprotocol/protocolVersion"] = json!("2030-01-01");
    client.request(2, "server/discover", json!({ "_meta": meta }));
    let answer = client.next();
    assert_eq!(answer["error"]["code"], -32022, "{answer}");
    assert_eq!(answer["error"]["data"]["supported"], json!(["2026-07-28"]), "{answer}");
}

#[test]
fn each_revision_with_initialize_is_agreed_to() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", LATEST] {
        let mut client = start();
        let answer = client.initialize(version, json!({}));
        assert_eq!(answer["result"]["serverInfo"]["name"], "talkative");
        client.request(1, "ping", json!({}));
        assert_eq!(client.next(), json!({ "jsonrpc": "2.0", "id": 1, "result": {} }));
        client.tool(2, "there", json!({ "tag": version }));
        assert_eq!(text(&client.next()), version);
        client.request(3, "server/discover", json!({}));
        assert_eq!(client.next()["error"]["code"], -32601);
        client.request(4, "initialize", json!({ "protocolVersion": version }));
        assert_eq!(client.next()["error"]["code"], -32600, "once is enough");
    }
}

#[test]
fn quick_answers_overtake_slow_ones() {
    let mut client = begin(json!({}));
    client.tool(1, "gated", json!({ "tag": "slow" }));
    client.tool(2, "here", json!({ "tag": "quick" }));
    let mut seen = vec![];
    // The slow one says something first.
    while seen.len() < 2 {
        seen.push(client.next());
    }
    seen.sort_by_key(|message| message["id"].as_u64());
    assert_eq!((&seen[0]["method"], text(&seen[1])), (&json!("notifications/message"), "quick"));
    client.tool(3, "open", json!({}));
    let mut ids: Vec<_> = (0..3).map(|_| client.next()["id"].clone()).collect();
    ids.sort_by_key(|id| id.as_u64());
    assert_eq!(ids, [json!(null), json!(1), json!(3)], "its last line, and both answers");
}

#[test]
fn progress_and_log_lines_come_before_the_result() {
    for tool in ["steps", "steps_here"] {
        let mut client = begin(json!({}));
        client.request(
            1,
            "tools/call",
            json!({ "name": tool, "arguments": { "count": 3 }, "_meta": { "progressToken": "t" } }),
        );
        for step in 1..=3 {
            let message = client.next();
            assert_eq!(message["method"], "notifications/progress");
            assert_eq!(message["params"]["progress"].as_f64(), Some(f64::from(step)));
        }
        assert_eq!(text(&client.next()), "3 steps ");
    }
    let mut client = begin(json!({}));
    client.request(1, "logging/setLevel", json!({ "level": "error" }));
    assert_eq!(client.next()["result"], json!({}));
    client.tool(2, "levels", json!({}));
    for level in ["error", "critical", "alert", "emergency"] {
        assert_eq!(client.next()["params"]["level"], level);
    }
    assert_eq!(text(&client.next()), "logged");
}

#[test]
fn a_question_is_asked_and_answered() {
    let mut client = begin(everything());
    client.tool(1, "form", json!({ "tag": "who" }));
    let question = client.next();
    assert_eq!(question["method"], "elicitation/create");
    let answer = json!({ "action": "accept", "content": { "name": "Ada" } });
    client.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": answer }));
    assert_eq!(text(&client.next()), "who: Ada");
}

#[test]
fn a_modern_client_is_asked_in_rounds() {
    let mut client = start();
    let capabilities = json!({ "elicitation": { "form": {} } });
    let params = |more: Value| {
        let mut params = json!({ "name": "form", "arguments": { "tag": "who" } });
        params["_meta"] = json!({ "io.modelcontextprotocol/clientCapabilities": capabilities });
        for (key, value) in more.as_object().expect("an object") {
            params[key] = value.clone();
        }
        params
    };
    client.modern(1, "tools/call", params(json!({})));
    let answer = client.next();
    assert_eq!(answer["result"]["resultType"], "input_required", "{answer}");
    let given = json!({ "who": { "action": "accept", "content": { "name": "Ada" } } });
    client.modern(2, "tools/call", params(json!({ "inputResponses": given })));
    assert_eq!(text(&client.next()), "who: Ada");
}

#[test]
fn a_call_is_cancelled_and_nothing_more_is_said_of_it() {
    let mut client = begin(json!({}));
    client.tool(1, "until_cancelled", json!({}));
    client.modern(2, "tools/call", json!({ "name": "until_cancelled", "arguments": {} }));
    client.expect_quiet(A_WHILE);
    for id in [1, 2] {
        client.tell("notifications/cancelled", json!({ "requestId": id }));
    }
    // Both have ended, since their workers are free again for these.
    for id in 10..20 {
        client.tool(id, "there", json!({ "tag": "t" }));
        assert_eq!(client.next()["id"], id);
    }
    client.close();
    let (rest, status) = client.rest();
    assert_eq!((rest, status.code()), (vec![], Some(0)));
}

#[test]
fn a_subscription_lasts_until_it_is_cancelled_or_the_input_ends() {
    let mut client = start();
    let filter = json!({ "notifications": { "resourceSubscriptions": ["note://0"] } });
    for id in ["a", "b"] {
        client.modern(id, "subscriptions/listen", filter.clone());
        let message = client.next();
        assert_eq!(message["method"], "notifications/subscriptions/acknowledged");
        let named = &message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
        assert_eq!(named, id);
    }
    let update = json!({ "name": "update", "arguments": { "count": 1 } });
    client.modern(1, "tools/call", update.clone());
    let mut told: Vec<_> = (0..3).map(|_| client.next()).collect();
    told.retain(|message| message["method"] == "notifications/resources/updated");
    assert_eq!(told.len(), 2, "{told:?}");
    client.tell("notifications/cancelled", json!({ "requestId": "a" }));
    client.modern(2, "tools/call", update);
    let told: Vec<_> = (0..2).map(|_| client.next()).collect();
    let of_b = |message: &&Value| {
        message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == "b"
    };
    assert_eq!(told.iter().filter(of_b).count(), 1, "{told:?}");
    client.close();
    let (rest, status) = client.rest();
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert_eq!(
        (&rest[0]["id"], &rest[0]["result"]["resultType"]),
        (&json!("b"), &json!("complete"))
    );
    assert_eq!(status.code(), Some(0));
}

#[test]
fn only_who_has_begun_is_told_of_changes_unasked() {
    let mut client = start();
    client.modern(1, "tools/call", json!({ "name": "update", "arguments": { "count": 1 } }));
    assert_eq!(client.next()["id"], 1);
    client.expect_quiet(A_WHILE);
    // A subscription is a wish in itself.
    client.request("s", "resources/subscribe", json!({ "uri": "note://1" }));
    assert_eq!(client.next()["result"], json!({}));
    client.tool("u", "update", json!({ "count": 2 }));
    let both = [client.next(), client.next()];
    assert!(both.iter().any(|message| message["params"]["uri"] == "note://1"), "{both:?}");
    client.request("x", "resources/unsubscribe", json!({ "uri": "note://1" }));
    assert_eq!(client.next()["result"], json!({}));
    client.initialize(LATEST, json!({}));
    client.request(2, "resources/subscribe", json!({ "uri": "note://0" }));
    assert_eq!(client.next()["result"], json!({}));
    client.tool(3, "update", json!({ "count": 2 }));
    let both = [client.next(), client.next()];
    let told = both.iter().find(|message| message["method"] == "notifications/resources/updated");
    assert_eq!(told.map(|message| &message["params"]["uri"]), Some(&json!("note://0")));
    client.expect_quiet(A_WHILE);
}

#[test]
fn bad_lines_are_answered_and_the_next_is_heard() {
    let mut client = start();
    for (line, code) in [
        ("nonsense\n", -32700),
        ("{\"jsonrpc\":\"2.0\"\n", -32700),
        ("\u{feff}{}\n", -32700),
        ("{}\n", -32600),
        ("[]\n", -32600),
        ("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]\n", -32600),
        ("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}\n", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}\n", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"nothing\"}\n", -32601),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{}}\n", -32602),
    ] {
        client.write(line);
        let answer = client.next();
        assert_eq!(answer["error"]["code"], code, "{line}: {answer}");
    }
    client.write("{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{},\"error\":{}}\n");
    let answer = client.next();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&Value::Null, &json!(-32600)));
    client.write(b"\xff\xfe\n");
    assert_eq!(client.next()["error"]["code"], -32700);
    let long = format!("{{\"x\":\"{}\"}}\n", "x".repeat(5 << 20));
    client.write(long);
    let answer = client.next();
    assert_eq!(answer["error"]["data"]["limit"], "http.body_bytes_max", "{answer}");
    client.write("\n\r\n  \n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\n");
    assert_eq!(client.next()["result"], json!({}));
}

#[test]
fn a_batch_of_2025_03_26_is_answered_as_one() {
    let mut client = start();
    client.initialize("2025-03-26", json!({}));
    for tool in ["here", "there"] {
        let call = |id: u32| {
            let params = json!({ "name": tool, "arguments": { "tag": id.to_string() } });
            json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
        };
        client.send(&json!([call(1), call(2)]));
        let answers = client.next();
        let texts: Vec<_> = answers.as_array().expect("an array").iter().map(text).collect();
        assert_eq!(texts, ["1", "2"]);
    }
}

#[test]
fn the_end_of_input_waits_for_what_is_under_way() {
    let mut client = begin(json!({}));
    client.tool(1, "gated", json!({ "tag": "x" }));
    client.tool(2, "open", json!({}));
    // The last line has no end.
    client.write(r#"{"jsonrpc":"2.0","id":3,"method":"ping"}"#);
    client.close();
    let (messages, status) = client.rest();
    let mut ids: Vec<_> = messages.iter().filter_map(|message| message["id"].as_u64()).collect();
    ids.sort_unstable();
    assert_eq!((ids, status.code()), (vec![1, 2, 3], Some(0)));
}

#[test]
fn the_end_of_input_does_not_wait_for_ever() {
    let mut client = begin(everything());
    client.tool(1, "form", json!({ "tag": "nobody answers" }));
    assert_eq!(client.next()["method"], "elicitation/create");
    client.tool(2, "until_cancelled", json!({}));
    client.close();
    let (_, status) = client.rest();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_client_that_is_gone_ends_the_server() {
    let mut client = begin(json!({}));
    client.forget_output();
    client.tool(1, "lines", json!({ "count": 1000, "bytes": 1000 }));
    assert_eq!(client.wait().code(), Some(0));
}

#[test]
fn who_does_not_read_is_not_read_from_and_loses_nothing() {
    const COUNT: usize = 20_000;
    let mut client = begin(json!({}));
    let tag = "x".repeat(2_000);
    let mut writer = client.take_input();
    let write = move || {
        for id in 0..COUNT {
            let params = json!({ "name": "here", "arguments": { "tag": tag } });
            let call =
                json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
            writeln!(writer, "{call}").expect("the server reads, in time");
        }
    };
    let writing = client.without_reading(|client| {
        let writing = std::thread::spawn(write);
        // Long enough for the pipes to be full.
        std::thread::sleep(Duration::from_millis(500));
        assert!(!writing.is_finished(), "40 MB do not fit anywhere");
        let resident = resident_bytes(client.id());
        assert!(resident < 64 << 20, "{resident} bytes are held for a client that does not read");
        writing
    });
    for id in 0..COUNT {
        assert_eq!(client.next()["id"], id, "in order, and none is lost");
    }
    writing.join().expect("all was written");
    assert_eq!(client.wait().code(), Some(0));
}

#[test]
fn who_does_not_read_cannot_keep_the_server() {
    let mut client = begin(json!({}));
    let mut writer = client.take_input();
    client.without_reading(|client| {
        // More than fits the pipe, all of which the server has read before its input ends.
        let params = json!({ "name": "here", "arguments": { "tag": "x".repeat(300_000) } });
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        writeln!(writer, "{call}").expect("the server reads");
        drop(writer);
        assert_eq!(client.wait().code(), Some(0), "the grace has an end");
    });
}

#[test]
fn descriptors_that_do_not_block_are_waited_for() {
    let mut client = StdioClient::own_with("serve", |command| {
        let (theirs, ours) = std::os::unix::net::UnixStream::pair().expect("a pair");
        theirs.set_nonblocking(true).expect("it can be set");
        command.stdout(std::os::fd::OwnedFd::from(theirs));
        ours
    });
    client.initialize(LATEST, json!({}));
    let tag = "x".repeat(10_000);
    for id in 0..300 {
        client.tool(id, "here", json!({ "tag": tag }));
    }
    for id in 0..300 {
        assert_eq!(client.next()["id"], id);
    }
}

#[test]
fn too_many_calls_at_once_are_refused_one_by_one() {
    let mut client = start();
    client.initialize("2025-03-26", json!({}));
    for id in 0..300 {
        client.tool(id, "until_cancelled", json!({}));
    }
    for id in 256..300 {
        let answer = client.next();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(id), &json!(-32603)));
        let message = answer["error"]["message"].as_str().expect("text");
        assert!(message.contains("session_calls_max"), "{message}");
    }
    // A batch has no id of its own.
    let params = json!({ "name": "there", "arguments": { "tag": "x" } });
    client.send(&json!([{ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }]));
    let answer = client.next();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&Value::Null, &json!(-32603)));
    for id in 0..256 {
        client.tell("notifications/cancelled", json!({ "requestId": id }));
    }
    client.tool("after", "there", json!({ "tag": "x" }));
    assert_eq!(client.next()["id"], "after");
}

#[test]
fn what_functions_print_is_not_for_the_client() {
    let mut client = begin(json!({}));
    client.tool(1, "print", json!({}));
    assert_eq!(text(&client.next()), "printed");
}

#[test]
fn a_panic_costs_one_answer() {
    let mut client = begin(json!({}));
    for tool in ["panic", "panic_here"] {
        client.tool(1, tool, json!({}));
        let answer = client.next();
        assert!(
            answer["error"]["code"] == -32603 || answer["result"]["isError"] == true,
            "{answer}"
        );
        client.tool(2, "there", json!({ "tag": "x" }));
        assert_eq!(client.next()["id"], 2);
    }
}
