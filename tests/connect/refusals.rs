//! Servers that are not there, or do not let one in.

use std::net::TcpListener;
use std::sync::atomic::Ordering;

use mcp_fastd::{Access, Credentials, Empty, Server};
use serde_json::{Value, json};

use crate::common::{eventually, start_with};
use crate::desktop::{Desktop, call, error, initialize, modern, modern_call};
use crate::far_side::{self, Fake};

#[test]
fn a_server_that_comes_later() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let mut desktop = Desktop::start(&format!("http://{port}/mcp"));
    for message in [initialize(), modern(1, "server/discover", json!({}))] {
        let answer = desktop.ask(&message);
        let (code, told) = error(&answer);
        assert!(code == -32603 && told.contains("cannot connect to 127.0.0.1"), "{answer}");
    }
    let _server = start_with(|config| config.bind = port);
    desktop.initialize();
    assert_eq!(desktop.text(&call(2, "echo", json!({ "text": "now" }))), "now");
}

/// A server that is only starting is waited for.
#[test]
fn a_server_that_comes_soon() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let mut desktop = Desktop::start(&format!("http://{port}/mcp"));
    desktop.send(&modern_call(1, "echo", json!({ "text": "soon" })));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let _server = start_with(|config| config.bind = port);
    assert_eq!(desktop.answer(1)["result"]["content"][0]["text"], "soon");
}

fn guarded() -> mcp_fastd::Running {
    let access = |_: &(), credentials: &Credentials| match credentials.bearer() {
        Some("right") => Access::named("ada"),
        _ => Access::Denied,
    };
    let server = Server::builder().authenticate(access).tool("hello", |_: Empty| "hello");
    server.bind("127.0.0.1:0").cores(1).start().expect("the server starts")
}

#[test]
fn a_token_is_read_again_when_it_is_refused() {
    let server = guarded();
    let url = format!("http://{}/mcp", server.addr());
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "wrong\n").expect("written");
    let path = file.path().to_str().expect("UTF-8");
    let mut desktop = Desktop::start_with(&url, &["--bearer-token-file", path]);
    let hello = |id: u64| modern_call(id, "hello", json!({}));
    let refused = desktop.ask(&hello(1));
    let told = error(&refused).1;
    assert!(told.contains("401") && told.contains("--bearer-token-file"), "{refused}");
    eventually("it is logged", || desktop.log().contains("401"));
    std::fs::write(file.path(), "right\n").expect("written");
    assert_eq!(desktop.text(&hello(2)), "hello");
    // The same within a session.
    desktop.initialize();
    assert_eq!(desktop.text(&call(3, "hello", json!({}))), "hello");
    std::fs::write(file.path(), "wrong").expect("written");
    assert_eq!(desktop.text(&call(4, "hello", json!({}))), "hello", "not before it is refused");
    for secret in ["right", "wrong"] {
        assert!(!desktop.log().contains(&format!("Bearer {secret}")));
    }
}

#[test]
fn headers_and_tokens_are_sent() {
    let fake = Fake::start(|seen, stream| {
        let told = [seen.field("authorization"), seen.field("x-team")];
        let answer = json!({ "jsonrpc": "2.0", "id": seen.json()["id"], "result": told });
        far_side::json(stream, "200 OK", "", &answer);
    });
    for (arguments, expected) in [
        (&[][..], json!([null, null])),
        (&["--bearer-token", "t"], json!(["Bearer t", null])),
        (&["--header", "X-Team: a: ${HOME}"], json!([null, "a: ${HOME}"])),
        (&["--header", "Authorization: Basic eA=="], json!(["Basic eA==", null])),
    ] {
        let mut desktop = Desktop::start_with(&fake.url(), arguments);
        assert_eq!(desktop.ask(&modern(1, "x", json!({})))["result"], expected);
    }
}

