//! Where tokens come from is said at both well-known places, to any web page, and in each challenge
//! (RFC 9728).

mod common;

use common::{Post, Wire, modern};
use mcp_fastd::config::tokens::{IssuerConfig, Keys};
use mcp_fastd::{Access, Config, Credentials, Empty, Principal, Running, Server, about};
use serde_json::json;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

fn config() -> Config {
    let mut config = Config { bind: ([127, 0, 0, 1], 0).into(), ..Config::default() };
    config.cores = Some(1);
    config
}

/// A server with an issuer whose tokens are not looked at here.
fn start(change: impl FnOnce(&mut Config)) -> Running {
    let access = |_: &(), credentials: &Credentials| match credentials.bearer() {
        Some("ada") => Access::Principal(Principal::named("ada").into()),
        _ => credentials.denied(),
    };
    let mut config = config();
    let issuer = IssuerConfig {
        keys: Keys::At("https://login.example.com/keys".into()),
        ..IssuerConfig::discovered("https://login.example.com")
    };
    config.auth.tokens.issuers.push(issuer);
    config.auth.tokens.audiences.push("http://localhost/mcp".to_owned());
    change(&mut config);
    Server::builder()
        .authenticate(access)
        .tool("free", |_: Empty| "free")
        .tool(about("write").scopes(["docs:write"]), |_: Empty| "written")
        .tool(about("read").scopes(["docs:read"]), |_: Empty| "read")
        .config(config)
        .start()
        .expect("the server starts")
}

fn get(method: &str, path: &str, fields: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost:9000\r\n{fields}\r\n")
}

#[test]
fn the_metadata_is_there_for_any_page() {
    let running = start(|config| {
        config.auth.resource_name = Some("Documents \"of\" ours".to_owned());
        config.auth.resource_documentation = Some("https://docs.example.com".to_owned());
    });
    let mut wire = Wire::connect(running.addr());
    let page = "Origin: https://page.example\r\n";
    for path in [WELL_KNOWN, &format!("{WELL_KNOWN}/mcp"), &format!("{WELL_KNOWN}/")] {
        let response = wire.ask(get("GET", path, page));
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        assert_eq!(response.field("Access-Control-Allow-Origin"), Some("*"));
        assert!(response.field("Cache-Control").is_some_and(|it| it.contains("max-age")));
        let expected = json!({
            "resource": "http://localhost:9000/mcp",
            "authorization_servers": ["https://login.example.com"],
            "scopes_supported": ["docs:read", "docs:write"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Documents \"of\" ours",
            "resource_documentation": "https://docs.example.com",
        });
        assert_eq!(response.json(), expected);
    }
    let sse = wire.ask(get("GET", &format!("{WELL_KNOWN}/sse"), "")).json();
    assert_eq!(sse["resource"], "http://localhost:9000/sse");
    wire.send(get("HEAD", WELL_KNOWN, ""));
    assert_eq!(wire.response_to_head().status, 200);
    let asks = "Access-Control-Request-Method: GET\r\n\
                Access-Control-Request-Headers: mcp-protocol-version\r\n";
    let preflight = wire.ask(get("OPTIONS", WELL_KNOWN, &format!("{page}{asks}")));
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.field("Access-Control-Allow-Origin"), Some("*"));
    let headers = preflight.field("Access-Control-Allow-Headers").unwrap_or_default();
    assert!(headers.to_lowercase().contains("mcp-protocol-version"), "{headers}");
    let post = Post::new("{}").line(&format!("POST {WELL_KNOWN} HTTP/1.1"));
    assert_eq!(wire.ask(post.bytes()).status, 405);
    assert_eq!(wire.ask(get("GET", &format!("{WELL_KNOWN}/other"), "")).status, 404);
    running.stop();
}

#[test]
fn a_challenge_says_where_it_is() {
    let running = start(|_| ());
    let mut wire = Wire::connect(running.addr());
    let call = |name: &str| {
        let post = modern(json!(1), "tools/call", json!({ "name": name }));
        post.instead("Host", "localhost:9000")
    };
    let url = format!("resource_metadata=\"http://localhost:9000{WELL_KNOWN}/mcp\"");
    let mut challenge = |post: Post| {
        let response = wire.ask(post.bytes());
        let challenge = response.field("WWW-Authenticate").unwrap_or_default().to_owned();
        (response.status, challenge)
    };
    assert_eq!(challenge(call("free")), (401, format!("Bearer {url}")));
    let needs = format!("Bearer {url}, scope=\"docs:write\"");
    assert_eq!(challenge(call("write")), (401, needs), "what the first token is to be good for");
    let invalid = challenge(call("free").with("Authorization", "Bearer eve"));
    let expected = "Bearer error=\"invalid_token\", \
                    error_description=\"the token is not accepted\", ";
    assert_eq!(invalid, (401, format!("{expected}{url}")));
    let ada = call("write").with("Authorization", "Bearer ada");
    let expected = format!("Bearer error=\"insufficient_scope\", {url}, scope=\"docs:write\"");
    assert_eq!(challenge(ada), (403, expected));
    let get = Post::new("").line("GET /sse HTTP/1.1").instead("Accept", "text/event-stream");
    let (status, text) = challenge(get.without("Content-Type"));
    assert!(status == 401 && text.contains(&format!("{WELL_KNOWN}/sse\"")), "{text}");
    // What is posted there belongs to the same resource.
    let (status, text) = challenge(Post::new("{}").line("POST /messages?sessionId=x HTTP/1.1"));
    assert!(status == 401 && text.contains(&format!("{WELL_KNOWN}/sse\"")), "{text}");
    // A method that is not there is not there for anybody.
    let put = "PUT /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(wire.ask(put).status, 405);
    running.stop();
}

#[test]
fn an_endpoint_at_the_root_has_no_path() {
    let running = start(|config| config.path = "/".to_owned());
    let mut wire = Wire::connect(running.addr());
    for path in [WELL_KNOWN, &format!("{WELL_KNOWN}/")] {
        let metadata = wire.ask(get("GET", path, "")).json();
        assert_eq!(metadata["resource"], "http://localhost:9000", "without a slash");
    }
    let response = wire.ask(Post::new("{}").line("POST / HTTP/1.1").bytes());
    let expected = format!("Bearer resource_metadata=\"http://localhost{WELL_KNOWN}\"");
    assert_eq!(response.field("WWW-Authenticate"), Some(&*expected));
    running.stop();
}

#[test]
fn without_an_issuer_there_is_none() {
    let running = Server::builder()
        .authenticate(|_: &(), credentials: &Credentials| credentials.denied())
        .tool("free", |_: Empty| "free")
        .config(config())
        .start()
        .expect("the server starts");
    let mut wire = Wire::connect(running.addr());
    assert_eq!(wire.ask(get("GET", WELL_KNOWN, "")).status, 404);
    let response = wire.ask(modern(json!(1), "tools/list", json!({})).bytes());
    assert_eq!(
        (response.status, response.field("WWW-Authenticate")),
        (401, Some("Bearer realm=\"mcp\""))
    );
    running.stop();
}
