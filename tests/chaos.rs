//! Seeded disorder: clients that split, pipeline, close and reset at random, beside clients that
//! behave and must not notice. The seed is printed; `CHAOS_SEED` repeats a run.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use common::{Post, TestServer, call, eventually, start_with};
use serde_json::json;

/// xorshift64*: good enough to be disorderly, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }
}

fn seed() -> u64 {
    let now =
        || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |t| t.as_nanos());
    let seed = std::env::var("CHAOS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| now() as u64 | 1);
    println!("CHAOS_SEED={seed}");
    seed
}

/// A request and whether it ends the connection.
fn request(dice: &mut Dice, id: u64) -> (Vec<u8>, bool) {
    match dice.roll(12) {
        0 => (
            call(id, "echo_on_worker", json!({ "text": "x".repeat(dice.roll(3000)) })).bytes(),
            false,
        ),
        1 => (call(id, "sleep", json!({ "ms": dice.roll(5) })).bytes(), false),
        2 => (call(id, "fill", json!({ "bytes": dice.roll(60_000) })).bytes(), false),
        3 => (call(id, "panic", json!({})).bytes(), false),
        4 => (call(id, "panic_on_worker", json!({})).bytes(), false),
        5 => (
            call(id, "echo", json!({ "text": "y".repeat(dice.roll(9000)) }))
                .chunked(1 + dice.roll(700)),
            false,
        ),
        6 => (Post::new("{nonsense").bytes(), false),
        7 if dice.roll(4) == 0 => (b"nonsense\r\n\r\n".to_vec(), true),
        8 if dice.roll(4) == 0 => {
            (call(id, "add", json!({ "a": 1, "b": 1 })).with("Connection", "close").bytes(), true)
        }
        _ => (call(id, "add", json!({ "a": id, "b": 1 })).bytes(), false),
    }
}

/// One disorderly connection.
fn misbehave(server: &TestServer, dice: &mut Dice) {
    let mut wire = server.connect();
    let mut bytes = Vec::new();
    let mut expected = 0;
    for id in 0..1 + dice.roll(30) {
        let (request, last) = request(dice, id as u64);
        bytes.extend_from_slice(&request);
        expected += 1;
        if last {
            break;
        }
    }
    let cut = if dice.roll(3) == 0 { dice.roll(bytes.len()) } else { bytes.len() };
    let mut rest = &bytes[..cut];
    while !rest.is_empty() {
        let (part, behind) = rest.split_at(rest.len().min(1 + dice.roll(4000)));
        rest = behind;
        if !wire.try_send(part) {
            return;
        }
        match dice.roll(40) {
            0 => std::thread::sleep(Duration::from_millis(1)),
            1 => std::thread::yield_now(),
            2 if dice.roll(10) == 0 => return wire.reset(),
            3 if dice.roll(10) == 0 => return drop(wire),
            _ => {}
        }
    }
    match dice.roll(4) {
        0 => wire.reset(),
        1 => drop(wire),
        _ if cut == bytes.len() => {
            wire.half_close();
            for _ in 0..expected {
                let response = wire.next_response();
                assert!(response.is_some(), "each whole request has its answer");
            }
            wire.expect_end();
        }
        _ => {
            wire.half_close();
            wire.rest();
        }
    }
}

#[test]
fn disorder_does_not_spread() {
    let seed = seed();
    let server = start_with(|config| {
        config.cores = Some(2);
        config.requests_per_turn_max = 5;
    });
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (server, over) = (&server, &over);
        let good: Vec<_> = (0..3)
            .map(|client| {
                scope.spawn(move || {
                    let mut wire = server.connect();
                    let mut id = client * 1_000_000;
                    while !over.load(Ordering::Relaxed) {
                        let text = format!("{id}");
                        let tool = if id % 7 == 0 { "echo_on_worker" } else { "echo" };
                        let response = wire.ask(call(id, tool, json!({ "text": text })).bytes());
                        assert_eq!(response.json()["id"], id);
                        assert_eq!(response.result()["content"][0]["text"], text);
                        id += 1;
                    }
                    id - client * 1_000_000
                })
            })
            .collect();
        let bad: Vec<_> = (0..4)
            .map(|client| {
                scope.spawn(move || {
                    let mut dice = Dice(seed.wrapping_add(client * 0x9e37_79b9) | 1);
                    for _ in 0..400 {
                        misbehave(server, &mut dice);
                    }
                })
            })
            .collect();
        let outcomes: Vec<_> = bad.into_iter().map(|client| client.join()).collect();
        over.store(true, Ordering::Relaxed);
        for client in good {
            assert!(client.join().expect("a client that behaves notices nothing") > 0);
        }
        assert!(outcomes.iter().all(Result::is_ok), "CHAOS_SEED={seed}");
    });
    eventually("every connection is gone", || {
        server.running().stats().iter().all(|shard| shard.connections == 0)
    });
    server.assert_alive();
    server.stop();
}
