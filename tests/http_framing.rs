//! HTTP/1.1 as RFC 9110 and 9112 have it: what is taken, what is refused and with which status.

mod common;

use common::{Post, Response, TestServer, Wire, call, start};
use serde_json::json;

fn add() -> Post {
    call(7, "add", json!({ "a": 2, "b": 3 }))
}

#[track_caller]
fn assert_sum(response: &Response) {
    assert_eq!(response.result()["structuredContent"]["sum"], 5);
}

/// Sends one request to a server of its own connection; says the answer, and whether the server
/// closed after it.
#[track_caller]
fn refused(server: &TestServer, request: impl AsRef<[u8]>, status: u16) -> Response {
    let request = request.as_ref();
    let mut wire = server.connect();
    let response = wire.ask(request);
    let shown = String::from_utf8_lossy(&request[..request.len().min(300)]);
    assert_eq!(response.status, status, "{shown} {}", response.text());
    assert!(response.closes(), "a framing error ends the connection: {shown}");
    assert!(response.field("Date").is_some(), "{response:?}");
    assert_eq!(response.json()["error"]["code"], if status < 500 { -32600 } else { -32603 });
    wire.expect_end();
    response
}

#[test]
fn lengths_are_read_as_written() {
    let server = start();
    let mut wire = server.connect();
    let body = b"GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(wire.ask(body).status, 200);
    let body = b"GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: \t0003 \t\r\n\r\nabc";
    assert_eq!(wire.ask(body).status, 200);
    assert_sum(&wire.ask(add().bytes()));
    for size in [1, 2, 7, 1000] {
        assert_sum(&wire.ask(add().chunked(size)));
    }
    let mut head = add().head();
    head.push_str("transfer-ENCODING: \t,CHUNKED , \r\n\r\n");
    let chunked = add().chunked(50);
    let body = &chunked[add().head().len() + "Transfer-Encoding: chunked\r\n\r\n".len()..];
    assert_sum(&wire.ask([head.as_bytes(), body].concat()));
}

#[test]
fn chunks_may_have_extensions_and_trailers() {
    let server = start();
    let mut wire = server.connect();
    let body = "{}";
    for chunks in [
        "2;a=b;c=\"d;\\\"\"\r\n{}\r\n0\r\n\r\n",
        "1\r\n{\r\n1 ; x\r\n}\r\n000;last\r\nTrailer: dropped\r\nHost: ignored\r\n\r\n",
        "0000000000000002\r\n{}\r\n0\r\n\r\n",
    ] {
        let head = Post::new(body).head();
        let response = wire.ask(format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}"));
        assert_eq!(response.status, 400, "{chunks:?}");
        assert!(response.error().1.contains("jsonrpc"), "the body was read: {response:?}");
        assert!(!response.closes());
    }
    assert_sum(&wire.ask(add().bytes()));
}

#[test]
fn lines_end_with_crlf_and_hold_no_control_bytes() {
    let server = start();
    for head in [
        "GET /health HTTP/1.1\nHost: a\n\n",
        "GET /health HTTP/1.1\r\nHost: a\n\r\n",
        "GET /health HTTP/1.1\r\nHost: a\r\n\n",
        "GET /health HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: a\r\n X: folded\r\n\r\n",
        "GET /health HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: a\r\nX: b\x01c\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: a\r\nX: b\x7fc\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: a\r\nX(y): b\r\n\r\n",
        "GET  /health HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /health  HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /health HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET /he\talth HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /health\r\nHost: a\r\n\r\n",
        "G(T /health HTTP/1.1\r\nHost: a\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}",
        "\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\n\r\n\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET health HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        refused(&server, head, 400);
    }
    let mut wire = server.connect();
    assert_eq!(
        wire.ask("\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\nX: \u{e9}\t b\r\n\r\n").status,
        200
    );
}

