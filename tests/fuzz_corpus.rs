//! The corpora of the fuzz targets, as an ordinary test: what a fuzzer has found once stays found.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::path::Path;

/// Replays all of a corpus, each input also cut short at some places.
#[track_caller]
fn replay(target: &str, check: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(&corpus).expect("a corpus") {
        let path = entry.expect("a readable folder").path();
        println!("{}", path.display());
        let input = std::fs::read(path).expect("a readable file");
        check(&input);
        for cut in 1..8 {
            check(&input[..input.len() * cut / 8]);
        }
        inputs += 1;
    }
    assert!(inputs > 0, "{} is not empty", corpus.display());
}

#[test]
fn request() {
    replay("request", targets::request);
}

#[test]
fn chunked() {
    replay("chunked", targets::chunked);
}

#[test]
fn message() {
    replay("message", targets::message);
}

#[test]
fn exchange() {
    replay("exchange", targets::exchange);
}

#[test]
fn proxy() {
    replay("proxy", targets::proxy);
}

#[test]
fn config() {
    replay("config", targets::config);
}

#[test]
fn sentinel() {
    replay("sentinel", targets::sentinel::sentinel);
}

#[test]
fn cursor() {
    replay("cursor", targets::sealed::cursor);
}

#[test]
fn request_state() {
    replay("request_state", targets::sealed::request_state);
}

#[test]
fn token() {
    replay("token", targets::token::token);
}
