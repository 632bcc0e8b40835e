//! Who a request comes from, when proxies stand between: what they say counts where they are trusted,
//! and nowhere else.

mod common;

use std::time::Duration;

use common::{Post, Wire, eventually, modern};
use mcp_fastd::{Access, Call, Config, Credentials, Empty, ProxyProtocol, Running, Server};
use serde_json::json;

/// The name of a principal is where the request came from, and whether nobody could read along.
fn access(_: &(), credentials: &Credentials<'_>) -> Access {
    let way = if credentials.peer.secure { "secure" } else { "plain" };
    Access::named(format!("{} {way}", credentials.peer.address))
}

fn whoami(_: &(), _: Empty, call: &Call<'_>) -> String {
    call.principal().unwrap_or("nobody").to_owned()
}

fn start(change: impl FnOnce(&mut Config)) -> Running {
    let server = Server::builder().authenticate(access).tool("whoami", whoami).build();
    let mut config =
        Config { bind: ([127, 0, 0, 1], 0).into(), cores: Some(1), ..Config::default() };
    change(&mut config);
    server.config(config).start().expect("the server starts")
}

/// A server that trusts proxies on this machine, and in 10.0.0.0/8.
fn trusting() -> Running {
    start(|config| {
        config.guard.trusted_proxies = vec!["127.0.0.0/8".to_owned(), "10.0.0.0/8".to_owned()];
        config.guard.allowed_hosts = vec!["mcp.example.com".to_owned()];
    })
}

fn post() -> Post {
    modern(json!(1), "tools/call", json!({ "name": "whoami" }))
}

/// Who the server takes the sender for.
fn seen(wire: &mut Wire, post: &Post) -> String {
    let result = wire.ask(post.bytes()).result();
    result["content"][0]["text"].as_str().expect("text").to_owned()
}

#[test]
fn a_trusted_proxy_is_believed() {
    let server = trusting();
    let mut wire = Wire::connect(server.addr());
    for (fields, expected) in [
        (&[][..], "127.0.0.1 plain"),
        (&[("Forwarded", "for=192.0.2.7;proto=https")], "192.0.2.7 secure"),
        (&[("Forwarded", "for=6.6.6.6, for=192.0.2.7, for=10.0.0.2")], "192.0.2.7 plain"),
        (&[("Forwarded", "for=6.6.6.6"), ("Forwarded", "for=192.0.2.7")], "192.0.2.7 plain"),
        (&[("Forwarded", "for=\"[2001:db8::7]:5\";proto=http")], "2001:db8::7 plain"),
        (&[("X-Forwarded-For", "6.6.6.6, 192.0.2.7, 10.0.0.2")], "192.0.2.7 plain"),
        (&[("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-Proto", "https")], "192.0.2.7 secure"),
        // What is malformed, unknown or in doubt says nothing of the address.
        (&[("Forwarded", "for=\"192.0.2.7")], "127.0.0.1 plain"),
        (&[("Forwarded", "for=unknown;proto=https")], "127.0.0.1 secure"),
        (&[("X-Forwarded-For", "192.0.2.7, what")], "127.0.0.1 plain"),
        (&[("Forwarded", "for=6.6.6.6"), ("X-Forwarded-For", "192.0.2.7")], "127.0.0.1 plain"),
    ] {
        let post = fields.iter().fold(post(), |post, (name, value)| post.with(name, value));
        assert_eq!(seen(&mut wire, &post), expected, "{fields:?}");
    }
    server.stop();
}

