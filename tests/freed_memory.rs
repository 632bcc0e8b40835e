//! What a function took and freed goes back to the system, though nothing happens afterwards.
//!
//! One test, because what is measured is the process.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod common;

use std::hint::black_box;

use common::{Wire, call};
use mcp_fastd::{Empty, Server};
use serde_json::json;

/// A block that large has an own mapping; to free it makes glibc keep more of what is freed, by
/// itself.
const LARGE: usize = 24 << 20;
const SMALL: usize = 100 << 10;
const COUNT: usize = 200;

fn hungry(_: &(), _: Empty) -> &'static str {
    drop(black_box(vec![1_u8; LARGE]));
    drop(black_box(vec![vec![1_u8; SMALL]; COUNT]));
    "had enough"
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("a number of pages") * 4096
}

#[test]
fn what_a_function_freed_goes_back_to_the_system() {
    let server = Server::builder().tool("hungry", hungry).bind("127.0.0.1:0");
    let running = server.cores(1).start().expect("it starts");
    let mut wire = Wire::connect(running.addr());
    let mut eat = || wire.ask(call(1, "hungry", json!({})).bytes()).result();
    let before = resident_bytes();
    for _ in 0..3 {
        assert_eq!(eat()["isError"], false);
    }
    let kept = resident_bytes().saturating_sub(before);
    assert!(kept < SMALL * COUNT / 4, "{kept} bytes of {} are kept", SMALL * COUNT);
    running.stop();
}
