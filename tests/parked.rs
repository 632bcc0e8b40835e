//! A request whose sender has to be found out elsewhere waits where it is, and nobody else does.

mod common;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Wire, eventually, modern};
use mcp_fastd::{
    Access, Authenticator, Busy, Call, Config, Credentials, Empty, Exchange, Principal, Running,
    Server, Verdict,
};
use serde_json::json;

/// Somebody else who says who people are, when the test lets them.
#[derive(Clone, Default)]
struct Slow(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What was found out of each token.
    known: HashMap<String, bool>,
    open: HashMap<String, Arc<Verdict>>,
    asked: usize,
}

impl Slow {
    /// It is found out whether a token is good.
    fn decide(&self, token: &str, good: bool) {
        eventually("somebody asks", || self.0.lock().unwrap().open.contains_key(token));
        let verdict = {
            let mut state = self.0.lock().unwrap();
            state.known.insert(token.to_owned(), good);
            state.open.remove(token).unwrap()
        };
        verdict.decide();
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }
}

impl<S> Authenticator<S> for Slow {
    fn authenticate(&self, _: &S, credentials: &Credentials<'_>) -> Access {
        let Some(token) = credentials.bearer() else { return credentials.denied() };
        let mut state = self.0.lock().unwrap();
        state.asked += 1;
        match (token, state.known.get(token)) {
            ("busy", _) => Access::Busy(Busy { why: "nobody is there", limit: None }),
            ("early", None) => {
                // It is decided before anybody can wait for it.
                state.known.insert(token.to_owned(), true);
                let verdict = Arc::new(Verdict::new());
                verdict.decide();
                Access::Later(verdict)
            }
            (_, Some(true)) => Access::Principal(Arc::new(Principal::named(token))),
            (_, Some(false)) => credentials.denied(),
            (_, None) => Access::Later(state.open.entry(token.to_owned()).or_default().clone()),
        }
    }
}

fn whoami(_: &(), _: Empty, call: &Call) -> String {
    call.principal().unwrap_or("nobody").to_owned()
}

fn server(slow: &Slow) -> Server<impl mcp_fastd::Handler> {
    Server::builder().authenticator(slow.clone()).tool("whoami", whoami).build()
}

fn start(timeout: Duration) -> (Slow, Running) {
    let slow = Slow::default();
    let mut config = Config { bind: ([127, 0, 0, 1], 0).into(), ..Config::default() };
    config.cores = Some(1);
    config.auth.decision_timeout = timeout;
    let running = server(&slow).config(config).start().expect("the server starts");
    (slow, running)
}

fn post(id: u64, token: &str) -> common::Post {
    let post = modern(json!(id), "tools/call", json!({ "name": "whoami" }));
    post.with("Authorization", &format!("Bearer {token}"))
}

