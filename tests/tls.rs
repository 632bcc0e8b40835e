//! HTTPS: handshakes of both versions, certificates by name and read again, and all that holds of
//! connections in the clear. Whoever speaks something else is told so, and whoever dawdles is not
//! waited for.
#![cfg(feature = "tls")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::tls::{Authority, alert, connect, https, open};
use common::{PATIENCE, TestServer, Wire, call, eventually, modern, start_with};
use mcp_fastd::{Access, Credentials, Empty, ServeError, Server, TlsConfig, TlsVersion};
use rustls::{AlertDescription, ClientConfig, ClientConnection, HandshakeKind, NamedGroup};
use serde_json::{Value, json};

/// A server for `localhost`, and a client that trusts it.
fn start() -> (TestServer, Arc<ClientConfig>) {
    start_and(|_| {})
}

fn start_and(change: impl Fn(&mut mcp_fastd::Config)) -> (TestServer, Arc<ClientConfig>) {
    let authority = Authority::new();
    let https = https(&[&authority.issue(&["localhost"])]);
    let server = start_with(|config| {
        https(config);
        change(config);
    });
    (server, Arc::new(authority.client()))
}

fn add(id: u64) -> Vec<u8> {
    call(id, "add", json!({ "a": id, "b": 1 })).bytes()
}

fn tool(id: u64, name: &str, arguments: Value) -> Vec<u8> {
    call(id, name, arguments).bytes()
}

#[track_caller]
fn assert_adds(wire: &mut Wire) {
    assert_eq!(wire.ask(add(1)).result()["structuredContent"]["sum"], 2);
}

/// The certificate that the server has shown.
fn shown(wire: &Wire) -> Vec<u8> {
    let tls = wire.tls.as_ref().expect("TLS");
    tls.peer_certificates().expect("a certificate")[0].to_vec()
}

fn certificate(files: &mcp_fastd::CertificateFiles) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject as _;
    rustls::pki_types::CertificateDer::from_pem_file(&files.cert).expect("a certificate").to_vec()
}

#[test]
fn both_versions_are_spoken_with_keys_for_the_day_after() {
    let authority = Authority::new();
    let server = start_with(https(&[&authority.issue(&["localhost"])]));
    for (version, group) in [
        (&rustls::version::TLS13, Some(NamedGroup::X25519MLKEM768)),
        (&rustls::version::TLS12, None),
    ] {
        let client = Arc::new(authority.client_of(&[version], None));
        let mut wire = connect(server.address, "localhost", &client);
        assert_adds(&mut wire);
        let tls = wire.tls.as_ref().expect("TLS");
        assert_eq!(tls.protocol_version(), Some(version.version));
        let agreed = tls.negotiated_key_exchange_group().map(|group| group.name());
        assert!(group.is_none() || agreed == group, "{agreed:?}");
    }
}

#[test]
fn the_oldest_version_can_be_chosen() {
    let authority = Authority::new();
    let https = https(&[&authority.issue(&["localhost"])]);
    let server = start_with(|config| {
        https(config);
        config.tls.min_version = TlsVersion::Tls13;
    });
    let old = Arc::new(authority.client_of(&[&rustls::version::TLS12], None));
    assert_eq!(alert(open(server.address, "localhost", &old)), AlertDescription::ProtocolVersion);
    assert_adds(&mut connect(server.address, "localhost", &Arc::new(authority.client())));
}

