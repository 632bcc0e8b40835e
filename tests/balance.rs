//! New connections go where there are fewest.

mod common;

use common::{Wire, call, eventually, start_with};
use mcp_fastd::ShardStats;
use serde_json::json;

fn connections(stats: &[ShardStats]) -> Vec<usize> {
    stats.iter().map(|shard| shard.connections).collect()
}

#[test]
fn sixty_four_connections_on_eight_shards() {
    for round in 0..5 {
        let server = start_with(|config| config.cores = Some(8));
        let mut wires: Vec<Wire> = (0..64).map(|_| server.connect()).collect();
        for wire in &mut wires {
            let response = wire.ask(call(1, "add", json!({ "a": 1, "b": 1 })).bytes());
            assert_eq!(response.json()["id"], 1);
        }
        let held = connections(&server.running().stats());
        assert_eq!(held.iter().sum::<usize>(), 64);
        assert!(held.iter().all(|held| *held <= 10), "round {round}: {held:?}");
    }
}

#[test]
fn all_at_once() {
    let server = start_with(|config| config.cores = Some(8));
    let wires: Vec<Wire> = std::thread::scope(|scope| {
        let connect = |_| scope.spawn(|| (0..8).map(|_| server.connect()).collect::<Vec<_>>());
        let threads: Vec<_> = (0..8).map(connect).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("connected")).collect()
    });
    eventually("all are accepted", || {
        connections(&server.running().stats()).iter().sum::<usize>() == 64
    });
    let held = connections(&server.running().stats());
    assert!(held.iter().all(|held| *held <= 10), "{held:?}");
    drop(wires);
    eventually("all are closed", || {
        connections(&server.running().stats()).iter().all(|held| *held == 0)
    });
}

#[test]
fn requests_are_counted() {
    let server = start_with(|config| config.cores = Some(2));
    let mut wire = server.connect();
    for id in 0..100 {
        wire.ask(call(id, "add", json!({ "a": 1, "b": 1 })).bytes());
    }
    eventually("the shards have said so", || {
        // Counters are published while a shard is awake, once a second.
        server.assert_alive();
        std::thread::sleep(std::time::Duration::from_millis(100));
        server.running().stats().iter().map(|shard| shard.requests).sum::<u64>() >= 100
    });
    let stats = server.running().stats();
    let hits: u64 = stats.iter().map(|shard| shard.buffer_hits).sum();
    let misses: u64 = stats.iter().map(|shard| shard.buffer_misses).sum();
    assert!(hits > 10 * misses, "buffers are used again: {hits} hits, {misses} misses");
}
