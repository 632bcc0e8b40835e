//! A server answers to its own names, and to the pages that may call it: a name that somebody has
//! made to point here (DNS rebinding), and pages of other origins, are refused.

mod common;

use std::net::Ipv4Addr;

use common::{Post, TestServer, Wire, call, start, start_with};
use mcp_fastd::{Config, Empty, ServeError, Server};
use serde_json::json;

fn add() -> Post {
    call(1, "add", json!({ "a": 2, "b": 3 }))
}

/// The status of a request with this value of a field.
fn status(server: &TestServer, field: &str, value: &str) -> u16 {
    server.connect().ask(add().instead(field, value).bytes()).status
}

fn public(config: &mut Config) {
    config.bind = ([0, 0, 0, 0], 0).into();
    config.guard.public_url = Some("https://mcp.example.com/mcp".to_owned());
    config.guard.allowed_hosts = vec!["*.internal".to_owned(), "10.0.0.5:8080".to_owned()];
}

#[test]
fn loopback_answers_to_the_names_of_loopback() {
    let server = start();
    for host in [
        "localhost",
        "LOCALHOST:1",
        "localhost.",
        "a.b.localhost:8080",
        "127.0.0.1:8080",
        "127.255.0.1",
        "[::1]",
        "[0:0:0:0:0:0:0:1]:9",
        "[::ffff:127.0.0.1]",
    ] {
        assert_eq!(status(&server, "Host", host), 200, "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "notlocalhost",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]",
        "%6cocalhost",
        "127.1",
    ] {
        let mut wire = server.connect();
        let response = wire.ask(add().instead("Host", host).bytes());
        assert_eq!(response.status, 421, "{host}");
        let (_, message) = response.error();
        for part in ["Host", host, "--allowed-host", "guard.allowed_hosts"] {
            assert!(message.contains(part), "{part} in {message}");
        }
        // On the connection of one name, others are looked at all the same.
        assert_eq!(wire.ask(add().bytes()).status, 200);
        assert_eq!(wire.ask(add().instead("Host", host).bytes()).status, 421);
    }
}

#[test]
fn the_authority_of_the_target_counts() {
    let server = start();
    for (target, host, expected) in [
        ("http://localhost:1/mcp", "evil.example", 200),
        ("http://evil.example/mcp", "localhost", 421),
    ] {
        let post = add().line(&format!("POST {target} HTTP/1.1")).instead("Host", host);
        assert_eq!(server.connect().ask(post.bytes()).status, expected, "{target}");
    }
    // HTTP/1.0 may leave it out; no browser speaks that.
    let old = add().line("POST /mcp HTTP/1.0").without("Host");
    assert_eq!(server.connect().ask(old.bytes()).status, 200);
}

#[test]
fn a_public_server_answers_to_what_it_was_told() {
    let server = start_with(public);
    for host in ["mcp.example.com", "MCP.EXAMPLE.com:8080", "a.b.internal", "10.0.0.5:8080"] {
        assert_eq!(status(&server, "Host", host), 200, "{host}");
    }
    // No page can have these for its own; people at the machine use them.
    for host in ["localhost:8080", "127.0.0.1"] {
        assert_eq!(status(&server, "Host", host), 200, "{host}");
    }
    for host in ["evil.example", "example.com", "internal", "10.0.0.5:81", "10.0.0.5"] {
        assert_eq!(status(&server, "Host", host), 421, "{host}");
    }
    let all = start_with(|config| {
        config.bind = ([0, 0, 0, 0], 0).into();
        config.guard.allowed_hosts = vec!["*".to_owned()];
    });
    assert_eq!(status(&all, "Host", "whatever.example:7"), 200);
}

#[test]
fn probes_ask_by_address() {
    let server = start_with(public);
    for method in ["GET", "HEAD"] {
        let probe = format!("{method} /health HTTP/1.1\r\nHost: 10.42.0.7:8080\r\n\r\n");
        let mut wire = server.connect();
        wire.send(probe);
        let response = wire.response_to_head();
        assert_eq!(response.status, 200, "{method}");
    }
    let metrics = "GET /metrics HTTP/1.1\r\nHost: 10.42.0.7:8080\r\n\r\n";
    assert_eq!(server.connect().ask(metrics).status, 421);
    // Who scrapes a pod has its address alone: that is what operators' own listener is for.
    let server = start_with(|config| {
        public(config);
        config.observe.admin_bind = Some(([0, 0, 0, 0], 0).into());
    });
    let admin = server.running().admin_addr().expect("there is one");
    let mut operator = Wire::connect((Ipv4Addr::LOCALHOST, admin.port()).into());
    assert_eq!(operator.ask(metrics).status, 200);
    assert_eq!(operator.ask("GET /ready HTTP/1.1\r\nHost: 10.42.0.7\r\n\r\n").status, 200);
}

#[test]
fn a_public_server_without_a_name_does_not_start() {
    for bind in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let server = Server::builder().tool("hello", |_: Empty| "hello");
        let error = server.bind(bind).start().err().expect("refused");
        assert!(matches!(error, ServeError::Setting(_)), "{error:?}");
        let text = error.to_string();
        let parts = ["--public-url", "--allowed-host", "guard.public_url", "guard.allowed_hosts"];
        for part in parts {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}

#[test]
fn pages_of_this_machine_and_of_named_origins_may_call() {
    let server = start_with(|config| {
        config.allowed_origins = ["https://app.example", "https://*.dev.example", "http://b:80"]
            .map(str::to_owned)
            .to_vec();
        config.guard.public_url = Some("https://MCP.example.com:443/mcp".to_owned());
    });
    for origin in [
        "http://localhost:6274",
        "http://127.0.0.1",
        "http://[::1]:3000",
        "https://app.example",
        "https://app.example:443",
        "HTTPS://APP.EXAMPLE",
        "https://a.dev.example",
        "http://b",
        "https://mcp.example.com",
    ] {
        assert_eq!(status(&server, "Origin", origin), 200, "{origin}");
    }
    for origin in [
        "null",
        "https://evil.example",
        "http://app.example",
        "https://app.example:444",
        "https://dev.example",
        "https://b:80",
        "http://mcp.example.com",
        "https://app.example.evil.example",
        "https://app.example/",
    ] {
        let response = server.connect().ask(add().instead("Origin", origin).bytes());
        assert_eq!(response.status, 403, "{origin}");
        let (_, message) = response.error();
        for part in ["Origin", origin, "--allowed-origin", "allowed_origins"] {
            assert!(message.contains(part), "{part} in {message}");
        }
    }
}

#[test]
fn a_public_server_does_not_take_any_machine_for_its_own() {
    let server = start_with(public);
    let with = |origin: &str| {
        let post = add().instead("Host", "mcp.example.com").with("Origin", origin);
        server.connect().ask(post.bytes()).status
    };
    assert_eq!(with("https://mcp.example.com"), 200);
    assert_eq!(with("http://localhost:3000"), 403);
}

#[test]
fn every_origin_but_null_unless_that_is_named() {
    let server = start_with(|config| config.allowed_origins = vec!["*".to_owned()]);
    assert_eq!(status(&server, "Origin", "https://whoever.example"), 200);
    assert_eq!(status(&server, "Origin", "null"), 403);
    let both = vec!["*".to_owned(), "null".to_owned()];
    let server = start_with(|config| config.allowed_origins = both);
    assert_eq!(status(&server, "Origin", "null"), 200);
}