#[test]
fn host_is_one_and_valid() {
    let server = start();
    for hosts in [
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nhost: b\r\n",
        "Host:\r\n",
        "Host: a b\r\n",
        "Host: a:b\r\n",
        "Host: a:65536\r\n",
        "Host: u@a\r\n",
        "Host: a/b\r\n",
        "Host: [::1\r\n",
        "Host: [::g]\r\n",
        "Host: %zz\r\n",
    ] {
        refused(&server, format!("GET /health HTTP/1.1\r\n{hosts}\r\n"), 400);
    }
    let mut wire = server.connect();
    for host in ["a", "A.example:80", "127.0.0.1:8080", "[::1]:80", "[::1]", "a:", "%41"] {
        let response = wire.ask(format!("GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(response.status, 200, "{host}");
    }
}

#[test]
fn targets_may_be_absolute() {
    let server = start();
    let mut wire = server.connect();
    for (target, status) in [
        ("http://a.example/health", 200),
        ("HTTPS://a.example:443/health?x=y", 200),
        ("/health?", 200),
        ("/Health", 404),
        ("/health/", 404),
        ("//health", 404),
        ("/he%61lth", 404),
        ("http://a.localhost", 404),
        ("http://a.example", 421),
    ] {
        let response = wire.ask(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!(response.status, status, "{target}");
        assert!(!response.closes(), "{target}: a whole request is no reason to close");
    }
    for target in ["http://u@a/health", "http:///health", "ftp://a/health", "a.example:80"] {
        refused(&server, format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
    }
    refused(&server, "GET http://a/health HTTP/1.1\r\n\r\n", 400);
}

#[test]
fn methods_and_versions() {
    let server = start();
    for method in ["CONNECT", "TRACE", "get", "PROPFIND", "M-SEARCH"] {
        refused(&server, format!("{method} /health HTTP/1.1\r\nHost: a\r\n\r\n"), 501);
    }
    for version in ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/3.0"] {
        refused(&server, format!("GET /health {version}\r\nHost: a\r\n\r\n"), 505);
    }
    for version in ["HTTP/1.10", "HTTP/1", "http/1.1", "HTTP/01.1", "HTPP/1.1", "HTTP/1.1x"] {
        refused(&server, format!("GET /health {version}\r\nHost: a\r\n\r\n"), 400);
    }
}

#[test]
fn wrong_methods_are_told_which_are_right() {
    let server = start();
    let mut wire = server.connect();
    for (line, allow) in [
        ("GET /mcp", "POST, OPTIONS"),
        ("DELETE /mcp", "POST, OPTIONS"),
        ("PUT /mcp", "GET, POST, DELETE, OPTIONS"),
        ("POST /health", "GET, HEAD, OPTIONS"),
        ("PATCH /health", "GET, HEAD, OPTIONS"),
    ] {
        let length = if line.starts_with("GET") { "" } else { "Content-Length: 0\r\n" };
        let response = wire.ask(format!("{line} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n"));
        assert_eq!((response.status, response.field("Allow")), (405, Some(allow)), "{line}");
        assert!(!response.closes(), "{line}");
    }
    for (target, allow) in [
        ("*", "GET, HEAD, POST, DELETE, OPTIONS"),
        ("/mcp", "GET, POST, DELETE, OPTIONS"),
        ("/health", "GET, HEAD, OPTIONS"),
    ] {
        let response = wire.ask(format!("OPTIONS {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!((response.status, response.field("Allow")), (204, Some(allow)), "{target}");
        assert_eq!(response.field("Content-Length"), None, "204 has no length");
        assert_eq!(response.field("Transfer-Encoding"), None);
    }
}

#[test]
fn a_head_request_has_the_fields_and_not_the_body() {
    let server = start();
    let mut wire = server.connect();
    let got = wire.ask("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    wire.send(
        "HEAD /health HTTP/1.1\r\nHost: a\r\n\r\nHEAD /no HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    wire.send(
        "HEAD /mcp HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    let head = wire.response_to_head();
    assert_eq!((head.status, head.field("Content-Length")), (200, got.field("Content-Length")));
    assert_eq!(head.field("Content-Type"), got.field("Content-Type"));
    assert_eq!(wire.response_to_head().status, 404);
    assert_eq!(wire.response_to_head().status, 405);
    assert_eq!(wire.response().body, got.body, "the next answer begins where it should");
}

#[test]
fn what_is_not_json_or_has_no_length_is_refused_and_the_connection_goes_on() {
    let server = start();
    let mut wire = server.connect();
    for (request, status) in [
        (add().instead("Content-Type", "text/plain"), 415),
        (add().without("Content-Type"), 415),
        (add().instead("Content-Type", "application/json; charset=latin1"), 415),
        (add().instead("Accept", "text/html"), 406),
        (add().instead("Accept", "application/json;q=0, text/event-stream"), 406),
        (add().line("POST /nowhere HTTP/1.1"), 404),
        (add().with("Origin", "https://evil.example"), 403),
        (add().with("Origin", "null"), 403),
    ] {
        let response = wire.ask(request.bytes());
        assert_eq!(response.status, status, "{}", request.head());
        response.error();
        assert!(!response.closes(), "the body was there: {}", request.head());
    }
    for request in [
        add().instead("Content-Type", "Application/JSON; charset=\"UTF-8\""),
        add().instead("Accept", "*/*"),
        add().instead("Accept", "text/event-stream, application/*;q=0.1"),
        add().without("Accept"),
        add().with("Origin", "http://localhost:3000"),
        add().with("Origin", "http://[::1]:3000"),
    ] {
        assert_sum(&wire.ask(request.bytes()));
    }
    let response = wire.ask(format!("{}\r\n", add().head()));
    assert_eq!(response.status, 411);
    assert!(response.error().1.contains("Content-Length"));
}

#[test]
fn a_body_that_is_refused_by_its_head_is_not_waited_for() {
    let server = start();
    for (request, status) in [
        (add().instead("Content-Type", "text/plain"), 415),
        (add().instead("Accept", "text/html"), 406),
        (add().line("POST /nowhere HTTP/1.1"), 404),
        (add().line("DELETE /mcp HTTP/1.1"), 405),
        (add().with("Origin", "https://evil.example"), 403),
    ] {
        for length in ["Content-Length: 300000", "Transfer-Encoding: chunked"] {
            let mut wire = server.connect();
            let response = wire.ask(format!("{}{length}\r\n\r\n", request.head()));
            assert_eq!(response.status, status);
            assert!(response.closes(), "its body cannot be told from a request: {response:?}");
            // The body comes all the same; the answer must not be lost to a reset, and nothing in
            // the body is a request.
            wire.try_send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
            wire.half_close();
            wire.expect_end();
        }
    }
}

#[test]
fn continue_is_said_when_the_body_is_wanted_and_not_there() {
    let server = start();
    let expecting = add().with("Expect", "100-Continue");
    let bytes = expecting.bytes();
    let head_len = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;

    let mut wire = server.connect();
    wire.send(&bytes[..head_len]);
    assert_eq!(wire.interim(), "HTTP/1.1 100 Continue\r\n\r\n");
    wire.send(&bytes[head_len..]);
    assert_sum(&wire.response());
    assert_sum(&wire.ask(&bytes));

    let chunked = expecting.chunked(10);
    let head_len = chunked.windows(4).position(|window| window == b"\r\n\r\n").expect("one") + 4;
    wire.send(&chunked[..head_len]);
    assert_eq!(wire.interim(), "HTTP/1.1 100 Continue\r\n\r\n");
    wire.send(&chunked[head_len..]);
    assert_sum(&wire.response());

    // Refused by its head: the final answer instead of 100.
    let head = format!("{}Content-Length: 9\r\n\r\n", expecting.line("POST /no HTTP/1.1").head());
    let response = wire.ask(head);
    assert_eq!(response.status, 404);
    wire.expect_end();

    // HTTP/1.0 has no expectations.
    let old = add().line("POST /mcp HTTP/1.0").with("Expect", "100-continue").bytes();
    let head_len = old.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let mut wire = server.connect();
    wire.send(&old[..head_len]);
    wire.expect_silence(std::time::Duration::from_millis(50));
    wire.send(&old[head_len..]);
    assert_sum(&wire.response());

    refused(&server, add().with("Expect", "the-unexpected").bytes(), 417);
}

#[test]
fn every_answer_is_dated_and_measured() {
    let server = start();
    let mut wire = server.connect();
    for request in [
        add().bytes(),
        Post::new("{").bytes(),
        b"GET /no HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        Post::new(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).bytes(),
    ] {
        let response = wire.ask(request);
        let date = response.field("Date").expect("a date");
        assert!(date.ends_with(" GMT") && date.len() == 29, "{date}");
        assert!(response.field("Content-Length").is_some(), "{response:?}");
    }
}

#[test]
fn health_answers() {
    let server = start();
    let response = server.connect().ask("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((response.status, response.json()), (200, json!({ "status": "ok" })));
    let mut wire = Wire::connect(server.address);
    assert_eq!(wire.ask("GET /health HTTP/1.0\r\n\r\n").status, 200);
    wire.expect_end();
}
