//! What fields say together, each case in a whole request.

use super::super::tests::{check, ok};
use super::*;

fn post(version: &str, lines: &[&str], body: &str) -> String {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("POST / HTTP/{version}\r\nHost: h\r\n{lines}\r\n{body}")
}

#[test]
fn host_is_there_once() {
    check(b"GET / HTTP/1.1\r\n\r\n", Err(Error::MissingHost));
    check(b"GET / HTTP/1.1\r\nX-Host: a\r\n\r\n", Err(Error::MissingHost));
    check(b"GET / HTTP/1.1\r\nHost:\r\n\r\n", Err(Error::InvalidHost));
    for version in ["1.0", "1.1"] {
        for other in ["Host: h", "HOST: other", "host:"] {
            check(post(version, &[other], "").as_bytes(), Err(Error::DuplicateHost));
        }
    }
    ok("GET / HTTP/1.0\r\nHost: a:1\r\n\r\n", &["GET / host=a:1 1.0 close None \"\""]);
}

#[test]
fn content_length() {
    for value in ["3", "003", "3\t", " \t3 \t "] {
        let line = format!("CONTENT-LENGTH:{value}");
        ok(&post("1.1", &[&line], "abc"), &["POST / host=h 1.1 keep Length(3) \"abc\""]);
        ok(&post("1.0", &[&line], "abc"), &["POST / host=h 1.0 close Length(3) \"abc\""]);
    }
    let value = ["", "+3", "-3", "3,3", "3, 3", "3,", "0x3", "3 3", "3a", "3.0", "\u{b2}", "\"3\""];
    for value in value {
        let line = format!("Content-Length: {value}");
        check(post("1.1", &[&line], "abc").as_bytes(), Err(Error::InvalidContentLength));
    }
    for value in ["99999999999", "18446744073709551615", "18446744073709551619", &"9".repeat(99)] {
        let line = format!("Content-Length: {value}");
        check(post("1.1", &[&line], "abc").as_bytes(), Err(Error::BodyTooLarge));
    }
    for other in ["Content-Length: 3", "content-length: 4", "Content-Length:"] {
        let input = post("1.1", &["Content-Length: 3", other], "abc");
        check(input.as_bytes(), Err(Error::DuplicateContentLength));
    }
}

#[test]
fn transfer_encoding() {
    let body = "3\r\nabc\r\n0\r\n\r\n";
    for lines in [
        &["Transfer-Encoding: chunked"][..],
        &["transfer-encoding:\t,, ChunKED ,"],
        &["Transfer-Encoding:", "Transfer-Encoding: chunked"],
    ] {
        ok(&post("1.1", lines, body), &["POST / host=h 1.1 keep Chunked \"abc\""]);
    }
    for (lines, error) in [
        (&["Transfer-Encoding:"][..], Error::InvalidTransferEncoding),
        (&["Transfer-Encoding: gzip"], Error::UnsupportedTransferCoding),
        (&["Transfer-Encoding: identity"], Error::UnsupportedTransferCoding),
        (&["Transfer-Encoding: xchunked"], Error::UnsupportedTransferCoding),
        (&["Transfer-Encoding: chunked;a=b"], Error::UnsupportedTransferCoding),
        (&["Transfer-Encoding: \"chunked\""], Error::UnsupportedTransferCoding),
        (&["Transfer-Encoding: \u{b}chunked"], Error::InvalidFieldValue),
        (&["Transfer-Encoding: chunked, gzip"], Error::InvalidTransferEncoding),
        (&["Transfer-Encoding: chunked, chunked"], Error::InvalidTransferEncoding),
        (
            &["Transfer-Encoding: chunked", "X: y", "Transfer-Encoding: chunked"],
            Error::InvalidTransferEncoding,
        ),
        (
            &["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
            Error::InvalidTransferEncoding,
        ),
        (&["Transfer-Encoding: gzip, chunked"], Error::UnsupportedTransferCoding),
        (
            &["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"],
            Error::UnsupportedTransferCoding,
        ),
        (&["Transfer-Encoding: chunked", "Content-Length: 3"], Error::LengthWithTransferEncoding),
        (&["Content-Length: 3", "Transfer-Encoding: chunked"], Error::LengthWithTransferEncoding),
        (&["Content-Length: 3", "Transfer-Encoding: nonsense"], Error::LengthWithTransferEncoding),
    ] {
        check(post("1.1", lines, body).as_bytes(), Err(error));
    }
    let lines = ["Transfer-Encoding: chunked"];
    check(post("1.0", &lines, body).as_bytes(), Err(Error::TransferEncodingOnHttp10));
    assert_eq!(Error::InvalidTransferEncoding.status().code(), 400);
    assert_eq!(Error::UnsupportedTransferCoding.status().code(), 501);
}

#[test]
fn keep_alive() {
    for (version, lines, keep) in [
        ("1.1", &[][..], "keep"),
        ("1.1", &["Connection: close"], "close"),
        ("1.1", &["connection: x ,\tCLOSE\t, y"], "close"),
        ("1.1", &["Connection: x", "Connection: Close"], "close"),
        ("1.1", &["Connection: keep-alive, close"], "close"),
        ("1.1", &["Connection: not-close, closed, disclose"], "keep"),
        ("1.1", &["Connection:"], "keep"),
        ("1.1", &["Connection: upgrade", "Upgrade: h2c"], "keep"),
        ("1.0", &[], "close"),
        ("1.0", &["Connection: Keep-Alive"], "keep"),
        ("1.0", &["Connection: x,keep-alive"], "keep"),
        ("1.0", &["Connection: keep-alive", "Connection: close"], "close"),
        ("1.0", &["Connection: keep-alives"], "close"),
        ("1.0", &["Keep-Alive: timeout=5"], "close"),
    ] {
        let expected = format!("POST / host=h {version} {keep} None \"\"");
        ok(&post(version, lines, ""), &[&expected]);
    }
}

#[test]
fn expectations() {
    let length = "Content-Length: 1";
    for (version, line, expected) in [
        ("1.1", "Expect: 100-continue", "1.1 keep expect"),
        ("1.1", "expect: ,100-CONTINUE", "1.1 keep expect"),
        ("1.1", "Expect:", "1.1 keep"),
        ("1.0", "Expect: 100-continue", "1.0 close"),
        ("1.0", "Expect: the-unexpected", "1.0 close"),
    ] {
        let expected = format!("POST / host=h {expected} Length(1) \"a\"");
        ok(&post(version, &[line, length], "a"), &[&expected]);
    }
    let line = "Expect: 100-continue";
    ok(&post("1.1", &[line], ""), &["POST / host=h 1.1 keep None \"\""]);
    for line in ["Expect: 200-ok", "Expect: 100-continue, x", "Expect: 100-continue=1"] {
        check(post("1.1", &[line, length], "a").as_bytes(), Err(Error::UnknownExpectation));
    }
}

#[test]
fn lists() {
    let elements: Vec<&[u8]> = list(b" a\t,,b c , ").collect();
    assert_eq!(elements, [b"a".as_slice(), b"b c"]);
}