#[test]
fn the_host_that_a_proxy_was_asked_for_counts() {
    let server = trusting();
    let status = |host: &str, name: &str, value: &str| {
        let post = post().instead("Host", host).with(name, value);
        Wire::connect(server.addr()).ask(post.bytes()).status
    };
    let internal = "backend.internal";
    assert_eq!(status(internal, "Forwarded", "for=1.2.3.4"), 421);
    assert_eq!(status(internal, "Forwarded", "for=1.2.3.4;host=mcp.example.com"), 200);
    assert_eq!(status(internal, "X-Forwarded-Host", "mcp.example.com"), 200);
    assert_eq!(status("localhost", "X-Forwarded-Host", "evil.example"), 421);
    assert_eq!(status("localhost", "Forwarded", "host=evil.example"), 421);
    // One that is none is not a host at all.
    assert_eq!(status("localhost", "X-Forwarded-Host", "a b"), 200);
    let post = post().with("X-Forwarded-Host", "evil.example");
    let (_, message) = Wire::connect(server.addr()).ask(post.bytes()).error();
    for part in ["X-Forwarded-Host", "`evil.example`", "--trusted-proxy", "--allowed-host"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert!(!message.starts_with("Host"), "that was good: {message}");
    server.stop();
}

#[test]
fn the_port_that_a_proxy_was_asked_for_counts() {
    let server = start(|config| {
        config.guard.trusted_proxies = vec!["127.0.0.0/8".to_owned()];
        config.guard.allowed_hosts = vec!["a.example:8443".to_owned(), "b.example:443".to_owned()];
    });
    let mut wire = Wire::connect(server.addr());
    for (host, port, expected) in [
        ("a.example", "8443", 200),
        ("a.example", "443", 421),
        ("a.example", "8444", 421),
        ("a.example:8443", "1", 200),
        ("b.example", "443", 200),
        ("b.example", "8443", 421),
    ] {
        let post = post()
            .with("X-Forwarded-For", "192.0.2.7")
            .with("X-Forwarded-Proto", "https")
            .with("X-Forwarded-Host", host)
            .with("X-Forwarded-Port", port);
        assert_eq!(wire.ask(post.bytes()).status, expected, "{host} {port}");
    }
    server.stop();
}

#[test]
fn nobody_else_is_believed() {
    let untrusting = start(|config| {
        config.guard.trusted_proxies = vec!["10.0.0.0/8".to_owned()];
    });
    for server in [untrusting, start(|_| {})] {
        let mut wire = Wire::connect(server.addr());
        let post = post()
            .with("Forwarded", "for=192.0.2.7;proto=https;host=evil.example")
            .with("X-Forwarded-For", "192.0.2.7")
            .with("X-Forwarded-Host", "evil.example");
        assert_eq!(seen(&mut wire, &post), "127.0.0.1 plain");
        server.stop();
    }
}

fn behind_a_balancer(change: impl FnOnce(&mut Config)) -> Running {
    start(|config| {
        config.guard.trusted_proxies = vec!["127.0.0.1".to_owned()];
        config.guard.proxy_protocol = ProxyProtocol::Required;
        change(config);
    })
}

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A header of version 2, from 192.0.2.7 over TLS.
fn binary() -> Vec<u8> {
    let rest = [&[192, 0, 2, 7, 10, 0, 0, 5, 0, 1, 1, 187][..], &[0x20, 0, 5, 1, 0, 0, 0, 0]];
    [SIGNATURE, &[0x21, 0x11, 0, 20], rest[0], rest[1]].concat()
}

#[test]
fn connections_begin_with_who_is_at_their_other_end() {
    let server = behind_a_balancer(|_| {});
    let line = b"PROXY TCP6 2001:db8::7 ::1 5 6\r\n".to_vec();
    let local = [SIGNATURE, &[0x20, 0x00, 0, 0]].concat();
    for (header, expected) in
        [(binary(), "192.0.2.7 secure"), (line, "2001:db8::7 plain"), (local, "127.0.0.1 plain")]
    {
        // With the first request, in front of it, and byte by byte.
        let mut wire = Wire::connect(server.addr());
        wire.send(&header);
        assert_eq!(seen(&mut wire, &post()), expected);
        // The client is nobody's proxy.
        let claims = post().with("X-Forwarded-For", "6.6.6.6");
        let claimed = seen(&mut wire, &claims);
        assert_eq!(claimed, if expected.starts_with("127") { "6.6.6.6 plain" } else { expected });
        let mut wire = Wire::connect(server.addr());
        wire.send([&header[..], &post().bytes(), &post().bytes()].concat());
        assert_eq!((wire.response().status, wire.response().status), (200, 200));
        let mut wire = Wire::connect(server.addr());
        wire.send_slowly(header.chunks(1));
        assert_eq!(seen(&mut wire, &post()), expected);
    }
    server.stop();
}

#[test]
fn a_connection_without_a_header_is_closed() {
    let server = behind_a_balancer(|config| config.head_timeout = Duration::from_millis(300));
    let mut cut = binary();
    cut.truncate(20);
    for (bytes, what) in [
        (post().bytes(), "a request"),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n".to_vec(), "a wrong line"),
        ([SIGNATURE, &[0x21, 0x11, 0xff, 0xff]].concat(), "one that is too long"),
        (cut, "a part of one, and then nothing"),
        (Vec::new(), "nothing"),
    ] {
        let mut wire = Wire::connect(server.addr());
        wire.try_send(&bytes);
        assert_eq!(wire.rest(), b"", "{what}");
    }
    let mut gone = Wire::connect(server.addr());
    gone.send(&binary()[..20]);
    gone.half_close();
    assert_eq!(gone.rest(), b"");
    // The next one is served as ever.
    let mut wire = Wire::connect(server.addr());
    wire.send(binary());
    assert_eq!(seen(&mut wire, &post()), "192.0.2.7 secure");
    server.stop();
}

#[test]
fn each_address_behind_a_balancer_may_have_so_many_connections() {
    let server = behind_a_balancer(|config| config.connections_per_address_max = 2);
    let from = |address: &str| {
        let mut wire = Wire::connect(server.addr());
        wire.send(format!("PROXY TCP4 {address} 10.0.0.5 1 1\r\n"));
        wire
    };
    let mut open: Vec<_> = (0..2).map(|_| from("192.0.2.7")).collect();
    for wire in &mut open {
        assert_eq!(seen(wire, &post()), "192.0.2.7 plain");
    }
    // Whether it comes with its first request, or before it.
    let mut third = from("192.0.2.7");
    let response = third.ask(post().bytes());
    assert_eq!((response.status, response.error().0), (429, -32005));
    assert_eq!(response.json()["error"]["data"]["limit"], "connections_per_address_max");
    third.expect_end();
    let mut third = Wire::connect(server.addr());
    third.send([b"PROXY TCP4 192.0.2.7 10.0.0.5 1 1\r\n".to_vec(), post().bytes()].concat());
    assert_eq!(third.response().status, 429);
    third.expect_end();
    // Others, and the balancer itself, have their own.
    assert_eq!(seen(&mut from("192.0.2.8"), &post()), "192.0.2.8 plain");
    for _ in 0..4 {
        let mut own = Wire::connect(server.addr());
        own.send([SIGNATURE, &[0x20, 0x00, 0, 0]].concat());
        assert_eq!(seen(&mut own, &post()), "127.0.0.1 plain");
        open.push(own);
    }
    open.remove(0);
    eventually("a place is free", || {
        let mut wire = from("192.0.2.7");
        wire.try_send(post().bytes()) && wire.next_response().is_some_and(|it| it.status == 200)
    });
    server.stop();
}

#[test]
fn a_header_from_elsewhere_is_not_believed() {
    let server = behind_a_balancer(|config| {
        config.guard.trusted_proxies = vec!["10.0.0.0/8".to_owned()];
    });
    let mut wire = Wire::connect(server.addr());
    wire.try_send([binary(), post().bytes()].concat());
    assert_eq!(wire.rest(), b"");
    server.stop();
}
