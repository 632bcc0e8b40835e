//! A stop: nothing new is accepted, what is under way is answered with `Connection: close`, idle
//! connections are closed after one more chance to ask, and the grace bounds it all.

mod common;

use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use common::{PATIENCE, Wire, call, eventually, start, start_with};
use mcp_fastd::{Config, Empty, Running, Server};
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

#[test]
fn a_reader_that_does_not_read_is_not_waited_for() {
    let mut server = start_with(|config| config.shutdown_grace = Duration::from_millis(300));
    let mut slow = server.connect();
    slow.shrink_receive_buffer();
    slow.send(call(1, "fill", json!({ "bytes": 3_000_000 })).bytes());
    server.assert_alive();
    let started = Instant::now();
    server.take().stop();
    assert!(started.elapsed() < PATIENCE / 2, "{:?}", started.elapsed());
}

#[test]
fn in_the_delay_all_is_served_but_who_asks_is_told() {
    let mut server = start_with(|config| config.shutdown_delay = Duration::from_secs(2));
    let mut old = server.connect();
    old.ask(add(1));
    let running = server.take();
    let handle = running.handle();
    assert!(!handle.is_stopping());
    handle.stop();
    assert!(handle.is_stopping(), "before anything else is done");
    for wire in [&mut old, &mut server.connect()] {
        let mut response = wire.ask(add(2));
        while !response.closes() {
            // The shard had not read its mail.
            response = wire.ask(add(3));
        }
        assert_eq!(response.status, 200);
        wire.expect_end();
    }
    running.wait();
    assert!(TcpStream::connect(server.address).is_err());
}

#[test]
fn who_asks_again_and_again_loses_nothing() {
    for shutdown_delay in [Duration::ZERO, Duration::from_millis(200)] {
        let mut server = start_with(|config| config.shutdown_delay = shutdown_delay);
        let clients: Vec<_> = (0..16)
            .map(|_| {
                let mut wire = server.connect();
                std::thread::spawn(move || {
                    for id in 0.. {
                        assert!(wire.try_send(add(id)), "it was not told to close");
                        let response = wire.next_response().expect("each request is answered");
                        assert_eq!(response.json()["id"], id);
                        if response.closes() {
                            return wire.expect_end();
                        }
                        std::thread::sleep(Duration::from_millis(2));
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(50));
        server.take().stop();
        clients.into_iter().for_each(|client| client.join().expect("it is told when it asks"));
    }
}

/// A server on one shard, with a tool that holds that shard until it is released.
fn held(shutdown_grace: Duration) -> (Running, std::sync::mpsc::Sender<()>) {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let server = Server::builder()
        .tool("hold", move |_: Empty| {
            let _ = held.lock().expect("a lock").recv();
            "released"
        })
        .build();
    let config = Config {
        bind: ([127, 0, 0, 1], 0).into(),
        cores: Some(1),
        pin: false,
        shutdown_grace,
        ..Config::default()
    };
    (server.config(config).start().expect("it starts"), release)
}

#[test]
fn a_function_that_does_not_come_back_is_left_behind() {
    let (running, release) = held(Duration::from_millis(100));
    let mut wire = Wire::connect(running.addr());
    wire.send(call(1, "hold", json!({})).bytes());
    let silent = || running.handle().silent_shards(Duration::from_secs(1));
    eventually("the shard is in the function", || silent() == [0]);
    let (sender, stopped) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(running.stop()));
    stopped.recv_timeout(PATIENCE).expect("it ends in bounded time");
    drop(release);
}

#[test]
fn who_waits_to_be_accepted_is_answered() {
    let (running, release) = held(PATIENCE);
    let mut holder = Wire::connect(running.addr());
    holder.send(call(1, "hold", json!({})).bytes());
    let handle = running.handle();
    eventually("the shard is held", || !handle.silent_shards(Duration::from_millis(20)).is_empty());
    // The kernel has taken them in; nobody has accepted them when the stop is said.
    let mut waiting: Vec<_> = (0..50).map(|_| Wire::connect(running.addr())).collect();
    for wire in &mut waiting {
        wire.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    handle.stop();
    release.send(()).expect("it waits");
    assert_eq!(holder.response().status, 200);
    for wire in &mut waiting {
        let response = wire.response();
        assert_eq!(response.status, 200);
        assert!(response.closes());
        wire.expect_end();
    }
    running.wait();
}

#[test]
fn a_drain_answers_idle_connections_once_more() {
    let mut server = start_with(|config| config.shutdown_grace = PATIENCE * 2);
    let mut idle: Vec<_> = (0..4).map(|_| server.connect()).collect();
    for wire in &mut idle {
        assert!(!wire.ask(add(1)).closes());
    }
    let running = server.take();
    let handle = running.handle();
    let lent = handle.listeners().expect("they are lent");
    handle.drain();
    let draining = std::thread::spawn(move || running.wait());
    for wire in &mut idle {
        assert!(!draining.is_finished(), "it waits for them");
        let mut response = wire.ask(add(2));
        while !response.closes() {
            // The shard had not read its mail.
            response = wire.ask(add(3));
        }
        wire.expect_end();
    }
    draining.join().expect("it ends with the last of them");
    assert!(TcpStream::connect(server.address).is_ok(), "the sockets are ours now");
    drop(lent);
    assert!(TcpStream::connect(server.address).is_err());
}

#[test]
fn a_drain_ends_with_the_grace() {
    let mut server = start_with(|config| config.shutdown_grace = Duration::from_millis(300));
    let mut idle = server.connect();
    idle.ask(add(1));
    let running = server.take();
    running.handle().drain();
    running.wait();
    idle.expect_end();
}
