//! Code that is written against one linear stream of messages serves many clients at once, over
//! HTTP and in memory, and each gets its own answers.

mod common;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{Scope, spawn};
use std::time::Duration;

use common::eventually;
use common::http_sse::OldClient;
use common::requests::{Post, modern};
use common::session::{Client, LATEST, initialize};
use common::sse::Talk;
use mcp_fastd::Principal;
use mcp_fastd::adapter::{
    Engine, Error, HttpTransport, InMemory, Inbox, Received, SessionKey, Transport,
};
use mcp_fastd::app::{Incoming, Reception};
use mcp_fastd::{Access, Catalog, Config, Credentials, Handler, limits};
use serde_json::{Value, json};

/// What the code behind the transport knows, and the test looks at.
#[derive(Default)]
struct Scene {
    waiting: Mutex<Vec<(SessionKey, Value)>>,
    came: Condvar,
    /// Messages of each session that has not ended.
    sessions: Mutex<HashMap<SessionKey, usize>>,
    principals: Mutex<Vec<Option<Arc<Principal>>>>,
    /// The requests that were put to clients, by session: what waits for their answers.
    asked: Mutex<HashMap<SessionKey, Value>>,
    over: Mutex<bool>,
}

/// A server that keeps what comes, and answers the newest first, after a while.
fn serve<'s, T: Transport + Sync>(transport: &'s T, scene: &'s Scene, scope: &'s Scope<'s, '_>) {
    for _ in 0..4 {
        scope.spawn(move || answer_slowly(transport, scene));
    }
    scope.spawn(move || {
        while let Some(received) = transport.receive() {
            match received {
                Received::Message { session, principal, message } => {
                    let message = serde_json::from_slice(&message).expect("JSON");
                    *scene.sessions.lock().unwrap().entry(session).or_default() += 1;
                    scene.principals.lock().unwrap().push(principal);
                    scene.waiting.lock().unwrap().push((session, message));
                    scene.came.notify_one();
                }
                Received::Ended { session } => {
                    let known = scene.sessions.lock().unwrap().remove(&session);
                    assert!(known.is_some(), "each end comes once");
                }
            }
        }
        *scene.over.lock().unwrap() = true;
        scene.came.notify_all();
    });
}

fn answer_slowly<T: Transport>(transport: &T, scene: &Scene) {
    loop {
        let (session, message) = {
            let mut waiting = scene.waiting.lock().unwrap();
            loop {
                if let Some(newest) = waiting.pop() {
                    break newest;
                }
                if *scene.over.lock().unwrap() {
                    return;
                }
                waiting = scene.came.wait_timeout(waiting, Duration::from_millis(50)).unwrap().0;
            }
        };
        std::thread::sleep(Duration::from_millis(1));
        answer(transport, scene, session, &message);
    }
}

