//! The access log: a line for each request, and nothing in it that gives a secret away.

use std::path::Path;
use std::time::Duration;

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
fn a_session_is_logged_with_the_revision_that_it_agreed_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    let server = start_with(logging(&path));
    for version in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        Client::begin(server.address, version);
    }
    let begun = || lines(&path).into_iter().filter(|line| line["mcp_method"] == "initialize");
    eventually("all are written", || begun().count() == 3);
    let versions: Vec<_> = begun().map(|line| line["protocol_version"].clone()).collect();
    assert_eq!(versions, ["2025-11-25", "2025-06-18", "2025-03-26"]);
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
fn columns_of_words_are_as_many_whatever_a_tool_is_called() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    let server = start_with(|config| {
        logging(&path)(config);
        config.observe.access_log.format = AccessFormat::Text;
    });
    let mut wire = server.connect();
    for name in ["a 1 ok fake", "", "a\n\"b"] {
        wire.ask(call(1, name, json!({})).bytes());
    }
    server.stop();
    let text = std::fs::read_to_string(&path).expect("it is there");
    let columns = |line: &str| line.split(' ').count();
    assert_eq!(text.lines().map(columns).collect::<Vec<_>>(), [12; 3], "{text}");
    assert!(text.contains(r" a\u{20}1\u{20}ok\u{20}fake "), "{text}");
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

/// Who sends what is no request is who an operator wants to know of.
#[test]
fn what_is_refused_before_it_is_a_request_has_an_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    let server = start_with(|config| {
        logging(&path)(config);
        config.http.body_bytes_max = 1000;
        config.head_timeout = Duration::from_millis(200);
        config.body_timeout = Duration::from_millis(200);
    });
    let large = format!("GET /large HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n", "x".repeat(99_999));
    let table: [(&str, u64, Option<&str>, Option<&str>); 7] = [
        ("BAD\u{1} / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, Some("_OTHER"), Some("/")),
        ("NONSENSE\r\n\r\n", 400, None, None),
        (
            "BREW /tea?k=s3cret HTTP/1.1\r\nHost: localhost\r\n\r\n",
            501,
            Some("_OTHER"),
            Some("/tea"),
        ),
        ("GET /old HTTP/3.0\r\nHost: localhost\r\n\r\n", 505, Some("GET"), Some("/old")),
        (&large, 431, None, None),
        (
            "POST /mcp?k=s3cret HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n",
            413,
            Some("POST"),
            Some("/mcp"),
        ),
        ("GET /half", 408, None, None),
    ];
    for (number, (bytes, status, method, asked)) in (1..).zip(table) {
        let mut wire = server.connect();
        wire.try_send(bytes);
        assert_eq!(u64::from(wire.response().status), status, "{}", &bytes[..bytes.len().min(99)]);
        eventually("it is written", || lines(&path).len() == number);
        let line = lines(&path).pop().expect("a line");
        assert_eq!((&line["address"], &line["status"]), (&json!("127.0.0.1"), &json!(status)));
        let said = (line["method"].as_str(), line["path"].as_str());
        assert_eq!(said, (method, asked), "{line}");
    }
    let mut wire = server.connect();
    wire.send(&call(1, "echo", json!({ "text": "x" })).bytes()[..260]);
    assert_eq!(wire.response().status, 408);
    eventually("it is written", || lines(&path).len() == 8);
    let text = std::fs::read_to_string(&path).expect("it is there");
    assert!(!text.contains("s3cret"), "{text}");
    server.stop();
}

#[test]
fn a_connection_too_many_is_logged_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    let server = start_with(|config| {
        logging(&path)(config);
        config.cores = Some(1);
        config.connections_per_address_max = 1;
    });
    let health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut first = server.connect();
    assert_eq!(first.ask(health).status, 200);
    assert_eq!(server.connect().ask(health).status, 429);
    let refused = || lines(&path).into_iter().find(|line| line["status"] == 429);
    eventually("it is written", || refused().is_some());
    let line = refused().expect("it is there");
    assert_eq!((&line["address"], &line["path"]), (&json!("127.0.0.1"), &json!("/health")));
    let counted = |wire: &mut common::Wire| {
        let metrics = wire.ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").text();
        let line = "mcp_server_limited_total{limit=\"connections_per_address_max\"} ";
        let count = metrics.lines().find_map(|other| other.strip_prefix(line)?.parse().ok());
        count.unwrap_or(0_u64)
    };
    assert_eq!(counted(&mut first), 1);
    // Beyond those that are waited for, they are told at once, and counted all the same.
    let _silent: Vec<_> = (0..150).map(|_| server.connect()).collect();
    eventually("those are counted", || counted(&mut first) >= 20);
    server.stop();
}

/// What operators ask is neither counted nor logged, whether or not it is a request.
#[test]
fn nothing_at_the_operators_listener_is_logged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    let server = start_with(|config| {
        logging(&path)(config);
        config.observe.admin_bind = Some(([127, 0, 0, 1], 0).into());
        config.head_timeout = Duration::from_millis(200);
    });
    let address = server.running().admin_addr().expect("a listener");
    let posted = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n";
    for (bytes, status) in [("BAD\u{1}\r\n\r\n", 400), ("GET /half", 408), (posted, 404)] {
        let mut wire = common::Wire::connect(address);
        wire.send(bytes);
        if status == 404 {
            wire.send("{}");
        }
        assert_eq!(wire.response().status, status);
    }
    let metrics = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let metrics = common::Wire::connect(address).ask(metrics).text();
    assert!(!metrics.contains("http_response_status_code=\"40"), "{metrics}");
    server.stop();
    assert_eq!(lines(&path), Vec::<Value>::new());
}
