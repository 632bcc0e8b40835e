//! `/health` and `/ready`: alive is not ready, and what is missing is said.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mcp_fastd::{Config, Empty, Readiness, Running, Server};

use common::{Wire, call, start_with};
use serde_json::json;

mod common;

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn ready(state: &Arc<AtomicBool>, readiness: &mut Readiness) {
    match state.load(Ordering::SeqCst) {
        true => readiness.ready("database"),
        false => readiness.not_ready("database", "it does not answer"),
    }
}

fn application(state: Arc<AtomicBool>, change: impl FnOnce(&mut Config)) -> Running {
    let mut config = Config { cores: Some(1), pin: false, ..Config::default() };
    config.bind.set_port(0);
    change(&mut config);
    let server = Server::builder().state(state).readiness(ready).tool("hello", |_: Empty| "Hello!");
    server.config(config).start().expect("it starts")
}

#[test]
fn a_dependency_that_is_missing_is_named_and_the_process_is_alive() {
    let state = Arc::new(AtomicBool::new(true));
    let running = application(state.clone(), |_| {});
    let mut wire = Wire::connect(running.addr());
    let response = wire.ask(get("/ready"));
    assert_eq!(response.status, 200);
    assert_eq!(
        response.json(),
        json!({ "status": "ready", "dependencies": { "server": "ready", "database": "ready" } })
    );
    state.store(false, Ordering::SeqCst);
    let response = wire.ask(get("/ready"));
    assert_eq!(response.status, 503);
    assert_eq!(
        response.json(),
        json!({ "status": "not ready",
                "dependencies": { "server": "ready", "database": "it does not answer" } })
    );
    assert_eq!(wire.ask(get("/health")).status, 200);
    let response = wire.ask("POST /ready HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(response.status, 405);
    running.stop();
}

#[test]
fn operators_have_a_listener_of_their_own() {
    let state = Arc::new(AtomicBool::new(true));
    let running = application(state, |config| {
        config.observe.admin_bind = Some(([127, 0, 0, 1], 0).into());
    });
    let admin = running.admin_addr().expect("there is one");
    let mut wire = Wire::connect(running.addr());
    assert_eq!(wire.ask(get("/health")).status, 200);
    assert_eq!(wire.ask(get("/ready")).status, 404);
    assert_eq!(wire.ask(get("/metrics")).status, 404);
    let mut operator = Wire::connect(admin);
    for path in ["/health", "/ready", "/metrics"] {
        assert_eq!(operator.ask(get(path)).status, 200, "{path}");
    }
    assert_eq!(operator.ask(get("/mcp")).status, 404);
    assert_eq!(operator.ask(call(1, "hello", json!({})).bytes()).status, 404);
    running.stop();
}

#[test]
fn the_path_decides_and_not_the_query() {
    let state = Arc::new(AtomicBool::new(true));
    let running = application(state, |_| {});
    let mut wire = Wire::connect(running.addr());
    for path in ["/health?", "/ready?x=1", "/metrics?x=1"] {
        assert_eq!(wire.ask(get(path)).status, 200, "{path}");
    }
    running.stop();
}

#[test]
fn no_page_reads_what_is_for_operators() {
    let state = Arc::new(AtomicBool::new(true));
    let ask = |admin, path: &str, host: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let response = Wire::connect(admin).ask(request);
        assert!(response.field("Access-Control-Allow-Origin").is_none());
        response.status
    };
    // What a page has made point here (DNS rebinding) has a name; who gathers metrics an address.
    let table = [
        ([127, 0, 0, 1], "/ready", [("evil.example", 421), ("10.1.2.3:90", 421), ("[::1]:9", 200)]),
        (
            [127, 0, 0, 1],
            "/metrics",
            [("evil.example", 421), ("us.example", 421), ("a.localhost", 200)],
        ),
        (
            [0, 0, 0, 0],
            "/metrics",
            [("evil.example", 421), ("10.1.2.3:90", 200), ("us.example", 200)],
        ),
        ([0, 0, 0, 0], "/ready", [("evil.example", 200), ("10.1.2.3:90", 200), ("localhost", 200)]),
    ];
    for (bind, path, asked) in table {
        let running = application(state.clone(), |config| {
            config.observe.admin_bind = Some((bind, 0).into());
            config.guard.allowed_hosts = vec!["us.example".to_owned()];
        });
        let port = running.admin_addr().expect("there is one").port();
        for (host, status) in asked {
            let found = ask(([127, 0, 0, 1], port).into(), path, host);
            assert_eq!(found, status, "{bind:?} {path} {host}");
        }
        running.stop();
    }
    // Beside the endpoint, every page may know that the server lives, and no more.
    let running = application(state, |_| {});
    let mut wire = Wire::connect(running.addr());
    let ask = |path| {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://a.example\r\n\r\n")
    };
    assert_eq!(wire.ask(ask("/health")).field("Access-Control-Allow-Origin"), Some("*"));
    let response = wire.ask(ask("/ready"));
    assert_eq!((response.status, response.field("Access-Control-Allow-Origin")), (403, None));
    running.stop();
}

#[test]
fn a_server_that_stops_is_not_ready_before_anything_ends() {
    let mut server = start_with(|config| {
        config.cores = Some(1);
        config.observe.admin_bind = Some(([127, 0, 0, 1], 0).into());
    });
    let admin = server.running().admin_addr().expect("there is one");
    let mut busy = server.connect();
    busy.send(call(1, "wait", json!({})).bytes());
    common::eventually("the call is under way", || server.stage.waiting.load(Ordering::SeqCst) > 0);
    assert_eq!(Wire::connect(admin).ask(get("/ready")).status, 200);
    let running = server.take();
    running.stopper().stop();
    let response = Wire::connect(admin).ask(get("/ready"));
    assert_eq!(response.status, 503);
    assert_eq!(response.json()["dependencies"]["server"], "it stops");
    assert_eq!(Wire::connect(admin).ask(get("/health")).status, 200);
    server.stage.open();
    assert_eq!(busy.response().status, 200);
    running.wait();
}