#[test]
fn http_1_1_is_what_is_agreed_on() {
    let authority = Authority::new();
    let server = start_with(https(&[&authority.issue(&["localhost"])]));
    let speaking = |protocols: &[&str]| {
        let mut client = authority.client();
        client.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        open(server.address, "localhost", &Arc::new(client))
    };
    for (protocols, agreed) in [
        (&["h2", "http/1.1"][..], Some(&b"http/1.1"[..])),
        (&["http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let mut wire = speaking(protocols);
        assert_adds(&mut wire);
        assert_eq!(wire.tls.as_ref().and_then(|tls| tls.alpn_protocol()), agreed);
    }
    assert_eq!(alert(speaking(&["h2"])), AlertDescription::NoApplicationProtocol);
}

#[test]
fn the_certificate_is_chosen_by_name() {
    let authority = Authority::new();
    let files = [
        authority.issue(&["a.example", "localhost"]),
        authority.issue(&["b.example", "c.example"]),
        authority.issue(&["*.d.example"]),
    ];
    let server = start_with(https(&files.each_ref()));
    let client = Arc::new(authority.client());
    let cases = [("a.example", 0), ("B.EXAMPLE", 1), ("c.example", 1), ("x.d.example", 2)];
    for (name, index) in cases {
        let mut wire = connect(server.address, name, &client);
        assert_eq!(shown(&wire), certificate(&files[index]), "{name}");
        assert_adds(&mut wire);
    }
    // Who asks for another name gets the first, and is the one to judge it.
    let mut unknown = open(server.address, "e.example", &client);
    let refused = unknown.shake_hands().expect_err("the client refuses");
    assert!(refused.to_string().contains("not valid for name"), "{refused}");
}

#[test]
fn certificates_are_read_again_while_connections_stand() {
    let authority = Authority::new();
    let files = authority.issue(&["localhost"]);
    let server = start_with(https(&[&files]));
    let client = Arc::new(authority.client());
    let certificates = server.running().certificates().expect("HTTPS");
    let before = certificate(&files);
    let mut old = connect(server.address, "localhost", &client);
    let mut waiting = connect(server.address, "localhost", &client);
    waiting.send(tool(1, "wait", json!({})));
    assert_adds(&mut old);

    let expires = |params: &mut rcgen::CertificateParams| {
        params.not_after = rcgen::date_time_ymd(2099, 1, 1);
    };
    authority.issue_as("localhost", &["localhost", "new.example"], expires);
    let after = certificate(&files);
    assert!(!certificates.cover("new.example"));
    assert_eq!(shown(&connect(server.address, "localhost", &client)), before, "not read yet");
    certificates.reload().expect("the files are good");
    assert!(certificates.cover("new.example"));
    assert_eq!(certificates.expires_at(), 4_070_908_800);
    let mut new = connect(server.address, "localhost", &client);
    assert_eq!(shown(&new), after);
    let tls = new.tls.as_ref().expect("TLS");
    assert_eq!(tls.handshake_kind(), Some(HandshakeKind::Full), "sessions do not outlast a reload");
    assert_adds(&mut new);
    assert_adds(&mut old);
    server.stage.open();
    assert_eq!(waiting.response().status, 200);

    let key = std::fs::read(&files.key).expect("a key");
    for (file, text, problem) in [
        (&files.cert, &b"no PEM"[..], "BEGIN CERTIFICATE"),
        (&files.key, b"", "BEGIN PRIVATE KEY"),
        (&files.key, &other_key(), "not the key of the certificate"),
    ] {
        let good = std::fs::read(file).expect("a file");
        std::fs::write(file, text).expect("written");
        let refused = certificates.reload().expect_err("a broken file");
        assert_eq!(refused.file, file.display().to_string());
        assert!(refused.problem.contains(problem), "{refused}");
        std::fs::write(file, good).expect("written");
        let mut wire = connect(server.address, "localhost", &client);
        assert_eq!(shown(&wire), after, "nothing has changed");
        assert_adds(&mut wire);
    }
    std::fs::remove_file(&files.key).expect("removed");
    let refused = certificates.reload().expect_err("a file that is gone");
    assert!(refused.to_string().contains("cannot read this file"), "{refused}");
    std::fs::write(&files.key, key).expect("written");
    certificates.reload().expect("all is well again");
}

fn other_key() -> Vec<u8> {
    rcgen::KeyPair::generate().expect("a key").serialize_pem().into_bytes()
}

#[test]
fn files_that_cannot_be_used_are_named_at_the_start() {
    let authority = Authority::new();
    let mut files = authority.issue(&["localhost"]);
    files.key = authority.path("none.key");
    let tls = TlsConfig { certificates: vec![files], ..TlsConfig::default() };
    let config = mcp_fastd::Config { tls, ..mcp_fastd::Config::default() };
    let refused = Server::builder().tool("t", |_: Empty| "").build().config(config).start();
    match refused.err() {
        Some(ServeError::Certificates(error)) => {
            assert!(error.file.ends_with("none.key"), "{error}");
            assert!(error.problem.contains("No such file"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn sessions_of_tls_are_resumed() {
    let authority = Authority::new();
    let server = start_with(https(&[&authority.issue(&["localhost"])]));
    for version in rustls::ALL_VERSIONS {
        let client = Arc::new(authority.client_of(&[version], None));
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut wire = connect(server.address, "localhost", &client);
            assert_adds(&mut wire);
            assert_eq!(wire.tls.as_ref().and_then(|tls| tls.handshake_kind()), Some(kind));
        }
    }
    eventually("the handshakes are counted", || {
        let stats = server.running().stats();
        stats.iter().map(|shard| shard.handshakes).sum::<u64>() == 4
    });
}

#[test]
fn who_speaks_http_in_the_clear_is_told() {
    let (server, client) = start();
    for request in [
        &b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        &add(1),
        b"\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"\x80\x2e\x01\x00\x02",
    ] {
        let mut wire = Wire::connect(server.address);
        let response = wire.ask(request);
        assert_eq!(response.status, 400);
        assert!(response.closes());
        let (code, text) = response.error();
        assert_eq!(code, -32600);
        assert!(text.contains("this port speaks HTTPS") && text.contains("--tls-cert"), "{text}");
        wire.expect_end();
    }
    // A page of an origin that may call can read it.
    let mut page = Wire::connect(server.address);
    let origin = "http://localhost";
    let response =
        page.ask(format!("GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n\r\n"));
    assert_eq!(response.field("Access-Control-Allow-Origin"), Some(origin));
    let mut head = Wire::connect(server.address);
    head.send("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(head.response_to_head().status, 400);
    head.expect_end();
    assert_adds(&mut connect(server.address, "localhost", &client));
    eventually("they are counted", || {
        let stats = server.running().stats();
        stats.iter().map(|shard| shard.handshake_failures).sum::<u64>() == 7
    });
}

/// The first message of a handshake, as it is on the wire.
fn hello(client: &Arc<ClientConfig>) -> Vec<u8> {
    let name = "localhost".try_into().expect("a name");
    let mut tls = ClientConnection::new(client.clone(), name).expect("a connection");
    let mut bytes = Vec::new();
    tls.write_tls(&mut bytes).expect("written");
    bytes
}

#[test]
fn a_handshake_that_takes_too_long_is_ended() {
    let (server, client) = start_and(|config| config.head_timeout = Duration::from_millis(200));
    let hello = hello(&client);
    for begun in [&[][..], &hello[..1], &hello[..hello.len() / 2], &hello] {
        let mut wire = Wire::connect(server.address);
        wire.send(begun);
        // What the server says to a whole hello is read, and nothing is said to it.
        wire.rest();
    }
    let mut slow = Wire::connect(server.address);
    let ended = hello.chunks(8).any(|part| {
        std::thread::sleep(Duration::from_millis(20));
        !slow.try_send(part)
    });
    assert!(ended || slow.rest().is_empty(), "each byte does not buy more time");
    assert_adds(&mut connect(server.address, "localhost", &client));
}

#[test]
fn a_handshake_that_is_cut_ends_the_connection() {
    let (server, client) = start();
    let hello = hello(&client);
    for at in [0, 1, 4, 5, 6, 100, hello.len() - 1, hello.len()] {
        let mut wire = Wire::connect(server.address);
        wire.send(&hello[..at]);
        wire.cut();
        wire.rest();
    }
    for _ in 0..20 {
        let mut wire = Wire::connect(server.address);
        wire.send(&hello);
        wire.reset();
    }
    // Who has not said a word, such as a probe of the port, has not failed at it.
    eventually("those that had begun are counted", || {
        let stats = server.running().stats();
        stats.iter().map(|shard| shard.handshake_failures).sum::<u64>() >= 7
    });
    assert_adds(&mut connect(server.address, "localhost", &client));
}

#[test]
fn what_is_broken_in_a_handshake_is_refused_by_alert() {
    let (server, client) = start();
    let hello = hello(&client);
    let mut seed = 1_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for _ in 0..300 {
        let mut bytes = hello.clone();
        for _ in 0..=random(4) {
            let at = 1 + random(bytes.len() - 1);
            bytes[at] = random(256) as u8;
        }
        let mut wire = Wire::connect(server.address);
        wire.send(&bytes);
        wire.cut();
        wire.rest();
    }
    // A record of 65,535 bytes, and one of no known version.
    for bytes in [&b"\x16\x03\x01\xff\xff"[..], b"\x16\x09\x09\x00\x05hello"] {
        let mut wire = Wire::connect(server.address);
        wire.send(bytes);
        let answer = wire.rest();
        assert_eq!(answer.first(), Some(&21), "an alert: {answer:?}");
    }
    // A hello that never ends, in records of which each is good.
    let mut wire = Wire::connect(server.address);
    let mut endless = b"\x16\x03\x01\x40\x00\x01\x00\xff\xf0".to_vec();
    endless.resize(5 + 0x4000, 0);
    let mut ended = !wire.try_send(&endless);
    for _ in 0..100 {
        endless[5..9].fill(0);
        ended |= !wire.try_send(&endless);
    }
    assert!(ended || wire.rest().first().is_none_or(|first| *first == 21));
    assert_adds(&mut connect(server.address, "localhost", &client));
}

#[test]
fn requests_are_answered_in_order_however_they_arrive() {
    let (server, client) = start();
    let mut glued = connect(server.address, "localhost", &client);
    let requests: Vec<u8> = (0..500).flat_map(add).collect();
    glued.send(requests);
    for id in 0..500 {
        assert_eq!(glued.response().json()["id"], id);
    }
    // A record for each byte.
    let mut split = connect(server.address, "localhost", &client);
    for byte in add(7) {
        split.send([byte]);
    }
    assert_eq!(split.response().json()["id"], 7);
    // Behind what is answered elsewhere.
    let mut mixed = connect(server.address, "localhost", &client);
    let slow = |id| tool(id, "echo_on_worker", json!({ "text": "x" }));
    mixed.send([slow(0), add(1), slow(2), add(3)].concat());
    for id in 0..4 {
        assert_eq!(mixed.response().json()["id"], id);
    }
}

#[test]
fn a_byte_at_a_time_is_enough() {
    let (server, client) = start();
    for _ in 0..2 {
        let config = (*client).clone();
        let name = "localhost".try_into().expect("a name");
        let mut tls = ClientConnection::new(Arc::new(config), name).expect("a connection");
        let mut socket = TcpStream::connect(server.address).expect("it accepts");
        socket.set_nodelay(true).expect("set");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        tls.writer().write_all(&add(5)).expect("it is kept");
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            let mut bytes = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut bytes).expect("written");
            }
            for byte in bytes {
                socket.write_all(&[byte]).expect("the server reads");
            }
            let mut byte = [0];
            assert_eq!(socket.read(&mut byte).expect("bytes arrive"), 1);
            tls.read_tls(&mut &byte[..]).expect("read");
            let state = tls.process_new_packets().expect("all is well");
            let mut plain = vec![0; state.plaintext_bytes_to_read()];
            tls.reader().read_exact(&mut plain).expect("it is there");
            answer.append(&mut plain);
        }
        assert!(String::from_utf8_lossy(&answer).contains(r#""sum":6"#));
    }
}

#[test]
fn large_bodies_go_both_ways() {
    let (server, client) = start();
    let mut wire = connect(server.address, "localhost", &client);
    let text: String = (0..3_000_000).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
    let result = wire.ask(tool(1, "echo", json!({ "text": text }))).result();
    assert!(result["content"][0]["text"] == text.as_str(), "it came back as it went");
    // What nobody reads yet is held, and so is who does not read it.
    let mut slow = connect(server.address, "localhost", &client);
    for id in 0..30 {
        slow.send(tool(id, "fill", json!({ "bytes": 400_000 })));
    }
    std::thread::sleep(Duration::from_millis(50));
    for id in 0..30 {
        let json = slow.response().json();
        assert_eq!(json["id"], id);
        let text = json["result"]["content"][0]["text"].as_str().expect("text");
        assert_eq!(text.len(), 400_000);
    }
    assert_adds(&mut wire);
}

#[test]
fn keys_can_be_changed_at_any_time() {
    let authority = Authority::new();
    let server = start_with(https(&[&authority.issue(&["localhost"])]));
    let client = Arc::new(authority.client_of(&[&rustls::version::TLS13], None));
    let mut wire = connect(server.address, "localhost", &client);
    for id in 0..10 {
        let tls = wire.tls.as_mut().expect("TLS");
        tls.refresh_traffic_keys().expect("TLS 1.3");
        assert_eq!(wire.ask(add(id)).json()["id"], id);
    }
}

#[test]
fn half_a_close_is_not_a_whole_one() {
    let (server, client) = start();
    for with_a_word in [true, false] {
        let mut wire = connect(server.address, "localhost", &client);
        wire.send([tool(1, "echo_on_worker", json!({ "text": "x" })), add(2)].concat());
        match with_a_word {
            true => wire.half_close(),
            // Cut short, for all that the server knows: what came is answered all the same, as it
            // is in the clear, since every request says how long it is.
            false => wire.cut(),
        }
        assert_eq!(wire.response().json()["id"], 1);
        assert_eq!(wire.response().json()["id"], 2);
        wire.expect_end();
    }
    // A close_notify alone says the same; the server does not wait for the FIN.
    let mut wire = connect(server.address, "localhost", &client);
    wire.send(add(3));
    wire.tls.as_mut().expect("TLS").send_close_notify();
    wire.send([]);
    assert_eq!(wire.response().json()["id"], 3);
    wire.expect_end();
}

/// `Wire::expect_end` fails over TLS unless there was a close_notify.
#[test]
fn the_end_is_announced() {
    let (server, client) = start_and(|config| config.idle_timeout = Duration::from_millis(200));
    let mut idle = connect(server.address, "localhost", &client);
    assert_adds(&mut idle);
    idle.expect_end();
    let mut asked = connect(server.address, "localhost", &client);
    let close = call(1, "add", json!({ "a": 1, "b": 1 })).with("Connection", "close");
    assert_eq!(asked.ask(close.bytes()).status, 200);
    asked.expect_end();
    let mut refused = connect(server.address, "localhost", &client);
    assert_eq!(refused.ask("nonsense\r\n\r\n").status, 400);
    refused.expect_end();

    let (server, client) = start();
    let mut stopped = connect(server.address, "localhost", &client);
    assert_adds(&mut stopped);
    server.stop();
    stopped.expect_end();

    let (mut server, client) = start_and(|config| {
        config.shutdown_grace = Duration::from_millis(100);
    });
    let mut stuck = connect(server.address, "localhost", &client);
    stuck.send(tool(1, "wait", json!({})));
    eventually("it has begun", || server.stage.waiting.load(Ordering::SeqCst) == 1);
    server.take().stop();
    assert_eq!(stuck.response().status, 503);
    stuck.expect_end();
}

#[test]
fn a_request_that_is_slow_is_told_so() {
    let (server, client) = start_and(|config| {
        config.head_timeout = Duration::from_millis(200);
        config.body_timeout = Duration::from_millis(200);
    });
    let mut head = connect(server.address, "localhost", &client);
    head.send("POST /mcp HT");
    assert_eq!(head.response().status, 408);
    head.expect_end();
    let mut body = connect(server.address, "localhost", &client);
    let request = add(1);
    body.send(&request[..request.len() - 1]);
    assert_eq!(body.response().status, 408);
    body.expect_end();
    // A part of a record, whatever it would have been.
    let mut record = connect(server.address, "localhost", &client);
    let mut bytes = Vec::new();
    let tls = record.tls.as_mut().expect("TLS");
    tls.writer().write_all(&add(1)).expect("it is kept");
    tls.write_tls(&mut bytes).expect("written");
    record.send_raw(&bytes[..20]);
    assert_eq!(record.response().status, 408);
    record.expect_end();
}

#[test]
fn events_arrive_as_they_happen() {
    let (server, client) = start();
    let mut wire = connect(server.address, "localhost", &client);
    let listen = json!({ "notifications": { "toolsListChanged": true } });
    wire.send(modern(json!(1), "subscriptions/listen", listen).bytes());
    let first = wire.line_with("data:");
    assert!(first.contains("notifications/subscriptions/acknowledged"), "{first}");
    for _ in 0..3 {
        server.running().notifier().tools_changed();
        wire.line_with("notifications/tools/list_changed");
    }
    server.stop();
    let rest = wire.rest();
    assert!(rest.ends_with(b"\r\n0\r\n\r\n"), "the stream has an end");
}

#[test]
fn many_handshakes_at_once_are_all_done() {
    let (server, client) = start();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut fresh = (*client).clone();
                fresh.resumption = rustls::client::Resumption::disabled();
                let fresh = Arc::new(fresh);
                let open = |_| open(server.address, "localhost", &fresh);
                let mut wires: Vec<Wire> = (0..20).map(open).collect();
                wires.iter_mut().for_each(|wire| wire.send(add(1)));
                wires.iter_mut().for_each(|wire| assert_eq!(wire.response().status, 200));
            });
        }
    });
}

#[test]
fn an_application_is_told_that_nobody_reads_along() {
    let authority = Authority::new();
    let access = |(): &(), credentials: &Credentials<'_>| {
        assert!(credentials.peer.certificate.is_none());
        match credentials.peer.secure {
            true => Access::Anonymous,
            false => credentials.denied(),
        }
    };
    for (config, status) in [(true, 200), (false, 401)] {
        let mut settings = mcp_fastd::Config::default();
        if config {
            https(&[&authority.issue(&["localhost"])])(&mut settings);
        }
        settings.bind = ([127, 0, 0, 1], 0).into();
        settings.cores = Some(1);
        let server = Server::builder().authenticate(access).tool("t", |_: Empty| "").build();
        let running = server.config(settings).start().expect("it starts");
        let client = Arc::new(authority.client());
        let mut wire = match config {
            true => connect(running.addr(), "localhost", &client),
            false => Wire::connect(running.addr()),
        };
        assert_eq!(wire.ask(tool(1, "t", json!({}))).status, status);
        drop(wire);
        running.stop();
    }
}

/// The header of the PROXY protocol is in the clear, in front of the handshake, and says who speaks
/// within it.
#[test]
fn a_header_of_the_proxy_protocol_comes_before_the_handshake() {
    let (server, client) = start_and(|config| {
        config.guard.trusted_proxies = vec!["127.0.0.1".to_owned()];
        config.guard.proxy_protocol = mcp_fastd::ProxyProtocol::Required;
        config.rate.per_address = Some("2/h".parse().expect("a rate"));
    });
    for address in ["192.0.2.7", "192.0.2.8"] {
        let header = format!("PROXY TCP4 {address} 10.0.0.5 1 443\r\n");
        for (count, slowly) in [(1, false), (2, true), (3, false)] {
            let mut wire = open(server.address, "localhost", &client);
            match slowly {
                true => header.bytes().for_each(|byte| wire.send_raw(&[byte])),
                false => wire.send_raw(header.as_bytes()),
            }
            wire.shake_hands().expect("the handshake succeeds");
            let status = wire.ask(add(1)).status;
            assert_eq!(status, if count < 3 { 200 } else { 429 }, "{address} {count}");
        }
    }
    // Without one, a handshake is no header.
    assert!(open(server.address, "localhost", &client).shake_hands().is_err());
}
