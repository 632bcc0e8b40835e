//! What costs nothing while nothing happens: connections that wait hold no buffers, and a process
//! that waits uses no CPU.
//!
//! One test, because what is measured is the process.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use common::{call, start_with};
use serde_json::json;

/// As many as the limit of open files allows, both ends being in this process.
fn how_many() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("Linux");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit");
    let hard = line.split_whitespace().nth(4).and_then(|hard| hard.parse().ok());
    hard.map_or(10_000, |hard: usize| (hard.saturating_sub(1000) / 2).min(10_000))
}

fn connect(address: SocketAddr, request: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(address).expect("the server accepts");
    socket.write_all(request).expect("the server reads");
    let mut answer = [0; 1024];
    let mut len = 0;
    while !answer[..len].ends_with(b"\"isError\":false}}") {
        let read = socket.read(&mut answer[len..]).expect("the server answers");
        assert!(read > 0, "the connection stands");
        len += read;
    }
    socket
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("a number of pages") * 4096
}

/// User and system time of the process so far, in ticks of 10 ms.
fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit(") ").next().expect("a name in parentheses");
    let field =
        |at: usize| after_name.split(' ').nth(at).and_then(|field| field.parse::<u64>().ok());
    field(11).expect("user time") + field(12).expect("system time")
}

#[test]
fn idle_connections_and_an_idle_process_cost_next_to_nothing() {
    let server = start_with(|config| {
        config.cores = Some(1);
        config.idle_timeout = Duration::from_secs(600);
    });
    let count = how_many();
    let request = call(1, "add", json!({ "a": 1, "b": 1 })).bytes();
    let mut sockets = Vec::with_capacity(count + 100);
    sockets.extend((0..100).map(|_| connect(server.address, &request)));

    let before = resident_bytes();
    sockets.extend((0..count).map(|_| connect(server.address, &request)));
    let each = resident_bytes().saturating_sub(before) / count;
    println!("{each} bytes for each of {count} idle connections");
    assert!(count < 1000 || each <= 512, "{each} bytes for each of {count} idle connections");

    // The quietest of some seconds: other processes cannot add to it, the harness can.
    let quietest = (0..5).map(|_| {
        let before = cpu_ticks();
        std::thread::sleep(Duration::from_secs(1));
        cpu_ticks() - before
    });
    assert!(quietest.min().expect("five of them") <= 1, "an idle process uses no CPU");
    drop(sockets);
    server.assert_alive();
}
