//! What operators see of a request, whichever way it came: each call is in the audit log once, and
//! `/ready` and `/metrics` say how it stands.

#[path = "common/daemon.rs"]
#[allow(clippy::duplicate_mod)]
mod daemon;

mod common;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use common::events::{call_with, takes_tasks, up};
use common::http_sse::OldClient;
use common::issuer::{Issuer, SigningKey};
use common::session::Client;
use common::stdio::StdioClient;
use common::{Wire, call, eventually, start_with};
use daemon::{Daemon, command};
use jsonwebtoken::Algorithm;
use mcp_fastd::config::tokens::{IssuerConfig, TokenConfig};
use mcp_fastd::{Access, Authentication, Config, Empty, Server, TaskSupport, about};
use serde_json::{Value, json};

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// Request, tool and outcome of each line, in the order of the requests.
fn entered(path: &Path) -> Vec<(Value, String, String)> {
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let entry =
        |line: &Value| (line["request_id"].clone(), text(line, "tool"), text(line, "outcome"));
    let mut all: Vec<_> = lines(path).iter().map(entry).collect();
    all.sort_by_key(|(id, ..)| id.as_u64());
    all
}

fn entry(id: u64, tool: &str, outcome: &str) -> (Value, String, String) {
    (json!(id), tool.to_owned(), outcome.to_owned())
}

fn page(address: SocketAddr, path: &str) -> (u16, String) {
    let response =
        Wire::connect(address).ask(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    (response.status, response.text())
}

#[test]
fn over_http_sse_a_call_is_entered_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.log");
    let server = start_with(|config| config.observe.audit_log.path = Some(path.clone()));
    let mut client = OldClient::begin(server.address, "2024-11-05", json!({}));
    client.tool(11, "echo", json!({ "text": "x" }));
    client.next();
    client.tool(12, "add", json!({ "a": i64::MAX, "b": 1 }));
    client.next();
    client.tool(13, "echo_on_worker", json!({ "text": "x" }));
    client.next();
    client.tool(14, "nowhere", json!({}));
    client.next();
    drop(client);
    server.stop();
    let expected = [
        entry(11, "echo", "ok"),
        entry(12, "add", "tool_error"),
        entry(13, "echo_on_worker", "ok"),
        entry(14, "nowhere", "error"),
    ];
    assert_eq!(entered(&path), expected);
}

#[test]
fn each_call_of_a_batch_is_entered() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.log");
    let server = start_with(|config| config.observe.audit_log.path = Some(path.clone()));
    let client = Client::begin(server.address, "2025-03-26");
    let tool = |id: u64, name: &str| {
        let params = json!({ "name": name, "arguments": { "text": "x" } });
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
    };
    let ping = json!({ "jsonrpc": "2.0", "id": 3, "method": "ping" });
    client.ask(&client.post(&json!([tool(1, "echo"), tool(2, "nowhere"), ping])));
    client.ask(&client.post(&json!([tool(4, "echo"), tool(5, "echo_on_worker")])));
    server.stop();
    let expected = [
        entry(1, "echo", "ok"),
        entry(2, "nowhere", "error"),
        entry(4, "echo", "ok"),
        entry(5, "echo_on_worker", "ok"),
    ];
    assert_eq!(entered(&path), expected);
    for line in lines(&path) {
        assert!(line["arguments"].as_str().is_some_and(|hash| hash.starts_with("sha256:")));
        assert_eq!(line["protocol_version"], "2025-03-26");
        assert!(line["client"].is_string(), "{line}");
    }
}

#[test]
fn a_task_is_entered_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.log");
    let server = Server::builder()
        .tool(about("quick").task(TaskSupport::Optional).on_worker(), |_: Empty| "done");
    let server = up(server.build(), |config| {
        config.observe.audit_log.path = Some(path.clone());
    });
    let handle = server.result(&call_with(1, "quick", takes_tasks()));
    assert_eq!(handle["resultType"], "task", "{handle}");
    eventually("it is entered", || !lines(&path).is_empty());
    drop(server);
    assert_eq!(entered(&path), [entry(1, "quick", "ok")]);
    assert_eq!(lines(&path)[0]["task"], handle["taskId"]);
}