fn answer<T: Transport>(transport: &T, scene: &Scene, session: SessionKey, message: &Value) {
    // One that has ended meanwhile takes nothing.
    let send = |message: Value| transport.send(session, message.to_string().as_bytes());
    let result =
        |id: &Value, result: Value| json!({ "jsonrpc": "2.0", "id": id, "result": result });
    let (id, params) = (&message["id"], &message["params"]);
    let answer = match message["method"].as_str() {
        Some("initialize") if params["protocolVersion"] == "refuse" => {
            json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32602, "message": "no" } })
        }
        Some("initialize") => result(
            id,
            json!({ "protocolVersion": params["protocolVersion"], "capabilities": {},
                    "serverInfo": { "name": "echo", "version": "0" } }),
        ),
        Some("echo") => result(id, json!({ "text": params["text"] })),
        Some("count") => {
            let token = &params["_meta"]["progressToken"];
            for step in 1..=3 {
                let params = json!({ "progressToken": token, "progress": step });
                let _ = send(json!({ "jsonrpc": "2.0", "method": "notifications/progress",
                                     "params": params }));
            }
            result(id, json!({}))
        }
        Some("ask") => {
            scene.asked.lock().unwrap().insert(session, id.clone());
            // Every client is asked under the same id, which is that of its own request, too.
            let question = json!({ "jsonrpc": "2.0", "id": 1, "method": "roots/list" });
            let about = transport.send_about(
                session,
                id.to_string().as_bytes(),
                question.to_string().as_bytes(),
            );
            match about {
                Ok(()) => return,
                Err(error) => result(id, json!({ "text": error.to_string() })),
            }
        }
        Some("tell") => {
            let params = json!({ "uri": params["text"] });
            let _ = transport.send_about(
                session,
                b"\"nobody\"",
                json!({ "jsonrpc": "2.0",
                "method": "notifications/resources/updated", "params": params })
                .to_string()
                .as_bytes(),
            );
            result(id, json!({}))
        }
        Some("remark") => {
            let params = json!({ "uri": params["text"] });
            let _ = send(json!({ "jsonrpc": "2.0", "method": "notifications/resources/updated",
                                 "params": params }));
            result(id, json!({}))
        }
        Some("nothing") => json!({ "jsonrpc": "2.0", "id": id,
                                   "error": { "code": -32601, "message": "no such method" } }),
        // `hold`, and notifications.
        Some(_) => return,
        None => {
            let asked = scene.asked.lock().unwrap().remove(&session).expect("it was asked");
            result(&asked, json!({ "text": message["result"]["text"] }))
        }
    };
    let _ = send(answer);
}

/// Runs a test against the server, over HTTP.
fn over_http(engine: Engine, test: impl FnOnce(SocketAddr, &Scene)) {
    let mut transport = HttpTransport::new(engine);
    transport.start().expect("it starts");
    let scene = Scene::default();
    std::thread::scope(|scope| {
        serve(&transport, &scene, scope);
        let address = transport.address().expect("it was started");
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            test(address, &scene);
        }));
        transport.close();
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
    assert!(scene.sessions.lock().unwrap().is_empty(), "every session was seen to end");
}

fn engine() -> Engine {
    engine_with(|_| {})
}

fn engine_with(change: impl FnOnce(&mut Config)) -> Engine {
    let mut config = Config {
        bind: SocketAddr::from(([127, 0, 0, 1], 0)),
        cores: Some(2),
        pin: false,
        shutdown_grace: Duration::from_millis(300),
        ..Config::default()
    };
    change(&mut config);
    Engine::with(config)
}

fn echo(text: &str) -> Post {
    modern(json!(1), "echo", json!({ "text": text }))
}

#[test]
fn many_clients_with_the_same_ids_get_their_own_answers() {
    const SESSIONS: usize = 200;
    over_http(engine(), |address, scene| {
        let clients: Vec<_> = (0..SESSIONS).map(|_| Client::begin(address, LATEST)).collect();
        for round in 0..3 {
            let named = |kind: &str, index: usize| format!("{kind} {index} {round}");
            let mut talks = Vec::new();
            for (index, client) in clients.iter().enumerate() {
                let text = named("session", index);
                talks.push((
                    client.start(&client.request(1, "echo", json!({ "text": text }))),
                    text,
                ));
                if index % 2 == 0 {
                    let (mut talk, text) = (Talk::connect(address), named("request", index));
                    talk.post(&echo(&text));
                    talks.push((talk, text));
                }
            }
            for (talk, text) in &mut talks {
                let answer = talk.answer();
                assert_eq!(answer.last()["id"], 1);
                assert_eq!(answer.last()["result"]["text"], text.as_str());
            }
        }
        for client in &clients {
            assert_eq!(client.ask_bare("DELETE").status, 204);
        }
        eventually("all have ended", || scene.sessions.lock().unwrap().is_empty());
    });
}

