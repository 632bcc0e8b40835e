//! What is open for somebody ends when they would not be let in any more: their token has ended, a
//! reload has taken their key back, or may do less than before. It ends with its last word, so that
//! they come back and hear why; what is open for others goes on.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::events::listen;
use common::http_sse::OldClient;
use common::issuer::{Issuer, SigningKey};
use common::session::{bare, initialize};
use common::{Post, Wire, call, eventually, http_sse, legacy, modern};
use jsonwebtoken::Algorithm;
use mcp_fastd::config::tokens::{
    ClientAuthentication, ClientSecret, IntrospectionConfig, IssuerConfig,
};
use mcp_fastd::{
    Access, ApiKey, AuthConfig, Authentication, Call, Config, Credentials, Empty, Principal,
    Running, Server, about, new_api_key,
};
use serde_json::{Value, json};

/// What the functions of the test know of each other.
#[derive(Default)]
struct Stage {
    open: AtomicBool,
    cancelled: AtomicUsize,
}

/// Says that it is on its way, and waits.
fn hold(stage: &Arc<Stage>, _: Empty, call: &Call<'_>) -> &'static str {
    call.progress(1.0);
    while !stage.open.load(Ordering::SeqCst) {
        if call.cancelled() {
            stage.cancelled.fetch_add(1, Ordering::SeqCst);
            return "cancelled";
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    "held"
}

/// Signs of life come too late to be what ends anything.
fn config() -> Config {
    Config {
        bind: ([127, 0, 0, 1], 0).into(),
        cores: Some(2),
        pin: false,
        keep_alive: Duration::from_secs(3600),
        ..Config::default()
    }
}

fn start(auth: &AuthConfig) -> (Running, Authentication, Arc<Stage>) {
    let authentication = Authentication::start(auth).expect("settings in order");
    let stage = Arc::new(Stage::default());
    let running = Server::builder()
        .state(stage.clone())
        .authenticator(authentication.clone())
        .authorizer(authentication.clone())
        .tool(about("hold").on_worker(), hold)
        .resource(about("app:note"), |_: &_| "a note")
        .config(Config { auth: auth.clone(), ..config() })
        .start()
        .expect("the server starts");
    (running, authentication, stage)
}

/// Everything that can be open for somebody, each on a connection of its own.
struct Open {
    listen: Wire,
    events: Wire,
    line: Wire,
    call: Wire,
    call_in_session: Wire,
}

impl Open {
    fn all(running: &Running, bearer: &str) -> Open {
        let send = |post: Post, bytes: fn(&Post) -> Vec<u8>, sign: &str| {
            let mut wire = Wire::connect(running.addr());
            wire.send(bytes(&as_(bearer, post.clone())));
            let status = wire.line_with("HTTP/1.1");
            assert!(status.contains("200"), "{status}: {}", post.head());
            wire.line_with(sign);
            wire
        };
        let begun = as_(bearer, initialize("2025-11-25", json!({})));
        let begun = Wire::connect(running.addr()).ask(begun.bytes());
        let session = begun.field("Mcp-Session-Id").expect("a session").to_owned();
        let wanted = json!({ "toolsListChanged": true, "resourceSubscriptions": ["app:note"] });
        let get = http_sse::open();
        let hold = json!({ "name": "hold", "arguments": {}, "_meta": { "progressToken": 1 } });
        Open {
            listen: send(listen(json!(1), wanted), Post::bytes, "acknowledged"),
            events: send(in_session(&session, get.clone().line("GET /mcp HTTP/1.1")), bare, "id: "),
            line: send(get, bare, "endpoint"),
            call: send(common::events::ask(json!(7), "tools/call", hold.clone()), Post::bytes, "{"),
            call_in_session: send(
                in_session(&session, legacy(json!(8), "tools/call", hold)),
                Post::bytes,
                "notifications/progress",
            ),
        }
    }

    /// Each stream ends, with the word that says whether and how to come back.
    #[track_caller]
    fn streams_ended(&mut self) {
        let listened = self.listen.stream_to_end();
        assert!(listened.contains("\"resultType\":\"complete\""), "{listened}");
        ended_to_come_back(&mut self.events);
    }

    /// And so does each line, and each call.
    #[track_caller]
    fn ended(&mut self, stage: &Stage) {
        self.streams_ended();
        ended_to_come_back(&mut self.line);
        ended_to_come_back(&mut self.call_in_session);
        let called = self.call.stream_to_end();
        assert!(called.contains("\"id\":7,\"error\""), "{called}");
        assert!(called.contains("what let this client in does not any more"), "{called}");
        eventually("its function is told", || stage.cancelled.load(Ordering::SeqCst) == 1);
    }
}

#[track_caller]
fn ended_to_come_back(wire: &mut Wire) {
    let rest = wire.stream_to_end();
    assert!(rest.contains("retry: ") && !rest.contains("\"error\""), "{rest}");
}

fn as_(bearer: &str, post: Post) -> Post {
    post.with("Authorization", &format!("Bearer {bearer}"))
}

fn in_session(session: &str, post: Post) -> Post {
    post.with("Mcp-Session-Id", session).instead("MCP-Protocol-Version", "2025-11-25")
}

#[track_caller]
fn status(running: &Running, bearer: &str) -> u16 {
    let ping = as_(bearer, modern(json!(1), "tools/list", json!({})));
    Wire::connect(running.addr()).ask(ping.bytes()).status
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}

const AUDIENCE: &str = "https://mcp.example/mcp";

fn of_issuer(issuer: IssuerConfig) -> AuthConfig {
    let mut auth = AuthConfig::default();
    auth.tokens.issuers = vec![issuer];
    auth.tokens.audiences = vec![AUDIENCE.to_owned()];
    auth.tokens.leeway = Duration::ZERO;
    auth
}

#[test]
fn what_is_open_ends_with_the_token() {
    let issuer = Issuer::start();
    let key = SigningKey::new("k", Algorithm::ES256);
    issuer.answers().keys = vec![key.public()];
    let (running, _, stage) = start(&of_issuer(IssuerConfig::discovered(issuer.url())));
    let token = |who: &str, exp: u64| {
        let iss = issuer.url();
        key.token(&json!({ "iss": iss, "aud": AUDIENCE, "sub": who, "exp": exp, "iat": now() }))
    };
    let other = token("alan", now() + 600);
    let mut another = Wire::connect(running.addr());
    let tools = json!({ "toolsListChanged": true });
    another.send(as_(&other, listen(json!(1), tools)).bytes());
    another.line_with("acknowledged");

    let short = token("ada", now() + 5);
    let mut open = Open::all(&running, &short);
    open.streams_ended();
    assert_eq!(status(&running, &short), 401);
    running.notifier().tools_changed();
    another.line_with("notifications/tools/list_changed");

    // What was asked for while the token was good is done, whatever is reloaded.
    running.handle().ask_again();
    stage.open.store(true, Ordering::SeqCst);
    for wire in [&mut open.call, &mut open.call_in_session] {
        assert!(wire.stream_to_end().contains("\"text\":\"held\""));
    }
    running.stop();
}

#[test]
fn a_line_goes_on_with_what_its_client_shows_next() {
    let issuer = Issuer::start();
    let key = SigningKey::new("k", Algorithm::ES256);
    issuer.answers().keys = vec![key.public()];
    let (running, ..) = start(&of_issuer(IssuerConfig::discovered(issuer.url())));
    let token = |exp: u64| {
        let iss = issuer.url();
        key.token(&json!({ "iss": iss, "aud": AUDIENCE, "sub": "ada", "exp": exp, "iat": now() }))
    };
    let short = token(now() + 3);
    let mut client = OldClient::connect_with(running.addr(), &as_(&short, http_sse::open()));
    let post = |client: &OldClient, bearer: &str, message: Value| {
        let post = as_(bearer, client.post(&message));
        Wire::connect(running.addr()).ask(post.bytes()).status
    };
    let info = json!({ "name": "test", "version": "0" });
    let params = json!({
        "protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": info,
    });
    let begin = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    let begun = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let ping = |id: u32| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" });
    assert_eq!(post(&client, &short, begin), 202);
    assert_eq!(client.next()["id"], 1);
    assert_eq!(post(&client, &short, begun), 202);
    eventually("the token ends", || post(&client, &short, ping(2)) == 401);
    running.notifier().tools_changed();
    let told = |client: &mut OldClient, id: u32| loop {
        let next = client.next();
        if next["id"] == id {
            return true;
        }
        if next["method"] == "notifications/tools/list_changed" {
            return false;
        }
    };
    // It is told when there is a token again, with the answer to what was asked with it.
    assert_eq!(post(&client, &token(now() + 600), ping(3)), 202);
    assert!(!told(&mut client, 3) && told(&mut client, 3), "the notice, then the answer");
    running.notifier().tools_changed();
    assert!(!told(&mut client, 3), "no more is held");
    running.stop();
}

#[test]
fn what_is_asked_about_is_asked_about_again() {
    let issuer = Issuer::start();
    let say = |is_active: bool| {
        let answer = json!({ "active": is_active, "sub": "ada", "aud": AUDIENCE });
        issuer.answers().tokens.insert("opaque".to_owned(), answer);
    };
    say(true);
    let introspection = IntrospectionConfig {
        endpoint: None,
        client_id: "us".to_owned(),
        client_secret: ClientSecret::Given("hush".to_owned()),
        client_authentication: ClientAuthentication::Basic,
        ttl: Duration::from_secs(1),
        require_audience: true,
    };
    let (running, ..) = start(&of_issuer(IssuerConfig {
        introspection: Some(introspection),
        ..IssuerConfig::discovered(issuer.url())
    }));
    let mut wire = Wire::connect(running.addr());
    wire.send(as_("opaque", listen(json!(1), json!({ "toolsListChanged": true }))).bytes());
    wire.line_with("acknowledged");
    let asked = issuer.count("POST /introspect");
    eventually("its issuer is asked again", || issuer.count("POST /introspect") >= asked + 2);
    running.notifier().tools_changed();
    wire.line_with("notifications/tools/list_changed");
    say(false);
    assert!(wire.stream_to_end().contains("\"resultType\":\"complete\""));
    running.stop();
}

fn key(name: &str, scopes: &[&str]) -> (String, ApiKey) {
    let (key, sha256) = new_api_key().expect("random bits");
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    (key, ApiKey { name: name.to_owned(), sha256, scopes })
}

fn reload(running: &Running, authentication: &Authentication, auth: &AuthConfig) {
    let others = authentication.prepare(auth).expect("settings in order");
    let config = Config { auth: auth.clone(), ..config() };
    let take = || authentication.take(others);
    running.handle().reload_with(&config, take).expect("settings in order");
}

#[test]
fn what_is_open_ends_with_the_key() {
    let ((ada, of_ada), (alan, of_alan)) = (key("ada", &["a", "b"]), key("alan", &[]));
    let with = |keys: &[&ApiKey]| AuthConfig {
        api_keys: keys.iter().copied().cloned().collect(),
        ..AuthConfig::default()
    };
    let less = ApiKey { scopes: vec!["a".to_owned()], ..of_ada.clone() };
    let rotated = ApiKey { scopes: of_ada.scopes.clone(), ..key("ada", &[]).1 };
    let secret = AuthConfig {
        resources: [("app:note".to_owned(), vec!["x".to_owned()])].into(),
        scopes: vec!["x".to_owned()],
        ..with(&[&of_ada, &of_alan])
    };
    for (after, left) in [
        (with(&[&of_alan]), 401),
        // The same name, and another key.
        (with(&[&rotated, &of_alan]), 401),
        // It may do less.
        (with(&[&less, &of_alan]), 200),
        // More is needed than it may do.
        (secret, 403),
    ] {
        let (running, authentication, stage) = start(&with(&[&of_ada, &of_alan]));
        let mut open = Open::all(&running, &ada);
        let mut another = Wire::connect(running.addr());
        let goes_on = left != 403;
        another.send(as_(&alan, listen(json!(1), json!({ "toolsListChanged": true }))).bytes());
        another.line_with("acknowledged");
        // What changes nothing about them ends nothing.
        reload(&running, &authentication, &with(&[&of_alan, &of_ada]));
        reload(&running, &authentication, &after);
        open.ended(&stage);
        assert_eq!(status(&running, &ada), left);
        if goes_on {
            another.line_with("notifications/tools/list_changed");
        }
        running.stop();
    }
}

#[test]
fn a_subscription_ends_whose_resource_is_for_others_now() {
    let ((ada, of_ada), note) = (key("ada", &[]), json!({ "resourceSubscriptions": ["app:note"] }));
    let auth = AuthConfig { api_keys: vec![of_ada], ..AuthConfig::default() };
    let (running, authentication, _) = start(&auth);
    let open = |wanted: Value| {
        let mut wire = Wire::connect(running.addr());
        wire.send(as_(&ada, listen(json!(1), wanted)).bytes());
        wire.line_with("acknowledged");
        wire
    };
    let (mut of_note, mut of_list) = (open(note), open(json!({ "resourcesListChanged": true })));
    let resources = [("app:{name}".to_owned(), vec!["x".to_owned()])].into();
    reload(&running, &authentication, &AuthConfig { resources, ..auth });
    running.notifier().resource_updated("app:note");
    let rest = of_note.stream_to_end();
    assert!(rest.contains("complete") && !rest.contains("resources/updated"), "{rest}");
    of_list.line_with("notifications/resources/list_changed");
    running.stop();
}

/// An application that has its own word on who may come says when to ask it again.
#[test]
fn an_application_is_asked_again() {
    let (is_in, asked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let (here, count) = (is_in.clone(), asked.clone());
    let running = Server::builder()
        .authenticate(move |_: &(), credentials: &Credentials<'_>| {
            count.fetch_add(1, Ordering::SeqCst);
            match credentials.bearer() {
                Some("ada") if here.load(Ordering::SeqCst) => {
                    let principal = Principal::named("ada").until(credentials.unix_s + 1);
                    Access::Principal(principal.into())
                }
                Some("alan") => Access::named("alan"),
                _ => credentials.denied(),
            }
        })
        .tool("free", |_: Empty| "free")
        .config(config())
        .start()
        .expect("the server starts");
    let open = |who: &str| {
        let mut wire = Wire::connect(running.addr());
        wire.send(as_(who, listen(json!(1), json!({ "toolsListChanged": true }))).bytes());
        wire.line_with("acknowledged");
        wire
    };
    let (mut ada, mut alan) = (open("ada"), open("alan"));
    let before = asked.load(Ordering::SeqCst);
    eventually("it is asked each second", || asked.load(Ordering::SeqCst) >= before + 2);
    running.handle().ask_again();
    running.notifier().tools_changed();
    for wire in [&mut ada, &mut alan] {
        wire.line_with("notifications/tools/list_changed");
    }
    is_in.store(false, Ordering::SeqCst);
    running.handle().ask_again();
    running.notifier().tools_changed();
    let rest = ada.stream_to_end();
    assert!(!rest.contains("list_changed"), "nothing is brought any more: {rest}");
    alan.line_with("notifications/tools/list_changed");
    let free = as_("alan", call(2, "free", json!({})));
    assert_eq!(Wire::connect(running.addr()).ask(free.bytes()).status, 200);
    running.stop();
}

#[test]
#[cfg(feature = "tls")]
fn what_is_open_ends_with_the_certificate() {
    let authority = common::tls::Authority::new();
    let known = |name: &str| mcp_fastd::KnownClient {
        common_name: Some(name.to_owned()),
        ..Default::default()
    };
    let with = |mtls| AuthConfig { mtls, ..AuthConfig::default() };
    let mut config = Config { auth: with(vec![known("ada"), known("alan")]), ..config() };
    common::tls::https(&[&authority.issue(&["localhost"])])(&mut config);
    config.tls.client_ca = Some(authority.file());
    config.tls.client_auth = mcp_fastd::ClientAuth::Required;
    let authentication = Authentication::start(&config.auth).expect("settings in order");
    let server =
        Server::builder().authenticator(authentication.clone()).tool("free", |_: Empty| "");
    let running = server.config(config.clone()).start().expect("the server starts");
    let mut open = ["ada", "alan"].map(|name| {
        let shown = authority.issue_as(name, &["x.example"], |_| ());
        let client = authority.client_of(rustls::ALL_VERSIONS, Some(&shown));
        let mut wire = common::tls::connect(running.addr(), "localhost", &Arc::new(client));
        wire.send(listen(json!(1), json!({ "toolsListChanged": true })).bytes());
        wire.line_with("acknowledged");
        wire
    });
    config.auth = with(vec![known("alan")]);
    let others = authentication.prepare(&config.auth).expect("settings in order");
    running.handle().reload_with(&config, || authentication.take(others)).expect("in order");
    assert!(open[0].stream_to_end().contains("complete"));
    open[1].line_with("notifications/tools/list_changed");
    // The connection stands, and is good for nothing.
    assert_eq!(open[0].ask(call(2, "free", json!({})).bytes()).status, 401);
    running.stop();
}