#[test]
fn over_stdio_a_call_is_entered_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.log");
    let mut start = command();
    start.args(["--transport", "stdio", "--audit-log"]).arg(&path);
    start.arg(folder.path().join("library.db")).stderr(Stdio::null());
    let mut client = StdioClient::start(&mut start);
    client.initialize("2025-11-25", json!({}));
    client.tool(7, "dataset_stats", json!({}));
    client.next();
    client.tool(8, "nowhere", json!({}));
    client.next();
    client.close();
    assert!(client.wait().success());
    assert_eq!(entered(&path), [entry(7, "dataset_stats", "ok"), entry(8, "nowhere", "error")]);
    assert_eq!(lines(&path)[0]["transport"], "stdio");
}

#[test]
fn who_may_not_is_named_with_what_they_wanted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.log");
    let mut config = Config { cores: Some(1), pin: false, ..Config::default() };
    config.bind.set_port(0);
    config.observe.audit_log.path = Some(path.clone());
    let running = Server::builder()
        .tool(about("write").scopes(["w"]), |_: Empty| "written")
        .authenticate(|_, credentials| match credentials.bearer() {
            Some(name) => Access::named(name),
            None => credentials.denied(),
        })
        .config(config)
        .start()
        .expect("it starts");
    let mut wire = Wire::connect(running.addr());
    let post = call(1, "write", json!({})).with("Authorization", "Bearer ada");
    assert_eq!(wire.ask(post.bytes()).status, 403);
    let get = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ada\r\n\r\n";
    let text = wire.ask(get);
    let series = "mcp_server_requests_total{mcp_method_name=\"tools/call\",\
                  gen_ai_tool_name=\"write\",error_type=\"403\",outcome=\"denied\"} 1\n";
    assert!(text.text().contains(series), "{}", text.text());
    // The same where the body has not come yet.
    let mut wire = Wire::connect(running.addr());
    wire.send(format!("{}Content-Length: 9\r\n\r\n", post.head()));
    assert_eq!(wire.response().status, 403);
    let text = Wire::connect(running.addr()).ask(get).text().to_owned();
    assert!(text.contains(&series.replace("} 1", "} 2")), "{text}");
    running.stop();
    let lines = lines(&path);
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in lines {
        let said = ["event", "principal", "mcp_method", "tool"].map(|key| line[key].clone());
        assert_eq!(json!(said), json!(["denied", "ada", "tools/call", "write"]));
    }
}

#[test]
fn initialize_is_counted_and_limits_are_told() {
    let server = start_with(|config| {
        config.connections_max = 321;
        config.overload.memory_max = Some(1 << 40);
    });
    Client::begin(server.address, "2025-11-25");
    let (_, text) = page(server.address, "/metrics");
    for line in [
        "mcp_server_requests_total{mcp_method_name=\"initialize\",outcome=\"ok\"} 1\n",
        "mcp_server_connections_limit 321\n",
        "mcp_server_memory_limit_bytes 1099511627776\n",
        "\nprocess_max_fds ",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("\nmcp_server_tls_certificate"), "there is none");
    server.stop();
}

#[test]
fn who_operates_is_not_counted_nor_logged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    let mut server = start_with(|config| {
        config.observe.access_log.path = Some(path.clone());
        config.observe.admin_bind = Some(([127, 0, 0, 1], 0).into());
    });
    let running = server.take();
    let admin = running.admin_addr().expect("it listens");
    for path in ["/ready", "/nowhere", "/health"] {
        page(admin, path);
    }
    let (status, text) = page(admin, "/metrics");
    assert_eq!(status, 200);
    assert!(!text.contains("mcp_server_http_responses_total{"), "{text}");
    running.stop();
    assert_eq!(lines(&path), [] as [Value; 0]);
}

