//! The generator against the floor, as programs, over loopback.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output};
use std::time::Duration;

struct Floor {
    process: Child,
    address: String,
}

impl Floor {
    fn start() -> Self {
        let unused = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = unused.local_addr().unwrap().to_string();
        drop(unused);
        let request = load(&["--target", &address, "--print-request"]).stdout;
        let process = Command::new(env!("CARGO_BIN_EXE_floor"))
            .args(["--bind", &address, "--response-bytes", "223"])
            .args(["--request-bytes", &request.len().to_string()])
            .spawn()
            .unwrap();
        for _ in 0..200 {
            if TcpStream::connect(&address).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { process, address }
    }

    fn load(&self, arguments: &[&str]) -> Output {
        load(&[&["--target", &self.address], arguments].concat())
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn load(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_load")).args(arguments).output().unwrap()
}

fn check(output: &Output, expected: &str) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(text.contains(expected), "{expected} in {text}");
}

#[test]
fn counts_are_exact() {
    let floor = Floor::start();
    let arguments = ["--connections", "10", "--requests", "5000", "--json"];
    check(&floor.load(&arguments), "{\"requests\":5000,");
}

#[test]
fn a_rate_is_kept() {
    let floor = Floor::start();
    let arguments = ["--rate", "1000", "--requests", "300", "--duration", "9"];
    let output = floor.load(&arguments);
    check(&output, "300 requests in 0.");
}

#[test]
fn idle_connections_are_held() {
    let floor = Floor::start();
    let arguments = ["--idle", "100", "--hold", "0.1"];
    check(&floor.load(&arguments), "holding 100 connections");
}

#[test]
fn other_machines_are_refused() {
    let output = load(&["--target", "192.0.2.1:80"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn several_generators_need_a_cpu_and_a_time_to_come() {
    let floor = Floor::start();
    assert_eq!(floor.load(&["--same-cpu"]).status.code(), Some(2));
    let output = floor.load(&["--start", "1", "--connections", "1"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("--start is over"), "{output:?}");
}

#[test]
fn a_wrong_answer_is_an_error() {
    let floor = Floor::start();
    let scenario = include_str!("../scenarios/tools_call.http").replace("\"sum\":5", "\"sum\":6");
    let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/wrong.http");
    std::fs::write(file, scenario).unwrap();
    let output = floor.load(&["--request", file, "--connections", "1", "--requests", "1"]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("1 errors, the first: not the answer expected"));
}

#[test]
fn silence_is_an_error() {
    let floor = Floor::start();
    // Shorter than the floor was told, so that it waits for more.
    let output = floor.load(&["--scenario", "health", "--connections", "1", "--duration", "1"]);
    assert_eq!(output.status.code(), Some(1));
}

/// A server that answers in pieces, chunked, and closes after each answer.
#[test]
fn pieces_and_closed_connections_are_no_errors() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                line.clear();
            }
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
            for piece in [head, "5\r\n{\"a\":", "\r\n2\r\n1}\r\n", "0\r\n", "\r\n"] {
                stream.write_all(piece.as_bytes()).unwrap();
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    });
    let arguments = ["--target", &address, "--scenario", "health", "--json"];
    let more = ["--connections", "3", "--requests", "9"];
    let output = load(&[&arguments[..], &more[..]].concat());
    check(&output, "\"errors\":0,\"reopened\":9");
}
