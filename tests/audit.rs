//! The audit log: who called what, and what came of it; each call once.

use std::path::Path;

use mcp_fastd::{Access, AuditArguments, Config, Empty, Principal, Server, WhenFull};
use serde_json::{Value, json};
use std::sync::Arc;

use common::session::Client;
use common::{Wire, call, eventually, start_with};

mod common;

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn each_call_is_entered_once_wherever_it_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.log");
    let server = start_with(|config| config.observe.audit_log.path = Some(path.clone()));
    let mut wire = server.connect();
    wire.ask(call(1, "add", json!({ "a": 1, "b": 2 })).bytes());
    wire.ask(call(2, "add", json!({ "a": i64::MAX, "b": 2 })).bytes());
    wire.ask(call(3, "echo_on_worker", json!({ "text": "secret" })).bytes());
    wire.ask(call(4, "nobody has it", json!({})).bytes());
    let client = Client::begin(server.address, "2025-11-25");
    client.ask(&client.tool(5, "echo", json!({ "text": "secret" })));
    // Who leaves is entered all the same.
    let mut leaves = server.connect();
    leaves.send(call(6, "wait", json!({})).bytes());
    eventually("it waits", || server.stage.waiting.load(std::sync::atomic::Ordering::SeqCst) > 0);
    drop(leaves);
    server.stage.open();
    eventually("all are entered", || lines(&path).len() >= 5);
    server.stop();
    let text = std::fs::read_to_string(&path).expect("it is there");
    let mut entered: Vec<_> = lines(&path)
        .iter()
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            (line["request_id"].as_u64().expect("an id"), text("tool"), text("outcome"))
        })
        .collect();
    entered.sort();
    let expected = [
        (1, "add", "ok"),
        (2, "add", "tool_error"),
        (3, "echo_on_worker", "ok"),
        (4, "nobody has it", "error"),
        (5, "echo", "ok"),
        (6, "wait", "ok"),
    ];
    let expected = expected.map(|(id, tool, outcome)| (id, tool.to_owned(), outcome.to_owned()));
    assert_eq!(entered, expected, "{text}");
    assert!(!text.contains("secret"), "{text}");
    assert!(lines(&path)[0]["arguments"].as_str().is_some_and(|hash| hash.starts_with("sha256:")));
}

#[test]
fn who_is_let_in_is_named_and_who_is_not_is_entered() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.log");
    let mut config = Config { cores: Some(1), pin: false, ..Config::default() };
    config.bind.set_port(0);
    config.observe.audit_log.path = Some(path.clone());
    config.observe.audit_log.arguments = AuditArguments::Full;
    let running = Server::builder()
        .tool("hello", |_: Empty| "Hello!")
        .authenticate(|_, credentials| match credentials.bearer() {
            Some("ada") => Access::Principal(Arc::new(Principal::named("Ada"))),
            _ => credentials.denied(),
        })
        .config(config)
        .start()
        .expect("it starts");
    let mut wire = Wire::connect(running.addr());
    let post = call(1, "hello", json!({}));
    assert_eq!(wire.ask(post.clone().with("Authorization", "Bearer ada").bytes()).status, 200);
    for credentials in ["Bearer mallory", "mallory without-a-scheme", "mallory"] {
        let post = post.clone().with("Authorization", credentials);
        assert_eq!(wire.ask(post.bytes()).status, 401);
    }
    // Where nothing is, no tool is called.
    let elsewhere = String::from_utf8(post.bytes()).expect("text").replace("/mcp ", "/nowhere ");
    assert_eq!(Wire::connect(running.addr()).ask(elsewhere).status, 404);
    running.stop();
    let lines = lines(&path);
    assert_eq!(lines.len(), 4, "{lines:?}");
    let said = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(said(&lines[0], "event"), "call");
    assert_eq!(
        (said(&lines[0], "principal"), said(&lines[0], "tool")),
        ("Ada".into(), "hello".into())
    );
    assert_eq!(said(&lines[0], "authenticated_by"), "Bearer");
    assert_eq!(lines[0]["arguments"], json!({}));
    assert_eq!(
        (said(&lines[1], "event"), lines[1]["status"].clone()),
        ("denied".into(), json!(401))
    );
    assert_eq!(said(&lines[1], "address"), "127.0.0.1");
    let text = format!("{lines:?}");
    assert!(!text.contains("mallory"), "{text}");
}

