//! The access log: a line for each request, and nothing in it that gives a secret away.

use std::path::Path;

use mcp_fastd::{AccessFormat, Config};
use serde_json::{Value, json};

use common::session::Client;
use common::{call, eventually, start_with};

mod common;

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn logging(path: &Path) -> impl FnOnce(&mut Config) {
    let path = path.to_owned();
    move |config| config.observe.access_log.path = Some(path)
}

#[test]
fn each_request_has_a_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    let server = start_with(logging(&path));
    let mut wire = server.connect();
    let post = call(7, "add", json!({ "a": 1, "b": 2 }))
        .with("User-Agent", "test/1\u{7f}")
        .with("Authorization", "Bearer s3cret")
        .with("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let post = post.instead("User-Agent", "test/1 \"quoted\"");
    let bytes = wire.ask(post.bytes()).body.len();
    server.connect().ask(call(8, "echo_on_worker", json!({ "text": "x" })).bytes());
    server.connect().ask("GET /nothing?token=s3cret HTTP/1.1\r\nHost: localhost\r\n\r\n");
    server.connect().ask("NONSENSE\r\n\r\n");
    eventually("all are written", || lines(&path).len() == 4);
    let text = std::fs::read_to_string(&path).expect("it is there");
    assert!(!text.contains("s3cret"), "{text}");
    let lines = lines(&path);
    let find = |key: &str, value: Value| {
        let found = lines.iter().find(|line| line[key] == value);
        found.unwrap_or_else(|| panic!("{key} {value} in {text}"))
    };
    let line = find("tool", json!("add"));
    assert_eq!(line["address"], "127.0.0.1");
    assert_eq!((&line["method"], &line["path"]), (&json!("POST"), &json!("/mcp")));
    assert_eq!((&line["status"], &line["outcome"]), (&json!(200), &json!("ok")));
    assert_eq!((&line["mcp_method"], &line["request_id"]), (&json!("tools/call"), &json!(7)));
    assert_eq!(line["user_agent"], "test/1 \"quoted\"");
    assert_eq!(line["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert!(line["bytes"].as_u64().expect("bytes") > bytes as u64, "{line}");
    assert!(line["duration_ms"].as_f64().is_some() && line["time"].is_string());
    assert_eq!(find("tool", json!("echo_on_worker"))["status"], 200);
    let line = find("path", json!("/nothing"));
    assert_eq!((&line["status"], &line["outcome"]), (&json!(404), &json!("refused")));
    assert_eq!(find("status", json!(400))["error_type"], "400");
    server.stop();
}

#[test]
fn a_session_is_known_again_and_not_given_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    let server = start_with(logging(&path));
    let client = Client::begin(server.address, "2025-11-25");
    let post = client.tool(7, "echo", json!({ "text": "x" }));
    client.ask(&post);
    client.ask(&post);
    let sessions = || {
        let lines = lines(&path);
        let tools = lines.iter().filter(|line| line["tool"] == "echo");
        tools.map(|line| line["session"].as_str().expect("one").to_owned()).collect::<Vec<_>>()
    };
    eventually("both are written", || sessions().len() == 2);
    let sessions = sessions();
    assert_eq!(sessions[0], sessions[1]);
    let sent = String::from_utf8_lossy(&post.bytes()).into_owned();
    assert!(!sent.contains(&sessions[0]), "{sent}");
    server.stop();
}

#[test]
fn a_sample_is_logged_and_all_that_went_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    let server = start_with(|config| {
        logging(&path)(config);
        config.observe.access_log.sample = 0.25;
        config.observe.access_log.format = AccessFormat::Text;
    });
    let mut wire = server.connect();
    for id in 0..40 {
        wire.ask(call(id, "echo", json!({ "text": "x" })).bytes());
    }
    wire.ask(call(1, "add", json!({ "a": i64::MAX, "b": 1 })).bytes());
    server.stop();
    let text = std::fs::read_to_string(&path).expect("it is there");
    let (echoes, failed) =
        (text.matches(" echo ok ").count(), text.matches(" tool_error ").count());
    assert_eq!((echoes, failed), (10, 1), "{text}");
}

#[test]
fn a_rotated_log_goes_on_in_a_new_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, old) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    let server = start_with(logging(&path));
    let mut wire = server.connect();
    wire.ask(call(1, "echo", json!({ "text": "x" })).bytes());
    eventually("the first is written", || lines(&path).len() == 1);
    std::fs::rename(&path, &old).expect("it is moved");
    server.running().logs().reopen();
    eventually("there is a new one", || path.exists());
    wire.ask(call(2, "echo", json!({ "text": "x" })).bytes());
    eventually("the second is written", || lines(&path).len() == 1);
    assert_eq!(lines(&old).len(), 1);
    server.stop();
}
