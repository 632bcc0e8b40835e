//! `mcp-fastd migrate`: the real command on servers' and clients' files, and who still comes the old
//! way, asked of a daemon that runs.

#![cfg(feature = "daemon")]

mod common;
#[path = "common/daemon.rs"]
mod daemon;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Output;

use common::http_sse::OldClient;
use daemon::{Daemon, command};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder, and a file in it.
struct Place {
    folder: TempDir,
    file: PathBuf,
}

fn place(name: &str, text: &str) -> Place {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(name);
    fs::write(&file, text).expect("a file");
    Place { folder, file }
}

/// What came of a run.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn migrate(file: &Path, arguments: &[&str]) -> Ran {
    let output = command().arg("migrate").arg(file).args(arguments).output().expect("it runs");
    let Output { status, stdout, stderr } = output;
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// It ends with code 1, says all of this in one line, and writes nothing else.
#[track_caller]
fn check_problem(ran: &Ran, expected: &[&str]) {
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    assert_eq!(ran.err.trim_end().lines().count(), 1, "one line: {ran:?}");
    for part in expected {
        assert!(ran.err.contains(part), "{part:?} in {}", ran.err);
    }
}

/// An address at which nothing listens. A port that the system has just given is given again last.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

const OLD: &str = "\
# Ours.
bind = \"ADDRESS\"   # behind a proxy
cores = 2
[http]
body_bytes_max = 5000 # enough
[http_sse]
sse_endpoint = \"/api/sse\"
messages_endpoint = \"/api/messages\"
connections_max = 7
session_timeout = \"90s\"
[http_sse.deprecation]
warnings = false
";

const NEW: &str = "\
# Ours.
bind = \"ADDRESS\"   # behind a proxy
cores = 2
path = \"/mcp\"
sessions_max = 7
replay_window = \"90s\"
session_idle_timeout = \"300s\"
[http]
body_bytes_max = 5000 # enough
[http_sse]
enabled = false
";

#[test]
fn toml_keeps_its_comments_and_what_is_not_about_it() {
    let address = nobody().to_string();
    let old = OLD.replace("ADDRESS", &address);
    let place = place("fastd.toml", &old);
    let ran = migrate(&place.file, &[]);
    let written = place.folder.path().join("fastd.streamable.toml");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(fs::read_to_string(&written).expect("written"), NEW.replace("ADDRESS", &address));
    assert_eq!(fs::read_to_string(&place.file).expect("there"), old, "it is not changed");
    for part in [
        &format!("Wrote {}.", written.display()),
        "path = \"/mcp\"",
        "http_sse.connections_max is removed",
        "http_sse.enabled = false",
        "http://ADDRESS/api/sse\n                          → http://ADDRESS/mcp",
        "mcp.client.streamable_http.streamable_http_client(url)",
        "new StreamableHTTPClientTransport(url)",
        "GET /api/sse",
        "Who still uses HTTP+SSE is not known: http://ADDRESS/metrics: Connection refused",
        "--metrics",
        "PERFORMANCE.md",
    ] {
        let part = part.replace("ADDRESS", &address);
        assert!(ran.out.contains(&part), "{part:?} in {}", ran.out);
    }
    assert_eq!(ran.err, "");

    // What was written is what a daemon starts with, and there is no HTTP+SSE in it.
    let text = fs::read_to_string(&written).expect("written");
    fs::write(&written, text.replace(&address, "127.0.0.1:0")).expect("a file");
    let daemon = Daemon::start(command().arg("--config").arg(&written));
    let mut client = daemon.client();
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    let begin = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "test", "version": "0" } } });
    let status = |answer: Option<(u16, String)>| answer.expect("an answer").0;
    assert_eq!(status(client.post("/mcp", "", &begin.to_string())), 200);
    assert_eq!(status(daemon.client().post("/api/messages?sessionId=a", "", &list)), 404);
}

