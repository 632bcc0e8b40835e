//! Two readers of one stream must never see different requests: whatever could be read in two ways
//! is refused, and after a framing error not one more byte is interpreted.

mod common;

use common::{call, start};
use serde_json::json;

/// What an attacker would like to see answered.
const SMUGGLED: &str = "GET /health HTTP/1.1\r\nHost: smuggled\r\n\r\n";

/// The ambiguous request is refused with `status`; what follows it is never answered, whether it
/// comes together with it or later.
#[track_caller]
fn check(request: &str, status: u16) {
    let server = start();
    for later in [false, true] {
        let mut wire = server.connect();
        if later {
            wire.send(request);
        } else {
            wire.send(format!("{request}{SMUGGLED}{SMUGGLED}"));
        }
        let response = wire.response();
        assert_eq!(response.status, status, "{request:?}: {}", response.text());
        assert!(response.closes(), "{request:?}");
        if later {
            wire.try_send(SMUGGLED);
            wire.try_send(SMUGGLED);
        }
        wire.half_close();
        wire.expect_end();
    }
    server.assert_alive();
}

fn post(fields: &str, body: &str) -> String {
    format!("{}{fields}\r\n{body}", common::Post::new("").head())
}

#[test]
fn length_and_transfer_encoding() {
    let chunked = "0\r\n\r\n";
    check(&post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunked), 400);
    check(&post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunked), 400);
    check(&post("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", chunked), 400);
    check(&post("Transfer-Encoding: identity\r\nContent-Length: 5\r\n", chunked), 400);
}

#[test]
fn transfer_encodings() {
    let body = "0\r\n\r\n";
    for (value, status) in [
        ("chunked, chunked", 400),
        ("chunked, identity", 400),
        ("chunked\r\nTransfer-Encoding: identity", 400),
        ("chunked\r\nTransfer-Encoding: chunked", 400),
        ("", 400),
        (",", 400),
        ("identity", 501),
        ("gzip, chunked", 501),
        ("xchunked", 501),
        ("chunked;q=1", 501),
        ("\"chunked\"", 501),
        ("chunked\u{b}", 400),
        ("\u{b}chunked", 400),
    ] {
        check(&post(&format!("Transfer-Encoding: {value}\r\n"), body), status);
    }
    check(&post("Transfer-Encoding : chunked\r\n", body), 400);
    check(&post("Transfer-Encoding:\r\n chunked\r\n", body), 400);
    check(&post("X: y\nTransfer-Encoding: chunked\r\n", body), 400);
    let old = post("Transfer-Encoding: chunked\r\n", body).replace("HTTP/1.1", "HTTP/1.0");
    check(&old, 400);
}

#[test]
fn content_lengths() {
    let digits = "1".repeat(400);
    for (value, status) in [
        ("+5", 400),
        ("-5", 400),
        ("5.0", 400),
        ("0x5", 400),
        ("5 5", 400),
        ("5, 5", 400),
        ("5, 6", 400),
        ("5\r\nContent-Length: 6", 400),
        ("5\r\nContent-Length: 5", 400),
        ("5\r\ncontent-length: 5", 400),
        ("", 400),
        ("five", 400),
        ("\u{ff15}", 400),
        ("5_0", 400),
        ("18446744073709551616", 413),
        ("18446744073709551621", 413),
        (digits.as_str(), 413),
    ] {
        check(&post(&format!("Content-Length: {value}\r\n"), "12345"), status);
    }
    check(&post("Content-Length : 5\r\n", "12345"), 400);
    check(&post("Content-Length: 5\r\n 5\r\n", "12345"), 400);
}

#[test]
fn chunks() {
    for (chunks, status) in [
        ("2\n{}\n0\n\n", 400),
        ("2\r\n{}\n0\r\n\r\n", 400),
        ("2\r\n{}0\r\n\r\n", 400),
        ("2\r\n{}\r0\r\n\r\n", 400),
        ("2\r\n{}x\r\n0\r\n\r\n", 400),
        ("+2\r\n{}\r\n0\r\n\r\n", 400),
        ("-2\r\n{}\r\n0\r\n\r\n", 400),
        ("0x2\r\n{}\r\n0\r\n\r\n", 400),
        (" 2\r\n{}\r\n0\r\n\r\n", 400),
        ("\r\n{}\r\n0\r\n\r\n", 400),
        (";a=b\r\n{}\r\n0\r\n\r\n", 400),
        ("g\r\n{}\r\n0\r\n\r\n", 400),
        ("00000000000000002\r\n{}\r\n0\r\n\r\n", 400),
        ("ffffffffffffffff\r\n{}\r\n0\r\n\r\n", 413),
        ("fffffffffffffffff\r\n{}\r\n0\r\n\r\n", 400),
        ("2;a=\nb\r\n{}\r\n0\r\n\r\n", 400),
        ("2;a\rb\r\n{}\r\n0\r\n\r\n", 400),
        ("2;\"\r\n{}\r\n0\r\n\r\n", 400),
        ("2\r\n{}\r\n0\r\nX: y\n\r\n", 400),
        ("2\r\n{}\r\n0\r\n\n", 400),
        ("2\r\n{}\r\n0\r\nno colon\r\n\r\n", 400),
        ("2\r\n{}\r\n0\r\n X: folded\r\n\r\n", 400),
        ("2\r\n{}\r\n0\r\nX : y\r\n\r\n", 400),
        ("2\r\n{}\r\n0\r\n: y\r\n\r\n", 400),
    ] {
        check(&post("Transfer-Encoding: chunked\r\n", chunks), status);
    }
}

#[test]
fn a_request_before_the_error_keeps_its_answer() {
    let server = start();
    let mut wire = server.connect();
    let good = call(1, "add", json!({ "a": 1, "b": 1 })).bytes();
    let bad = post("Content-Length: 1\r\nContent-Length: 2\r\n", "12");
    wire.send([good.as_slice(), &good, bad.as_bytes(), SMUGGLED.as_bytes(), &good].concat());
    assert_eq!(wire.response().result()["structuredContent"]["sum"], 2);
    assert_eq!(wire.response().result()["structuredContent"]["sum"], 2);
    assert_eq!(wire.response().status, 400);
    wire.expect_end();
}

#[test]
fn a_body_is_never_a_request() {
    let server = start();
    let mut wire = server.connect();
    // With a length, to every path that does not want it.
    for line in ["GET /health", "POST /no", "GET /mcp", "DELETE /mcp", "OPTIONS /mcp", "OPTIONS *"]
    {
        let length = SMUGGLED.len();
        let head =
            format!("{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
        wire.send(format!("{head}{SMUGGLED}"));
        let first = wire.response();
        assert!(!first.closes(), "{line}: its body was there: {first:?}");
    }
    // Exactly one answer for each: this one's answer is the next.
    let response = wire.ask(call(9, "add", json!({ "a": 4, "b": 4 })).bytes());
    assert_eq!(response.result()["structuredContent"]["sum"], 8);
}

#[test]
fn an_upgrade_is_not_a_way_out_of_http() {
    let server = start();
    let mut wire = server.connect();
    let request =
        "GET /health HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(wire.ask(request).status, 200);
    wire.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(matches!(wire.response().status, 400 | 501 | 505));
    wire.expect_end();
}
