//! Where the process may have few descriptors, connections are what it has fewer of: operators are
//! let in all the same.

#![cfg(all(target_os = "linux", feature = "daemon"))]

#[path = "common/daemon.rs"]
mod daemon;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use daemon::Daemon;
use serde_json::json;

/// The daemon, of which no process may have more than so many descriptors.
fn with_descriptors(count: usize) -> Command {
    let mut command = Command::new("bash");
    let program = env!("CARGO_BIN_EXE_mcp-fastd");
    command.args(["-c", &format!("ulimit -n {count}; exec \"$@\""), "bash", program]);
    command.args(["--bind", "127.0.0.1:0", "--cores", "2"]).env("MCP_FASTD__LOG_FORMAT", "human");
    command
}

fn connections(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| TcpStream::connect(address).expect("queued")).collect()
}

fn ask(address: SocketAddr, path: &str) -> String {
    let mut socket = TcpStream::connect(address).expect("accepted");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer, and the end");
    answer
}

#[test]
fn where_descriptors_are_few_operators_are_let_in() {
    let daemon = Daemon::start(with_descriptors(100).args(["--admin-bind", "127.0.0.1:0"]));
    let log = daemon.logs(0, "connections_max: 65536 connections need 66048 open files");
    assert!(log.contains("may have 100"), "{log}");
    assert!(log.contains("no more than 50 are let in"), "{log}");
    let log = daemon.logs(0, "operators find");
    let (_, rest) = log.split_once("operators find").expect("it says so");
    let (_, admin) = rest.split_once("address=").expect("it says where");
    let admin = admin.lines().next().and_then(|line| line.parse().ok()).expect("an address");
    let held = connections(daemon.address, 120);
    for _ in 0..50 {
        assert!(ask(admin, "/health").starts_with("HTTP/1.1 200 "));
    }
    let metrics = ask(admin, "/metrics");
    assert!(metrics.contains("\nmcp_server_connections_limit 50\n"), "{metrics}");
    assert!(!daemon.log().contains("cannot accept a connection"), "{}", daemon.log());
    drop(held);
    daemon.client().call("dataset_stats", json!({}));
}

#[test]
fn who_is_out_of_descriptors_says_so_now_and_then() {
    let daemon = Daemon::start(&mut with_descriptors(500));
    // Fewer than it was told at the start.
    let (process, few) = (format!("--pid={}", daemon.id()), "--nofile=60:60");
    assert!(Command::new("prlimit").args([&process, few]).status().expect("runs").success());
    let held = connections(daemon.address, 80);
    daemon.logs(0, "cannot accept a connection");
    // Each shard tries ten times a second.
    std::thread::sleep(Duration::from_secs(1));
    let log = daemon.log();
    assert_eq!(log.matches("cannot accept a connection").count(), 1, "{log}");
    drop(held);
    daemon.client().call("dataset_stats", json!({}));
}