#[test]
fn what_is_wrong_with_the_arguments_is_said() {
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mcp-fastd"));
        let output = command.arg("connect").args(arguments).output().expect("it runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    const URL: &str = "http://127.0.0.1:1/mcp";
    for (arguments, code, expected) in [
        (&[][..], 2, "URL"),
        (&["example.com"], 2, "https://example.com/mcp"),
        (&[URL, "--header", "x"], 2, "Name: value"),
        (&[URL, "--header", "Mcp-Session-Id: x"], 2, "set by mcp-fastd itself"),
        (&[URL, "--bearer-token", "a", "--bearer-token-file", "b"], 2, "cannot be used with"),
        (&[URL, "--bearer-token-file", "/no/such"], 1, "/no/such"),
        (&[URL, "--bearer-token-env", "NO_SUCH_VARIABLE"], 1, "$NO_SUCH_VARIABLE"),
        (&[URL, "--bearer-token", "two words"], 1, "--bearer-token is not a token"),
    ] {
        let (status, told) = run(arguments);
        assert_eq!(status, Some(code), "{arguments:?}: {told}");
        assert!(told.contains(expected), "{arguments:?}: {told}");
        assert!(!told.contains("two words"));
    }
}

#[test]
fn redirects_stay_at_home() {
    let elsewhere = Fake::start(|_, stream| far_side::json(stream, "200 OK", "", &json!({})));
    let away = elsewhere.url();
    let fake = Fake::start(move |seen, stream| {
        let to = match seen.target.as_str() {
            "/mcp" if seen.field("mcp-name") == Some("away") => away.clone(),
            "/mcp" if seen.field("mcp-name") == Some("round") => "/mcp".to_owned(),
            "/mcp" => "/mcp/".to_owned(),
            _ => {
                let answer = json!({ "jsonrpc": "2.0", "id": seen.json()["id"], "result": "here" });
                return far_side::json(stream, "200 OK", "", &answer);
            }
        };
        let location = format!("Location: {to}\r\n");
        far_side::json(stream, "307 Temporary Redirect", &location, &Value::Null);
    });
    let mut desktop = Desktop::start_with(&fake.url(), &["--bearer-token", "secret"]);
    let mut ask = |id: u64, name: &str| desktop.ask(&modern_call(id, name, json!({})));
    assert_eq!(ask(1, "near")["result"], "here");
    let answer = ask(2, "away");
    assert!(error(&answer).1.contains(&elsewhere.url()), "{answer}");
    assert_eq!(elsewhere.count("POST"), 0);
    assert!(error(&ask(3, "round")).1.contains("redirects"));
}

/// Some servers are given their key in the query.
#[test]
fn the_query_is_nobodys_business() {
    let fake = Fake::start(|_, stream| {
        let location = "Location: http://elsewhere.example/mcp?key=s3cret\r\n";
        far_side::json(stream, "307 Temporary Redirect", location, &Value::Null);
    });
    let mut desktop = Desktop::start(&format!("{}?key=s3cret", fake.url()));
    let answer = desktop.ask(&modern(1, "x", json!({})));
    let told = error(&answer).1;
    let urls = format!("from {} to \"http://elsewhere.example/mcp\"", fake.url());
    assert!(told.contains(&urls), "{answer}");
    eventually("it is logged", || desktop.log().contains("elsewhere.example"));
    assert!(!desktop.log().contains("s3cret"), "{}", desktop.log());
}

#[test]
fn answers_that_are_none() {
    let requests = std::sync::atomic::AtomicUsize::new(0);
    let fake = Fake::start(move |_, stream| match requests.fetch_add(1, Ordering::SeqCst) {
        0 => far_side::json(stream, "202 Accepted", "", &Value::Null),
        1 => far_side::json(stream, "200 OK", "", &json!("text")),
        2 => far_side::json(stream, "200 OK", "", &json!({ "id": 77, "result": {} })),
        3 => {
            use std::io::Write as _;
            let head = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 13\r\n\r\n<h1>Oops</h1>";
            let _ = stream.write_all(head.as_bytes());
        }
        _ => {
            use std::io::Write as _;
            let _ = stream.write_all(b"SSH-2.0-OpenSSH\r\n");
        }
    });
    let mut desktop = Desktop::start(&fake.url());
    for (id, expected) in
        [(1, "no answer"), (2, "no answer"), (3, "no answer"), (4, "502 Bad Gateway: <h1>Oops")]
    {
        let answer = desktop.ask(&modern(id, "x", json!({})));
        assert!(error(&answer).1.contains(expected), "{expected}: {answer}");
    }
    let answer = desktop.ask(&modern(5, "x", json!({})));
    assert_eq!(error(&answer).0, -32603, "{answer}");
    assert!(desktop.aside.is_empty(), "only messages are passed on: {:?}", desktop.aside);
}
