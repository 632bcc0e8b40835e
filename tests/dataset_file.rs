//! The file of the dataset, and what others do to it: delete it, lock it.

#![cfg(feature = "daemon")]

#[path = "common/daemon.rs"]
mod daemon;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use daemon::{Daemon, command};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(20);

fn ready(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn a_deleted_file_takes_no_writes_and_is_not_ready() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("library.db");
    let daemon = Daemon::over(&file);
    let mut client = daemon.client();
    client.call("add_document", json!({ "title": "a", "text": "kept" }));
    assert!(ready(daemon.address).starts_with("HTTP/1.1 200 "));
    for found in fs::read_dir(folder.path()).expect("a folder") {
        fs::remove_file(found.expect("a file").path()).expect("removed");
    }
    let said = client.call_error("add_document", json!({ "title": "b", "text": "lost" }));
    assert!(said.contains("the server's log says why"), "{said}");
    daemon.logs(0, "was deleted or replaced while it was open");
    for _ in 0..20 {
        let answer = ready(daemon.address);
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains(r#""dataset":"its file was deleted or replaced""#), "{answer}");
    }
}

#[test]
fn who_asks_finds_out_though_nobody_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("library.db");
    let daemon = Daemon::over(&file);
    assert!(ready(daemon.address).starts_with("HTTP/1.1 200 "));
    // Another one in its place, as a restored backup would be.
    let (other, new) = (folder.path().join("other"), "not the same");
    fs::write(&other, new).expect("written");
    fs::rename(&other, &file).expect("moved");
    let until = Instant::now() + PATIENCE;
    while ready(daemon.address).starts_with("HTTP/1.1 200 ") {
        assert!(Instant::now() < until, "it is never seen");
    }
    (0..20).for_each(|_| assert!(ready(daemon.address).starts_with("HTTP/1.1 503 ")));
    assert_eq!(fs::read_to_string(&file).expect("a file"), new, "it was left alone");
}

#[test]
fn the_end_waits_for_nobody_who_locks_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("library.db");
    let mut command = command();
    command.args(["--bind", "127.0.0.1:0", "--cores", "1"]).arg(&file);
    let mut daemon = Daemon::start(command.env("MCP_FASTD__SHUTDOWN_GRACE", "1s"));
    let mut client = daemon.client();
    let lock = rusqlite::Connection::open(&file).expect("opened");
    lock.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let asking = thread::spawn(move || {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "add_document", "arguments": { "title": "a", "text": "b" } } });
        client.post("/mcp", "MCP-Protocol-Version: 2025-11-25\r\n", &call.to_string())
    });
    // That the write waits cannot be seen from here.
    thread::sleep(Duration::from_millis(500));
    daemon.signal("TERM");
    assert!(daemon.ended().success());
    // Less than a write waits for a lock: it would have been done by itself.
    let log = daemon.log();
    assert!(log.contains("not written: another process has locked the dataset"), "{log}");
    assert!(log.contains("writes=1"), "{log}");
    let (status, told) = asking.join().expect("no panic").expect("an answer");
    assert!(status == 503 && told.contains("shutdown_grace"), "{status} {told}");
}
