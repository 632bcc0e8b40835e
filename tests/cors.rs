//! A page whose origin is allowed can read every response, whatever it is and whenever it is
//! written; and is told before what it may send.

mod common;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::session::initialize;
use common::{PATIENCE, Post, call, legacy, modern};
use mcp_fastd::{
    Access, Call, Config, Credentials, Empty, LogLevel, Progress, Running, Server, about,
};
use serde_json::{Value, json};

const ORIGIN: &str = "https://app.example";

fn access(_: &(), credentials: &Credentials<'_>) -> Access {
    match credentials.authorization {
        Some("Bearer wrong") => credentials.denied(),
        _ => Access::Anonymous,
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Routed {
    #[serde(default)]
    #[schemars(extend("x-mcp-header" = "Region"))]
    #[allow(dead_code)]
    region: String,
}

fn says(_: &(), _: Empty, call: &Call<'_>) -> &'static str {
    call.log(LogLevel::Error, json!("said"));
    call.progress(Progress { progress: 1.0, total: None, message: None });
    "done"
}

/// A call of `holds` has begun.
static HELD: AtomicBool = AtomicBool::new(false);

fn start(change: impl FnOnce(&mut Config)) -> Running {
    let server = Server::builder()
        .authenticate(access)
        .tool("quick", |_: Empty| "quick")
        .tool("routed", |_: Routed| "routed")
        .tool("says", says)
        .tool(about("slow").on_worker(), |_: Empty| "slow")
        .tool(about("says_slowly").on_worker(), says)
        .tool(about("sleeps").on_worker(), |_: Empty| {
            std::thread::sleep(Duration::from_secs(1));
            "slept"
        })
        .tool(about("holds").on_worker(), |_: Empty| {
            HELD.store(true, Ordering::SeqCst);
            std::thread::sleep(Duration::from_secs(2));
            "held"
        })
        .build();
    let mut config = Config {
        bind: ([127, 0, 0, 1], 0).into(),
        cores: Some(2),
        allowed_origins: vec![ORIGIN.to_owned()],
        ..Config::default()
    };
    config.http.body_bytes_max = 4096;
    change(&mut config);
    server.config(config).start().expect("the server starts")
}

/// The head of the response to these bytes.
#[track_caller]
fn head(address: SocketAddr, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(address).expect("connected");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket.write_all(bytes).expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(socket.read(&mut byte).expect("bytes"), 1, "{}", String::from_utf8_lossy(&head));
        head.extend_from_slice(&byte);
    }
    String::from_utf8(head).expect("ASCII")
}

/// The values of a field, in lower case.
fn field(head: &str, name: &str) -> Vec<String> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let named = lines.filter(|(other, _)| other.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.to_ascii_lowercase()).collect()
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status")
}

/// All that a page needs to read it.
#[track_caller]
fn assert_readable(head: &str, what: &str) {
    assert_eq!(field(head, "Access-Control-Allow-Origin"), [ORIGIN], "{what}: {head}");
    assert_eq!(field(head, "Vary"), ["origin"], "{what}: {head}");
    let exposed = field(head, "Access-Control-Expose-Headers").pop().unwrap_or_default();
    for name in ["mcp-session-id", "mcp-protocol-version", "www-authenticate", "retry-after"] {
        assert!(exposed.contains(name), "{what}: {name} in {head}");
    }
    assert!(field(head, "Access-Control-Allow-Credentials").is_empty(), "{what}");
}

fn watched(tool: &str) -> Post {
    let params = json!({ "name": tool, "arguments": {}, "_meta": { "progressToken": 1 } });
    legacy(json!(1), "tools/call", params)
}

fn get(path: &str) -> Post {
    Post::new("").line(&format!("GET {path} HTTP/1.1")).without("Content-Type").without("Accept")
}

/// Requests, and the statuses that they get.
fn requests(session: &str) -> Vec<(&'static str, u16, Post)> {
    let of_session = |post: Post| post.with("Mcp-Session-Id", session);
    let quick = || call(1, "quick", json!({}));
    let initialized = Post::new(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#;
    let notices = r#"[{"jsonrpc":"2.0","method":"notifications/initialized"}]"#;
    let stream = get("/mcp").with("Accept", "text/event-stream");
    let line = get("/sse").with("Accept", "text/event-stream");
    let listen = json!({ "notifications": { "toolsListChanged": true } });
    vec![
        ("an answer", 200, quick()),
        ("a tool's error", 200, call(1, "nothing", json!({}))),
        ("an answer of a worker", 200, call(1, "slow", json!({}))),
        ("a stream of a worker", 200, watched("says_slowly")),
        ("what was said on a shard", 200, watched("says")),
        ("an answer that cannot stream", 200, watched("says").instead("Accept", "*/*;q=0.1")),
        ("a session", 200, initialize("2025-11-25", json!({}))),
        ("a notification", 202, initialized.clone()),
        ("a batch", 200, Post::new(batch)),
        ("a batch of notices", 202, Post::new(notices)),
        ("a method we do not have", 404, modern(json!(1), "nonsense", json!({}))),
        ("a subscription", 200, modern(json!(1), "subscriptions/listen", listen)),
        ("a session's stream", 200, of_session(stream.clone())),
        ("no session's stream", 404, stream.with("Mcp-Session-Id", &"0".repeat(32))),
        ("the stream of HTTP+SSE", 200, line.clone()),
        ("no event of HTTP+SSE", 400, line.with("Last-Event-ID", "x")),
        ("no line of HTTP+SSE", 404, quick().line("POST /messages?sessionId=x HTTP/1.1")),
        ("a wrong method of HTTP+SSE", 405, quick().line("POST /sse HTTP/1.1")),
        ("no JSON", 400, Post::new("{")),
        ("no message", 400, Post::new("{}")),
        ("headers of another message", 400, quick().instead("Mcp-Name", "other")),
        ("a repeated field", 400, quick().with("Content-Type", "application/json")),
        ("a wrong token", 401, quick().with("Authorization", "Bearer wrong")),
        ("another host", 421, quick().instead("Host", "evil.example")),
        ("no target", 404, quick().line("POST /nowhere HTTP/1.1")),
        ("a wrong method", 405, quick().line("PUT /mcp HTTP/1.1")),
        ("nothing acceptable", 406, quick().instead("Accept", "text/html")),
        ("no JSON type", 415, quick().instead("Content-Type", "text/plain")),
        ("an expectation", 417, quick().with("Expect", "y")),
        ("a method nobody has", 501, quick().line("BREW /mcp HTTP/1.1")),
        ("a version", 505, quick().line("POST /mcp HTTP/1.2")),
        ("a long target", 414, quick().line(&format!("POST /{} HTTP/1.1", "x".repeat(8200)))),
        ("two hosts", 400, quick().with("Host", "localhost")),
        ("a long body", 413, Post::new(" ".repeat(5000))),
        ("metrics", 200, get("/metrics")),
        ("options", 204, get("/mcp").line("OPTIONS /mcp HTTP/1.1")),
        ("options of all", 204, get("/mcp").line("OPTIONS * HTTP/1.1")),
        ("the end of a session", 204, of_session(get("/mcp").line("DELETE /mcp HTTP/1.1"))),
    ]
}

#[test]
fn every_response_can_be_read() {
    let server = start(|_| {});
    let address = server.addr();
    let begun = head(address, &initialize("2025-11-25", json!({})).bytes());
    let session = field(&begun, "Mcp-Session-Id").pop().expect("a session");
    for (what, expected, post) in requests(&session) {
        let said = post.with("Origin", ORIGIN);
        let head = head(address, &said.bytes());
        assert_eq!(status(&head), expected, "{what}: {head}");
        assert_readable(&head, what);
    }
    // Refused by its head, before its body is there.
    let refused = call(1, "quick", json!({})).instead("Content-Type", "x").with("Origin", ORIGIN);
    let refused = format!("{}Content-Length: 100\r\n\r\n", refused.head());
    assert_readable(&head(address, refused.as_bytes()), "refused by its head");
    let no_length = format!("{}\r\n", Post::new("").with("Origin", ORIGIN).head());
    assert_readable(&head(address, no_length.as_bytes()), "411");
    let large = format!("POST /mcp HTTP/1.1\r\norigin: {ORIGIN}\r\nX: {}", "x".repeat(17_000));
    let large = head(address, large.as_bytes());
    assert_eq!(status(&large), 431);
    assert_readable(&large, "431");
    server.stop();
}

#[test]
fn what_is_written_late_can_be_read() {
    let server = start(|config| {
        config.head_timeout = Duration::from_millis(200);
        config.body_timeout = Duration::from_millis(200);
        config.keep_alive = Duration::from_millis(100);
        config.shutdown_grace = Duration::from_millis(100);
        (config.workers, config.deferred_max) = (Some(1), 0);
    });
    let address = server.addr();
    let unfinished = Post::new("").with("Origin", ORIGIN).head();
    let late = head(address, unfinished.as_bytes());
    assert_eq!(status(&late), 408);
    assert_readable(&late, "408 of a head");
    let late = head(address, format!("{unfinished}Content-Length: 9\r\n\r\n{{").as_bytes());
    assert_eq!(status(&late), 408);
    assert_readable(&late, "408 of a body");
    // An answer that takes long becomes a stream; meanwhile others are shed.
    let sleeps = |accept| {
        let post = call(1, "sleeps", json!({})).instead("Accept", accept).with("Origin", ORIGIN);
        post.bytes()
    };
    let streams = std::thread::spawn({
        let bytes = sleeps("application/json, text/event-stream");
        move || head(address, &bytes)
    });
    common::eventually("a call is shed", || {
        let shed = head(address, &sleeps("application/json, text/event-stream"));
        if status(&shed) == 503 {
            assert_readable(&shed, "503");
            assert_eq!(field(&shed, "Retry-After"), ["1"]);
        }
        status(&shed) == 503
    });
    assert_readable(&streams.join().expect("joined"), "a late stream");
    server.stop();
}

#[test]
fn the_last_word_of_a_server_can_be_read() {
    let server = start(|config| config.shutdown_grace = Duration::from_millis(100));
    let address = server.addr();
    let post = call(1, "holds", json!({})).instead("Accept", "application/json");
    let waits = std::thread::spawn(move || head(address, &post.with("Origin", ORIGIN).bytes()));
    common::eventually("it is taken", || HELD.load(Ordering::SeqCst));
    server.stop();
    let last = waits.join().expect("joined");
    assert_eq!(status(&last), 503);
    assert_readable(&last, "the last word");
}

#[test]
fn each_request_on_a_connection_has_its_own_origin() {
    let server = start(|_| {});
    let mut wire = common::Wire::connect(server.addr());
    let slow = || call(1, "slow", json!({}));
    let origins = [None, Some(ORIGIN), Some("http://localhost:3000"), None, Some(ORIGIN)];
    let posts = origins.map(|origin| origin.map_or(slow(), |origin| slow().with("Origin", origin)));
    wire.send(posts.iter().flat_map(Post::bytes).collect::<Vec<_>>());
    for origin in origins {
        let response = wire.response();
        assert_eq!(response.field("Access-Control-Allow-Origin"), origin);
        assert_eq!(response.field("Vary"), origin.map(|_| "Origin"));
    }
    server.stop();
}

#[test]
fn who_is_not_allowed_is_told_nothing() {
    let server = start(|_| {});
    let address = server.addr();
    let evil = call(1, "quick", json!({})).with("Origin", "https://evil.example");
    let preflight = get("/mcp")
        .line("OPTIONS /mcp HTTP/1.1")
        .with("Origin", "https://evil.example")
        .with("Access-Control-Request-Method", "POST");
    for post in [evil.clone(), preflight, evil.line("BREW /mcp HTTP/1.1")] {
        let head = head(address, &post.bytes());
        assert!(status(&head) >= 400, "{head}");
        assert!(!head.to_ascii_lowercase().contains("access-control-"), "{head}");
        assert_eq!(field(&head, "Vary"), ["origin"]);
    }
    // What a cache may keep says that it may be another thing for a page; an answer to a POST is not
    // kept.
    assert_eq!(field(&head(address, &get("/metrics").bytes()), "Vary"), ["origin"]);
    let answer = head(address, &call(1, "quick", json!({})).bytes());
    assert!(!answer.to_ascii_lowercase().contains("vary"), "{answer}");
    server.stop();
}

/// A preflight, as a browser sends it: without credentials.
fn preflight(path: &str, method: &str, headers: &str) -> Post {
    get(path)
        .line(&format!("OPTIONS {path} HTTP/1.1"))
        .with("Origin", ORIGIN)
        .with("Access-Control-Request-Method", method)
        .with("Access-Control-Request-Headers", headers)
}

#[test]
fn a_preflight_is_told_what_may_follow() {
    let server = start(|config| config.cors.max_age = Duration::from_secs(600));
    let address = server.addr();
    let asked = "content-type, mcp-param-provided,mcp-param-REGION, x-evil, mcp-param-a\"b";
    let told = head(address, &preflight("/mcp", "POST", asked).bytes());
    assert_eq!(status(&told), 204);
    assert_readable(&told, "a preflight");
    assert_eq!(field(&told, "Access-Control-Allow-Methods"), ["get, post, delete, options"]);
    assert_eq!(field(&told, "Access-Control-Max-Age"), ["600"]);
    assert!(field(&told, "Access-Control-Allow-Private-Network").is_empty());
    let allowed = field(&told, "Access-Control-Allow-Headers").pop().expect("headers");
    let allowed: Vec<_> = allowed.split(", ").collect();
    let expected = [
        "content-type",
        "authorization",
        "accept",
        "mcp-session-id",
        "mcp-protocol-version",
        "mcp-method",
        "mcp-name",
        "last-event-id",
        "x-api-key",
        // Of a tool's schema; and of one that only a provider knows.
        "mcp-param-region",
        "mcp-param-provided",
    ];
    assert_eq!(allowed, expected);
    let private =
        preflight("/mcp", "POST", "").with("Access-Control-Request-Private-Network", "true");
    let told = head(address, &private.bytes());
    assert_eq!(field(&told, "Access-Control-Allow-Private-Network"), ["true"]);
    let told = head(address, &preflight("/messages", "POST", "content-type").bytes());
    assert_eq!(field(&told, "Access-Control-Allow-Methods"), ["post, options"]);
    server.stop();
}

#[test]
fn credentials_and_every_origin() {
    let server = start(|config| config.cors.credentials = true);
    let post = call(1, "quick", json!({})).with("Origin", ORIGIN).bytes();
    let told = head(server.addr(), &post);
    assert_eq!(field(&told, "Access-Control-Allow-Credentials"), ["true"]);
    assert_eq!(field(&told, "Access-Control-Allow-Origin"), [ORIGIN]);
    server.stop();
    let server = start(|config| config.allowed_origins.push("*".to_owned()));
    let told = head(server.addr(), &post);
    assert_eq!(field(&told, "Access-Control-Allow-Origin"), ["*"]);
    assert!(field(&told, "Access-Control-Allow-Credentials").is_empty());
    server.stop();
}

#[test]
fn health_can_be_read_by_every_page() {
    let server = start(|_| {});
    for origin in [None, Some(ORIGIN), Some("https://evil.example"), Some("null")] {
        for line in ["GET /health HTTP/1.1", "OPTIONS /health HTTP/1.1"] {
            let post = get("/health").line(line).with("Access-Control-Request-Method", "GET");
            let post = origin.map_or(post.clone(), |origin| post.with("Origin", origin));
            let told = head(server.addr(), &post.bytes());
            assert!(status(&told) < 300, "{told}");
            assert_eq!(field(&told, "Access-Control-Allow-Origin"), ["*"], "{origin:?}");
            assert!(field(&told, "Vary").is_empty(), "the same for all");
        }
    }
    server.stop();
}

#[test]
fn a_page_hears_of_an_error_what_every_client_does() {
    let server = start(|_| {});
    let mut wire = common::Wire::connect(server.addr());
    let post = call(1, "quick", json!({})).with("Origin", ORIGIN);
    let response = wire.ask(post.instead("Accept", "text/html").bytes());
    let error: Value = response.json();
    assert!(error["error"]["message"].as_str().expect("text").contains("application/json"));
    server.stop();
}

/// Who is refused before there is a request reads that too, as far as the page's name has come.
#[test]
fn what_is_refused_in_its_head_can_be_read() {
    let running = start(|config| config.connections_per_address_max = 1);
    let address = running.addr();
    let mut first = common::Wire::connect(address);
    assert_eq!(first.ask("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
    let refused = head(address, &call(1, "quick", json!({})).with("Origin", ORIGIN).bytes());
    assert_eq!(status(&refused), 429);
    assert_readable(&refused, "one connection too many");
    running.stop();
    let running = start(|_| {});
    let long = "a".repeat(20_000);
    for (line, other, expected) in [
        (format!("POST /mcp?{long} HTTP/1.1"), String::new(), 414),
        ("POST /mcp HTTP/1.1".to_owned(), format!("X-Long: {long}\r\n"), 431),
        ("POST /mcp HTTP/1.1".to_owned(), "no field\r\n".to_owned(), 400),
    ] {
        let text = format!("{line}\r\nHost: localhost\r\n{other}Origin: {ORIGIN}\r\n\r\n");
        let refused = head(running.addr(), text.as_bytes());
        assert_eq!(status(&refused), expected);
        assert_readable(&refused, &expected.to_string());
    }
    running.stop();
}
