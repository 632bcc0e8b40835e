//! What the tests over real sockets share: a server with one tool of each kind, and raw bytes to
//! talk to it.

// Each test file uses a part of it.
#![allow(dead_code, unused_imports)]

#[cfg(feature = "otlp")]
pub mod collector;
pub mod events;
pub mod example;
pub mod http_sse;
#[cfg(feature = "auth")]
pub mod issuer;
pub mod requests;
pub mod server;
pub mod session;
pub mod sse;
pub mod stdio;
pub mod talkative;
#[cfg(feature = "tls")]
pub mod tls;
pub mod wire;

pub use requests::{Post, call, legacy, modern};
pub use server::{Stage, TestServer, application, start, start_with};
pub use wire::{Response, Wire};

/// How long anything may take before a test says that it never will.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Waits until `done` says so; for what happens on other threads.
#[track_caller]
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let until = std::time::Instant::now() + PATIENCE;
    while !done() {
        assert!(std::time::Instant::now() < until, "never happened: {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