#[test]
fn issuers_are_dependencies() {
    let mut issuer = Issuer::start();
    let key = SigningKey::new("a", Algorithm::ES256);
    issuer.answers().keys = vec![key.public()];
    issuer.go();
    let mut config = Config { cores: Some(1), pin: false, ..Config::default() };
    config.bind.set_port(0);
    config.auth.tokens = TokenConfig {
        issuers: vec![IssuerConfig::discovered(issuer.url())],
        audiences: vec!["https://us.example".to_owned()],
        ..TokenConfig::default()
    };
    let authentication = Authentication::start(&config.auth).expect("it starts");
    let server = Server::builder().tool("hello", |_: Empty| "Hello!");
    let running = server.authenticator(authentication).config(config).start().expect("it starts");
    let name = format!("issuer {}", issuer.url());
    let ready = || {
        let (status, text) = page(running.addr(), "/ready");
        let body: Value = serde_json::from_str(&text).expect("JSON");
        (status, body["dependencies"][&name].as_str().unwrap_or_default().to_owned())
    };
    let (status, problem) = ready();
    assert_eq!((status, problem.contains("keys could not be fetched")), (503, true), "{problem}");
    issuer.come_back();
    eventually("its keys are here", || ready() == (200, "ready".to_owned()));
    running.stop();
}

#[test]
fn what_operators_do_is_entered_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, settings) = (folder.path().join("audit.log"), folder.path().join("fastd.toml"));
    std::fs::write(&settings, "idle_timeout = \"9s\"\n").expect("written");
    let mut start = command();
    start.args(["--bind", "127.0.0.1:0", "--cores", "1", "--audit-log"]).arg(&path);
    start.arg("--config").arg(&settings).arg(folder.path().join("library.db"));
    let mut daemon = Daemon::start(&mut start);
    daemon.signal("HUP");
    eventually("a reload", || lines(&path).len() == 1);
    std::fs::write(&settings, "idle_timeout = \"soon\"\n").expect("written");
    daemon.signal("HUP");
    eventually("none", || lines(&path).len() == 2);
    daemon.signal("USR1");
    eventually("a new file", || lines(&path).len() == 3);
    let (_, text) = page(daemon.address, "/metrics");
    for line in [
        "mcp_server_operator_acts_total{act=\"reload\",outcome=\"ok\"} 1\n",
        "mcp_server_operator_acts_total{act=\"reload\",outcome=\"error\"} 1\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    daemon.signal("TERM");
    assert!(daemon.ended().success());
    let acts: Vec<_> = lines(&path)
        .iter()
        .map(|line| ["event", "action", "outcome"].map(|key| line[key].clone()))
        .collect();
    let expected = json!([
        ["admin", "reload", "ok"],
        ["admin", "reload", "error"],
        ["admin", "reopen_logs", "ok"],
        ["admin", "stop", "ok"]
    ]);
    assert_eq!(json!(acts), expected);
}

#[test]
fn a_stop_says_what_it_leaves_unwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut start = command();
    start.args(["--bind", "127.0.0.1:0", "--cores", "1", "--audit-log", "/dev/full"]);
    let mut daemon = Daemon::start(start.arg(folder.path().join("library.db")));
    Wire::connect(daemon.address).ask(call(1, "dataset_stats", json!({})).bytes());
    daemon.signal("TERM");
    assert_eq!(daemon.ended().code(), Some(1));
    assert!(daemon.log().contains("it is lost"), "{}", daemon.log());
}

#[test]
fn a_stop_does_not_wait_for_a_pipe_that_nobody_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("it runs");
    assert!(made.success());
    // Both ends are held, so that it can be opened and fills up.
    let held = std::fs::OpenOptions::new().read(true).write(true).open(&pipe).expect("a pipe");
    let filler = std::fs::OpenOptions::new().write(true).open(&pipe).expect("a pipe");
    let mut start = command();
    start.args(["--bind", "127.0.0.1:0", "--cores", "1", "--access-log"]).arg(&pipe);
    let mut daemon = Daemon::start(start.arg(folder.path().join("library.db")));
    let mut wire = Wire::connect(daemon.address);
    // More than a pipe holds.
    for id in 0..600 {
        wire.ask(call(id, "dataset_stats", json!({})).bytes());
    }
    daemon.signal("TERM");
    daemon.ended();
    assert!(daemon.log().contains("not waited for"), "{}", daemon.log());
    drop((held, filler));
}