#[test]
fn what_cannot_be_entered_is_not_done() {
    // Nothing can be written there.
    let server = start_with(|config| {
        config.cores = Some(1);
        config.observe.audit_log.path = Some("/dev/full".into());
    });
    let mut wire = server.connect();
    // One call shows that nothing can be written; then no other is taken in.
    assert_eq!(wire.ask(call(1, "echo", json!({ "text": "x" })).bytes()).status, 200);
    eventually("that is seen", || wire.ask(get("/ready")).status == 503);
    let problem = wire.ask(get("/ready")).json()["dependencies"]["audit_log"].to_string();
    assert!(problem.contains("cannot be written"), "{problem}");
    for id in 2..5 {
        let refused = wire.ask(call(id, "echo", json!({ "text": "x" })).bytes());
        assert_eq!(refused.status, 503);
        assert_eq!(refused.json()["error"]["data"]["limit"], "audit_log.when_full");
        assert_eq!(refused.json()["id"], id);
    }
    assert!(metrics(&mut wire).contains("mcp_server_log_failing{log=\"audit\"} 1\n"));
    // What is no call goes on.
    let list = common::modern(json!(1), "tools/list", json!({}));
    assert_eq!(wire.ask(list.bytes()).status, 200);
    let logs = server.running().logs();
    server.stop();
    assert_eq!(logs.unwritten(), 1, "what is lost is told");
}

#[test]
fn where_calls_may_go_on_they_do() {
    let server = start_with(|config| {
        config.observe.audit_log.path = Some("/dev/full".into());
        config.observe.audit_log.when_full = WhenFull::Drop;
    });
    let mut wire = server.connect();
    let failing = "mcp_server_log_failing{log=\"audit\"} 1\n";
    wire.ask(call(1, "echo", json!({ "text": "x" })).bytes());
    eventually("that is seen", || metrics(&mut wire).contains(failing));
    assert_eq!(wire.ask(call(2, "echo", json!({ "text": "x" })).bytes()).status, 200);
    assert_eq!(wire.ask(get("/ready")).status, 200);
    server.stop();
}

#[test]
fn when_there_is_room_again_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.log");
    std::os::unix::fs::symlink("/dev/full", &path).expect("a link");
    let server = start_with(|config| config.observe.audit_log.path = Some(path.clone()));
    let mut wire = server.connect();
    wire.ask(call(1, "echo", json!({ "text": "x" })).bytes());
    eventually("that is seen", || wire.ask(get("/ready")).status == 503);
    std::fs::remove_file(&path).expect("it is there");
    server.running().logs().reopen();
    eventually("it is written", || wire.ask(get("/ready")).status == 200);
    assert_eq!(wire.ask(call(2, "echo", json!({ "text": "x" })).bytes()).status, 200);
    server.stop();
    let ids: Vec<_> = lines(&path).iter().map(|line| line["request_id"].clone()).collect();
    assert_eq!(ids, [1, 2]);
}

#[test]
fn a_log_that_cannot_be_opened_again_is_tried_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let (logs, moved) = (folder.path().join("logs"), folder.path().join("moved"));
    std::fs::create_dir(&logs).expect("a folder");
    let path = logs.join("audit.log");
    let server = start_with(|config| config.observe.audit_log.path = Some(path.clone()));
    let mut wire = server.connect();
    std::fs::rename(&logs, &moved).expect("it moves");
    server.running().logs().reopen();
    let failing = "mcp_server_log_failing{log=\"audit\"} 1\n";
    eventually("that is seen", || metrics(&mut wire).contains(failing));
    assert_eq!(wire.ask(call(1, "echo", json!({ "text": "x" })).bytes()).status, 200);
    eventually("it is in the old file", || lines(&moved.join("audit.log")).len() == 1);
    std::fs::create_dir(&logs).expect("a folder");
    eventually("it is opened", || !metrics(&mut wire).contains(failing));
    wire.ask(call(2, "echo", json!({ "text": "x" })).bytes());
    eventually("it is in the new file", || lines(&path).len() == 1);
    server.stop();
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn metrics(wire: &mut Wire) -> String {
    wire.ask(get("/metrics")).text()
}
