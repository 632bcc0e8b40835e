//! Acknowledged is durable: the daemon is killed at random under load, again and again, and every
//! document it said it had is there.
//!
//! `MCP_FASTD_CRASH_ROUNDS` sets the number of kills (50), `MCP_FASTD_CRASH_SEED` when they come.

#![cfg(feature = "daemon")]

#[path = "common/daemon.rs"]
mod daemon;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use daemon::{Client, Daemon};
use mcp_fastd::documents::Dataset;
use serde_json::{Value, json};

const WRITERS: usize = 8;
const ROUNDS: u64 = 50;
/// The kill comes within this time after the daemon listens, milliseconds.
const KILL_WITHIN_MS: u64 = 250;
/// All documents are compared this often, and at the end; in the other rounds the new ones.
const FULL_CHECK_EVERY: u64 = 10;

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().expect("a number"),
        Err(_) => default,
    }
}

/// xorshift64*, so that a seed gives the same pauses.
fn next(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
}

/// What was acknowledged: the answer to `add_document`, and the text that went with it.
struct Acknowledged {
    id: String,
    text: String,
}

/// Adds documents until the connection breaks.
fn write(mut client: Client, label: &str, acknowledged: &Mutex<Vec<Acknowledged>>) {
    for count in 0.. {
        // Some span pages of the file, and several passages.
        let words = if count % 7 == 0 { 3_000 } else { 30 };
        let text = format!("{label} {count} {}", "padding ".repeat(words));
        let arguments = json!({ "title": format!("{label}-{count}"), "text": text });
        let params = json!({ "name": "add_document", "arguments": arguments });
        let Some(answer) = client.try_request("tools/call", params) else { return };
        let id = &answer["result"]["structuredContent"]["id"];
        let Value::String(id) = id else { panic!("not added: {answer}") };
        acknowledged.lock().expect("a lock").push(Acknowledged { id: id.clone(), text });
    }
}

fn check(file: &Path, expected: &[Acknowledged], round: u64, whole: bool) {
    let dataset = Dataset::open(file).expect("opened");
    for Acknowledged { id, text } in expected {
        let found = dataset.get(id).unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert!(found.text == *text, "round {round}: another text in {id}");
    }
    if whole {
        dataset.check().unwrap_or_else(|error| panic!("round {round}: {error}"));
    }
}

#[test]
fn no_acknowledged_document_is_lost() {
    let rounds = number("MCP_FASTD_CRASH_ROUNDS", ROUNDS);
    let seed = number("MCP_FASTD_CRASH_SEED", u64::from(std::process::id())).max(1);
    println!("{rounds} rounds, MCP_FASTD_CRASH_SEED={seed}");
    let mut random = seed;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.db");
    let mut all: Vec<Acknowledged> = Vec::new();
    for round in 1..=rounds {
        let mut daemon = Daemon::over(&file);
        let acknowledged = Mutex::new(Vec::new());
        let pause = Duration::from_millis(next(&mut random) % KILL_WITHIN_MS);
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (client, acknowledged) = (daemon.client(), &acknowledged);
                scope.spawn(move || write(client, &format!("{round}-{writer}"), acknowledged));
            }
            std::thread::sleep(pause);
            daemon.kill();
        });
        let new = acknowledged.into_inner().expect("a lock");
        let whole = round % FULL_CHECK_EVERY == 0 || round == rounds;
        check(&file, &new, round, true);
        all.extend(new);
        if whole {
            check(&file, &all, round, false);
        }
    }
    let ids: HashSet<&str> = all.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids.len(), all.len(), "an id was given twice");
    assert!(all.len() as u64 > rounds, "too few documents for a test: {}", all.len());
    println!("{} documents acknowledged, all there", all.len());
}
