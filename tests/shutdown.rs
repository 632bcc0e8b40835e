//! A stop: nothing new is accepted, what is under way is answered with `Connection: close`, idle
//! connections are closed, and the grace bounds it all.

mod common;

use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use common::{PATIENCE, call, eventually, start, start_with};
use serde_json::json;

fn add(id: u64) -> Vec<u8> {
    call(id, "add", json!({ "a": id, "b": 1 })).bytes()
}

#[test]
fn an_idle_server_stops_at_once() {
    let server = start();
    let address = server.address;
    let mut idle: Vec<_> = (0..10).map(|_| server.connect()).collect();
    for wire in &mut idle {
        assert_eq!(wire.ask(add(1)).status, 200);
    }
    let started = Instant::now();
    server.stop();
    assert!(started.elapsed() < PATIENCE / 3, "it took {:?}", started.elapsed());
    for wire in &mut idle {
        wire.expect_end();
    }
    assert!(TcpStream::connect(address).is_err(), "nothing listens any more");
}

#[test]
fn what_is_under_way_is_answered() {
    let mut server = start_with(|config| config.shutdown_grace = PATIENCE * 2);
    let mut wires: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for (id, wire) in (0..).zip(&mut wires) {
        wire.send(call(id, "wait", json!({})).bytes());
    }
    eventually("all have begun", || server.stage.waiting.load(Ordering::SeqCst) == 3);
    let stage = server.stage.clone();
    let running = server.take();
    let stopping = std::thread::spawn(move || running.stop());
    eventually("it listens no more", || TcpStream::connect(server.address).is_err());
    assert!(!stopping.is_finished(), "it waits for what is under way");
    stage.open();
    for (id, wire) in (0..).zip(&mut wires) {
        let response = wire.response();
        assert_eq!(response.json()["id"], id);
        assert!(response.closes(), "the answer says that it is the last one");
        wire.expect_end();
    }
    let started = Instant::now();
    stopping.join().expect("it stops");
    assert!(started.elapsed() < PATIENCE, "then it does not wait for the grace to pass");
}

#[test]
fn a_request_that_is_half_there_may_be_completed() {
    let mut server = start_with(|config| config.shutdown_grace = PATIENCE * 2);
    let mut wire = server.connect();
    let request = add(1);
    wire.send(&request[..100]);
    // That it was read cannot be seen from here; another one on the same server has been answered.
    std::thread::sleep(Duration::from_millis(100));
    server.assert_alive();
    let running = server.take();
    let stopping = std::thread::spawn(move || running.stop());
    eventually("it listens no more", || TcpStream::connect(server.address).is_err());
    wire.send(&request[100..]);
    let response = wire.response();
    assert_eq!(response.json()["id"], 1);
    assert!(response.closes());
    wire.expect_end();
    stopping.join().expect("it stops");
}

#[test]
fn the_grace_bounds_the_stop() {
    let mut server = start_with(|config| config.shutdown_grace = Duration::from_millis(300));
    let mut stuck = server.connect();
    stuck.send(call(1, "wait", json!({})).bytes());
    eventually("it has begun", || server.stage.waiting.load(Ordering::SeqCst) == 1);
    let mut half = server.connect();
    half.send("GET /health HTTP/1.1\r\n");
    std::thread::sleep(Duration::from_millis(50));
    let started = Instant::now();
    server.take().stop();
    assert!(started.elapsed() >= Duration::from_millis(250), "it waited: {:?}", started.elapsed());
    assert!(started.elapsed() < PATIENCE / 2, "not for ever: {:?}", started.elapsed());
    let response = stuck.response();
    assert_eq!(response.status, 503, "{response:?}");
    assert_eq!(response.json()["error"]["data"]["limit"], "shutdown_grace");
    stuck.expect_end();
    half.expect_end();
}

#[test]
fn a_stopped_server_leaves_its_port() {
    let server = start();
    let address = server.address;
    server.connect().ask(add(1));
    server.stop();
    let again = start_with(|config| config.bind = address);
    again.assert_alive();
}

#[test]
fn under_load() {
    for _ in 0..5 {
        let mut server = start();
        let address = server.address;
        let clients: Vec<_> = (0..8)
            .map(|_| {
                let mut wire = server.connect();
                std::thread::spawn(move || {
                    for id in 0.. {
                        // Whole answers until there is none.
                        if !wire.try_send(add(id)) {
                            return id;
                        }
                        match wire.next_response() {
                            Some(response) => assert_eq!(response.json()["id"], id),
                            None => return id,
                        }
                    }
                    0
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(50));
        server.take().stop();
        let answered: u64 = clients.into_iter().map(|client| client.join().expect("fine")).sum();
        assert!(answered > 0);
        assert!(TcpStream::connect(address).is_err());
    }
}