#[test]
fn json_keeps_the_order_of_its_members() {
    let text = json!({
        "bind": nobody().to_string(),
        "http_sse": { "session_timeout": "1500ms", "sse_endpoint": "/sse" },
        "cores": 2,
    });
    let place = place("fastd.json", &text.to_string());
    let ran = migrate(&place.file, &["--output", "-"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let new: Value = serde_json::from_str(&ran.out).expect("JSON alone on standard output");
    let expected = json!({
        "bind": text["bind"],
        "http_sse": { "enabled": false },
        "cores": 2,
        "path": "/mcp",
        "replay_window": "1500ms",
        "session_idle_timeout": "300s",
    });
    assert_eq!(new.to_string(), expected.to_string(), "as texts, since the order counts");
    assert!(ran.err.starts_with("On the server:\n"), "the report goes elsewhere: {}", ran.err);
    let left: Vec<_> = fs::read_dir(place.folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "no file is written: {left:?}");
}

#[test]
fn what_is_set_already_stays() {
    let text = "path = \"/x\"\nsessions_max = 1\nsession_idle_timeout = 5\nreplay_window = 6\n\
                [http_sse]\nconnections_max = 7\nsession_timeout = 8\n";
    let place = place("fastd.toml", text);
    let ran = migrate(&place.file, &["-o", "-"]);
    let expected = text.replace("connections_max = 7\nsession_timeout = 8", "enabled = false");
    assert_eq!(ran.out, expected, "{ran:?}");
}

#[test]
fn clients_files_are_translated() {
    let text = json!({ "theme": "dark", "mcpServers": {
        "old": { "type": "sse", "url": "https://a.example/api/sse?key=1", "headers": { "X": "1" } },
        "elsewhere": { "transport": "sse", "url": "https://a.example/stream" },
        "no type": { "url": "http://localhost:1/sse/" },
        "new": { "type": "http", "url": "https://a.example/mcp" },
        "local": { "command": "server", "args": ["sse"] },
    } });
    let place = place("client.json", &text.to_string());
    let ran = migrate(&place.file, &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let written = place.folder.path().join("client.streamable.json");
    let written = fs::read_to_string(written).expect("written");
    let new: Value = serde_json::from_str(&written).expect("JSON");
    let mut expected = text.clone();
    let servers = &mut expected["mcpServers"];
    servers["old"]["type"] = json!("http");
    servers["old"]["url"] = json!("https://a.example/api/mcp?key=1");
    servers["elsewhere"]["transport"] = json!("http");
    servers["no type"]["url"] = json!("http://localhost:1/mcp");
    assert_eq!(new.to_string(), expected.to_string());
    for part in [
        "old: type sse → http, https://a.example/api/sse?key=1 → https://a.example/api/mcp?key=1",
        "elsewhere: transport sse → http, check the path of https://a.example/stream",
        "no type: http://localhost:1/sse/ → http://localhost:1/mcp",
    ] {
        assert!(ran.out.contains(part), "{part:?} in {}", ran.out);
    }
    assert!(!ran.out.contains("local:") && !ran.out.contains("new:"), "{}", ran.out);
}

#[test]
fn nothing_is_written_over() {
    let place = place("fastd.toml", "cores = 2\n");
    let output = place.folder.path().join("there.toml");
    fs::write(&output, "precious").expect("a file");
    let arguments = ["--output", output.to_str().expect("UTF-8")];
    check_problem(&migrate(&place.file, &arguments), &["there.toml", "--force", "--output"]);
    assert_eq!(fs::read_to_string(&output).expect("there"), "precious");
    let ran = migrate(&place.file, &[arguments[0], arguments[1], "--force"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let written = fs::read_to_string(&output).expect("there");
    assert!(written.starts_with("cores = 2\n") && written.ends_with("enabled = false\n"));
}

#[test]
fn problems_have_a_line_and_code_1() {
    for (name, text, expected) in [
        ("a.toml", "cores = 2\n[http_sse]\nsse_endpont = 1\n", &["a.toml:3", "sse_endpont"][..]),
        ("a.toml", "cores = [", &["a.toml:1"]),
        ("a.json", "{\n  \"cores\": 2,\n  \"coars\": 3\n}", &["a.json:3", "coars"]),
        ("a.json", r#"{ "mcpServers": { "x": { "command": "y" } } }"#, &["no entry uses HTTP+SSE"]),
        ("a.yaml", "cores: 2", &["a.yaml", ".toml or .json"]),
    ] {
        let place = place(name, text);
        check_problem(&migrate(&place.file, &[]), expected);
        assert_eq!(fs::read_dir(place.folder.path()).expect("a folder").count(), 1, "{name}");
    }
    check_problem(&migrate(Path::new("nowhere.toml"), &[]), &["nowhere.toml", "cannot read"]);
}

#[test]
fn wrong_arguments_have_code_2() {
    for arguments in [&[][..], &["a.toml", "b.toml"], &["a.toml", "--metrics"], &["a.toml", "--x"]]
    {
        let output = command().arg("migrate").args(arguments).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

/// Begins a session by this name, and sends so many messages after `initialize`.
fn come(address: SocketAddr, name: &str, version: &str, messages: u32) -> OldClient {
    let mut client = OldClient::connect(address);
    let info = json!({ "name": name, "version": version });
    let params = json!({ "protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": info });
    client.request("init", "initialize", params);
    client.next();
    for id in 0..messages {
        client.request(id, "ping", json!({}));
        client.next();
    }
    client
}

/// The line of a client in a report: its sessions and its messages.
#[track_caller]
fn counted(report: &str, name: &str, version: &str) -> (u64, u64) {
    let rows = report.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut rows = rows.filter(|row| row.starts_with(&[name, version]));
    let row = rows.next().unwrap_or_else(|| panic!("{name} {version} in {report}"));
    assert!(rows.next().is_none(), "one line for {name} {version}: {report}");
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("a number: {row:?}"));
    (number(row[2]), number(row[3]))
}

#[test]
fn who_still_comes_is_asked_of_the_daemon_that_runs() {
    let daemon = Daemon::start(command().args(["--bind", "127.0.0.1:0", "--cores", "2"]));
    let place = place("fastd.toml", &format!("bind = \"{}\"\n", daemon.address));
    let url = format!("http://{}/metrics", daemon.address);
    let nobody_came = migrate(&place.file, &["--output", "-"]).err;
    assert!(nobody_came.contains(&format!("({url}):\n  nobody did")), "{nobody_came}");

    let clients = [
        come(daemon.address, "desktop", "1.2", 3),
        come(daemon.address, "desktop", "1.2", 4),
        come(daemon.address, "editor", "0.9", 2),
        come(daemon.address, "a\nb \"c\"", "1", 1),
    ];
    let report = migrate(&place.file, &["--output", "-"]).err;
    assert!(report.contains(&format!("Who still uses HTTP+SSE ({url}):")), "{report}");
    // Each began with `initialize`, which counts.
    let (sessions, messages) = counted(&report, "desktop", "1.2");
    let (one_session, own) = counted(&report, "editor", "0.9");
    assert_eq!((sessions, one_session), (2, 1), "{report}");
    assert_eq!((messages, own), (9, 3), "with `initialize`: {report}");
    let odd = report.lines().filter(|line| line.contains(r#"a_b \"c\""#));
    assert_eq!(odd.count(), 1, "a name does not break its line: {report}");

    // What it said can be kept, and read when it has ended.
    let kept = place.folder.path().join("metrics.txt");
    let mut wire = common::Wire::connect(daemon.address);
    let answer = wire.ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    fs::write(&kept, answer.text()).expect("a file");
    drop((clients, daemon));
    let kept = kept.to_str().expect("UTF-8");
    let report = migrate(&place.file, &["--output", "-", "--metrics", kept]).err;
    assert_eq!(counted(&report, "desktop", "1.2"), (2, 9));

    // What are no metrics of ours is said, and does not fail the rest.
    let ran = migrate(&place.file, &["--output", "-", "--metrics", place.file.to_str().expect("")]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("these are no metrics of mcp-fastd"), "{ran:?}");
    let ran = migrate(&place.file, &["--output", "-", "--metrics", "https://a.example/metrics"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("name the file"), "{ran:?}");
}