#[test]
fn clients_of_http_sse_are_served_by_the_same_code() {
    const CLIENTS: usize = 20;
    over_http(engine(), |address, scene| {
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| OldClient::connect(address)).collect();
        for client in &mut clients {
            // Some say something before they begin; they are who they are all the same.
            client.tell("notifications/initialized", json!({}));
            client.request(0, "echo", json!({ "text": "early" }));
            assert_eq!(client.next()["result"]["text"], "early");
            client.initialize("2024-11-05", json!({}));
        }
        for (number, client) in clients.iter().enumerate() {
            client.request(1, "echo", json!({ "text": number }));
        }
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.next()["result"]["text"], number);
        }
        let asked = &mut clients[0];
        asked.request("count", "count", json!({ "_meta": { "progressToken": 7 } }));
        for step in 1..=3 {
            assert_eq!(asked.next()["params"]["progress"], step);
        }
        assert_eq!(asked.next()["id"], "count");
        assert_eq!(scene.sessions.lock().unwrap().len(), CLIENTS);
    });
}

#[test]
fn requests_of_one_session_are_told_apart() {
    over_http(engine(), |address, _| {
        let client = Client::begin(address, LATEST);
        let text = |id: usize| format!("text {id}");
        let ask =
            |id: usize| client.start(&client.request(id, "echo", json!({ "text": text(id) })));
        let mut talks: Vec<_> = (0..40).map(ask).collect();
        for (id, talk) in talks.iter_mut().enumerate() {
            assert_eq!(talk.answer().last()["result"]["text"], text(id).as_str());
        }
    });
}

#[test]
fn what_is_said_before_an_answer_goes_with_its_request() {
    over_http(engine(), |address, _| {
        let client = Client::begin(address, LATEST);
        let params = |token: &str| json!({ "_meta": { "progressToken": token } });
        let mut counts: Vec<_> = ["a", "b"]
            .into_iter()
            .map(|token| (client.start(&client.request(token, "count", params(token))), token))
            .collect();
        for (talk, token) in &mut counts {
            let answer = talk.answer();
            assert_eq!(answer.last()["id"], *token);
            let progress = answer.notices("notifications/progress");
            assert_eq!(progress.len(), 3, "{answer:?}");
            assert!(progress.iter().all(|it| it["progressToken"] == *token));
        }
        let alone = modern(json!(1), "count", json!({}));
        let alone = alone.change_body(|body| body["params"]["_meta"]["progressToken"] = json!(7));
        assert_eq!(Talk::connect(address).ask(&alone).messages.len(), 4);
        // A client that takes JSON alone gets the answer alone.
        let answer = Talk::connect(address).ask(&alone.instead("Accept", "application/json"));
        assert_eq!(answer.json()["id"], 1);
        // What belongs to no request waits for the session's own stream.
        assert_eq!(client.ask(&client.request(1, "tell", json!({ "text": "a:b" }))).status, 200);
        assert_eq!(client.listen().next()["params"]["uri"], "a:b");
    });
}

#[test]
fn clients_are_asked_in_their_sessions_and_only_there() {
    over_http(engine(), |address, _| {
        let clients: Vec<_> = (0..20).map(|_| Client::begin(address, LATEST)).collect();
        let ask = |client: &Client| client.start(&client.request(1, "ask", json!({})));
        let mut talks: Vec<_> = clients.iter().map(ask).collect();
        for (index, (client, talk)) in clients.iter().zip(&mut talks).enumerate() {
            assert!(talk.head(), "a stream");
            let question = talk.next();
            assert_eq!(question["method"], "roots/list");
            client.reply(&question, json!({ "text": format!("client {index}") }));
        }
        for (index, talk) in talks.iter_mut().enumerate() {
            assert_eq!(talk.next()["result"]["text"], format!("client {index}"));
        }
        let refused = Talk::connect(address).ask(&modern(json!(1), "ask", json!({})));
        let text = refused.json()["result"]["text"].as_str().expect("text").to_owned();
        assert!(text.contains("input_required"), "{text}");
    });
}

