//! Targets and hosts, by themselves and in a request.

use super::super::tests::{check, ok};
use super::*;

#[test]
fn forms() {
    for (line, expected) in [
        ("GET /a/b%20c?x=/?y", "GET /a/b%20c ?x=/?y host=h 1.1 keep None \"\""),
        ("GET /?", "GET / ? host=h 1.1 keep None \"\""),
        ("GET //x", "GET //x host=h 1.1 keep None \"\""),
        ("GET /Mcp", "GET /Mcp host=h 1.1 keep None \"\""),
        ("GET http://example.com/a?b", "GET /a ?b host=example.com 1.1 keep None \"\""),
        ("GET HTTPS://[::1]:8443?b", "GET / ?b host=[::1]:8443 1.1 keep None \"\""),
        ("GET http://a", "GET / host=a 1.1 keep None \"\""),
        ("OPTIONS *", "OPTIONS * host=h 1.1 keep None \"\""),
        ("OPTIONS http://a:1", "OPTIONS * host=a:1 1.1 keep None \"\""),
        ("OPTIONS http://a/", "OPTIONS / host=a 1.1 keep None \"\""),
    ] {
        ok(&format!("{line} HTTP/1.1\r\nHost: h\r\n\r\n"), &[expected]);
    }
    for line in [
        "GET *",
        "GET a",
        "GET a:80",
        "GET ?a",
        "GET /a#b",
        "GET #",
        "GET ftp://a/",
        "GET http:/a",
        "GET http:///a",
        "GET http://",
        "GET http://u@a/",
        "GET http://a:x/",
        "GET http://a b/",
        "OPTIONS **",
        "OPTIONS /\u{7f}",
        "GET http://[::1/",
        "GET http://a\\b/",
    ] {
        let error = match line {
            "GET http://a b/" => Error::InvalidRequestLine,
            _ => Error::InvalidTarget,
        };
        check(format!("{line} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes(), Err(error));
    }
    // The authority replaces the Host field, but does not excuse it.
    check(b"GET http://a/ HTTP/1.1\r\n\r\n", Err(Error::MissingHost));
}

#[test]
fn hosts() {
    for host in [
        "a",
        "example.com",
        "EXAMPLE.com:80",
        "127.0.0.1:8080",
        "a:",
        "a_b",
        "a%2e",
        "[::1]",
        "[::1]:80",
        "[2001:db8::1.2.3.4]",
        "[v1.a:b]",
        "a,b",
        "x!$&'()*+;=~-.",
        "a:65535",
    ] {
        assert!(is_host(host.as_bytes()), "{host}");
    }
    for host in [
        "",
        ":80",
        "a b",
        "a/b",
        "a:b",
        "a:80:80",
        "a:65536",
        "a:+1",
        "a:-1",
        "a@b",
        "a?b",
        "a#b",
        "a%2",
        "a%zz",
        "[::1",
        "::1",
        "[::1]x",
        "[]",
        "[1.2.3.4]",
        "[::1%25eth0]",
        "[v.a]",
        "[vg.a]",
        "[v1.]",
        "a\"",
        "\u{e9}",
        "<a>",
        "a\\b",
        "a\t",
        "[::1]:x",
        "http://a",
    ] {
        assert!(!is_host(host.as_bytes()), "{host}");
        let input = format!("GET / HTTP/1.0\r\nHost: {}\r\n\r\n", host.trim());
        if host.trim() == host {
            check(input.as_bytes(), Err(Error::InvalidHost));
        }
    }
    check(b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n", Err(Error::InvalidHost));
}
