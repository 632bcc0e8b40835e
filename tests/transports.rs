//! The daemon over standard input, over HTTP, and over both at once.

#[path = "common/daemon.rs"]
mod daemon;

mod common;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use common::PATIENCE;
use common::stdio::StdioClient;
use daemon::{Client, command};
use serde_json::{Value, json};

fn stdio(dataset: &Path, more: &[&str]) -> Command {
    let mut command = command();
    command.args(["--transport", "stdio"]).args(more).arg(dataset).stderr(Stdio::piped());
    command
}

fn create(title: &str) -> Value {
    json!({ "name": "add_document", "arguments": { "title": title, "text": "some words" } })
}

#[test]
fn standard_output_has_nothing_but_messages() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = stdio(&folder.path().join("library.db"), &["--log", "debug"]);
    // A line that is no message fails the test.
    let mut client = StdioClient::start(&mut command);
    client.modern(1, "server/discover", json!({}));
    assert_eq!(client.next()["id"], 1);
    client.initialize("2025-11-25", json!({}));
    client.request(2, "tools/call", create("First"));
    assert_eq!(client.next()["method"], "notifications/resources/list_changed");
    let answer = client.next();
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    client.modern(3, "tools/call", create("Second"));
    let mut messages = vec![client.next()];
    client.close();
    let (rest, status) = client.rest();
    messages.extend(rest);
    assert!(messages.iter().any(|message| message["id"] == 3), "{messages:?}");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_signal_ends_it_though_the_input_is_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut client = StdioClient::start(&mut stdio(&folder.path().join("library.db"), &[]));
    client.modern(1, "server/discover", json!({}));
    client.next();
    let status = Command::new("kill").args(["-s", "TERM", &client.id().to_string()]).status();
    assert!(status.expect("kill runs").success());
    assert_eq!(client.wait().code(), Some(0));
    // The last one to leave closes the file, which takes this one with it.
    assert!(!folder.path().join("library.db-wal").exists(), "the dataset was closed");
}

#[test]
fn what_cannot_be_served_is_said_on_standard_error() {
    let output = stdio(Path::new("/nowhere/library.db"), &[]).output().expect("it runs");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(!output.stderr.is_empty());
    let output = command().args(["--transport", "carrier-pigeon"]).output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("expected stdio, http or both"), "{error}");
    assert_eq!(output.status.code(), Some(2));
}

/// Where it listens, once it has said so.
fn greeted(greeting: &Path) -> SocketAddr {
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(greeting).expect("text");
        let rest = text.split_once("listens on http://").and_then(|(_, rest)| rest.split_once('/'));
        if let Some((address, _)) = rest {
            return address.parse().expect("an address");
        }
        assert!(std::time::Instant::now() < until, "no greeting: {text}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn is_ready(address: SocketAddr) -> bool {
    let mut socket = TcpStream::connect(address).expect("accepted");
    socket
        .write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    !answer.starts_with("HTTP/1.1 503 ")
}

#[test]
fn the_end_of_standard_input_is_a_stop_like_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = command();
    command.args(["--transport", "both", "--bind", "127.0.0.1:0", "--cores", "1"]);
    command.env("MCP_FASTD__SHUTDOWN_DELAY", "2s");
    let log = folder.path().join("log");
    let file = std::fs::File::create(&log).expect("a file");
    let mut client = StdioClient::start(command.arg(folder.path().join("x.db")).stderr(file));
    let address = greeted(&log);
    assert!(is_ready(address));
    client.close();
    // In the delay it serves, and says that it will not for long.
    while is_ready(address) {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(client.wait().code(), Some(0));
    let log = std::fs::read_to_string(&log).expect("text");
    assert!(log.contains("standard input has ended"), "{log}");
}

#[test]
fn both_ways_lead_to_one_dataset() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = command();
    command.args(["--transport", "both", "--bind", "127.0.0.1:0", "--cores", "1"]);
    let greeting = folder.path().join("greeting");
    let log = std::fs::File::create(&greeting).expect("a file");
    let mut client = StdioClient::start(command.arg(folder.path().join("library.db")).stderr(log));
    client.initialize("2025-11-25", json!({}));
    let address = greeted(&greeting);
    let mut http = Client::connect(address);
    let made = http.call("add_document", create("Over HTTP")["arguments"].clone());
    // The client of standard input is told, and finds it.
    assert_eq!(client.next()["method"], "notifications/resources/list_changed");
    client.request(1, "resources/read", json!({ "uri": made["uri"] }));
    let read = client.next();
    assert_eq!(read["result"]["contents"][0]["text"], "some words", "{read}");
    client.request(2, "tools/call", create("Over stdio"));
    let mut made = client.next();
    if made["method"] == "notifications/resources/list_changed" {
        made = client.next();
    }
    let uri = &made["result"]["structuredContent"]["uri"];
    let read = http.result("resources/read", json!({ "uri": uri }));
    assert_eq!(read["contents"][0]["text"], "some words");
    client.close();
    assert_eq!(client.wait().code(), Some(0), "the end of its input is the server's");
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn who_comes_the_old_way_is_warned_of_once() {
    use common::http_sse::OldClient;
    let folder = tempfile::tempdir().expect("a folder");
    let mut daemon = daemon::Daemon::over(&folder.path().join("library.db"));
    for _ in 0..3 {
        let mut client = OldClient::begin(daemon.address, "2024-11-05", json!({}));
        for id in 0..5 {
            client.request(id, "ping", json!({}));
            client.next();
        }
    }
    daemon.signal("TERM");
    assert!(daemon.ended().success());
    let log = daemon.log();
    assert_eq!(log.matches("HTTP+SSE, which MCP has replaced").count(), 1, "{log}");
    assert_eq!(log.matches("still uses HTTP+SSE").count(), 1, "{log}");

    let mut command = command();
    command.args(["--bind", "127.0.0.1:0", "--no-legacy-sse"]).arg(folder.path().join("a.db"));
    let mut daemon = daemon::Daemon::start(&mut command);
    let (status, _) = daemon.client().post("/messages", "", "{}").expect("an answer");
    assert_eq!(status, 404);
    daemon.signal("TERM");
    assert!(daemon.ended().success());
    assert!(!daemon.log().contains("HTTP+SSE"), "{}", daemon.log());
}