#[test]
fn errors_have_the_statuses_that_ours_have() {
    over_http(engine(), |address, scene| {
        let answer = Talk::connect(address).ask(&modern(json!(1), "nothing", json!({})));
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!(-32601)));
        let client = Client::begin(address, LATEST);
        assert_eq!(client.ask(&client.request(1, "nothing", json!({}))).status, 200);
        let batch = Post::new(json!([{ "jsonrpc": "2.0", "method": "x" }]).to_string());
        assert_eq!(Talk::connect(address).ask(&batch).status, 400);
        assert_eq!(client.ask_bare("DELETE").status, 204);
        // An `initialize` that is refused begins no session.
        let refused = Talk::connect(address).ask(&initialize("refuse", json!({})));
        assert_eq!(refused.json()["error"]["code"], -32602);
        assert_eq!(refused.field("Mcp-Session-Id"), None);
        eventually("nothing is left", || scene.sessions.lock().unwrap().is_empty());
    });
}

#[test]
fn sessions_end_however_they_end() {
    let change = |config: &mut Config| {
        config.sessions_max = 3;
        config.session_idle_timeout = Duration::from_secs(2);
    };
    over_http(engine_with(change), |address, scene| {
        let count = || scene.sessions.lock().unwrap().len();
        // Deleted, with a request under way.
        let client = Client::begin(address, LATEST);
        let mut held = client.start(&client.request(1, "hold", json!({})));
        eventually("it is there", || scene.sessions.lock().unwrap().values().sum::<usize>() == 3);
        assert_eq!(client.ask_bare("DELETE").status, 204);
        assert!(held.answer().messages.is_empty());
        eventually("deleted", || count() == 0);
        // A client of 2026-07-28 that leaves.
        let mut left = Talk::connect(address);
        left.post(&modern(json!(1), "hold", json!({})));
        eventually("it is there", || count() == 1);
        drop(left);
        eventually("left", || count() == 0);
        // More of them than there may be; then nobody uses the rest.
        for _ in 0..8 {
            Client::begin(address, LATEST);
        }
        eventually("all but three made room", || count() == 3);
        eventually("idle", || count() == 0);
        // The stop.
        Client::begin(address, LATEST);
    });
}

#[test]
fn a_client_that_closed_its_side_still_gets_its_answer() {
    over_http(engine(), |address, scene| {
        let mut wire = common::Wire::connect(address);
        wire.send(echo("half").bytes());
        wire.half_close();
        assert_eq!(wire.response().result()["text"], "half");
        eventually("its end was seen", || scene.sessions.lock().unwrap().is_empty());
    });
}

#[test]
fn cancelled_requests_are_forgotten() {
    over_http(engine(), |address, scene| {
        let client = Client::begin(address, LATEST);
        for id in 0..2 * limits::SESSION_CALLS_MAX {
            let mut talk = client.start(&client.request(id, "hold", json!({})));
            let seen = 2 + 2 * id + 1;
            eventually("it is there", || {
                scene.sessions.lock().unwrap().values().sum::<usize>() == seen
            });
            client.cancel(id);
            assert!(talk.answer().messages.is_empty());
        }
        assert_eq!(client.ask(&client.request("z", "echo", json!({ "text": 1 }))).status, 200);
        // They do not keep what is said from the only request there is, nor answers from their ids.
        let answer = client.ask(&client.request(0, "remark", json!({ "text": "a:b" })));
        assert_eq!(answer.notices("notifications/resources/updated").len(), 1, "{answer:?}");
        assert_eq!(answer.last()["id"], 0);
    });
}

/// Nothing is received: what comes is kept up to a bound, and then refused.
#[test]
fn code_that_is_too_slow_slows_its_clients_down() {
    let mut transport = HttpTransport::new(engine());
    transport.start().expect("it starts");
    let address = transport.address().expect("it was started");
    let (mut talk, mut kept) = (Talk::connect(address), Vec::new());
    for _ in 0..limits::INBOX_MAX {
        let mut talk = Talk::connect(address);
        talk.post(&echo("kept"));
        kept.push(talk);
    }
    // They arrive on two shards; the last one is refused as soon as all others are there.
    eventually("there is no room", || {
        let mut probe = Talk::connect(address);
        probe.post(&echo("more"));
        match probe.try_head(Duration::from_millis(100)) {
            Some(_) => true,
            None => {
                kept.push(probe);
                false
            }
        }
    });
    let refused = talk.ask(&echo("more"));
    assert_eq!(refused.status, 503);
    assert_eq!(refused.json()["error"]["data"]["limit"], "inbox_max");
    assert_eq!(refused.field("Retry-After"), Some("1"));
    drop(kept);
    transport.close();
    // All that had come has left again, and nothing is left.
    assert_eq!(transport.receive(), None);
}

