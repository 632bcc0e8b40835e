//! The way of a client of OAuth: it is refused, reads where tokens come from, asks for one for the
//! very URL that it has, and is let in with it. At each endpoint, and behind proxies.

#![cfg(all(feature = "daemon", feature = "auth"))]

mod common;

use std::time::{SystemTime, UNIX_EPOCH};

use common::http_sse::open;
use common::issuer::{Issuer, SigningKey};
use common::{Post, Response, Wire, modern};
use jsonwebtoken::Algorithm;
use mcp_fastd::config::file::RawConfig;
use mcp_fastd::documents::{Dataset, serve};
use mcp_fastd::{Authentication, Running};
use serde_json::{Value, json};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}

/// The server of the daemon, with these settings and this issuer.
fn start(settings: &str, auth: &str, issuer: &Issuer) -> Running {
    let text = format!(
        "bind = \"127.0.0.1:0\"\ncores = 1\n{settings}\n[auth]\nissuer = \"{}\"\n{auth}\n",
        issuer.url()
    );
    let raw = RawConfig::from_text(&text, false, "test").expect("it is understood");
    let config = raw.settled().expect("it can be").config;
    let authentication = Authentication::start(&config.auth).expect("it can be");
    let dataset = Dataset::in_memory().expect("a dataset");
    let server = serve::guarded(dataset, authentication.clone(), authentication);
    server.config(config).start().expect("the server starts")
}

struct Client {
    running: Running,
    issuer: Issuer,
    key: SigningKey,
}

impl Client {
    fn of(settings: &str, auth: &str) -> Client {
        let (issuer, key) = (Issuer::start(), SigningKey::new("k", Algorithm::ES256));
        issuer.answers().keys = vec![key.public()];
        Client { running: start(settings, auth, &issuer), issuer, key }
    }

    fn ask(&self, post: &Post) -> Response {
        Wire::connect(self.running.addr()).ask(post.bytes())
    }

    /// Where the challenge to this request says that the metadata is, and what stands there, when a
    /// proxy sends the server `seen` for that path.
    #[track_caller]
    fn metadata(&self, post: &Post, seen: impl Fn(&str) -> String) -> (String, Value) {
        let response = self.ask(post);
        let challenge = response.field("WWW-Authenticate").expect("a challenge").to_owned();
        let (_, url) = challenge.split_once("resource_metadata=\"").expect("a URL");
        let (url, _) = url.split_once('"').expect("quotes");
        let (_, rest) = url.split_once("://").expect("a scheme");
        let (host, path) = rest.split_at(rest.find('/').expect("a path"));
        let get = format!("GET {} HTTP/1.1\r\nHost: {host}\r\n\r\n", seen(path));
        let response = Wire::connect(self.running.addr()).ask(get);
        assert_eq!(response.status, 200, "{url}: {}", response.text());
        (url.to_owned(), response.json())
    }

    /// A request with a token for this resource.
    fn with_token(&self, post: &Post, resource: &Value) -> Post {
        let claims = json!({
            "iss": self.issuer.url(), "aud": resource, "sub": "alice", "exp": now() + 600,
        });
        post.clone().with("Authorization", &format!("Bearer {}", self.key.token(&claims)))
    }

    /// Whether it is let in.
    #[track_caller]
    fn is_let_in(&self, post: &Post) -> bool {
        let mut wire = Wire::connect(self.running.addr());
        wire.send(post.bytes());
        let head = wire.line_with("HTTP/1.1");
        assert!(head.contains(" 200") || head.contains(" 401"), "{head}");
        head.contains(" 200")
    }
}

fn list() -> Post {
    modern(json!(1), "tools/list", json!({}))
}

#[test]
fn each_endpoint_is_a_resource_and_takes_the_tokens_for_it() {
    let client = Client::of("", "audience = \"http://localhost/mcp\"");
    for (request, resource) in [(list(), "http://localhost/mcp"), (open(), "http://localhost/sse")]
    {
        let (_, metadata) = client.metadata(&request, str::to_owned);
        assert_eq!(metadata["resource"], resource);
        assert!(client.is_let_in(&client.with_token(&request, &metadata["resource"])));
    }
    let other = json!("http://localhost/other");
    assert!(!client.is_let_in(&client.with_token(&list(), &other)));
    // A message of HTTP+SSE is refused with the metadata of its stream, which is the URL that its
    // client knows.
    let message = Post::new("{}").line("POST /messages?sessionId=1 HTTP/1.1");
    let (url, metadata) = client.metadata(&message, str::to_owned);
    assert!(url.ends_with("/oauth-protected-resource/sse"), "{url}");
    assert_eq!(metadata["resource"], "http://localhost/sse");
    client.running.stop();
    let alone = Client::of("http_sse = { enabled = false }", "audience = \"http://localhost/mcp\"");
    let sse = json!("http://localhost/sse");
    assert!(!alone.is_let_in(&alone.with_token(&list(), &sse)), "that is none of this server");
    alone.running.stop();
}