fn who(response: &common::Response) -> String {
    let json = response.json();
    let id = json["id"].as_u64().unwrap_or_default();
    let text = json["result"]["content"][0]["text"].as_str().unwrap_or("refused");
    format!("{id} {text}")
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn requests_wait_in_their_order_and_others_do_not() {
    let (slow, running) = start(LONG);
    let mut wire = Wire::connect(running.addr());
    // The first is known at once, the second and the fourth are not.
    slow.0.lock().unwrap().known.insert("ada".to_owned(), true);
    let all = [post(1, "ada"), post(2, "alan"), post(3, "ada"), post(4, "eve"), post(5, "ada")];
    wire.send(all.iter().flat_map(|post| post.bytes()).collect::<Vec<_>>());
    assert_eq!(who(&wire.response()), "1 ada");
    // One shard, and it does not wait.
    let mut other = Wire::connect(running.addr());
    assert_eq!(who(&other.ask(post(9, "ada").bytes())), "9 ada");
    slow.decide("alan", true);
    assert_eq!(who(&wire.response()), "2 alan");
    assert_eq!(who(&wire.response()), "3 ada");
    slow.decide("eve", false);
    assert_eq!(wire.response().status, 401);
    assert_eq!(who(&wire.response()), "5 ada");
    running.stop();
}

#[test]
fn one_verdict_wakes_all_who_wait() {
    let (slow, running) = start(LONG);
    let mut wires: Vec<_> = (0..8).map(|_| Wire::connect(running.addr())).collect();
    for (id, wire) in (0..).zip(&mut wires) {
        wire.send(post(id, "ada").bytes());
    }
    eventually("all wait", || slow.asked() >= 8);
    slow.decide("ada", true);
    for (id, wire) in (0..).zip(&mut wires) {
        assert_eq!(who(&wire.response()), format!("{id} ada"));
    }
    assert_eq!(slow.asked(), 16, "once before, once after, and not in between");
    running.stop();
}

#[test]
fn a_verdict_before_anybody_waits_is_not_missed() {
    let (_, running) = start(LONG);
    let mut wire = Wire::connect(running.addr());
    assert_eq!(who(&wire.ask(post(1, "early").bytes())), "1 early");
    running.stop();
}

#[test]
fn a_body_in_pieces_is_read_meanwhile_and_stays_whole() {
    let (slow, running) = start(LONG);
    let mut wire = Wire::connect(running.addr());
    let request = post(1, "ada").chunked(7);
    wire.send_slowly(request.chunks(11));
    wire.send(post(2, "ada").chunked(50));
    eventually("it is asked about the head and about the whole", || slow.asked() >= 2);
    slow.decide("ada", true);
    assert_eq!(who(&wire.response()), "1 ada");
    assert_eq!(who(&wire.response()), "2 ada");
    let expecting = post(3, "alan").with("Expect", "100-continue");
    let bytes = expecting.bytes();
    let head = bytes.windows(4).position(|at| at == b"\r\n\r\n").expect("a head") + 4;
    wire.send(&bytes[..head]);
    assert!(wire.interim().starts_with("HTTP/1.1 100"), "the body is wanted meanwhile");
    wire.send(&bytes[head..]);
    slow.decide("alan", true);
    assert_eq!(who(&wire.response()), "3 alan");
    running.stop();
}

#[test]
fn nobody_waits_for_ever() {
    let (_slow, running) = start(Duration::from_millis(100));
    let mut wire = Wire::connect(running.addr());
    wire.send([post(1, "ada").bytes(), post(2, "ada").bytes()].concat());
    let response = wire.response();
    assert_eq!((response.status, response.field("Retry-After")), (503, Some("1")));
    assert_eq!(response.json()["error"]["data"]["limit"], "auth.decision_timeout");
    assert!(response.closes(), "what is behind it was not looked at");
    wire.expect_end();
    let mut wire = Wire::connect(running.addr());
    let response = wire.ask(post(1, "busy").bytes());
    assert_eq!((response.status, response.field("Retry-After")), (503, Some("1")));
    let metrics = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer early\r\n\r\n";
    let metrics = Wire::connect(running.addr()).ask(metrics).text();
    let sample = "mcp_server_limited_total{limit=\"auth.decision_timeout\"} 1\n";
    assert!(metrics.contains(sample), "{metrics}");
    running.stop();
}

#[test]
fn who_closes_half_is_answered_and_who_leaves_is_forgotten() {
    let (slow, running) = start(LONG);
    let mut half = Wire::connect(running.addr());
    half.send(post(1, "ada").bytes());
    half.half_close();
    let mut gone = Wire::connect(running.addr());
    gone.send(post(2, "ada").bytes());
    eventually("both wait", || slow.asked() >= 2);
    gone.reset();
    eventually("one is gone", || {
        running.stats().iter().map(|shard| shard.connections).sum::<usize>() == 1
    });
    slow.decide("ada", true);
    assert_eq!(who(&half.response()), "1 ada");
    half.expect_end();
    running.stop();
}

#[test]
fn a_server_that_stops_finishes_what_waits() {
    let (slow, running) = start(LONG);
    let mut wire = Wire::connect(running.addr());
    wire.send(post(1, "ada").bytes());
    eventually("it waits", || slow.asked() >= 1);
    let stopper = running.stopper();
    let stopped = std::thread::spawn(move || running.wait());
    stopper.stop();
    slow.decide("ada", true);
    let response = wire.response();
    assert_eq!((who(&response), response.closes()), ("1 ada".to_owned(), true));
    stopped.join().expect("it ends");
}

#[test]
fn a_server_that_is_out_of_time_says_so() {
    let slow = Slow::default();
    let mut config = Config { bind: ([127, 0, 0, 1], 0).into(), ..Config::default() };
    config.shutdown_grace = Duration::from_millis(100);
    let running = server(&slow).config(config).start().expect("the server starts");
    let mut wire = Wire::connect(running.addr());
    wire.send(post(1, "ada").bytes());
    eventually("it waits", || slow.asked() >= 1);
    running.stop();
    assert_eq!(wire.response().status, 503);
}

#[test]
fn without_sockets_it_is_looked_at_again_with_what_comes_next() {
    let slow = Slow::default();
    let mut exchange = Exchange::new(server(&slow)).expect("the server is in order");
    assert!(exchange.send(&post(1, "ada").bytes()).is_empty());
    assert!(exchange.send(b"").is_empty());
    slow.decide("ada", true);
    let answer = String::from_utf8_lossy(exchange.send(&post(2, "ada").bytes())).into_owned();
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
}

/// A request that waited is one request: for its address, and for who it turns out to be from.
#[test]
fn a_request_that_waited_is_counted_once() {
    let twice = || Some("2/h".parse().expect("a rate"));
    for (limit, status) in
        [("per_principal", 429), ("per_address", 429), ("per_address", 200), ("per_tool", 429)]
    {
        let slow = Slow::default();
        let mut config = Config { bind: ([127, 0, 0, 1], 0).into(), ..Config::default() };
        config.cores = Some(1);
        match limit {
            "per_principal" => config.rate.per_principal = twice(),
            "per_tool" => config.rate.per_tool = twice(),
            _ => config.rate.per_address = twice(),
        }
        if status == 200 {
            config.rate.reject_status = mcp_fastd::RejectStatus::Ok;
        }
        let running = server(&slow).config(config).start().expect("the server starts");
        let mut wire = Wire::connect(running.addr());
        // Its head alone comes first, which waits for nobody.
        let bytes = post(1, "ada").bytes();
        let head = bytes.windows(4).position(|it| it == b"\r\n\r\n").expect("a head") + 4;
        wire.send(&bytes[..head]);
        eventually("its head is looked at", || slow.asked() >= 1);
        wire.send(&bytes[head..]);
        slow.decide("ada", true);
        assert_eq!(who(&wire.response()), "1 ada");
        assert_eq!(who(&wire.ask(post(2, "ada").bytes())), "2 ada", "{limit}");
        let refused = wire.ask(post(3, "ada").bytes());
        assert_eq!(refused.status, status, "{limit}");
        assert_eq!(refused.json()["error"]["data"]["limit"], format!("rate.{limit}"));
        running.stop();
    }
}