/// A handler of one's own in front of the inbox, that knows who asks.
struct Guarded(Inbox);

impl From<Inbox> for Guarded {
    fn from(inbox: Inbox) -> Guarded {
        Guarded(inbox)
    }
}

impl Handler for Guarded {
    const SPEAKS_MCP: bool = true;

    fn authenticate(&self, credentials: &Credentials<'_>) -> Access {
        match credentials.bearer() {
            Some(token) => Access::named(token),
            None => Access::Denied,
        }
    }

    fn catalog(&self) -> &Catalog {
        self.0.catalog()
    }

    fn receive(&self, incoming: &mut Incoming<'_>, out: &mut Vec<u8>) -> Reception {
        assert!(incoming.fields().any(|(name, _)| name == "Authorization"));
        self.0.receive(incoming, out)
    }
}

#[test]
fn messages_say_who_sent_them() {
    let bind = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = Config { bind, pin: false, ..Config::default() };
    let mut transport = HttpTransport::new(Engine::<Guarded>::with(config));
    transport.start().expect("it starts");
    let address = transport.address().expect("it was started");
    assert_eq!(Talk::connect(address).ask(&echo("x")).status, 401);
    let client =
        spawn(move || Talk::connect(address).ask(&echo("x").with("Authorization", "Bearer ann")));
    let Some(Received::Message { session, principal, message }) = transport.receive() else {
        panic!("a message")
    };
    assert_eq!(principal.as_deref(), Some(&Principal::named("ann")));
    assert!(message.starts_with(b"{"));
    assert!(matches!(transport.send(session, b"[1]"), Err(Error::NotAMessage(_))));
    let wrong = br#"{"jsonrpc":"2.0","id":2,"result":{}}"#;
    assert!(matches!(transport.send(session, wrong), Err(Error::NoSuchRequest)));
    // On many lines, as event streams do not have it.
    let right = b"{\"jsonrpc\":\"2.0\",\n\"id\":1,\n\"result\":{}}";
    transport.send(session, right).expect("it is there");
    assert!(matches!(transport.send(session, right), Err(Error::NoSuchRequest)));
    assert_eq!(client.join().expect("an answer").json()["result"], json!({}));
    assert_eq!(transport.receive(), Some(Received::Ended { session }));
    assert!(matches!(transport.send(session, right), Err(Error::Ended)));
    transport.close();
    assert_eq!(transport.receive(), None);
}

#[test]
fn the_same_code_runs_in_memory() {
    let (transport, client) = InMemory::pair();
    let scene = Scene::default();
    std::thread::scope(|scope| {
        serve(&transport, &scene, scope);
        let sessions: Vec<_> = (0..50).map(|_| client.session()).collect();
        for (index, session) in sessions.iter().enumerate() {
            let params = json!({ "text": index });
            let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "echo", "params": params });
            assert!(client.send(*session, request.to_string().as_bytes()));
        }
        let mut answers = HashMap::new();
        for _ in &sessions {
            let (session, answer) = client.receive().expect("an answer");
            let answer: Value = serde_json::from_slice(&answer).expect("JSON");
            answers.insert(session, answer["result"]["text"].clone());
        }
        for (index, session) in sessions.iter().enumerate() {
            assert_eq!(answers[session], index);
            client.end(*session);
        }
        eventually("all have ended", || scene.sessions.lock().unwrap().is_empty());
        transport.close();
        drop(client);
    });
}