#[test]
fn behind_a_proxy_the_resource_is_the_url_that_the_client_has() {
    let (origin, at) = ("https://mcp.example.com", "/.well-known/oauth-protected-resource");
    for audience in ["", "audience = \"https://MCP.example.com:443/tools/mcp\""] {
        let public = "guard = { public_url = \"https://mcp.example.com:443/tools/mcp\" }";
        let client = Client::of(public, audience);
        for (request, name) in [(list(), "mcp"), (open(), "sse")] {
            let request = request.instead("Host", "mcp.example.com");
            let stripped = |path: &str| path.replace("/tools/", "/");
            for seen in [str::to_owned as fn(&str) -> String, stripped] {
                let (url, metadata) = client.metadata(&request, seen);
                assert_eq!(url, format!("{origin}{at}/tools/{name}"));
                assert_eq!(metadata["resource"], format!("{origin}/tools/{name}"));
                let resource = &metadata["resource"];
                assert!(client.is_let_in(&client.with_token(&request, resource)), "{audience}");
            }
        }
        // Messages go where the proxy finds them.
        let request = open().instead("Host", "mcp.example.com");
        let resource = json!("https://mcp.example.com/tools/sse");
        let mut wire = Wire::connect(client.running.addr());
        wire.send(client.with_token(&request, &resource).bytes());
        let line = wire.line_with("sessionId=");
        assert!(line.starts_with("data: /tools/messages?"), "{line}");
        client.running.stop();
    }
}

/// A server that asks its issuer about one token at a time, and the issuer, which says nothing
/// yet to the first.
fn asked() -> (Running, Issuer, Wire) {
    let issuer = Issuer::start();
    let good = json!({ "active": true, "sub": "alice", "aud": "x" });
    issuer.answers().tokens.insert("good".to_owned(), good);
    let endpoint = format!("endpoint = \"{}/introspect\"", issuer.url());
    let auth = format!(
        "audience = \"x\"\nintrospection_threads = 1\nintrospection_waiting_max = 6\n\
         introspection = {{ {endpoint}, client_id = \"us\", client_secret_variable = \"PATH\" }}"
    );
    let running = start("guard = { trusted_proxies = \"127.0.0.1\" }", &auth, &issuer);
    issuer.hold(true);
    let first = shows(&running, "first", "192.0.2.1");
    common::eventually("the first is asked about", || tokens_asked(&issuer).len() == 1);
    (running, issuer, first)
}

/// A connection on which somebody has shown a token; the server has seen it.
fn shows(running: &Running, token: &str, from: &str) -> Wire {
    let mut wire = Wire::connect(running.addr());
    let post = list().with("Authorization", &format!("Bearer {token}"));
    wire.send(post.with("X-Forwarded-For", from).bytes());
    seen(running);
    wire
}

/// What was sent before has been read: it was there in the same turn, or in one before.
fn seen(running: &Running) {
    let health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(Wire::connect(running.addr()).ask(health).status, 200);
}

fn tokens_asked(issuer: &Issuer) -> Vec<String> {
    let asked = &issuer.answers().asked;
    let tokens = asked.iter().filter_map(|(.., form)| form.strip_prefix("token="));
    tokens.filter_map(|rest| rest.split('&').next()).map(str::to_owned).collect()
}

#[test]
fn tokens_that_nobody_waits_for_are_not_asked_about() {
    let (running, issuer, mut first) = asked();
    for number in 0..4 {
        shows(&running, &format!("junk{number}"), "192.0.2.1").reset();
    }
    common::eventually("they are gone", || {
        running.stats().iter().map(|shard| shard.connections).sum::<usize>() == 1
    });
    // Who closes half may have left: others come first.
    let mut half = shows(&running, "half", "192.0.2.1");
    half.half_close();
    seen(&running);
    let mut good = shows(&running, "good", "192.0.2.1");
    issuer.hold(false);
    assert_eq!((first.response().status, good.response().status), (401, 200));
    assert_eq!(half.response().status, 401, "and is answered all the same");
    assert_eq!(tokens_asked(&issuer), ["first", "good", "half"]);
    running.stop();
}

#[test]
fn each_address_has_its_turn_to_have_tokens_asked_about() {
    let (running, issuer, mut first) = asked();
    let shown = |number| shows(&running, &format!("many{number}"), "192.0.2.1");
    let mut many: Vec<_> = (0..6).map(shown).collect();
    // There is no room for more of theirs.
    let refused = shown(6).response();
    let limit = refused.json()["error"]["data"]["limit"].clone();
    assert_eq!((refused.status, limit), (503, json!("auth.introspection_waiting_max")));
    // There is for somebody else's: the last of theirs goes.
    let mut good = shows(&running, "good", "192.0.2.2");
    assert_eq!(many.pop().expect("the last").response().status, 503);
    issuer.hold(false);
    assert_eq!((first.response().status, good.response().status), (401, 200));
    for wire in &mut many {
        assert_eq!(wire.response().status, 401);
    }
    let expected = ["first", "many0", "good", "many1", "many2", "many3", "many4"];
    assert_eq!(tokens_asked(&issuer), expected);
    running.stop();
}
