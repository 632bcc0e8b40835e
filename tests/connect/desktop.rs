//! A client as desktop programs are: it starts the command as a child, writes a message to a line and
//! reads a message from a line.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::PATIENCE;

/// The client, and the command that it started.
pub struct Desktop {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Arc<Mutex<String>>,
    /// What came while something else was waited for.
    pub aside: Vec<Value>,
}

/// `_meta` of a modern request.
pub fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "desktop", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} },
    })
}

pub fn request(id: impl Into<Value>, method: &str, params: Value) -> Value {
    let id: Value = id.into();
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

pub fn modern(id: impl Into<Value>, method: &str, mut params: Value) -> Value {
    params["_meta"] = meta();
    request(id, method, params)
}

pub fn call(id: impl Into<Value>, name: &str, arguments: Value) -> Value {
    request(id, "tools/call", json!({ "name": name, "arguments": arguments }))
}

pub fn modern_call(id: impl Into<Value>, name: &str, arguments: Value) -> Value {
    modern(id, "tools/call", json!({ "name": name, "arguments": arguments }))
}

pub fn notice(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

pub fn cancelled(id: impl Into<Value>) -> Value {
    let id: Value = id.into();
    notice("notifications/cancelled", json!({ "requestId": id }))
}

impl Desktop {
    pub fn start(url: &str) -> Desktop {
        Desktop::start_with(url, &[])
    }

    pub fn start_with(url: &str, arguments: &[&str]) -> Desktop {
        let mut desktop = Desktop::start_unread(url, arguments);
        desktop.read();
        desktop
    }

    /// A client that does not read yet.
    pub fn start_unread(url: &str, arguments: &[&str]) -> Desktop {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-fastd"));
        command.args(["connect", url, "--log", "debug"]).args(arguments);
        for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let stderr = Arc::new(Mutex::new(String::new()));
        let mut pipe = BufReader::new(child.stderr.take().expect("a pipe"));
        let kept = stderr.clone();
        std::thread::spawn(move || {
            let mut line = String::new();
            while pipe.read_line(&mut line).is_ok_and(|read| read > 0) {
                kept.lock().expect("a lock").push_str(&std::mem::take(&mut line));
            }
        });
        let stdin = child.stdin.take();
        Desktop { child, stdin, lines: channel().1, stderr, aside: Vec::new() }
    }

    /// Begins to read.
    pub fn read(&mut self) {
        let (sender, lines) = channel();
        self.lines = lines;
        let out = BufReader::new(self.child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }

    pub fn send(&mut self, message: &Value) {
        self.send_line(&message.to_string());
    }

    pub fn send_line(&mut self, line: &str) {
        self.try_send(line).expect("it reads");
    }

    pub fn try_send(&mut self, line: &str) -> std::io::Result<()> {
        let stdin = self.stdin.as_mut().expect("open");
        stdin.write_all(format!("{line}\n").as_bytes()).and_then(|()| stdin.flush())
    }

    /// The next message.
    #[track_caller]
    pub fn next(&mut self) -> Value {
        match self.next_within(PATIENCE) {
            Some(message) => message,
            None => panic!("nothing came\n{}", self.log()),
        }
    }

    /// The next message, if there is one so soon.
    #[track_caller]
    pub fn next_within(&mut self, time: Duration) -> Option<Value> {
        match self.lines.recv_timeout(time) {
            Ok(line) => Some(serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"))),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("it has ended\n{}", self.log()),
        }
    }

    /// The next message that fits; the others are put aside.
    #[track_caller]
    pub fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let message = self.next();
            if fits(&message) {
                return message;
            }
            self.aside.push(message);
            assert!(Instant::now() < until, "{:?}\n{}", self.aside, self.log());
        }
    }

    /// The answer to a request that was sent.
    #[track_caller]
    pub fn answer(&mut self, id: impl Into<Value>) -> Value {
        let id: Value = id.into();
        self.until(|message| message["id"] == id && message.get("method").is_none())
    }

    #[track_caller]
    pub fn ask(&mut self, message: &Value) -> Value {
        self.send(message);
        self.answer(message["id"].clone())
    }

    /// The text of a call's result.
    #[track_caller]
    pub fn text(&mut self, message: &Value) -> String {
        let answer = self.ask(message);
        text(&answer).unwrap_or_else(|| panic!("{answer}\n{}", self.log())).to_owned()
    }

    /// Begins a session, as far as a client does before its first request.
    #[track_caller]
    pub fn initialize(&mut self) -> Value {
        let answer = self.ask(&initialize());
        assert!(answer.get("result").is_some(), "{answer}\n{}", self.log());
        self.send(&notice("notifications/initialized", json!({})));
        answer
    }

    pub fn log(&self) -> String {
        self.stderr.lock().expect("a lock").clone()
    }

    /// Is gone, as a program is that crashed: both of its pipes are closed.
    pub fn crash(&mut self) {
        self.stdin.take();
        self.child.stdout.take();
    }

    /// Closes its input.
    pub fn close(&mut self) {
        self.stdin.take();
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(status.success());
    }

    /// Waits for its end.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("waited for") {
                return status;
            }
            assert!(Instant::now() < until, "it does not end\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it holds in memory, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/statm", self.child.id());
        let text = std::fs::read_to_string(path).expect("Linux");
        let pages: u64 = text.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
        pages * 4096
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn initialize() -> Value {
    request(
        "init",
        "initialize",
        json!({
            "protocolVersion": "2025-11-25",
            "capabilities": { "elicitation": {}, "roots": {} },
            "clientInfo": { "name": "desktop", "version": "1" },
        }),
    )
}

/// The text of a call's result.
pub fn text(answer: &Value) -> Option<&str> {
    answer["result"]["content"][0]["text"].as_str()
}

/// What an error says.
#[track_caller]
pub fn error(answer: &Value) -> (i64, &str) {
    let error = &answer["error"];
    (error["code"].as_i64().expect("a code"), error["message"].as_str().expect("a message"))
}
